//! What follows from a charge's outcome: all of it in one commit, or nothing.

use std::time::Duration;

use tessera_contract::Failure;
use tessera_contract_billing::{CheckoutState, Offer, Purchase, PurchaseCompleted, SubscriptionChanged};
use tessera_store::Tx;

use crate::{
    checkout::StoredCheckout,
    events::SoldThing,
    holding::Holding,
    ledger::{Booking, Sold},
    offer::{self, Goods},
    outcome::Outcome,
    store::{self, holdings, ledger},
};

/// Writes the outcome of a checkout that is pending. Answers the checkout, and what was sold if this was the time.
pub(crate) async fn settle(
    tx: &mut Tx,
    checkout_id: &str,
    outcome: &Outcome,
    transaction_id: &str,
) -> Result<(StoredCheckout, Option<SoldThing>), Failure> {
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
) -> Result<SoldThing, Failure> {
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
            (SoldThing::Subscription(event.subscription), Sold::Subscription, None, what)
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
            (SoldThing::Purchase(event.purchase), Sold::Rental, Some(until), what)
        }
    };
    let holding = Holding { pending: false, until };
    holdings::set(tx, account_id, &goods.thing(), &checkout.checkout_id, &holding).await?;
    let booking = Booking::sale(kind, checkout.checkout_id.clone(), what, begins, &checkout.amount);
    let booking = booking.map_err(|e| Failure::internal("booking a sale", e))?;
    ledger::book(tx, transaction_id, &booking).await?;
    Ok(sold)
}
