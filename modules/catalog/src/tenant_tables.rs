//! What of a tenant's rows leaves with it, and what stays.

use tessera_store::{TenantTable, TenantTables};

/// Every table of the module that has a tenant.
pub static TABLES: TenantTables = TenantTables {
    module: "catalog",
    exported: &[
        TenantTable::new(
            "titles",
            &["title_id"],
            &["title_id", "published", "draft", "asset_id", "created_at", "updated_at", "version"],
        )
        .json(&["draft"])
        .without(&[
            ("starts_at", "derived from draft, for browsing"),
            ("ends_at", "derived from draft, for browsing"),
            ("everywhere", "derived from draft, for browsing"),
            ("change_number", "a position in a feed that is not there elsewhere"),
        ]),
        TenantTable::new("asset_facts", &["asset_id"], &["asset_id", "duration_seconds", "has_poster"]),
    ],
    withheld: &[
        ("title_genres", "derived from the drafts of titles"),
        ("title_territories", "derived from the drafts of titles"),
        ("change_numbers", "a position in a feed that is not there elsewhere"),
    ],
};
