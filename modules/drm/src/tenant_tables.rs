//! What of a tenant's rows leaves with it, and what stays.

use tessera_store::{TenantTable, TenantTables};

/// Every table of the module that has a tenant.
pub static TABLES: TenantTables = TenantTables {
    module: "drm",
    exported: &[TenantTable::new(
        "content_keys",
        &["asset_id", "label"],
        &["asset_id", "label", "key_id", "created_at"],
    )
    .without(&[
        ("wrapped", "a content key, encrypted under a key that never leaves the deployment"),
        ("master_key_id", "names a key that never leaves the deployment"),
    ])],
    withheld: &[],
};
