//! The built-in tenancy.
//!
//! It owns how each tenant looks (its brand) and the exports of tenants' data, and does for operators of the deployment
//! what the directory of tenants can. It refuses to know what a tenant's rows mean: each module says itself what of its
//! tables leaves the house.

mod address;
mod brand;
mod brands;
mod colour;
mod export;
mod exports;
mod http;
mod picture;
mod store;
mod style;
mod svg;
mod tenants;

use std::sync::Arc;

use tessera_contract_identity::IdentityManagement;
use tessera_runtime::{blobs::Blobs, directory::Directory, edge::Tenants};
use tessera_store::{Exporter, Module, OpenError, Store, StoreConfig, TenantTable, TenantTables};
use tessera_types::Clock;

pub use address::Addresses;
pub use brands::BrandService;
pub use export::{Totals, export};
pub use tenants::PlatformService;

/// The module's own version, as its changelog has it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The module's schema.
pub static MODULE: Module = tessera_store::module!("tenancy", ["0001_brands_and_exports"]);

/// What of it leaves with a tenant.
pub static TABLES: TenantTables = TenantTables {
    module: "tenancy",
    exported: &[
        TenantTable::new("brands", &["tenant"], &["brand", "updated_at", "version"]).json(&["brand"]),
        TenantTable::new(
            "brand_pictures",
            &["picture_use"],
            &["picture_use", "media_type", "width", "height", "digest", "content"],
        ),
    ],
    withheld: &[("exports", "an export does not tell of exports")],
};

/// Opens brands: implements `Tenancy` and `TenancyManagement`. `tenants` gives the names of those that have set none.
///
/// # Errors
/// As [`Store::open`].
pub async fn open(
    store: &StoreConfig,
    tenants: Arc<dyn Tenants>,
    clock: Arc<dyn Clock>,
) -> Result<Arc<BrandService>, OpenError> {
    let store = Store::open(store, &MODULE, clock).await?;
    Ok(Arc::new(BrandService { store, tenants }))
}

/// What looking after tenants needs besides brands.
pub struct PlatformDeps {
    /// The tenants themselves.
    pub directory: Directory,
    /// Makes the keys of their staff.
    pub identity: Arc<dyn IdentityManagement>,
    /// Where tenants are reached.
    pub addresses: Arc<dyn Addresses>,
    /// Domains below which a name is a tenant's own, so that no other can be given it; `localhost` always is one.
    pub base_domains: Vec<String>,
    /// What of each module leaves with a tenant.
    pub exporters: Vec<Exporter>,
    /// Modules whose rows cannot be read here: with any, no export is begun, for it would not be whole.
    pub beyond_reach: Vec<&'static str>,
    /// Where exports are kept until they are fetched.
    pub blobs: Blobs,
}

/// Looking after tenants: implements `TenancyPlatform`. `brands` has the store that exports are remembered in.
pub fn platform(brands: &BrandService, deps: PlatformDeps) -> Arc<PlatformService> {
    Arc::new(PlatformService { store: brands.store.clone(), deps })
}
