//! The built-in playback.
//!
//! It owns playback sessions: what plays for whom, until when unless a beat comes, and how far it is. It decides nothing:
//! the facts are catalog's, the decision and the stream slot entitlement's, the route delivery's, the licence drm's, the
//! profile and its resume position viewers'. Those are contracts to it, wherever they run.

mod again;
mod attempt;
mod config;
mod dependency;
mod press;
mod service;
mod session;
mod start;
mod store;
mod sweep;
mod tenant_tables;

use std::sync::Arc;

use tessera_contract_catalog::Catalog;
use tessera_contract_delivery::Delivery;
use tessera_contract_drm::Drm;
use tessera_contract_entitlement::Entitlement;
use tessera_contract_viewers::Viewers;
use tessera_store::{Engine, Module, OpenError, Store, StoreConfig};
use tessera_types::Clock;

pub use config::PlaybackConfig;
pub use service::PlaybackService;
pub use sweep::Swept;
pub use tenant_tables::TABLES;

/// The module's own version, as its changelog has it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The module's schema.
pub static MODULE: Module = tessera_store::module!("playback", ["0001_sessions", "0002_device_names"]);

/// Whom playback asks. In one process these are guarded handles ([`tessera_contract::Contract::guarded`]), else remotes.
#[derive(Clone)]
pub struct PlaybackDeps {
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// The facts about a title.
    pub catalog: Arc<dyn Catalog>,
    /// The decision and the stream slot.
    pub entitlement: Arc<dyn Entitlement>,
    /// Where the bytes are.
    pub delivery: Arc<dyn Delivery>,
    /// Licences for encrypted media.
    pub drm: Arc<dyn Drm>,
    /// Who watches, and where they left off.
    pub viewers: Arc<dyn Viewers>,
}

/// Opens playback: implements `PlaybackSessions`. Fails with [`OpenError`] when the store cannot be opened.
pub async fn open(
    config: PlaybackConfig,
    store: &StoreConfig,
    deps: PlaybackDeps,
) -> Result<Arc<PlaybackService>, OpenError> {
    let store = Store::open(store, &MODULE, deps.clock.clone()).await?;
    if store.engine() == Engine::Sqlite {
        // The data folder is this process's alone: what another one had begun can be gone on with at once.
        store::abandon_starts(&store).await?;
    }
    Ok(Arc::new(PlaybackService::new(config, store, deps)))
}
