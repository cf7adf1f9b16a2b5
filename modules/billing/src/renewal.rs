//! Renewals: each period is charged once, under a key of the subscription and the period's number.
//!
//! A period is renewed in three steps: marked in the store together with its job (`settle_renewal`), charged, written.
//! A crash or an unknown outcome leaves the mark; the job then asks the gateway, and charges again under the same key
//! if the gateway has never heard of it. While the mark stands, nothing else charges the subscription. A charge is made
//! as of the instant it was due and booked at it, so that catching up on several periods ends as renewing each on its
//! day would have.

use std::sync::Arc;

use futures::future::join_all;
use tessera_contract::{Cx, DEFAULT_TIMEOUT, Failure};
use tessera_contract_billing::{RenewalRun, SubscriptionChanged};
use tessera_store::Tx;
use tessera_types::{SubscriptionId, Timestamp};

use crate::{
    core::Core,
    id,
    ledger::{Booking, Sold},
    offer::plan_thing,
    outcome::Outcome,
    store::{self, holdings, ledger},
    subscription::{Agreement, period},
    till::{Bill, with_time},
};

/// The kind of job that finds out how a renewal's charge ended; its key is the charge's.
pub(crate) const SETTLE_RENEWAL: &str = "settle_renewal";
/// Subscriptions looked up at a time.
const BATCH: u32 = 100;

/// The payload of [`SETTLE_RENEWAL`].
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Renewal {
    pub(crate) subscription_id: SubscriptionId,
    /// The number of the period that is charged.
    pub(crate) period: i32,
}

/// What became of a renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Renewed {
    /// The period is paid.
    Yes,
    /// The card was declined: the subscription is canceled.
    Declined,
    /// Not known yet, or somebody else is at it.
    Open,
}

impl Core {
    /// Renews what is due at `cx`'s business time, period after period, until nothing is due or `cx`'s time is up.
    pub(crate) async fn renew_due(self: &Arc<Self>, cx: &Cx) -> Result<RenewalRun, Failure> {
        let mut run = RenewalRun { renewed: 0, declined: 0, pending: 0 };
        'due: loop {
            let due = store::due(&self.store.tenant(cx), cx.business_now, BATCH).await?;
            if due.is_empty() {
                break;
            }
            for some in due.chunks(self.config.at_once()) {
                if cx.remaining() <= self.config.charge_timeout().min(DEFAULT_TIMEOUT / 2) {
                    // What is still due is for the next run.
                    break 'due;
                }
                // In tasks of their own: a caller that goes away must not part a charge from its outcome.
                let steps = some.iter().map(|id| self.charging.spawn(self.clone().renew(cx.clone(), id.clone())));
                for step in join_all(steps.collect::<Vec<_>>()).await {
                    match step.map_err(|e| Failure::internal("renewing a subscription", e))?? {
                        Renewed::Yes => run.renewed += 1,
                        Renewed::Declined => run.declined += 1,
                        Renewed::Open => {}
                    }
                }
            }
        }
        run.pending = store::renewals_open(&self.store.tenant(cx), cx.business_now).await?;
        Ok(run)
    }

    async fn renew(self: Arc<Self>, cx: Cx, subscription_id: SubscriptionId) -> Result<Renewed, Failure> {
        let cx = with_time(&cx, DEFAULT_TIMEOUT);
        let input = (subscription_id, self.store.now().plus(self.config.ask_after()));
        let marked = self.store.write(&cx, input, |tx, (id, ask_at)| Box::pin(mark(tx, id, *ask_at))).await?;
        let Some(agreement) = marked else { return Ok(Renewed::Open) };
        let outcome = self.charge_renewal(&cx, &agreement).await;
        let renewal = Renewal { period: agreement.period + 1, subscription_id: agreement.subscription.subscription_id };
        self.settle_renewal(&cx, renewal, outcome).await
    }

    /// Charges the next period, as of the instant it is due.
    pub(crate) async fn charge_renewal(&self, cx: &Cx, agreement: &Agreement) -> Outcome {
        let mut cx = with_time(cx, self.config.charge_timeout());
        cx.business_now = agreement.subscription.period_ends_at;
        let bill = Bill {
            key: agreement.charge_key(agreement.period + 1),
            payment_token: agreement.payment_token.clone(),
            amount: agreement.subscription.price.clone(),
        };
        self.till.charge(&cx, &bill).await
    }

    /// Charges a renewal of which the gateway has never heard, if it is still open and not canceled. It is marked anew
    /// first: this request may be on its way for as long as the first one might have been.
    pub(crate) async fn charge_again(&self, cx: &Cx, renewal: &Renewal) -> Result<Outcome, Failure> {
        let marked = self.store.write(cx, renewal.clone(), |tx, renewal| Box::pin(mark_again(tx, renewal))).await?;
        match marked {
            Some(agreement) => Ok(self.charge_renewal(cx, &agreement).await),
            None => Ok(Outcome::NoCharge),
        }
    }

    /// Writes down how a renewal's charge ended, once. An unknown outcome leaves the mark.
    pub(crate) async fn settle_renewal(&self, cx: &Cx, renewal: Renewal, outcome: Outcome) -> Result<Renewed, Failure> {
        if outcome == Outcome::Unknown {
            return Ok(Renewed::Open);
        }
        let cx = with_time(cx, DEFAULT_TIMEOUT);
        let input = (renewal, outcome, id::transaction(self.store.now()));
        self.store.write(&cx, input, |tx, (renewal, outcome, ltx)| Box::pin(settle(tx, renewal, outcome, ltx))).await
    }
}

