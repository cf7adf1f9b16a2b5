//! Forgetting: what the platform's tables keep, and for how long.

use std::time::Duration;

use tessera_contract::Failure;

use crate::{Param, Store, params};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Rows of one transaction: a sweep never holds up other writes for long.
const CHUNK: u64 = 1000;

/// How long the platform's rows are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Answers of idempotency keys; never less than a day.
    pub idempotency: Duration,
    /// Events; a consumer that was away for longer has missed some.
    pub events: Duration,
    /// Jobs that are done or dead, since they ended.
    pub jobs: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { idempotency: 2 * DAY, events: 14 * DAY, jobs: 30 * DAY }
    }
}

const IDEMPOTENCY: &str = "delete from tessera_idempotency where (tenant, caller, operation, key) in \
    (select tenant, caller, operation, key from tessera_idempotency where created_us < $1 order by created_us limit $2)";
const EVENTS: &str = "delete from tessera_outbox where seq in \
    (select seq from tessera_outbox where time_us < $1 order by time_us limit $2)";
const JOBS: &str = "delete from tessera_jobs where (tenant, kind, key) in \
    (select tenant, kind, key from tessera_jobs where state in ('done', 'dead') and updated_us < $1 limit $2)";

impl Store {
    /// Deletes what is older than `keep`. To be called every hour or so. Answers how many rows went.
    pub async fn sweep(&self, keep: &Retention) -> Result<u64, Failure> {
        let mut swept = 0;
        for (sql, age) in [(IDEMPOTENCY, keep.idempotency.max(DAY)), (EVENTS, keep.events), (JOBS, keep.jobs)] {
            let params = params![self.now().minus(age), CHUNK as i64];
            loop {
                let rows = self.delete(sql, params.clone()).await?;
                swept += rows;
                if rows < CHUNK {
                    break;
                }
            }
        }
        Ok(swept)
    }

    async fn delete(&self, sql: &'static str, params: Vec<Param>) -> Result<u64, Failure> {
        self.system_write(params, move |tx, params| Box::pin(async move { tx.execute(sql, params.clone()).await }))
            .await
    }
}
