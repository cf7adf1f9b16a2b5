//! The loop that takes due jobs and runs their handler.

use std::{
    panic::AssertUnwindSafe,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::FutureExt;
use tessera_contract::{About, Failure, FailureKind, SpanEnd, SpanKind, SpanName, SpanUnderWay, TraceContext};
use tessera_faults::reached;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    Job, JobError, Jobs,
    lease::{Claimant, End, Lease},
};
use crate::gauges;

/// How a kind of job is worked on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerOptions {
    /// Jobs at a time.
    pub concurrency: usize,
    /// Jobs of one tenant at a time, in all processes together; with it, tenants take turns, and a tenant's jobs go by
    /// priority. Without, the oldest job goes first, whoever's it is.
    pub per_tenant: Option<usize>,
    /// How long a job is held without a heartbeat; a heartbeat comes three times as often.
    pub lease: Duration,
    /// Attempts before a job is dead.
    pub attempts: i64,
    /// The wait after the first failed attempt; doubled after each, with jitter.
    pub backoff: Duration,
    /// The longest wait between attempts.
    pub longest_backoff: Duration,
    /// How often to look for due jobs when nothing rings.
    pub poll: Duration,
    /// How long running handlers may go on after shutdown was asked for; then they are dropped and their jobs released.
    pub grace: Duration,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            concurrency: 1,
            per_tenant: None,
            lease: Duration::from_secs(30),
            attempts: 10,
            backoff: Duration::from_secs(1),
            longest_backoff: Duration::from_secs(600),
            poll: Duration::from_millis(500),
            grace: Duration::from_secs(5),
        }
    }
}

impl WorkerOptions {
    /// The defaults, with `concurrency` jobs at a time.
    pub fn concurrency(concurrency: usize) -> Self {
        Self { concurrency, ..Self::default() }
    }

    /// The wait after the failed `attempt`: exponential, at least half of it, the rest by `jitter` in 0..1.
    fn backoff(&self, attempt: i64, jitter: f64) -> Duration {
        let doublings = u32::try_from(attempt.clamp(1, 32) - 1).expect("between 0 and 31");
        let full = self.backoff.saturating_mul(2u32.saturating_pow(doublings)).min(self.longest_backoff);
        full.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
    }
}

