//! What of a tenant's rows leaves with it, and what stays.

use tessera_store::{TenantTable, TenantTables};

/// Every table of the module that has a tenant.
pub static TABLES: TenantTables = TenantTables {
    module: "billing",
    exported: &[
        TenantTable::new(
            "offers",
            &["offer_id"],
            &[
                "offer_id",
                "name",
                "description",
                "kind",
                "plan",
                "title_id",
                "hours",
                "amount_minor",
                "currency",
                "max_streams",
                "archived",
                "version",
            ],
        )
        .json(&["name", "description"]),
        TenantTable::new(
            "checkouts",
            &["checkout_id"],
            &[
                "checkout_id",
                "account_id",
                "offer_id",
                "title_id",
                "amount_minor",
                "currency",
                "state",
                "refusal",
                "decline_message",
                "subscription_id",
                "created_at",
                "started_at",
            ],
        ),
        TenantTable::new(
            "subscriptions",
            &["subscription_id"],
            &[
                "subscription_id",
                "account_id",
                "offer_id",
                "checkout_id",
                "plan",
                "amount_minor",
                "currency",
                "max_streams",
                "state",
                "anchor",
                "period",
                "period_starts_at",
                "period_ends_at",
                "renewing_since",
                "version",
            ],
        )
        .without(&[("payment_token", "it charges the card behind it; the gateway moves stored cards on request")]),
        TenantTable::new(
            "purchases",
            &["checkout_id"],
            &[
                "checkout_id",
                "account_id",
                "title_id",
                "amount_minor",
                "currency",
                "max_streams",
                "starts_at",
                "ends_at",
                "version",
            ],
        ),
        TenantTable::new(
            "ledger_transactions",
            &["transaction_id"],
            &["transaction_id", "reference", "description", "booked_at"],
        ),
        TenantTable::new(
            "ledger_entries",
            &["transaction_id", "line"],
            &["transaction_id", "line", "account", "amount_minor", "currency"],
        ),
    ],
    withheld: &[("holdings", "what an account has, derived from its checkouts and subscriptions")],
};
