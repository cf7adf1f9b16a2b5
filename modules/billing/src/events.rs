//! What billing does with its own events: it puts grants into entitlement.
//!
//! A consumer of billing's outbox does it, at least once, woken by the commit itself. A checkout that was just paid
//! also tries at once, by the same function, so that whoever gets the answer can play; when that fails nothing is lost.
//! A grant is named by the subscription or the checkout and carries its version, so that repeats and late arrivals
//! change nothing.

use std::{sync::Arc, time::Duration};

use tessera_contract::{CloudEvent, Cx, Event, Failure};
use tessera_contract_billing::{Purchase, PurchaseCompleted, Subscription, SubscriptionChanged, SubscriptionState};
use tessera_contract_entitlement::{EntitlementError, GrantScope, PutGrant};
use tessera_events::{Consumer, HandlerError, Log, decode};
use tokio_util::sync::CancellationToken;

use crate::core::Core;

/// The consumer's name, for ever.
const GRANTS: &str = "billing.grants";
/// The name of billing among the sources of grants.
const SOURCE: &str = "billing";
/// How long a checkout's answer waits for its grant.
const SOON: Duration = Duration::from_secs(2);

/// What opens something to watch.
#[derive(Debug, Clone)]
pub(crate) enum SoldThing {
    Subscription(Subscription),
    Purchase(Purchase),
}

impl Core {
    /// Follows billing's own events until `shutdown`.
    pub(crate) async fn put_grants(self: Arc<Self>, shutdown: CancellationToken) {
        let consumer = self.grants_consumer();
        consumer.run_outside(move |cx, event| self.clone().deliver(cx, event), shutdown).await;
    }

    /// Puts the grants of the events that there are now; whether all of them went.
    pub(crate) async fn put_grants_now(self: Arc<Self>) -> Result<bool, Failure> {
        let consumer = self.grants_consumer();
        consumer.drain_outside(move |cx, event| self.clone().deliver(cx, event)).await
    }

    fn grants_consumer(&self) -> Consumer {
        let consumer = Consumer::new(GRANTS, Log::of(&self.store), &self.store);
        consumer.on::<SubscriptionChanged>().on::<PurchaseCompleted>()
    }

    async fn deliver(self: Arc<Self>, cx: Cx, event: Arc<CloudEvent>) -> Result<(), HandlerError> {
        let sold = sold_thing(&event)?;
        Ok(self.put_grant(&cx, &sold).await?)
    }

    /// Puts the grant now, if entitlement answers soon.
    pub(crate) async fn put_grant_soon(&self, cx: &Cx, sold: &SoldThing) {
        let cx = cx.with_timeout(SOON);
        match tokio::time::timeout_at(cx.deadline, self.put_grant(&cx, sold)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "a grant was not put at once; its event will do it"),
            Err(_) => tracing::warn!("a grant was not put in time; its event will do it"),
        }
    }

    async fn put_grant(&self, cx: &Cx, sold: &SoldThing) -> Result<(), EntitlementError> {
        let Some(grant) = grant(sold, self.config.renewal_grace()) else { return Ok(()) };
        self.entitlement.put_grant(&cx.as_service("billing"), grant).await.map(drop)
    }
}

fn sold_thing(event: &CloudEvent) -> Result<SoldThing, HandlerError> {
    match event.kind == PurchaseCompleted::TYPE {
        true => Ok(SoldThing::Purchase(decode::<PurchaseCompleted>(event)?.purchase)),
        false => Ok(SoldThing::Subscription(decode::<SubscriptionChanged>(event)?.subscription)),
    }
}

/// The grant that something sold stands for; none while it is not paid.
fn grant(sold: &SoldThing, grace: Duration) -> Option<PutGrant> {
    match sold {
        SoldThing::Purchase(purchase) => Some(PutGrant {
            source: SOURCE.into(),
            reference: purchase.checkout_id.clone(),
            account_id: purchase.account_id.clone(),
            scope: GrantScope::Title { title_id: purchase.title_id.clone() },
            starts_at: purchase.starts_at,
            ends_at: Some(purchase.ends_at),
            max_streams: purchase.max_streams,
            version: purchase.version,
        }),
        SoldThing::Subscription(subscription) => {
            let ends_at = match subscription.state {
                SubscriptionState::Active => subscription.period_ends_at.plus(grace),
                SubscriptionState::Canceled => subscription.period_ends_at,
                SubscriptionState::Incomplete | SubscriptionState::Unknown => return None,
            };
            Some(PutGrant {
                source: SOURCE.into(),
                reference: subscription.subscription_id.to_string(),
                account_id: subscription.account_id.clone(),
                scope: GrantScope::Plan { plan: subscription.plan.clone() },
                starts_at: subscription.period_starts_at,
                ends_at: Some(ends_at),
                max_streams: subscription.max_streams,
                version: subscription.version,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use tessera_types::{Money, Timestamp};

    use super::*;

    fn subscription(state: SubscriptionState) -> SoldThing {
        SoldThing::Subscription(Subscription {
            subscription_id: "sub_1".parse().unwrap(),
            account_id: "acc_1".parse().unwrap(),
            offer_id: "off_1".parse().unwrap(),
            plan: "basic".into(),
            price: Money::new(799, "EUR".parse().unwrap()),
            max_streams: 2,
            state,
            period_starts_at: Timestamp::from_micros(0),
            period_ends_at: Timestamp::from_micros(1_000_000),
            version: 3,
        })
    }

    #[test]
    fn grace_is_for_what_is_about_to_be_renewed_alone() {
        let ends = |state| grant(&subscription(state), Duration::from_secs(2)).map(|g| g.ends_at.unwrap().as_seconds());
        assert_eq!(ends(SubscriptionState::Active), Some(3));
        assert_eq!(ends(SubscriptionState::Canceled), Some(1));
        assert_eq!(ends(SubscriptionState::Incomplete), None);
    }
}
