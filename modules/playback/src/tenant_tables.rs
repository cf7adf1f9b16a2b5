//! What of a tenant's rows leaves with it, and what stays.

use tessera_store::{TenantTable, TenantTables};

/// Every table of the module that has a tenant.
pub static TABLES: TenantTables = TenantTables {
    module: "playback",
    exported: &[TenantTable::new(
        "sessions",
        &["session_id"],
        &[
            "session_id",
            "account_id",
            "profile_id",
            "title_id",
            "device_id",
            "device_name",
            "position_seconds",
            "position_reported",
            "started_at",
            "updated_at",
            "ended_at",
            "version",
        ],
    )
    .without(&[("beat_by", "of a session that plays here"), ("answer", "holds signed addresses and a licence token")])],
    withheld: &[("starts", "starts under way end with the move")],
};
