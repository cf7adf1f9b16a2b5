//! The built-in audit.
//!
//! It owns the trail of each tenant: what staff, API keys and the operator at the machine did, in the order in which it
//! heard of it, each record chained to the one before by a keyed hash. It refuses to know what an operation means, and
//! writes nothing of its own accord but that it deleted what is past its retention.

mod chain;
mod config;
mod refusals;
mod service;
mod store;
mod tenant_tables;
mod trail;
mod verify;

use std::sync::Arc;

use tessera_events::{Consumer, Log, decode};
use tessera_runtime::{config::Secret, secrets::SECRET_BYTES};
use tessera_store::{Module, OpenError, Store, StoreConfig};
use tessera_types::Clock;
use tokio_util::sync::CancellationToken;

pub use config::AuditConfig;
pub use refusals::{Refusal, Refusals};
pub use service::AuditService;
pub use store::PROVED_UNDER;
pub use tenant_tables::TABLES;
pub use verify::{Break, Verified};

use chain::Chain;
use tessera_contract_audit::OperationRecorded;

/// The module's own version, as its changelog has it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The module's schema.
pub static MODULE: Module = tessera_store::module!("audit", ["0001_audit"]);

/// What the audit needs besides its store.
pub struct Deps {
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// What the chain is hashed with. Who has the database and not this cannot alter a record unnoticed.
    pub chain_key: Secret<[u8; SECRET_BYTES]>,
}

/// Opens the audit: implements `Audit`, and `AuditTrail` for the edge.
///
/// # Errors
/// As [`Store::open`].
pub async fn open(config: AuditConfig, store: &StoreConfig, deps: Deps) -> Result<Arc<AuditService>, OpenError> {
    let store = Store::open(store, &MODULE, deps.clock).await?;
    Ok(Arc::new(AuditService::new(config, store, Chain::new(&deps.chain_key))))
}

impl AuditService {
    /// Follows what staff do in a module, from its log, until `shutdown`. `consumer` names the position in it, for ever.
    pub async fn follow(self: Arc<Self>, consumer: &'static str, log: Log, shutdown: CancellationToken) {
        let chain = self.chain().clone();
        let handler = Consumer::new(consumer, log, self.store()).on::<OperationRecorded>();
        let taken = handler.run(
            move |tx, event| {
                let chain = chain.clone();
                Box::pin(async move { Ok(trail::take(tx, &chain, &decode(event)?).await?) })
            },
            shutdown,
        );
        taken.await;
    }
}
