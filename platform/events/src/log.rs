//! A module's events, in order.

use std::sync::Arc;

use tessera_contract::{Failure, async_trait};
use tessera_store::{Batch, Position, Store};
use tokio::sync::watch;

/// The events of a module in another process, as it publishes them.
#[async_trait]
pub trait Feed: Send + Sync + 'static {
    /// At most `limit` events after `after`, as [`Log::read`].
    ///
    /// # Errors
    /// The module cannot be reached, or answers something else.
    async fn read(&self, after: Position, limit: u32) -> Result<Batch, Failure>;
}

/// The events of one module, read from its outbox or from the feed that it publishes. Cheap to clone.
///
/// Events are [`tessera_contract::CloudEvent`]s, which serialize as CloudEvents 1.0 structured JSON.
#[derive(Clone)]
pub struct Log {
    source: Source,
}

#[derive(Clone)]
enum Source {
    Outbox(Store),
    /// The bell of a feed never rings: it is polled.
    Feed(Arc<dyn Feed>, watch::Sender<u64>),
}

impl Log {
    /// The log of the module that `store` belongs to.
    pub fn of(store: &Store) -> Self {
        Self { source: Source::Outbox(store.clone()) }
    }

    /// The log of a module in another process.
    pub fn fed_by(feed: Arc<dyn Feed>) -> Self {
        Self { source: Source::Feed(feed, watch::Sender::new(0)) }
    }

    /// At most `limit` events after `after`. Events of one subject come in the order they were committed.
    pub async fn read(&self, after: Position, limit: u32) -> Result<Batch, Failure> {
        match &self.source {
            Source::Outbox(store) => store.events_after(after, limit).await,
            Source::Feed(feed, _) => feed.read(after, limit).await,
        }
    }

    /// A consumer reads this log: retention waits for it where both are in one process.
    pub(crate) fn followed_by(&self, consumer: &'static str, books: &Store) {
        match &self.source {
            Source::Outbox(store) => store.followed_by(consumer, books),
            Source::Feed(..) => {}
        }
    }

    /// Changes when this process has committed events; other processes' are found by polling.
    pub fn bell(&self) -> watch::Receiver<u64> {
        match &self.source {
            Source::Outbox(store) => store.events_bell(),
            Source::Feed(_, bell) => bell.subscribe(),
        }
    }
}
