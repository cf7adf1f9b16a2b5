//! What of a tenant's rows leaves with it, and what stays.

use tessera_store::{TenantTable, TenantTables};

/// Every table of the module that has a tenant.
pub static TABLES: TenantTables = TenantTables {
    module: "entitlement",
    exported: &[TenantTable::new(
        "grants",
        &["source", "reference"],
        &[
            "grant_id",
            "source",
            "reference",
            "account_id",
            "scope",
            "starts_at",
            "ends_at",
            "max_streams",
            "revoked",
            "version",
        ],
    )
    .json(&["scope"])
    .without(&[("change_number", "a position in a feed that is not there elsewhere")])],
    withheld: &[
        ("change_numbers", "a position in a feed that is not there elsewhere"),
        ("leases", "streams that play now end with the move"),
    ],
};
