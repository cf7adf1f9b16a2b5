//! A payment gateway for trying things out: it takes test cards and moves no money.
//!
//! It owns tokens and charges, behind the `PaymentGateway` and `CardVault` contracts, on a store of its own. A card's
//! number is checked and forgotten: what is kept is what the test card does, its brand, last four digits and expiry. It
//! refuses real cards, and to know offers, accounts and subscriptions.
//!
//! | test card | what it does |
//! | --- | --- |
//! | 4242 4242 4242 4242 | succeeds |
//! | 4000 0000 0000 0002 | is declined: `card_declined` |
//! | 4000 0000 0000 9995 | is declined: `insufficient_funds` |
//! | 4000 0000 0000 0069 | is declined: `expired_card` |
//! | 4000 0000 0000 0259 | is charged, but the answer times out |
//! | 4000 0000 0000 0341 | times out, and nothing is charged |
//! | 4000 0000 0000 0077 | stays pending for a while, then succeeds |
//!
//! Any future expiry and any security code of three or four digits will do. A card that runs out later in the tenant's
//! time is declined from then on, which is how a renewal is made to fail.

mod card;
mod charge;
mod config;
mod service;
mod store;
mod tenant_tables;

use std::sync::Arc;

use tessera_store::{Module, OpenError, Store, StoreConfig};
use tessera_types::Clock;

pub use config::SandboxGatewayConfig;
pub use service::SandboxGateway;
pub use tenant_tables::TABLES;

/// The adapter's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The adapter's schema.
pub static MODULE: Module = tessera_store::module!("sandboxgateway", ["0001_charges"]);

/// Opens the gateway: implements `PaymentGateway` and `CardVault`. `clock` is wall time.
pub async fn open(
    config: SandboxGatewayConfig,
    store: &StoreConfig,
    clock: Arc<dyn Clock>,
) -> Result<Arc<SandboxGateway>, OpenError> {
    let store = Store::open(store, &MODULE, clock).await?;
    Ok(Arc::new(SandboxGateway::new(config, store)))
}
