//! Durable jobs: slow work as rows, leased with a heartbeat, retried with back-off.

mod lease;
mod turns;
mod view;
mod worker;

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};
use tessera_contract::{Cx, Failure, TraceContext};
use tessera_types::{TenantId, Timestamp};

pub use view::{JobState, JobView};
pub use worker::WorkerOptions;

pub(crate) use lease::VOID_LEASES;

use crate::{Param, Store, params};

pub(crate) const INSERT: &str = "insert into tessera_jobs \
    (tenant, kind, key, payload, state, run_at_us, attempts, progress, traceparent, created_us, updated_us) \
    values ($1, $2, $3, $4, 'queued', $5, 0, 0, $6, $7, $7) on conflict do nothing";

/// The params of [`INSERT`] after the tenant.
pub(crate) fn values<P: Serialize>(
    cx: &Cx,
    now: Timestamp,
    kind: &'static str,
    key: &str,
    payload: &P,
    run_at: Timestamp,
) -> Result<Vec<Param>, Failure> {
    let payload = serde_json::to_string(payload).map_err(|e| Failure::internal("writing a job", e))?;
    Ok(params![kind, key, payload, run_at, cx.trace.to_string(), now])
}

/// The jobs of a store: running and inspecting them. They are queued with [`crate::Tx::enqueue`].
#[derive(Clone)]
pub struct Jobs {
    store: Store,
}

impl Store {
    /// The jobs of this store.
    pub fn jobs(&self) -> Jobs {
        Jobs { store: self.clone() }
    }
}

/// Why an attempt at a job failed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Try again later, until the attempts are used up.
    #[error("{0}")]
    Retry(#[source] Failure),
    /// It is not the job's fault (a full disk): try again after this long, and count no attempt.
    #[error("{0}")]
    Later(#[source] Failure, Duration),
    /// Nothing failed, it is not the job's turn: take it again after this long, count no attempt, and say nothing.
    #[error("not its turn yet")]
    NotYet(Duration),
    /// Trying again cannot help: the job is dead at once.
    #[error("{0}")]
    Dead(#[source] Failure),
}

impl From<Failure> for JobError {
    fn from(failure: Failure) -> Self {
        Self::Retry(failure)
    }
}

/// A job in the hands of its handler.
///
/// The handler may run more than once for one job (a crash, a lost lease): its effects must bear that, for example by
/// an idempotency key made of the job's key.
pub struct Job {
    /// Whose job.
    pub tenant: TenantId,
    /// Unique among the tenant's jobs of this kind.
    pub key: String,
    /// 1 for the first.
    pub attempt: i64,
    payload: String,
    trace: Option<TraceContext>,
    lease: lease::Lease,
}

impl Job {
    /// What was enqueued. A payload that cannot be read is a dead job.
    pub fn payload<P: DeserializeOwned>(&self) -> Result<P, JobError> {
        serde_json::from_str(&self.payload).map_err(|e| JobError::Dead(Failure::internal("reading a job's payload", e)))
    }

    /// A fresh context of this module for one call or write on behalf of the job, in the trace that enqueued it.
    pub fn cx(&self) -> Cx {
        let store = self.lease.store();
        let mut cx = Cx::service(self.tenant.clone(), store.module().name, &*store.clock());
        if let Some(trace) = &self.trace {
            cx.trace = *trace;
        }
        cx
    }

    /// Tells how far it is: `percent` of 100, and what is being done.
    pub async fn progress(&self, percent: u8, message: &str) -> Result<(), Failure> {
        self.lease.progress(percent.min(100), message).await
    }
}
