//! What of a tenant's rows leaves with it, and what stays.

use tessera_store::{TenantTable, TenantTables};

/// Every table of the module that has a tenant.
pub static TABLES: TenantTables = TenantTables {
    module: "audit",
    exported: &[
        TenantTable::new(
            "records",
            &["number"],
            &["number", "record_id", "at", "taken_at", "subject", "contract", "operation", "record", "hash"],
        )
        .json(&["record"]),
        TenantTable::new("trails", &["number"], &["number", "hash", "kept_after", "kept_after_hash"]),
    ],
    withheld: &[("targets", "made of the records, to find them by")],
};