/// Step one: the subscription, marked and with its job, if it is due.
async fn mark(tx: &mut Tx, id: &SubscriptionId, ask_at: Timestamp) -> Result<Option<Agreement>, Failure> {
    let now = tx.cx().map_or_else(|| tx.now(), |cx| cx.business_now);
    let Some(mut agreement) = store::agreement_in(tx, id).await?.filter(|agreement| agreement.is_due(now)) else {
        return Ok(None);
    };
    agreement.renewing_since = Some(tx.now());
    write(tx, &agreement).await?;
    let next = agreement.period + 1;
    let renewal = Renewal { subscription_id: id.clone(), period: next };
    tx.enqueue(SETTLE_RENEWAL, &agreement.charge_key(next), &renewal, ask_at).await?;
    Ok(Some(agreement))
}

/// Step one again.
async fn mark_again(tx: &mut Tx, renewal: &Renewal) -> Result<Option<Agreement>, Failure> {
    let Some(mut agreement) = open(tx, renewal).await?.filter(Agreement::is_active) else { return Ok(None) };
    agreement.renewing_since = Some(tx.now());
    write(tx, &agreement).await?;
    Ok(Some(agreement))
}

/// Step three.
async fn settle(tx: &mut Tx, renewal: &Renewal, outcome: &Outcome, transaction_id: &str) -> Result<Renewed, Failure> {
    let Some(agreement) = open(tx, renewal).await? else { return Ok(Renewed::Open) };
    let (agreement, renewed) = match outcome {
        Outcome::Unknown => return Ok(Renewed::Open),
        Outcome::NoCharge => {
            write(tx, &agreement.unmarked()).await?;
            return Ok(Renewed::Open);
        }
        Outcome::Paid => {
            let (number, due) = (renewal.period, period(agreement.anchor, renewal.period).0);
            let what = format!("Subscription to {}, period {}", agreement.subscription.plan, number + 1);
            let (key, price) = (agreement.charge_key(number), &agreement.subscription.price);
            let booking = Booking::sale(Sold::Subscription, key, what, due, price);
            let booking = booking.map_err(|e| Failure::internal("booking a renewal", e))?;
            ledger::book(tx, transaction_id, &booking).await?;
            (agreement.renewed(), Renewed::Yes)
        }
        Outcome::Refused(_, message) => {
            tracing::info!(subscription = %renewal.subscription_id, message, "a renewal was declined");
            (agreement.unmarked().canceled(), Renewed::Declined)
        }
    };
    change(tx, &agreement).await?;
    Ok(renewed)
}

/// The subscription, while the outcome of this renewal is still open.
async fn open(tx: &mut Tx, renewal: &Renewal) -> Result<Option<Agreement>, Failure> {
    let found = store::agreement_in(tx, &renewal.subscription_id).await?;
    Ok(found.filter(|agreement| renewal.is_open(agreement)))
}

impl Renewal {
    /// Whether `agreement` still waits for the outcome of this renewal.
    pub(crate) fn is_open(&self, agreement: &Agreement) -> bool {
        agreement.renewing_since.is_some() && agreement.period + 1 == self.period
    }
}

/// Writes a subscription that others see changed, with the event that tells them.
pub(crate) async fn change(tx: &mut Tx, agreement: &Agreement) -> Result<(), Failure> {
    write(tx, agreement).await?;
    tx.emit(&SubscriptionChanged { subscription: agreement.subscription.clone() }).await
}

/// Writes a subscription, and how its account has it.
async fn write(tx: &mut Tx, agreement: &Agreement) -> Result<(), Failure> {
    store::update_agreement(tx, agreement).await?;
    let Agreement { subscription, checkout_id, .. } = agreement;
    let thing = plan_thing(&subscription.plan);
    holdings::set(tx, &subscription.account_id, &thing, checkout_id, &agreement.holding()).await
}
