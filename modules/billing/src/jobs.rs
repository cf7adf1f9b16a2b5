//! What finds out how a charge ended when its own task did not: the jobs queued with every checkout and renewal.

use std::{sync::Arc, time::Duration};

use tessera_contract::{Failure, FailureKind};
use tessera_contract_billing::SubscriptionState;
use tessera_store::{Job, JobError, WorkerOptions};
use tokio_util::sync::CancellationToken;

use crate::{
    core::Core,
    outcome::{self, Outcome},
    renewal::{Renewal, SETTLE_RENEWAL},
    sale::SETTLE_CHECKOUT,
    store,
};

/// A charge is asked after for as long as it takes: money does not get lost after some attempts.
fn options() -> WorkerOptions {
    WorkerOptions { attempts: i64::MAX, longest_backoff: Duration::from_secs(60), ..WorkerOptions::concurrency(4) }
}

impl Core {
    /// Works on the jobs until `shutdown`.
    pub(crate) async fn settle_pending(self: Arc<Self>, shutdown: CancellationToken) {
        let jobs = self.store.jobs();
        let (sales, renewals) = (self.clone(), self.clone());
        tokio::join!(
            jobs.run(SETTLE_CHECKOUT, options(), move |job| settle_checkout(sales.clone(), job), shutdown.clone()),
            jobs.run(SETTLE_RENEWAL, options(), move |job| settle_renewal(renewals.clone(), job), shutdown.clone()),
        );
    }
}

impl Core {
    /// Works on one due job of each kind; whether there was any.
    pub(crate) async fn settle_next(self: &Arc<Self>) -> Result<bool, Failure> {
        let jobs = self.store.jobs();
        let (sales, renewals) = (self.clone(), self.clone());
        let sale = jobs.run_next(SETTLE_CHECKOUT, options(), move |job| settle_checkout(sales.clone(), job)).await?;
        let renewal =
            jobs.run_next(SETTLE_RENEWAL, options(), move |job| settle_renewal(renewals.clone(), job)).await?;
        Ok(sale || renewal)
    }
}

async fn settle_checkout(core: Arc<Core>, job: Arc<Job>) -> Result<(), JobError> {
    let cx = job.cx();
    let stored = store::checkout(&core.store.tenant(&cx), &job.key).await?;
    let Some(stored) = stored.filter(|checkout| checkout.is_pending()) else { return Ok(()) };
    // Taken before asking: what the gateway did not know then, it had not got in all that time.
    let waited = core.store.now().since(stored.started_at);
    let outcome = match core.till.ask(&cx, &job.key).await {
        Outcome::NoCharge if waited >= core.config.never_charged_after() => outcome::never_charged(),
        Outcome::NoCharge | Outcome::Unknown => return Err(still_open(&job.key)),
        known @ (Outcome::Paid | Outcome::Refused(..)) => known,
    };
    core.settle(&cx, &job.key, outcome).await?;
    Ok(())
}

async fn settle_renewal(core: Arc<Core>, job: Arc<Job>) -> Result<(), JobError> {
    let cx = job.cx();
    let renewal: Renewal = job.payload()?;
    let found = store::agreement(&core.store.tenant(&cx), &renewal.subscription_id).await?;
    let Some(agreement) = found.filter(|agreement| renewal.is_open(agreement)) else { return Ok(()) };
    let waited = agreement.renewing_since.map_or(Duration::ZERO, |since| core.store.now().since(since));
    let outcome = match core.till.ask(&cx, &job.key).await {
        Outcome::NoCharge if waited < core.config.never_charged_after() => Outcome::Unknown,
        // Canceled before it was charged: it is not charged any more.
        Outcome::NoCharge if agreement.subscription.state == SubscriptionState::Canceled => Outcome::NoCharge,
        Outcome::NoCharge => core.charge_again(&cx, &renewal).await?,
        told => told,
    };
    if outcome == Outcome::Unknown {
        return Err(still_open(&job.key));
    }
    core.settle_renewal(&cx, renewal, outcome).await?;
    Ok(())
}

fn still_open(key: &str) -> JobError {
    let detail = format!("the gateway has not said yet how charge {key} ended; it is asked again");
    JobError::Retry(Failure::new(FailureKind::Unavailable, detail))
}
