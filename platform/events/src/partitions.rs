//! The loop that follows a topic, its partitions shared among the processes that run the consumer.
//!
//! **Whose partitions.** Partitions are assigned by hand, from places that the consumer keeps in its own store, and shared
//! by membership kept there too ([`crate::members`]), rather than by the broker's group protocol: a place commits with the
//! effects of the event before it, so it cannot be the broker's, and who may move it is decided by the same commit. The
//! broker's committed offsets are written for people's tools alone, and never read.
//!
//! **Once.** A step moves a place from the offset at which it was read, or fails: of two processes that believe for a
//! moment to have the same partition, one has its effects, and the other begins anew from where that one stands. An event
//! whose position in its outbox is not above the last one's of its partition has come a second time and is passed over.

use std::{
    collections::{BTreeMap, HashSet},
    ops::ControlFlow,
    sync::Arc,
};

use futures::{FutureExt, future::try_join_all};
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{CommitMode, Consumer as _, StreamConsumer},
    error::{KafkaError, RDKafkaErrorCode},
    message::{BorrowedMessage, Headers},
};
use tessera_contract::{CloudEvent, Failure};
use tessera_store::Position;
use tokio::{sync::Notify, time::Instant};

use crate::{
    broker::{BrokerError, Topic},
    consumer::PASSED_UNRECORDED,
    courier::{Courier, Key},
    elsewhere::Elsewhere,
    ledger::{Place, Step},
    members::{self, Share},
    topic,
};

/// Records taken at a time, from all partitions together.
const BATCH: usize = 512;

/// Why an assignment ends before its time.
#[derive(Debug, thiserror::Error)]
enum Interrupted {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error("reading a topic: {0}")]
    Kafka(#[from] KafkaError),
    #[error(transparent)]
    Store(#[from] Failure),
}

/// Follows the topic until the courier's shutdown.
pub(crate) async fn follow(topic: Topic, courier: Courier, retry: Arc<Notify>) {
    let (ledger, shutdown) = (courier.ledger.clone(), courier.shutdown.clone());
    let mut share = members::join(&ledger.store, ledger.consumer, courier.options.presence, shutdown.clone());
    let mut wait = courier.options.backoff;
    while !shutdown.is_cancelled() {
        let mine = *share.borrow_and_update();
        // Ends what is being tried when the partitions are somebody else's.
        let stop = shutdown.child_token();
        let mine_alone = Courier { shutdown: stop.clone(), ..courier.clone() };
        let assignment = Assignment { topic: &topic, courier: mine_alone, share: mine };
        let mut run = std::pin::pin!(assignment.run(&retry));
        let end = tokio::select! {
            end = &mut run => end,
            _ = share.changed(), if members::may_change(&share) => {
                stop.cancel();
                run.await
            }
        };
        match end {
            Ok(()) => wait = courier.options.backoff,
            Err(error) => {
                tracing::warn!(consumer = ledger.consumer, topic = topic.name, %error, "following a topic; trying again");
                tokio::select! { () = tokio::time::sleep(wait) => {}, () = shutdown.cancelled() => {} }
                wait = (wait * 2).min(courier.options.longest_backoff);
            }
        }
    }
}

/// Some partitions of the topic, for as long as they are this process's.
struct Assignment<'a> {
    topic: &'a Topic,
    courier: Courier,
    share: Share,
}

/// A partition while it is read.
struct Partition {
    number: i32,
    /// What is recorded.
    saved: Place,
    /// How far it was read, past events that nobody here wants.
    at: Place,
}

/// A record, out of the client's hands.
struct Record {
    partition: i32,
    offset: i64,
    content: Result<(Position, CloudEvent), topic::Alien>,
}

