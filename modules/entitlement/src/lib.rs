//! The built-in entitlement.
//!
//! It owns grants and stream leases and decides who may watch what. It refuses to know offers, prices, payments and
//! titles: grants are put by whoever sold them, and the facts about a title come with each question.

mod config;
mod decision;
mod grant;
mod lease;
mod service;
mod store;
mod tenant_tables;

use std::sync::Arc;

use tessera_store::{Module, OpenError, Store, StoreConfig};
use tessera_types::Clock;

pub use config::EntitlementConfig;
pub use decision::{decide, holds};
pub use service::EntitlementService;
pub use tenant_tables::TABLES;

/// The module's own version, as its changelog has it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The module's schema.
pub static MODULE: Module = tessera_store::module!("entitlement", ["0001_grants_and_leases"]);

/// Opens entitlement: implements `Entitlement`.
pub async fn open(
    config: EntitlementConfig,
    store: &StoreConfig,
    clock: Arc<dyn Clock>,
) -> Result<Arc<EntitlementService>, OpenError> {
    let store = Store::open(store, &MODULE, clock).await?;
    Ok(Arc::new(EntitlementService::new(config, store)))
}
