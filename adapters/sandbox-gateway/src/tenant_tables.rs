//! What of a tenant's rows leaves with it, and what stays.

use tessera_store::{TenantTable, TenantTables};

/// Every table of the module that has a tenant.
pub static TABLES: TenantTables = TenantTables {
    module: "sandboxgateway",
    exported: &[TenantTable::new(
        "charges",
        &["reference"],
        &["reference", "amount_minor", "currency", "statement", "decline_code", "settles_at", "created_at"],
    )
    .without(&[("token", "it charges the card behind it")])],
    withheld: &[("tokens", "they charge the cards behind them")],
};
