//! The built-in DRM: content keys, and licences for whoever may watch.
//!
//! It owns the content keys of assets, one or several told apart by labels, encrypted under a master key that it is
//! handed, and the tokens that let a session fetch licences. It refuses to know plans, prices and devices: before it gives a key away it asks entitlement again.
//!
//! ClearKey is for trying things out, not for protecting content: a viewer can read the key, and a licence that was
//! given cannot be taken back.

mod config;
mod content_key;
mod envelope;
mod http;
mod licence;
mod rewrap;
mod service;
mod store;
mod tenant_tables;
mod token;

use std::sync::Arc;

use tessera_contract_entitlement::Entitlement;
use tessera_runtime::secrets::KeyRing;
use tessera_store::{Module, OpenError, Store, StoreConfig};
use tessera_types::Clock;

pub use config::DrmConfig;
pub use service::DrmService;
pub use store::SEALED_UNDER;
pub use tenant_tables::TABLES;

/// The module's own version, as its changelog has it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The module's schema.
pub static MODULE: Module = tessera_store::module!("drm", ["0001_content_keys", "0002_key_labels"]);

/// What the module is handed.
pub struct DrmDeps {
    /// Wall time: tokens run out by it.
    pub clock: Arc<dyn Clock>,
    /// Decides again before a licence is given.
    pub entitlement: Arc<dyn Entitlement>,
    /// Encrypts content keys at rest. A key that is lost takes the content keys under it along.
    pub master_keys: KeyRing,
    /// Signs licence tokens.
    pub token_keys: KeyRing,
}

/// Opens the module: implements `Drm`.
///
/// # Errors
/// The store does not open.
pub async fn open(config: DrmConfig, store: &StoreConfig, deps: DrmDeps) -> Result<Arc<DrmService>, OpenError> {
    http::announce();
    let store = Store::open(store, &MODULE, deps.clock.clone()).await?;
    Ok(Arc::new(DrmService::new(config, store, deps)))
}
