//! What of a tenant's rows leaves with it, and what stays.

use tessera_store::{TenantTable, TenantTables};

/// Every table of the module that has a tenant.
pub static TABLES: TenantTables = TenantTables {
    module: "viewers",
    exported: &[
        TenantTable::new(
            "profiles",
            &["profile_id"],
            &["profile_id", "account_id", "number", "name", "age_limit", "version"],
        ),
        TenantTable::new(
            "progress",
            &["profile_id", "title_id"],
            &["profile_id", "title_id", "position_seconds", "watched_at", "session_id", "session_version", "version"],
        ),
    ],
    withheld: &[],
};
