//! The built-in billing.
//!
//! It owns offers, checkouts, subscriptions, purchases and the double-entry ledger. It moves no money itself: a gateway
//! behind the `PaymentGateway` contract does, and a card never comes here, only the gateway's token. It refuses to know
//! titles, viewers and playback: what somebody may watch is entitlement's to decide, by the grants that billing puts
//! there.
//!
//! What is promised about money, and where it is kept: one charge for a checkout (`sale.rs`), one for a period
//! (`renewal.rs`), an unknown outcome is asked after until it is known (`jobs.rs`), and an outcome, its ledger
//! transaction and its event are one commit (`fulfilment.rs`).

mod checkout;
mod config;
mod core;
mod events;
mod fulfilment;
mod holding;
mod id;
mod jobs;
mod ledger;
mod offer;
mod outcome;
mod renewal;
mod sale;
mod service;
mod store;
mod subscription;
mod tenant_tables;
mod till;

use std::sync::Arc;

use tessera_contract::Failure;
use tessera_contract_entitlement::Entitlement;
use tessera_contract_payment_gateway::PaymentGateway;
use tessera_store::{Module, Store, StoreConfig};
use tessera_types::Clock;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

pub use config::BillingConfig;
pub use service::BillingService;
pub use tenant_tables::TABLES;

/// The module's own version, as its changelog has it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The module's schema.
pub static MODULE: Module = tessera_store::module!("billing", ["0001_billing"]);

/// What billing stands on.
pub struct Deps {
    /// Moves the money.
    pub gateway: Arc<dyn PaymentGateway>,
    /// Takes the grants.
    pub entitlement: Arc<dyn Entitlement>,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
}

/// Opens billing: implements `Billing` and `BillingManagement`. See [`BillingService::run`] and
/// [`BillingService::tick`] for what has to be run beside it. Errors when the settings do not go together, or the store
/// does not open.
pub async fn open(config: BillingConfig, store: &StoreConfig, deps: Deps) -> Result<Arc<BillingService>, Failure> {
    config.check()?;
    till::announce();
    let Deps { gateway, entitlement, clock } = deps;
    let store = Store::open(store, &MODULE, clock).await?;
    let till = till::Till { gateway, statement: config.statement.clone(), timeout: config.charge_timeout() };
    let (settled, charging) = (watch::Sender::new(0), TaskTracker::new());
    let core = core::Core { config, store, till, entitlement, settled, charging };
    Ok(Arc::new(BillingService::new(core)))
}
