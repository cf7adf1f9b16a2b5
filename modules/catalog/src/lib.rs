//! The built-in catalog.
//!
//! It owns titles: their texts, rights, state and the feed of their changes. It refuses to know prices, viewers and
//! media; of an asset it knows the id and what media's events say of it (length, whether there is a poster).

mod config;
mod draft;
mod events;
mod service;
mod store;
mod tenant_tables;
mod view;

use std::sync::Arc;

use tessera_events::{Consumer, Log};
use tessera_store::{Module, OpenError, Store, StoreConfig};
use tessera_types::Clock;
use tokio_util::sync::CancellationToken;

pub use config::CatalogConfig;
pub use service::CatalogService;
pub use tenant_tables::TABLES;

/// The module's own version, as its changelog has it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The module's schema.
pub static MODULE: Module = tessera_store::module!("catalog", ["0001_titles"]);

/// Opens the catalog: implements `Catalog` and `CatalogManagement`.
pub async fn open(
    config: CatalogConfig,
    store: &StoreConfig,
    clock: Arc<dyn Clock>,
) -> Result<Arc<CatalogService>, OpenError> {
    let store = Store::open(store, &MODULE, clock).await?;
    Ok(Arc::new(CatalogService::new(config, store)))
}

impl CatalogService {
    /// Follows media's events until `shutdown`: what is known of assets, and of the titles that show them.
    pub async fn follow_media(self: Arc<Self>, media: Log, shutdown: CancellationToken) {
        use tessera_contract_media::AssetReady;
        let consumer = Consumer::new("catalog.assets", media, self.store()).on::<AssetReady>();
        let config = self.config().clone();
        consumer.run(move |tx, event| Box::pin(events::asset_ready(config.clone(), tx, event)), shutdown).await;
    }
}
