//! The built-in webhooks.
//!
//! It owns the addresses that events are brought to, their secrets, and what is on its way to each. It refuses to know what
//! an event means, and who else hears of it. An event is taken out of a module's log in one commit with its deliveries; each
//! is a durable job, so that a slow address holds up no other.

mod calls;
mod config;
mod deliver;
mod envelope;
mod follow;
mod rewrap;
mod schedule;
mod service;
mod signature;
mod store;
mod tenant_tables;

use std::sync::Arc;

use tessera_runtime::secrets::KeyRing;
use tessera_store::{Module, OpenError, Store, StoreConfig};
use tessera_types::Clock;

pub use config::WebhooksConfig;
pub use service::WebhooksService;
pub use store::SEALED_UNDER;
pub use tenant_tables::TABLES;

/// The module's own version, as its changelog has it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The module's schema.
pub static MODULE: Module = tessera_store::module!("webhooks", ["0001_webhooks"]);

/// What the module is handed.
pub struct Deps {
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// Seals secrets at rest.
    pub master_keys: KeyRing,
    /// The types of events that there are.
    pub event_types: Vec<&'static str>,
}

/// Opens the module: implements `Webhooks`.
///
/// # Errors
/// The store does not open.
pub async fn open(config: WebhooksConfig, store: &StoreConfig, deps: Deps) -> Result<Arc<WebhooksService>, OpenError> {
    let store = Store::open(store, &MODULE, deps.clock.clone()).await?;
    Ok(Arc::new(WebhooksService::new(config, store, deps)))
}
