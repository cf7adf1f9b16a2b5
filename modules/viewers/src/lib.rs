//! The built-in viewers.
//!
//! It owns profiles and watch progress. It refuses to know credentials, plans, titles and media: an account, a title and
//! a playback session are ids to it, and progress is what playback's events say.

mod config;
mod events;
mod profile;
mod progress;
mod service;
mod store;
mod tenant_tables;

use std::sync::Arc;

use tessera_contract_identity::AccountCreated;
use tessera_contract_playback::{PlaybackEnded, PlaybackProgressed};
use tessera_events::{Consumer, Log};
use tessera_store::{Module, OpenError, Store, StoreConfig};
use tessera_types::Clock;
use tokio_util::sync::CancellationToken;

pub use config::ViewersConfig;
pub use service::ViewersService;
pub use tenant_tables::TABLES;

/// The module's own version, as its changelog has it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The module's schema.
pub static MODULE: Module = tessera_store::module!("viewers", ["0001_profiles_and_progress"]);

/// Opens viewers: implements `Viewers`. Fails with [`OpenError`] when the store cannot be opened.
pub async fn open(
    config: ViewersConfig,
    store: &StoreConfig,
    clock: Arc<dyn Clock>,
) -> Result<Arc<ViewersService>, OpenError> {
    let store = Store::open(store, &MODULE, clock).await?;
    Ok(Arc::new(ViewersService::new(config, store)))
}

impl ViewersService {
    /// Follows identity's events until `shutdown`: a new account gets its profile. What another issuer's accounts lack is
    /// made when first asked for.
    pub async fn follow_identity(self: Arc<Self>, identity: Log, shutdown: CancellationToken) {
        let consumer = Consumer::new("viewers.accounts", identity, self.store()).on::<AccountCreated>();
        let name = self.default_name();
        consumer.run(move |tx, event| Box::pin(events::account_created(name.clone(), tx, event)), shutdown).await;
    }

    /// Follows playback's events until `shutdown`: how far each profile is in what it watches.
    pub async fn follow_playback(self: Arc<Self>, playback: Log, shutdown: CancellationToken) {
        let consumer = Consumer::new("viewers.progress", playback, self.store());
        let consumer = consumer.on::<PlaybackProgressed>().on::<PlaybackEnded>();
        consumer.run(|tx, event| Box::pin(events::watched(tx, event)), shutdown).await;
    }
}
