//! What of a tenant's rows leaves with it, and what stays.

use tessera_store::{TenantTable, TenantTables};

/// Every table of the module that has a tenant.
pub static TABLES: TenantTables = TenantTables {
    module: "media",
    exported: &[TenantTable::new(
        "assets",
        &["asset_id"],
        &[
            "asset_id",
            "upload_id",
            "protection",
            "state",
            "priority",
            "failure",
            "source",
            "made",
            "created_at",
            "updated_at",
            "version",
        ],
    )
    .json(&["failure", "source", "made"])
    .without(&[
        ("stage", "of work under way"),
        ("progress", "of work under way"),
        ("speed", "of work on this deployment's machines"),
        ("seconds_left", "of work under way"),
        ("cpu_us", "of work on this deployment's machines"),
        ("early", "a folder of this deployment"),
        ("encoding", "a folder of this deployment"),
        ("attempt", "a folder of this deployment"),
        ("key_id", "names a key that never leaves the deployment"),
        ("wrapped_key", "a key, encrypted under one that never leaves the deployment"),
    ])],
    withheld: &[
        ("uploads", "files on their way in; what came of them is in assets"),
        ("pulls", "files on their way in, with addresses that may hold signatures"),
        ("upload_chunks", "parts of files on their way in"),
        ("asset_log", "what this deployment did to make assets"),
        ("encodings", "films that are encoded in parts, while they are"),
        ("encoding_chunks", "parts of films that are encoded, while they are"),
        ("attempts", "folders of this deployment that may have to be deleted"),
    ],
};
