//! Deliveries on their way out: one attempt at one address, and what follows from it.

use std::{sync::Arc, time::Duration};

use tessera_contract::{Cx, Failure, FailureKind};
use tessera_contract_webhooks::{DeliveryState, EndpointDisabled};
use tessera_store::{Job, JobError, Tx, WorkerOptions};
use tessera_types::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::{
    WebhooksService,
    calls::{DELIVERED, FAILED},
    config::WebhooksConfig,
    follow::{DELIVER_JOB, DeliverWork},
    schedule,
    store::{self, Called, Due, StoredEndpoint},
};

/// HTTP's word for an address that is no more: it is disabled at once.
const GONE: u16 = 410;
/// How long a delivery waits, at least, for a place among the calls of its address; up to four times as long.
const BUSY: Duration = Duration::from_secs(2);

/// What an attempt comes to, with the call that it was.
struct Outcome {
    config: WebhooksConfig,
    due: Due,
    called: Called,
    jitter: f64,
}

impl WebhooksService {
    /// Makes deliveries until `shutdown`.
    pub async fn deliver(self: Arc<Self>, shutdown: CancellationToken) {
        let concurrency = self.config.concurrent_calls.max(1);
        let options = WorkerOptions {
            concurrency,
            // No tenant keeps others waiting, however many addresses of its own are slow.
            per_tenant: Some(concurrency.div_ceil(2)),
            attempts: i64::MAX,
            lease: self.config.answer() * 4,
            ..WorkerOptions::default()
        };
        let jobs = self.store().jobs();
        jobs.run(DELIVER_JOB, options, move |job| self.clone().attempt(job), shutdown).await;
    }

    async fn attempt(self: Arc<Self>, job: Arc<Job>) -> Result<(), JobError> {
        let DeliverWork { delivery_id, round } = job.payload()?;
        let (cx, now) = (job.cx(), self.store().now());
        let reader = self.store().tenant(&cx);
        let Some(due) = store::due(&reader, &delivery_id, round).await? else { return Ok(()) };
        let Some(endpoint) = store::endpoint(&reader, &due.endpoint_id).await? else { return Ok(()) };
        if !endpoint.enabled {
            return Ok(self.end(&cx, due, "the address is disabled").await?);
        }
        if schedule::is_over(due.since(), now, self.config.give_up()) {
            return Ok(self.end(&cx, due, "nobody took it in time").await?);
        }
        let paused = Timestamp::from_micros(endpoint.paused_until);
        if paused > now {
            // Not all at once when the pause is over.
            let wait = paused.since(now) + BUSY.mul_f64(rand::random::<f64>());
            return Err(JobError::NotYet(wait));
        }
        let Some(place) = self.caller.place(cx.tenant.as_str(), due.endpoint_id.as_str()).await else {
            let wait = BUSY.mul_f64(1.0 + 3.0 * rand::random::<f64>());
            return Err(JobError::NotYet(wait));
        };
        let secrets = self.signing(&cx, &due.endpoint_id).await?;
        let called = self.caller.call(&endpoint.url, &due, &secrets, now).await;
        drop(place);
        let ended = if called.error.is_none() { DELIVERED } else { FAILED };
        metrics::counter!("tessera_webhook_calls_total", "outcome" => ended).increment(1);
        let outcome = Outcome { config: self.config.clone(), due, called, jitter: rand::random() };
        let write = self.store().write(&job.cx(), outcome, |tx, outcome| Box::pin(settle(tx, outcome)));
        match write.await? {
            None => Ok(()),
            Some((error, wait)) => Err(JobError::Later(Failure::new(FailureKind::Unavailable, error), wait)),
        }
    }

    async fn end(&self, cx: &Cx, due: Due, error: &'static str) -> Result<(), Failure> {
        let write =
            self.store().write(cx, due, move |tx, due| Box::pin(async move { store::end_due(tx, due, error).await }));
        write.await
    }
}

/// Records a call. Answers why and for how long to wait when there is to be another.
async fn settle(tx: &mut Tx, outcome: &Outcome) -> Result<Option<(String, Duration)>, Failure> {
    let Outcome { config, due, called, jitter } = outcome;
    let Some(error) = &called.error else {
        store::record(tx, due, called, DeliveryState::Delivered).await?;
        store::succeeded(tx, &due.endpoint_id).await?;
        return Ok(None);
    };
    let now = tx.now();
    if let Some(endpoint) = store::endpoint_in(tx, &due.endpoint_id).await? {
        failed(tx, endpoint, outcome, error).await?;
    }
    let wait = schedule::wait(due.attempts + 1, *jitter);
    match schedule::is_over(due.since(), now.plus(wait), config.give_up()) {
        true => {
            store::record(tx, due, called, DeliveryState::Failed).await?;
            Ok(None)
        }
        false => {
            store::record(tx, due, called, DeliveryState::Pending).await?;
            Ok(Some((error.clone(), wait)))
        }
    }
}

/// The address has failed: it is left alone for a while, or for good.
async fn failed(tx: &mut Tx, mut endpoint: StoredEndpoint, outcome: &Outcome, error: &str) -> Result<(), Failure> {
    let now = tx.now();
    endpoint.failures += 1;
    let since = *endpoint.failing_since.get_or_insert(now.as_micros());
    endpoint.paused_until = now.plus(schedule::pause(endpoint.failures, outcome.jitter)).as_micros();
    let failed_for_days = schedule::is_over(Timestamp::from_micros(since), now, outcome.config.disable());
    let disabled = endpoint.enabled && (outcome.called.status == Some(GONE) || failed_for_days);
    endpoint.enabled &= !disabled;
    endpoint.version += i64::from(disabled);
    store::edit(tx, &endpoint).await?;
    if disabled {
        tx.emit(&EndpointDisabled { endpoint: endpoint.shown(now), reason: error.to_owned() }).await?;
    }
    Ok(())
}
