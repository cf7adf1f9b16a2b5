//! A module's events, in order.

use tessera_contract::Failure;
use tessera_store::{Batch, Position, Store};
use tokio::sync::watch;

/// The events of one module, read from its outbox. Cheap to clone.
///
/// Events are [`tessera_contract::CloudEvent`]s, which serialize as CloudEvents 1.0 structured JSON.
#[derive(Clone)]
pub struct Log {
    store: Store,
}

impl Log {
    /// The log of the module that `store` belongs to.
    pub fn of(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// At most `limit` events after `after`. Events of one subject come in the order they were committed.
    pub async fn read(&self, after: Position, limit: u32) -> Result<Batch, Failure> {
        self.store.events_after(after, limit).await
    }

    /// Where the log ends now.
    pub async fn end(&self) -> Result<Position, Failure> {
        self.store.events_end().await
    }

    /// A consumer reads this log: retention waits for it.
    pub(crate) fn followed_by(&self, consumer: &'static str, books: &Store) {
        self.store.followed_by(consumer, books);
    }

    /// Changes when this process has committed events; other processes' are found by polling.
    pub fn bell(&self) -> watch::Receiver<u64> {
        self.store.events_bell()
    }
}
