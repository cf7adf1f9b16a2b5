//! How a checkout goes: begun in the store, charged at the gateway, settled in the store.
//!
//! The task of a checkout's first request makes its one charge, under the checkout's id as the gateway's idempotency
//! key. Everybody else only asks: a repeat of the request looks at the row, and the job that was queued with the row
//! (`settle_checkout`) asks the gateway until it says how the charge ended. So nothing is charged twice whichever step
//! a process ends between, and a charge that the gateway does not know after a while was never made.

use std::{sync::Arc, time::Duration};

use tessera_contract::{Cx, DEFAULT_TIMEOUT, Failure};
use tessera_contract_billing::{
    BillingError, Checkout, CheckoutState, CreateCheckout, Offer, Purchase, PurchaseCompleted, Subscription,
    SubscriptionChanged, SubscriptionState,
};
use tessera_store::Tx;
use tessera_types::{AccountId, SubscriptionId, Timestamp};
use tokio::time::Instant;

use crate::{
    checkout::StoredCheckout,
    core::Core,
    events,
    holding::{self, Holding},
    id,
    ledger::{Booking, Sold},
    offer::{self, Goods},
    outcome::Outcome,
    store::{self, holdings, ledger},
    subscription::Agreement,
    till::{Bill, with_time},
};

/// The kind of job that finds out how a checkout's charge ended; its key is the checkout's id.
pub(crate) const SETTLE_CHECKOUT: &str = "settle_checkout";
/// How long a repeated request waits for the first one.
const PATIENCE: Duration = Duration::from_secs(2);
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
        let until = cx.deadline.min(Instant::now() + PATIENCE);
        loop {
            settled.mark_unchanged();
            let checkout = self.checkout(cx, checkout_id).await?;
            if !checkout.is_pending() || tokio::time::timeout_at(until, settled.changed()).await.is_err() {
                return Ok(checkout);
            }
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
            .write(&cx, input, |tx, (checkout_id, outcome, ltx)| Box::pin(settle(tx, checkout_id, outcome, ltx)))
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

/// Phase three: the outcome and all that follows from it, once. Answers what was sold, if this was the time.
async fn settle(
    tx: &mut Tx,
    checkout_id: &str,
    outcome: &Outcome,
    transaction_id: &str,
) -> Result<(StoredCheckout, Option<events::SoldThing>), Failure> {
    let missing = || store::corrupt(format!("checkout {checkout_id} is gone"));
    let mut stored = store::checkout_in(tx, checkout_id).await?.ok_or_else(missing)?;
    if !stored.is_pending() {
        return Ok((stored, None));
    }
    let offer = store::offer_in(tx, &stored.checkout.offer_id).await?.ok_or_else(missing)?;
    let goods = offer::goods(&offer, stored.checkout.title_id.clone())?;
    let sold = match outcome {
        Outcome::Unknown | Outcome::NoCharge => return Ok((stored, None)),
        Outcome::Paid => {
            stored.checkout.state = CheckoutState::Succeeded;
            Some(deliver(tx, &stored, &offer, &goods, transaction_id).await?)
        }
        Outcome::Refused(refusal, message) => {
            stored.checkout.state = CheckoutState::Declined;
            stored.checkout.decline_message = Some(message.clone());
            stored.refusal = Some(*refusal);
            if let Some(never_begun) = stored.checkout.subscription_id.take() {
                store::delete_agreement(tx, &never_begun).await?;
            }
            holdings::release(tx, &stored.account_id, &goods.thing(), checkout_id).await?;
            None
        }
    };
    store::update_checkout(tx, &stored).await?;
    Ok((stored, sold))
}

/// What a paid checkout brings: the subscription or purchase, the holding, the ledger transaction and the event.
async fn deliver(
    tx: &mut Tx,
    stored: &StoredCheckout,
    offer: &Offer,
    goods: &Goods,
    transaction_id: &str,
) -> Result<events::SoldThing, Failure> {
    let StoredCheckout { checkout, account_id, .. } = stored;
    let begins = stored.begins_at(tx.now());
    let (sold, kind, until, what) = match (goods, &checkout.subscription_id) {
        (Goods::Plan(plan), Some(subscription_id)) => {
            let missing = || store::corrupt(format!("subscription {subscription_id} is gone"));
            let agreement = store::agreement_in(tx, subscription_id).await?.ok_or_else(missing)?.begun(begins);
            store::update_agreement(tx, &agreement).await?;
            let event = SubscriptionChanged { subscription: agreement.subscription };
            tx.emit(&event).await?;
            let what = format!("Subscription to {plan}, first period");
            (events::SoldThing::Subscription(event.subscription), Sold::Subscription, None, what)
        }
        (Goods::Plan(_), None) => return Err(store::corrupt("a checkout of a plan has no subscription".into())),
        (Goods::Title(title_id, hours), _) => {
            let purchase = Purchase {
                checkout_id: checkout.checkout_id.clone(),
                account_id: account_id.clone(),
                title_id: title_id.clone(),
                price: checkout.amount.clone(),
                max_streams: offer.max_streams,
                starts_at: begins,
                ends_at: begins.plus(Duration::from_secs(u64::from(*hours) * 3600)),
                version: 1,
            };
            store::insert_purchase(tx, &purchase).await?;
            let event = PurchaseCompleted { purchase };
            tx.emit(&event).await?;
            let (until, what) = (event.purchase.ends_at, format!("Rental of {title_id} for {hours} hours"));
            (events::SoldThing::Purchase(event.purchase), Sold::Rental, Some(until), what)
        }
    };
    let holding = Holding { pending: false, until };
    holdings::set(tx, account_id, &goods.thing(), &checkout.checkout_id, &holding).await?;
    let booking = Booking::sale(kind, checkout.checkout_id.clone(), what, begins, &checkout.amount);
    let booking = booking.map_err(|e| Failure::internal("booking a sale", e))?;
    ledger::book(tx, transaction_id, &booking).await?;
    Ok(sold)
}
