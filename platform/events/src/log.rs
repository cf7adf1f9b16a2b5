//! A module's events, in order.

use std::sync::Arc;

use tessera_contract::{Failure, async_trait};
use tessera_store::{Batch, Position, Store};
use tokio::sync::watch;

#[cfg(feature = "kafka")]
use crate::broker::Topic;

/// The events of a module in another process, as it publishes them.
#[async_trait]
pub trait Feed: Send + Sync + 'static {
    /// At most `limit` events after `after`, as [`Log::read`].
    ///
    /// # Errors
    /// The module cannot be reached, or answers something else.
    async fn read(&self, after: Position, limit: u32) -> Result<Batch, Failure>;
}

/// The events of one module: its outbox, the feed that it publishes, or its topic at a broker. Cheap to clone.
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
    #[cfg(feature = "kafka")]
    Topic(Topic),
}

impl Log {
    /// The log of the module that `store` belongs to, out of its outbox.
    pub fn of(store: &Store) -> Self {
        Self { source: Source::Outbox(store.clone()) }
    }

    /// The log of a module in another process.
    pub fn fed_by(feed: Arc<dyn Feed>) -> Self {
        Self { source: Source::Feed(feed, watch::Sender::new(0)) }
    }

    #[cfg(feature = "kafka")]
    pub(crate) fn of_topic(topic: Topic) -> Self {
        Self { source: Source::Topic(topic) }
    }

    /// The topic, where it is one.
    #[cfg(feature = "kafka")]
    pub(crate) fn topic(&self) -> Option<&Topic> {
        match &self.source {
            Source::Topic(topic) => Some(topic),
            Source::Outbox(_) | Source::Feed(..) => None,
        }
    }

    /// At most `limit` events after `after`. Events of one subject come in the order they were committed.
    ///
    /// # Errors
    /// The store or the feed cannot be read; the log is at a broker, where a [`crate::Consumer`] alone reads it.
    pub async fn read(&self, after: Position, limit: u32) -> Result<Batch, Failure> {
        match &self.source {
            Source::Outbox(store) => store.events_after(after, limit).await,
            Source::Feed(feed, _) => feed.read(after, limit).await,
            #[cfg(feature = "kafka")]
            Source::Topic(topic) => {
                let detail = format!("{} is at a broker: only a consumer reads it", topic.name);
                Err(Failure::new(tessera_contract::FailureKind::Internal, detail))
            }
        }
    }

    /// A consumer reads this outbox: retention waits for it where both are in one process.
    pub(crate) fn followed_by(&self, consumer: &'static str, books: &Store) {
        if let Source::Outbox(store) = &self.source {
            store.followed_by(consumer, books);
        }
    }

    /// Changes when this process has committed events; other processes' are found by polling.
    pub(crate) fn bell(&self) -> watch::Receiver<u64> {
        match &self.source {
            Source::Outbox(store) => store.events_bell(),
            Source::Feed(_, bell) => bell.subscribe(),
            #[cfg(feature = "kafka")]
            Source::Topic(_) => watch::Sender::new(0).subscribe(),
        }
    }
}
