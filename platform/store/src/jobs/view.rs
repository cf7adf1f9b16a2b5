//! Looking at jobs, and giving a dead one another chance.

use serde::{Deserialize, Serialize};
use tessera_contract::{Cx, Failure};
use tessera_types::Timestamp;

use super::Jobs;
use crate::params;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits for its time or for a worker.
    Queued,
    /// A worker has it.
    Running,
    /// Ended well.
    Done,
    /// Ended badly; [`JobView::error`] says why.
    Dead,
}

/// A job as seen from outside.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct JobView {
    /// Unique among the tenant's jobs of its kind.
    pub key: String,
    /// Where it stands.
    pub state: JobState,
    /// Attempts begun.
    pub attempts: i64,
    /// 0 to 100.
    pub progress: i64,
    /// What is being done, as the handler told it.
    pub message: Option<String>,
    /// What the last attempt failed with.
    pub error: Option<String>,
    /// When it runs next, in microseconds.
    pub run_at_us: i64,
    /// When it last changed, in microseconds.
    pub updated_us: i64,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select key, state, attempts, progress, message, error, run_at_us, updated_us from tessera_jobs ",
            $rest
        )
    };
}
const GET: &str = select!("where tenant = $1 and kind = $2 and key = $3");
const LIST: &str = select!("where tenant = $1 and kind = $2 and key > $3 order by key limit $4");
const RETRY: &str = "update tessera_jobs set state = 'queued', attempts = 0, progress = 0, message = null, error = null, \
    run_at_us = $4, updated_us = $5 where tenant = $1 and kind = $2 and key = $3 and state in ('done', 'dead')";

impl Jobs {
    /// The tenant's job of this kind and key.
    pub async fn get(&self, cx: &Cx, kind: &'static str, key: &str) -> Result<Option<JobView>, Failure> {
        self.store.tenant(cx).optional(GET, params![kind, key]).await
    }

    /// The tenant's jobs of this kind by key, after `after` (empty for the first page).
    pub async fn list(&self, cx: &Cx, kind: &'static str, after: &str, limit: u32) -> Result<Vec<JobView>, Failure> {
        self.store.tenant(cx).all(LIST, params![kind, after, limit]).await
    }

    /// Queues a job that has ended once more, with all its attempts; `false` when there is none that has ended.
    pub async fn retry(&self, cx: &Cx, kind: &'static str, key: &str, at: Timestamp) -> Result<bool, Failure> {
        let values = params![kind, key, at, self.store.now()];
        let queued: bool = self
            .store
            .write(cx, values, |tx, values| {
                Box::pin(async move { Ok::<_, Failure>(tx.execute(RETRY, values.clone()).await? > 0) })
            })
            .await?;
        self.store.site().jobs.send_modify(|n| *n += 1);
        Ok(queued)
    }
}
