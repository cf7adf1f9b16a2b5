//! Forgetting: what the platform's tables keep, for how long, and the space that comes back.

use std::time::Duration;

use tessera_contract::Failure;

use crate::{Engine, Param, Position, Store, followers, params};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Rows of one transaction: a sweep never holds up other writes for long.
const CHUNK: u64 = 1000;
/// So many pages in one transaction: 2 MB.
const GIVE_BACK: &str = "pragma incremental_vacuum(512)";
/// Free pages that a file keeps for what comes next: 4 MB.
const SPARE_PAGES: i64 = 1024;

/// How long the platform's rows are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Answers of idempotency keys; never less than a day.
    pub idempotency: Duration,
    /// Events that every consumer has read.
    pub events: Duration,
    /// Events that some consumer has not read yet: what it has missed then is told in the log.
    pub unread_events: Duration,
    /// Events that a consumer could not handle, since they were set aside.
    pub parked: Duration,
    /// Jobs that are done or dead, since they ended.
    pub jobs: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { idempotency: 2 * DAY, events: 14 * DAY, unread_events: 90 * DAY, parked: 90 * DAY, jobs: 30 * DAY }
    }
}

const IDEMPOTENCY: &str = "delete from tessera_idempotency where (tenant, caller, operation, key) in \
    (select tenant, caller, operation, key from tessera_idempotency where created_us < $1 order by created_us limit $2)";
const EVENTS: &str = "delete from tessera_outbox where seq in \
    (select seq from tessera_outbox where time_us < $1 and (xact, seq) <= ($3, $4) order by time_us limit $2)";
const PARKED: &str = "delete from tessera_parked where (consumer, xact, seq) in \
    (select consumer, xact, seq from tessera_parked where parked_us < $1 limit $2)";
const JOBS: &str = "delete from tessera_jobs where (tenant, kind, key) in \
    (select tenant, kind, key from tessera_jobs where state in ('done', 'dead') and updated_us < $1 limit $2)";
/// A version only keeps what is older from being taken for news; no event that old is left, but for parked ones.
const VERSIONS: &str = "delete from tessera_versions where (consumer, tenant, subject) in \
    (select consumer, tenant, subject from tessera_versions v where seen_us < $1 and not exists \
    (select 1 from tessera_parked p where p.consumer = v.consumer and p.tenant = v.tenant and p.subject = v.subject) \
    limit $2)";

impl Store {
    /// Deletes what is older than `keep`, and gives the space back to the disk. To be called every hour or so. Answers
    /// how many rows went.
    ///
    /// # Errors
    /// The store, or that of a consumer of its events, cannot be reached; what is left is for the next sweep.
    pub async fn sweep(&self, keep: &Retention) -> Result<u64, Failure> {
        let parked = self.delete(PARKED, keep.parked, vec![]).await?;
        let module = self.module().name;
        if parked > 0 {
            tracing::warn!(module, events = parked, "parked events past their retention were deleted unhandled");
        }
        let mut swept = parked + self.sweep_events(keep).await?;
        let versions = keep.events.max(keep.unread_events) + DAY;
        for (sql, age) in [(IDEMPOTENCY, keep.idempotency.max(DAY)), (JOBS, keep.jobs), (VERSIONS, versions)] {
            swept += self.delete(sql, age, vec![]).await?;
        }
        self.give_back().await?;
        Ok(swept)
    }

    /// Events go when every consumer has read them, and after a much longer time in any case.
    async fn sweep_events(&self, keep: &Retention) -> Result<u64, Failure> {
        let (slowest, floor) = match followers::slowest(self).await? {
            Some((consumer, position)) => (consumer, position),
            None => ("nobody", Position { xact: i64::MAX, seq: i64::MAX }),
        };
        let read = self.delete(EVENTS, keep.events, params![floor.xact, floor.seq]).await?;
        let oldest = keep.unread_events.max(keep.events);
        let unread = self.delete(EVENTS, oldest, params![i64::MAX, i64::MAX]).await?;
        if unread > 0 {
            let module = self.module().name;
            tracing::error!(module, consumer = slowest, events = unread, "events were deleted that were never read");
        }
        Ok(read + unread)
    }

    async fn delete(&self, sql: &'static str, age: Duration, more: Vec<Param>) -> Result<u64, Failure> {
        let mut params = params![self.now().minus(age), CHUNK.cast_signed()];
        params.extend(more);
        let mut deleted = 0;
        loop {
            let write = self.system_write(params.clone(), move |tx, params| {
                Box::pin(async move { tx.execute(sql, params.clone()).await })
            });
            let rows = write.await?;
            deleted += rows;
            if rows < CHUNK {
                return Ok(deleted);
            }
        }
    }

    /// Free pages at the file's end go back to the disk. PostgreSQL does that by itself.
    async fn give_back(&self) -> Result<(), Failure> {
        if self.engine() == Engine::Postgres {
            return Ok(());
        }
        let mut before = i64::MAX;
        loop {
            let sql = "select freelist_count from pragma_freelist_count()";
            let free: i64 = self.system().scalar(sql, vec![]).await?;
            // A file that was made without room for it never shrinks, and uses its free pages again.
            if free <= SPARE_PAGES || free >= before {
                return Ok(());
            }
            before = free;
            self.system_write((), |tx, ()| Box::pin(async move { tx.execute(GIVE_BACK, vec![]).await.map(drop) }))
                .await?;
        }
    }
}
