//! What a consumer has done: its offset, the versions it has seen, its parked events.

use tessera_contract::{CloudEvent, Failure, FailureKind};
use tessera_store::{Param, Position, Store, Tx, params};
use tessera_types::Timestamp;

const OFFSET: &str = "select xact, seq from tessera_offsets where consumer = $1";
const FIRST: &str =
    "insert into tessera_offsets (consumer, xact, seq, updated_us) values ($1, $2, $3, $4) on conflict do nothing";
const ADVANCE: &str = "update tessera_offsets set xact = $4, seq = $5, updated_us = $6 \
    where consumer = $1 and xact = $2 and seq = $3";
const PLACES: &str = "select topic, part, parts, next_offset, xact, seq from tessera_partitions \
    where consumer = $1 order by topic, part";
const FIRST_PLACE: &str = "insert into tessera_partitions \
    (consumer, topic, part, parts, next_offset, xact, seq, updated_us) values ($1, $2, $3, $4, 0, 0, 0, $5) \
    on conflict do nothing";
const ADVANCE_PLACE: &str = "update tessera_partitions set next_offset = $5, xact = $6, seq = $7, updated_us = $8 \
    where consumer = $1 and topic = $2 and part = $3 and next_offset = $4";
const SEEN: &str = "insert into tessera_versions (tenant, consumer, subject, version, seen_us) \
    values ($1, $2, $3, $4, $5) \
    on conflict (consumer, tenant, subject) do update set version = excluded.version, seen_us = excluded.seen_us \
    where tessera_versions.version < excluded.version";
const PARK: &str = "insert into tessera_parked \
    (consumer, xact, seq, tenant, subject, event, attempts, error, parked_us, ready) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, false)";
const KEYS: &str = "select distinct tenant, subject, ready from tessera_parked where consumer = $1";
macro_rules! rows {
    ($rest:literal) => {
        concat!(
            "select xact, seq, tenant, subject, event, attempts, error, parked_us, ready from tessera_parked ",
            $rest
        )
    };
}
const OF_KEY: &str = rows!("where consumer = $1 and tenant = $2 and subject = $3 order by xact, seq limit 1");
const LIST: &str = rows!("where consumer = $1 order by xact, seq limit $2");
const READY: &str = "update tessera_parked set ready = true where consumer = $1 and tenant = $2 and subject = $3";
const FAILED: &str = "update tessera_parked set ready = false, attempts = attempts + $4, error = $5 \
    where consumer = $1 and xact = $2 and seq = $3";
const NOT_READY: &str = "update tessera_parked set ready = false where consumer = $1 and tenant = $2 and subject = $3";
const UNPARK: &str = "delete from tessera_parked where consumer = $1 and xact = $2 and seq = $3";

/// A parked event's row.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct ParkedRow {
    pub(crate) xact: i64,
    pub(crate) seq: i64,
    pub(crate) tenant: String,
    pub(crate) subject: String,
    pub(crate) event: String,
    pub(crate) attempts: i64,
    pub(crate) error: Option<String>,
    pub(crate) parked_us: i64,
    pub(crate) ready: bool,
}

/// What is recorded with an event's effects.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// The offset moves on.
    Advance {
        /// Where it is, or the step is another process's by now.
        from: Position,
        /// Where it goes.
        to: Position,
    },
    /// The place in a topic's partition moves on.
    AdvancePartition {
        /// Whose partition.
        topic: &'static str,
        /// Which.
        partition: i32,
        /// The offset that it is at, or the step is another process's by now.
        from: i64,
        /// Where it goes.
        to: Place,
    },
    /// The event is no longer parked.
    Unpark(Position),
}

/// A place in a topic's partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The broker's offset of the next record.
    pub(crate) offset: i64,
    /// Where the last event up to there stands in the outbox that it is from: none at or below it counts again.
    pub(crate) position: Position,
}

/// What is recorded of a partition.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct PlaceRow {
    pub(crate) topic: String,
    pub(crate) part: i64,
    /// How many the topic has.
    pub(crate) parts: i64,
    next_offset: i64,
    xact: i64,
    seq: i64,
}

impl PlaceRow {
    pub(crate) fn place(&self) -> Place {
        Place { offset: self.next_offset, position: Position { xact: self.xact, seq: self.seq } }
    }
}

impl Step {
    /// Where in its outbox an event stands that goes with this step, unless it is parked already.
    fn position(&self) -> Option<Position> {
        match self {
            Self::Advance { to, .. } => Some(*to),
            Self::AdvancePartition { to, .. } => Some(to.position),
            Self::Unpark(_) => None,
        }
    }
}

/// Another process has taken this step.
pub(crate) fn moved() -> Failure {
    Failure::new(FailureKind::VersionConflict, "another process is running this consumer too")
}

/// The books of one consumer, in its own store.
#[derive(Clone)]
pub(crate) struct Ledger {
    pub(crate) store: Store,
    pub(crate) consumer: &'static str,
}

impl Ledger {
    /// Where the consumer stands.
    pub(crate) async fn position(&self) -> Result<Position, Failure> {
        let read = self.store.system().optional::<(i64, i64)>(OFFSET, params![self.consumer]).await?;
        if let Some((xact, seq)) = read {
            return Ok(Position { xact, seq });
        }
        let Position { xact, seq } = Position::default();
        self.update(FIRST, params![self.consumer, xact, seq, self.store.now()]).await?;
        Ok(Position::default())
    }

