//! A module's outbox, brought to its topic.
//!
//! Events go in the order of the outbox, never past a running transaction, and the relay's own place moves when the broker
//! has acknowledged them: each arrives at least once. After a crash between the two some come again, in the same order;
//! consumers know them by their position. While the relay has not brought an event, retention keeps it.

use std::{convert::Infallible, time::Duration};

use rdkafka::{
    error::KafkaError,
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
};
use tessera_contract::{CloudEvent, Failure, FailureKind};
use tessera_faults::reached;
use tessera_store::{Position, Store};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    broker::{BrokerError, Topic},
    consumer::{ConsumerOptions, HELD_BACK},
    ledger::{Ledger, Step},
    members::{self, Share},
    topic,
};

/// Events on their way at a time.
const BATCH: u32 = 1000;
/// How long an acknowledgement may take before that is told.
const SILENCE: Duration = Duration::from_secs(30);

/// Brings the events of one module to a broker.
pub struct Relay {
    topic: Topic,
    ledger: Ledger,
    options: ConsumerOptions,
}

/// Why the relay begins anew.
#[derive(Debug, thiserror::Error)]
enum Interrupted {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error("an event was not taken: {0}")]
    Refused(KafkaError),
    #[error(transparent)]
    Store(#[from] Failure),
    #[error("writing an event: {0}")]
    Event(#[from] serde_json::Error),
}

impl Relay {
    pub(crate) fn new(topic: Topic, store: Store) -> Self {
        // Another topic is begun from the beginning of what the outbox holds.
        let consumer: &'static str = format!("relay.{}", topic.name).leak();
        store.followed_by(consumer, &store);
        Self { topic, ledger: Ledger { store, consumer }, options: ConsumerOptions::default() }
    }

    /// With these options: how often to look, how long to wait after a failure.
    pub fn options(self, options: ConsumerOptions) -> Self {
        Self { options, ..self }
    }

    /// The name that its place is kept under.
    pub fn name(&self) -> &'static str {
        self.ledger.consumer
    }

    /// Runs until `shutdown`. Of several processes the one that has been there longest relays, and the others stand by.
    pub async fn run(self, shutdown: CancellationToken) {
        let store = &self.ledger.store;
        metrics::counter!("tessera_events_relayed_total", "module" => self.topic.module).increment(0);
        let mut share = members::join(store, self.ledger.consumer, self.options.presence, shutdown.clone());
        let mut wait = self.options.backoff;
        while !shutdown.is_cancelled() {
            if !share.borrow_and_update().leads() {
                tokio::select! { _ = share.changed() => {}, () = shutdown.cancelled() => {} }
                continue;
            }
            let before = self.ledger.position().await.ok();
            let Err(error) = self.lead(&mut share, &shutdown).await else { continue };
            tracing::warn!(topic = self.topic.name, %error, "bringing events to the broker; trying again");
            if self.ledger.position().await.ok() != before {
                wait = self.options.backoff;
            }
            tokio::select! { () = tokio::time::sleep(wait) => {}, () = shutdown.cancelled() => {} }
            wait = (wait * 2).min(self.options.longest_backoff);
        }
    }

    /// Relays for as long as this process leads.
    async fn lead(&self, share: &mut watch::Receiver<Share>, shutdown: &CancellationToken) -> Result<(), Interrupted> {
        tokio::select! { made = self.topic.ensure() => made?, () = shutdown.cancelled() => return Ok(()) }
        let producer = self.topic.producer()?;
        let store = &self.ledger.store;
        let mut bell = store.events_bell();
        while share.borrow_and_update().leads() && !shutdown.is_cancelled() {
            bell.mark_unchanged();
            let from = self.ledger.position().await?;
            let batch = store.events_after(from, BATCH).await?;
            let Some((to, _)) = batch.events.last() else {
                self.oldest(None);
                let wait = if batch.more { HELD_BACK } else { self.options.poll };
                tokio::select! {
                    _ = bell.changed() => {}
                    () = tokio::time::sleep(wait) => {}
                    () = shutdown.cancelled() => {}
                    changed = share.changed(), if members::may_change(share) => drop(changed),
                }
                continue;
            };
            self.oldest(batch.events.first().map(|(_, event)| event));
            tokio::select! {
                brought = self.bring(&producer, &batch.events) => brought?,
                never = self.complain() => match never {},
                () = shutdown.cancelled() => return Ok(()),
            }
            if reached("event.between", self.ledger.consumer) {
                return Err(Failure::new(FailureKind::Unavailable, "brought, and not recorded").into());
            }
            match self.ledger.take_alone(Step::Advance { from, to: *to }).await {
                // Another process relays too: what both brought is there twice, in order each time.
                Err(failure) if failure.kind == FailureKind::VersionConflict => continue,
                taken => taken?,
            }
            let count = batch.events.len() as u64;
            metrics::counter!("tessera_events_relayed_total", "module" => self.topic.module).increment(count);
        }
        Ok(())
    }

    /// Produces events in order; returns when all of them are acknowledged.
    async fn bring(&self, producer: &FutureProducer, events: &[(Position, CloudEvent)]) -> Result<(), Interrupted> {
        let mut acknowledgements = Vec::with_capacity(events.len());
        for (position, event) in events {
            let (tenant, subject) = (event.tenant.as_str(), event.subject.as_str());
            let (key, value) = (topic::key(tenant, subject), serde_json::to_vec(event)?);
            let position = topic::position_text(*position);
            let headers = OwnedHeaders::new_with_capacity(2)
                .insert(Header { key: topic::CONTENT_TYPE.0, value: Some(topic::CONTENT_TYPE.1) })
                .insert(Header { key: topic::POSITION, value: Some(&position) });
            let record = FutureRecord::to(self.topic.name)
                .partition(topic::partition(tenant, subject, self.topic.partitions()))
                .key(&key)
                .payload(&value)
                .timestamp(event.time.as_micros() / 1000)
                .headers(headers);
            acknowledgements.push(producer.send_result(record).map_err(|(error, _)| Interrupted::Refused(error))?);
        }
        for acknowledged in acknowledgements {
            let acknowledged = acknowledged.await.map_err(|_| Interrupted::Refused(KafkaError::Canceled))?;
            acknowledged.map_err(|(error, _)| Interrupted::Refused(error))?;
        }
        Ok(())
    }

    /// Says again and again that the broker has not acknowledged yet: the client tries on by itself and says nothing.
    async fn complain(&self) -> Infallible {
        loop {
            tokio::time::sleep(SILENCE).await;
            tracing::warn!(topic = self.topic.name, "the broker does not acknowledge events; they wait in the outbox");
        }
    }

    /// The time of the oldest event that is not brought yet, for metrics; 0 when there is none.
    fn oldest(&self, event: Option<&CloudEvent>) {
        let seconds = event.map_or(0.0, |event| event.time.as_micros() as f64 / 1e6);
        metrics::gauge!("tessera_relay_oldest_timestamp_seconds", "module" => self.topic.module).set(seconds);
    }
}
