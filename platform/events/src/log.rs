//! A module's events, in order.

use tessera_contract::Failure;
use tessera_store::{Batch, Position, Store};

#[cfg(feature = "kafka")]
use crate::broker::Topic;

/// The events of one module: its outbox, or its topic at a broker. Cheap to clone.
///
/// Events are [`tessera_contract::CloudEvent`]s, which serialize as CloudEvents 1.0 structured JSON.
#[derive(Clone)]
pub struct Log {
    source: Source,
}

/// Where a log is read.
#[derive(Clone)]
pub(crate) enum Source {
    Outbox(Store),
    #[cfg(feature = "kafka")]
    Topic(Topic),
}

impl Log {
    /// The log of the module that `store` belongs to, out of its outbox.
    pub fn of(store: &Store) -> Self {
        Self { source: Source::Outbox(store.clone()) }
    }

    #[cfg(feature = "kafka")]
    pub(crate) fn of_topic(topic: Topic) -> Self {
        Self { source: Source::Topic(topic) }
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// At most `limit` events after `after`, out of the outbox. Events of one subject come in the order they were committed.
    ///
    /// # Errors
    /// The store cannot be read; the log is at a broker, where a [`crate::Consumer`] alone reads it.
    pub async fn read(&self, after: Position, limit: u32) -> Result<Batch, Failure> {
        match &self.source {
            Source::Outbox(store) => store.events_after(after, limit).await,
            #[cfg(feature = "kafka")]
            Source::Topic(topic) => {
                let detail = format!("{} is at a broker: only a consumer reads it", topic.name);
                Err(Failure::new(tessera_contract::FailureKind::Internal, detail))
            }
        }
    }
}