impl Assignment<'_> {
    /// Reads and delivers until the courier is stopped or another process moves a place.
    async fn run(&self, retry: &Notify) -> Result<(), Interrupted> {
        let stop = self.courier.shutdown.clone();
        tokio::select! { made = self.topic.ensure() => made?, () = stop.cancelled() => return Ok(()) }
        let mut partitions = self.places().await?;
        let elsewhere = Elsewhere::of(&self.courier.ledger, Some(self.topic.name)).await?;
        let from = partitions.iter().map(|(number, partition)| (*number, partition.saved.offset)).collect();
        let reader = self.topic.reader(self.courier.ledger.consumer, &from)?;
        let mut looked_back = Instant::now();
        while !stop.is_cancelled() {
            let ours = |key: &Key| self.share.has(topic::partition(&key.0, &key.1, self.topic.partitions()));
            let parked = self.courier.retry_parked(ours).await?;
            let records = tokio::select! {
                records = self.receive(&reader, &partitions) => records?,
                () = tokio::time::sleep(self.courier.options.poll) => Vec::new(),
                () = retry.notified() => Vec::new(),
                () = stop.cancelled() => return Ok(()),
            };
            if records.is_empty() {
                self.courier.figures.caught_up();
            }
            let look_back = looked_back.elapsed() >= self.courier.options.pass_by;
            let mut of_each: BTreeMap<i32, Vec<Record>> = BTreeMap::new();
            for record in records {
                of_each.entry(record.partition).or_default().push(record);
            }
            let rounds = partitions.values_mut().map(|partition| {
                let records = of_each.remove(&partition.number).unwrap_or_default();
                self.round(partition, records, &parked, &elsewhere, look_back)
            });
            let ends = try_join_all(rounds).await?;
            if look_back {
                looked_back = Instant::now();
                self.tell(&reader, &partitions);
            }
            if ends.iter().any(ControlFlow::is_break) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Where the partitions stand that are this process's.
    async fn places(&self) -> Result<BTreeMap<i32, Partition>, Failure> {
        let ledger = &self.courier.ledger;
        ledger.begin_places(self.topic.name, self.topic.partitions()).await?;
        let rows = ledger.places().await?.into_iter().filter(|row| row.topic == self.topic.name);
        let ours = rows.filter_map(|row| {
            let number = i32::try_from(row.part).ok().filter(|number| self.share.has(*number))?;
            Some((number, Partition { number, saved: row.place(), at: row.place() }))
        });
        Ok(ours.collect())
    }

    /// What there is, and at least one record.
    async fn receive(
        &self,
        reader: &StreamConsumer,
        partitions: &BTreeMap<i32, Partition>,
    ) -> Result<Vec<Record>, Interrupted> {
        let mut records = Vec::new();
        loop {
            let next = match records.is_empty() {
                true => Some(reader.recv().await),
                false => reader.recv().now_or_never(),
            };
            match next {
                None => return Ok(records),
                Some(Ok(message)) => records.push(self.record(&message)),
                Some(Err(error)) if !records.is_empty() => {
                    tracing::debug!(%error, "the topic's next answer");
                    return Ok(records);
                }
                Some(Err(error)) => self.trouble(reader, partitions, error)?,
            }
            if records.len() >= BATCH {
                return Ok(records);
            }
        }
    }

    /// What cannot be read is told of; what the client tries again by itself is left to it.
    fn trouble(
        &self,
        reader: &StreamConsumer,
        partitions: &BTreeMap<i32, Partition>,
        error: KafkaError,
    ) -> Result<(), Interrupted> {
        let name = self.courier.ledger.consumer;
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                tracing::error!(
                    consumer = name,
                    topic = self.topic.name,
                    "the topic no longer has the events that come next: they were deleted at the broker unread, or the \
                     topic was made anew; reading goes on at its beginning, and what was handled is passed over"
                );
                let mut list = TopicPartitionList::new();
                for number in partitions.keys() {
                    list.add_partition_offset(self.topic.name, *number, Offset::Beginning)?;
                }
                reader.assign(&list)?;
                Ok(())
            }
            Some(RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::AllBrokersDown) | None => {
                tracing::debug!(consumer = name, %error, "the broker is out of reach");
                Ok(())
            }
            Some(_) => Err(error.into()),
        }
    }

    fn record(&self, message: &BorrowedMessage<'_>) -> Record {
        let position = message.headers().and_then(|headers| {
            headers.iter().find(|header| header.key == topic::POSITION).and_then(|header| header.value)
        });
        let content = topic::event(self.topic.module, position, message.payload().unwrap_or_default());
        Record { partition: message.partition(), offset: message.offset(), content }
    }

    /// Delivers the records of one partition, in order. `Break` when another process has moved its place, or at shutdown.
    async fn round(
        &self,
        partition: &mut Partition,
        records: Vec<Record>,
        parked: &HashSet<Key>,
        elsewhere: &Elsewhere,
        look_back: bool,
    ) -> Result<ControlFlow<()>, Failure> {
        let (mut parked, mut wanted, mut from) = (parked.clone(), Vec::new(), partition.saved);
        for Record { offset, content, .. } in records {
            let next = offset + 1;
            let (position, event) = match content {
                Ok(content) => content,
                Err(alien) => {
                    let (consumer, topic) = (self.courier.ledger.consumer, self.topic.name);
                    tracing::error!(consumer, topic, partition.number, offset, %alien, "a record is passed over");
                    partition.at.offset = next;
                    continue;
                }
            };
            let again = position <= partition.at.position;
            let position = position.max(partition.at.position);
            partition.at = Place { offset: next, position };
            if again || elsewhere.handled(&event, position) || !self.courier.wants(&event).await? {
                continue;
            }
            wanted.push((event, self.step(partition.number, from, partition.at)));
            from = partition.at;
        }
        if self.courier.bring_all(&mut parked, wanted).await?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        partition.saved = from;
        let passed = partition.at.offset - partition.saved.offset;
        if passed >= PASSED_UNRECORDED || (look_back && passed != 0) {
            let step = self.step(partition.number, partition.saved, partition.at);
            self.courier.ledger.take_alone(step).await?;
            partition.saved = partition.at;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn step(&self, partition: i32, from: Place, to: Place) -> Step {
        Step::AdvancePartition { topic: self.topic.name, partition, from: from.offset, to }
    }

    /// Tells the broker how far this consumer is, for people's tools.
    fn tell(&self, reader: &StreamConsumer, partitions: &BTreeMap<i32, Partition>) {
        let mut list = TopicPartitionList::new();
        for partition in partitions.values() {
            let told =
                list.add_partition_offset(self.topic.name, partition.number, Offset::Offset(partition.saved.offset));
            if let Err(error) = told {
                tracing::debug!(%error, "telling the broker of a place");
            }
        }
        if let Err(error) = reader.commit(&list, CommitMode::Async) {
            tracing::debug!(%error, "telling the broker of places");
        }
    }
}
