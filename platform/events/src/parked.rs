//! Events that could not be handled, and another chance for them.

use std::sync::Arc;

use tessera_contract::{CloudEvent, Failure};
use tessera_store::Store;
use tessera_types::{TenantId, Timestamp};
use tokio::sync::Notify;

use crate::ledger::{Ledger, ParkedRow};

/// The parked events of one consumer.
#[derive(Clone)]
pub struct Parked {
    pub(crate) ledger: Ledger,
    pub(crate) retry: Arc<Notify>,
}

/// An event that waits.
#[derive(Debug, Clone, PartialEq)]
pub struct ParkedEvent {
    /// The event.
    pub event: CloudEvent,
    /// Attempts made; none when it waits behind another of its subject.
    pub attempts: i64,
    /// What the last attempt failed with.
    pub error: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// Whether it is about to be tried again.
    pub retrying: bool,
}

impl TryFrom<ParkedRow> for ParkedEvent {
    type Error = Failure;
    fn try_from(row: ParkedRow) -> Result<Self, Failure> {
        let event = serde_json::from_str(&row.event).map_err(|e| Failure::internal("reading a parked event", e))?;
        let since = Timestamp::from_micros(row.parked_us);
        Ok(Self { event, attempts: row.attempts, error: row.error, since, retrying: row.ready })
    }
}

impl Parked {
    /// The parked events of the consumer `name` in `store`, from outside; a running consumer sees a retry at its next
    /// poll.
    pub fn of(name: &'static str, store: &Store) -> Self {
        Self { ledger: Ledger { store: store.clone(), consumer: name }, retry: Arc::new(Notify::new()) }
    }

    /// The first `limit` of them, in order.
    pub async fn list(&self, limit: u32) -> Result<Vec<ParkedEvent>, Failure> {
        self.ledger.list_parked(limit).await?.into_iter().map(ParkedEvent::try_from).collect()
    }

    /// Lets the consumer try a key again: its parked events in order, then all that came behind them. `false` when
    /// nothing is parked under it.
    pub async fn retry(&self, tenant: &TenantId, subject: &str) -> Result<bool, Failure> {
        let any = self.ledger.make_ready(tenant.as_str(), subject).await?;
        self.retry.notify_one();
        Ok(any)
    }
}