    /// Where the consumer stood in the outbox when it last read it itself, if it ever did.
    pub(crate) async fn embedded(&self) -> Result<Position, Failure> {
        let read = self.store.system().optional::<(i64, i64)>(OFFSET, params![self.consumer]).await?;
        Ok(read.map_or_else(Position::default, |(xact, seq)| Position { xact, seq }))
    }

    /// Where the consumer stands in the partitions of every topic that it has ever read.
    pub(crate) async fn places(&self) -> Result<Vec<PlaceRow>, Failure> {
        self.store.system().all(PLACES, params![self.consumer]).await
    }

    /// Begins the books of a topic's partitions.
    pub(crate) async fn begin_places(&self, topic: &'static str, partitions: i32) -> Result<(), Failure> {
        let values = (self.consumer, topic, partitions);
        let write = self.store.system_write(values, |tx, (consumer, topic, partitions)| {
            Box::pin(async move {
                let now = tx.now();
                for part in 0..*partitions {
                    let row = params![*consumer, *topic, i64::from(part), i64::from(*partitions), now];
                    tx.execute(FIRST_PLACE, row).await?;
                }
                Ok(())
            })
        });
        write.await
    }

    /// Keys with parked events, and whether they are to be tried again.
    pub(crate) async fn parked_keys(&self) -> Result<Vec<(String, String, bool)>, Failure> {
        self.store.system().all(KEYS, params![self.consumer]).await
    }

    /// The first parked event of a key.
    pub(crate) async fn first_parked(&self, tenant: &str, subject: &str) -> Result<Option<ParkedRow>, Failure> {
        self.store.system().optional(OF_KEY, params![self.consumer, tenant, subject]).await
    }

    pub(crate) async fn list_parked(&self, limit: u32) -> Result<Vec<ParkedRow>, Failure> {
        self.store.system().all(LIST, params![self.consumer, limit]).await
    }

    /// Whether there was anything parked under this key.
    pub(crate) async fn make_ready(&self, tenant: &str, subject: &str) -> Result<bool, Failure> {
        Ok(self.update(READY, params![self.consumer, tenant, subject]).await? > 0)
    }

    /// A parked event has failed again: its key waits to be asked for once more.
    pub(crate) async fn failed_again(&self, row: &ParkedRow, attempts: i64, error: &str) -> Result<(), Failure> {
        self.update(FAILED, params![self.consumer, row.xact, row.seq, attempts, error]).await?;
        self.update(NOT_READY, params![self.consumer, &row.tenant, &row.subject]).await.map(drop)
    }

    /// Parks an event and moves the offset past it.
    pub(crate) async fn park(
        &self,
        event: &CloudEvent,
        step: Step,
        attempts: i64,
        error: Option<&str>,
    ) -> Result<(), Failure> {
        let Some(to) = step.position() else { return Ok(()) };
        let text = serde_json::to_string(event).map_err(|e| Failure::internal("parking an event", e))?;
        let now = self.store.now();
        let (tenant, subject) = (&event.tenant, &event.subject);
        let row = params![self.consumer, to.xact, to.seq, tenant, subject, text, attempts, error, now];
        let values = (self.consumer, step, row);
        self.store
            .system_write(values, |tx, (consumer, step, row)| {
                Box::pin(async move {
                    tx.execute(PARK, row.clone()).await?;
                    take(tx, consumer, *step).await
                })
            })
            .await
    }

    /// Records a step that has no effects in this store.
    pub(crate) async fn take_alone(&self, step: Step) -> Result<(), Failure> {
        let values = (self.consumer, step);
        let taken = self.store.system_write(values, |tx, (consumer, step)| Box::pin(take(tx, consumer, *step)));
        taken.await
    }

    async fn update(&self, sql: &'static str, values: Vec<Param>) -> Result<u64, Failure> {
        let write = self
            .store
            .system_write(values, move |tx, values| Box::pin(async move { tx.execute(sql, values.clone()).await }));
        write.await
    }
}

/// Records a step in the transaction `tx`, which goes on as the system.
pub(crate) async fn take(tx: &mut Tx, consumer: &'static str, step: Step) -> Result<(), Failure> {
    if tx.cx().is_some() {
        tx.become_system().await?;
    }
    let now: Timestamp = tx.now();
    let taken = match step {
        Step::Advance { from, to } => {
            tx.execute(ADVANCE, params![consumer, from.xact, from.seq, to.xact, to.seq, now]).await?
        }
        Step::AdvancePartition { topic, partition, from, to } => {
            let Position { xact, seq } = to.position;
            let values = params![consumer, topic, i64::from(partition), from, to.offset, xact, seq, now];
            tx.execute(ADVANCE_PLACE, values).await?
        }
        Step::Unpark(at) => tx.execute(UNPARK, params![consumer, at.xact, at.seq]).await?,
    };
    match taken {
        1 => Ok(()),
        _ => Err(moved()),
    }
}

/// Whether the event's version is above all that the consumer has seen of its subject, in the tenant's transaction.
pub(crate) async fn is_newer(tx: &mut Tx, consumer: &'static str, event: &CloudEvent) -> Result<bool, Failure> {
    let now = tx.now();
    Ok(tx.execute(SEEN, params![consumer, &event.subject, event.subjectversion, now]).await? > 0)
}
