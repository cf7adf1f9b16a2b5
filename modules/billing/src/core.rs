//! What every part of billing has at hand.

use std::sync::Arc;

use tessera_contract_entitlement::Entitlement;
use tessera_store::Store;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use crate::{config::BillingConfig, till::Till};

/// Configuration, store, and the two contracts that billing stands on.
pub(crate) struct Core {
    pub(crate) config: BillingConfig,
    pub(crate) store: Store,
    pub(crate) till: Till,
    pub(crate) entitlement: Arc<dyn Entitlement>,
    /// Changes whenever this process has settled a checkout.
    pub(crate) settled: watch::Sender<u64>,
    /// Charges under way: they outlive their callers, and stopping waits for them.
    pub(crate) charging: TaskTracker,
}
