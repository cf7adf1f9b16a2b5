//! How a checkout goes: begun in the store, charged at the gateway, settled in the store.
//!
//! The task of a checkout's first request makes its one charge, under the checkout's id as the gateway's idempotency
//! key. Everybody else only asks: a repeat of the request looks at the row, and the job that was queued with the row
//! (`settle_checkout`) asks the gateway until it says how the charge ended. So nothing is charged twice whichever step
//! a process ends between, and a charge that the gateway does not know after a while was never made.

use std::{sync::Arc, time::Duration};

use tessera_contract::{Cx, DEFAULT_TIMEOUT, Failure};
use tessera_contract_billing::{
    BillingError, Checkout, CheckoutState, CreateCheckout, Offer, Subscription, SubscriptionState,
};
use tessera_store::Tx;
use tessera_types::{AccountId, SubscriptionId, Timestamp};
use tokio::time::Instant;

use crate::{
    checkout::StoredCheckout,
    core::Core,
    fulfilment, holding, id,
    offer::{self, Goods},
    outcome::Outcome,
    store::{self, holdings},
    subscription::Agreement,
    till::{Bill, with_time},
};

/// The kind of job that finds out how a checkout's charge ended; its key is the checkout's id.
pub(crate) const SETTLE_CHECKOUT: &str = "settle_checkout";
/// How often it looks, should another process be at it.
const LOOK: Duration = Duration::from_millis(250);
/// What is kept of a caller's time for writing down what the gateway said.
const RESERVE: Duration = Duration::from_secs(1);

/// A purchase about to begin: ids are minted outside the write, which may run again.
struct Order {
    checkout_id: String,
    subscription_id: SubscriptionId,
    account_id: AccountId,
    request: CreateCheckout,
    ask_at: Timestamp,
}

impl Core {
    /// Buys; runs to its end in a task of its own.
    pub(crate) async fn buy(
        self: Arc<Self>,
        cx: Cx,
        account_id: AccountId,
        request: CreateCheckout,
    ) -> Result<Checkout, BillingError> {
        let now = self.store.now();
        let payment_token = request.payment_token.clone();
        let order = Order {
            checkout_id: id::checkout(now),
            subscription_id: SubscriptionId::mint(now),
            account_id,
            request,
            ask_at: now.plus(self.config.ask_after()),
        };
        let minted = order.checkout_id.clone();
        let checkout_id = self.store.write_once(&cx, order, |tx, order| Box::pin(begin(tx, order))).await?;
        if checkout_id != minted {
            return self.repeated(&cx, &checkout_id).await?.answer();
        }
        let begun = self.checkout(&cx, &checkout_id).await?;
        let time = cx.remaining().saturating_sub(RESERVE);
        let bill = Bill { key: checkout_id.clone(), payment_token, amount: begun.checkout.amount.clone() };
        let outcome = self.till.charge(&with_time(&cx, time), &bill).await;
        if matches!(outcome, Outcome::Unknown | Outcome::NoCharge) {
            return begun.answer();
        }
        match self.settle(&cx, &checkout_id, outcome).await {
            Ok(settled) => settled.answer(),
            Err(failure) => {
                // The charge stands at the gateway: the job will find it there.
                tracing::error!(checkout_id, %failure, "a checkout's outcome was not written; its job will do it");
                begun.answer()
            }
        }
    }

    /// The checkout that a key made before, once its first request has had a moment to finish it.
    async fn repeated(&self, cx: &Cx, checkout_id: &str) -> Result<StoredCheckout, BillingError> {
        let mut settled = self.settled.subscribe();
        let until = cx.deadline.min(Instant::now() + self.config.repeat_wait());
        loop {
            settled.mark_unchanged();
            let checkout = self.checkout(cx, checkout_id).await?;
            if !checkout.is_pending() || Instant::now() >= until {
                return Ok(checkout);
            }
            // An error says that another process may have settled it meanwhile: look.
            let _ = tokio::time::timeout(LOOK, settled.changed()).await;
        }
    }

    async fn checkout(&self, cx: &Cx, checkout_id: &str) -> Result<StoredCheckout, BillingError> {
        let found = store::checkout(&self.store.tenant(cx), checkout_id).await?;
        found.ok_or_else(|| BillingError::CheckoutNotFound(format!("there is no checkout {checkout_id}")))
    }

    /// Writes down how a checkout's charge ended, once, with all that follows from it, and puts the grant.
    pub(crate) async fn settle(&self, cx: &Cx, checkout_id: &str, outcome: Outcome) -> Result<StoredCheckout, Failure> {
        let cx = with_time(cx, DEFAULT_TIMEOUT);
        let input = (checkout_id.to_owned(), outcome, id::transaction(self.store.now()));
        let (checkout, sold) = self
            .store
            .write(&cx, input, |tx, (checkout_id, outcome, ltx)| {
                Box::pin(fulfilment::settle(tx, checkout_id, outcome, ltx))
            })
            .await?;
        self.settled.send_modify(|count| *count += 1);
        if let Some(sold) = sold {
            // The grant consumer does this too, at least once; here it is only sooner.
            self.put_grant_soon(&cx, &sold).await;
        }
        Ok(checkout)
    }
}

/// Phase one: the row, its gate, its subscription and its job, or the reason why nothing is sold.
async fn begin(tx: &mut Tx, order: &Order) -> Result<String, BillingError> {
    let CreateCheckout { offer_id, title_id, .. } = &order.request;
    let business_now = tx.cx().map_or_else(|| tx.now(), |cx| cx.business_now);
    let found = store::offer_in(tx, offer_id).await?.filter(|offer| !offer.archived);
    let offer = found.ok_or_else(|| BillingError::OfferNotFound(format!("no offer {offer_id} is for sale here")))?;
    let goods = offer::goods(&offer, title_id.clone())?;
    let thing = goods.thing();
    let held = holdings::find(tx, &order.account_id, &thing).await?;
    holding::admit(held.as_ref(), business_now)?;
    holdings::reserve(tx, &order.account_id, &thing, &order.checkout_id).await?;
    let checkout = StoredCheckout {
        checkout: Checkout {
            checkout_id: order.checkout_id.clone(),
            offer_id: offer_id.clone(),
            title_id: goods.title().cloned(),
            amount: offer.price.clone(),
            state: CheckoutState::Pending,
            decline_message: None,
            subscription_id: matches!(goods, Goods::Plan(_)).then(|| order.subscription_id.clone()),
            created_at: business_now,
        },
        account_id: order.account_id.clone(),
        refusal: None,
        started_at: tx.now(),
    };
    store::insert_checkout(tx, &checkout).await?;
    if let Goods::Plan(plan) = goods {
        store::insert_agreement(tx, &incomplete(order, &offer, plan, business_now)).await?;
    }
    tx.enqueue(SETTLE_CHECKOUT, &order.checkout_id, &(), order.ask_at).await?;
    Ok(order.checkout_id.clone())
}

fn incomplete(order: &Order, offer: &Offer, plan: String, now: Timestamp) -> Agreement {
    let subscription = Subscription {
        subscription_id: order.subscription_id.clone(),
        account_id: order.account_id.clone(),
        offer_id: offer.offer_id.clone(),
        plan,
        price: offer.price.clone(),
        max_streams: offer.max_streams,
        state: SubscriptionState::Incomplete,
        period_starts_at: now,
        period_ends_at: now,
        version: 1,
    };
    Agreement {
        subscription,
        checkout_id: order.checkout_id.clone(),
        anchor: now,
        period: 0,
        renewing_since: None,
        payment_token: order.request.payment_token.clone(),
    }
}