impl Jobs {
    /// Works on the jobs of `kind` of all tenants until `shutdown`. Returns when the last handler has ended or was
    /// dropped; jobs that were dropped are released at once and lose no attempt.
    pub async fn run<H, F>(&self, kind: &'static str, options: WorkerOptions, handler: H, shutdown: CancellationToken)
    where
        H: Fn(Arc<Job>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        gauges::works_on(&self.store, kind);
        self.worker(kind, options, handler, rand::random).work(shutdown).await;
    }

    /// Works on the job of `kind` that is due longest, from its claim to its end; whether there was one. For simulations,
    /// which decide themselves what happens when: back-off has no jitter here, so that what is due depends on the store's
    /// clock alone.
    pub async fn run_next<H, F>(&self, kind: &'static str, options: WorkerOptions, handler: H) -> Result<bool, Failure>
    where
        H: Fn(Arc<Job>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        let worker = self.worker(kind, options, handler, || 1.0);
        let Some(job) = worker.claimant.claim(1).await?.pop() else { return Ok(false) };
        worker.attempt(job).await;
        Ok(true)
    }

    fn worker<H>(&self, kind: &'static str, options: WorkerOptions, handler: H, jitter: fn() -> f64) -> Arc<Worker<H>> {
        let claimant =
            Claimant { store: self.store.clone(), kind, length: options.lease, per_tenant: options.per_tenant };
        Arc::new(Worker { claimant, options, handler, jitter, stop: CancellationToken::new() })
    }
}

struct Worker<H> {
    claimant: Claimant,
    options: WorkerOptions,
    handler: H,
    /// Part of the back-off, 0 to 1.
    jitter: fn() -> f64,
    /// Drops the handlers that still run.
    stop: CancellationToken,
}

impl<H, F> Worker<H>
where
    H: Fn(Arc<Job>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), JobError>> + Send + 'static,
{
    async fn work(self: Arc<Self>, shutdown: CancellationToken) {
        let mut bell = self.claimant.store.site().jobs.subscribe();
        let mut running = JoinSet::new();
        while !shutdown.is_cancelled() {
            bell.mark_unchanged();
            let free = self.options.concurrency.saturating_sub(running.len());
            if free > 0 {
                match self.claimant.claim(free).await {
                    Ok(jobs) => jobs.into_iter().for_each(|job| drop(running.spawn(self.clone().attempt(job)))),
                    Err(failure) => tracing::warn!(kind = self.claimant.kind, %failure, "looking for jobs"),
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                Some(_) = running.join_next() => {}
                _ = bell.changed(), if free > 0 => {}
                () = tokio::time::sleep(self.options.poll), if free > 0 => {}
            }
        }
        let drained = async { while running.join_next().await.is_some() {} };
        let mut drained = pin!(drained);
        if tokio::time::timeout(self.options.grace, &mut drained).await.is_err() {
            self.stop.cancel();
            drained.await;
        }
    }

    /// One attempt at one job, from its claim to its end.
    async fn attempt(self: Arc<Self>, mut job: Job) {
        let (lease, attempt) = (job.lease.clone(), job.attempt);
        let kind = self.claimant.kind;
        let span = self.span(&mut job);
        let (began, job) = (Instant::now(), Arc::new(job));
        let end = if attempt > self.options.attempts {
            End::Dead("the process ended during the last attempt".into())
        } else {
            reached("job.before", kind);
            let handled = AssertUnwindSafe(async { (self.handler)(job.clone()).await }).catch_unwind();
            tokio::select! {
                result = handled => self.verdict(attempt, result.unwrap_or_else(|_| Err(panicked()))),
                () = self.stop.cancelled() => End::Released,
                () = keep_alive(&lease, self.options.lease / 3) => {
                    return tracing::warn!(kind, key = job.key, "the job was withdrawn, or another worker has it; its handler was dropped");
                }
            }
        };
        if let End::Dead(error) | End::Retry(_, error) | End::PutOff(_, error) = &end {
            tracing::warn!(kind, key = job.key, attempt, error, "a job's attempt failed");
        }
        self.count(&end, began);
        span.end(span_end(&end));
        reached("job.after", kind);
        match lease.end(end).await {
            Ok(true) => {}
            Ok(false) => tracing::warn!(kind, key = job.key, "a job ended after its lease was lost"),
            Err(failure) => {
                tracing::error!(kind, key = job.key, %failure, "a job's end was not recorded; it runs again")
            }
        }
    }

    /// The attempt's span, in which the job goes on.
    fn span(&self, job: &mut Job) -> SpanUnderWay {
        let before = job.trace.unwrap_or_else(TraceContext::fresh);
        let span = SpanUnderWay::begin(before, SpanKind::Consumer, || About {
            request_id: None,
            tenant: Some(job.tenant.clone()),
            name: SpanName::Job { module: self.claimant.store.module().name, kind: self.claimant.kind },
        });
        job.trace = Some(span.within(before));
        span
    }

    fn count(&self, end: &End, began: Instant) {
        let outcome = match end {
            End::Done => "done",
            End::Retry(..) => "retried",
            End::PutOff(..) | End::NotYet(_) => "put_off",
            End::Dead(_) => "dead",
            End::Released => "released",
        };
        let Claimant { store, kind, .. } = &self.claimant;
        let labels = [("module", store.module().name), ("kind", *kind), ("outcome", outcome)];
        metrics::counter!("tessera_jobs_ended_total", &labels).increment(1);
        metrics::histogram!("tessera_job_seconds", &labels).record(began.elapsed());
    }

    fn verdict(&self, attempt: i64, result: Result<(), JobError>) -> End {
        match result {
            Ok(()) => End::Done,
            Err(JobError::Dead(failure)) => End::Dead(failure.to_string()),
            Err(JobError::Later(failure, wait)) => {
                End::PutOff(self.claimant.store.now().plus(wait), failure.to_string())
            }
            Err(JobError::NotYet(wait)) => End::NotYet(self.claimant.store.now().plus(wait)),
            Err(JobError::Retry(failure)) if attempt >= self.options.attempts => End::Dead(failure.to_string()),
            Err(JobError::Retry(failure)) => {
                let wait = self.options.backoff(attempt, (self.jitter)());
                End::Retry(self.claimant.store.now().plus(wait), failure.to_string())
            }
        }
    }
}

fn span_end(end: &End) -> SpanEnd {
    match end {
        End::Done => SpanEnd::Done,
        End::Retry(..) => SpanEnd::Failed("retried".into()),
        End::PutOff(..) | End::NotYet(_) => SpanEnd::Refused("put_off".into()),
        End::Dead(_) => SpanEnd::Failed("dead".into()),
        End::Released => SpanEnd::Abandoned,
    }
}

fn panicked() -> JobError {
    JobError::Retry(Failure::new(FailureKind::Internal, "the job's handler panicked"))
}

/// Ends only when the lease is lost.
async fn keep_alive(lease: &Lease, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        match lease.beat().await {
            Ok(true) => {}
            Ok(false) => return,
            Err(failure) => tracing::warn!(%failure, "a job's heartbeat failed; trying again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_up_to_its_longest() {
        let options = WorkerOptions::default();
        for (attempt, jitter, seconds) in [(1, 1.0, 1.0), (2, 1.0, 2.0), (4, 1.0, 8.0), (4, 0.0, 4.0), (99, 1.0, 600.0)]
        {
            assert_eq!(options.backoff(attempt, jitter).as_secs_f64(), seconds, "attempt {attempt}, jitter {jitter}");
        }
    }
}
