//! What of a tenant's rows leaves with it, and what stays.

use tessera_store::{TenantTable, TenantTables};

/// Every table of the module that has a tenant.
pub static TABLES: TenantTables = TenantTables {
    module: "webhooks",
    exported: &[
        TenantTable::new(
            "endpoints",
            &["endpoint_id"],
            &[
                "endpoint_id",
                "url",
                "description",
                "event_types",
                "enabled",
                "secret",
                "failures",
                "failing_since",
                "paused_until",
                "created_at",
                "version",
            ],
        )
        .json(&["event_types"]),
        TenantTable::new(
            "deliveries",
            &["delivery_id"],
            &[
                "delivery_id",
                "endpoint_id",
                "message_id",
                "event_type",
                "body",
                "state",
                "round",
                "round_at",
                "attempts",
                "last_error",
                "created_at",
                "ended_at",
            ],
        )
        .json(&["body"]),
        TenantTable::new(
            "attempts",
            &["delivery_id", "number"],
            &["delivery_id", "number", "at", "took_ms", "status", "error"],
        ),
    ],
    withheld: &[("secrets", "sealed under this deployment's key; another one makes its own")],
};
