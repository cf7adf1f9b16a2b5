//! Checkouts.

use tessera_contract::Failure;
use tessera_contract_billing::{Checkout, CheckoutState};
use tessera_store::{Reader, Tx, params};

use super::{corrupt, money, parsed, time};
use crate::{checkout::StoredCheckout, outcome::Refusal};

const INSERT: &str = "insert into checkouts (tenant, checkout_id, account_id, offer_id, title_id, amount_minor, \
    currency, state, subscription_id, created_at, started_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const BY_ID: &str = "select checkout_id, account_id, offer_id, title_id, amount_minor, currency, state, refusal, \
    decline_message, subscription_id, created_at, started_at from checkouts where tenant = $1 and checkout_id = $2";
const UPDATE: &str = "update checkouts set state = $3, refusal = $4, decline_message = $5, subscription_id = $6 \
    where tenant = $1 and checkout_id = $2";

#[derive(serde::Deserialize)]
struct CheckoutRow {
    checkout_id: String,
    account_id: String,
    offer_id: String,
    title_id: Option<String>,
    amount_minor: i64,
    currency: String,
    state: String,
    refusal: Option<String>,
    decline_message: Option<String>,
    subscription_id: Option<String>,
    created_at: i64,
    started_at: i64,
}

impl TryFrom<CheckoutRow> for StoredCheckout {
    type Error = Failure;
    fn try_from(row: CheckoutRow) -> Result<Self, Failure> {
        let refusal = |name: String| Refusal::from_name(&name).ok_or_else(|| corrupt(format!("refusal {name}")));
        let checkout = Checkout {
            checkout_id: row.checkout_id,
            offer_id: parsed(&row.offer_id, "a checkout's offer")?,
            title_id: row.title_id.map(|id| parsed(&id, "a checkout's title")).transpose()?,
            amount: money(row.amount_minor, &row.currency)?,
            state: state(&row.state)?,
            decline_message: row.decline_message,
            subscription_id: row.subscription_id.map(|id| parsed(&id, "a checkout's subscription")).transpose()?,
            created_at: time(row.created_at),
        };
        Ok(Self {
            checkout,
            account_id: parsed(&row.account_id, "a checkout's account")?,
            refusal: row.refusal.map(refusal).transpose()?,
            started_at: time(row.started_at),
        })
    }
}

fn state(name: &str) -> Result<CheckoutState, Failure> {
    match name {
        "pending" => Ok(CheckoutState::Pending),
        "succeeded" => Ok(CheckoutState::Succeeded),
        "declined" => Ok(CheckoutState::Declined),
        other => Err(corrupt(format!("a checkout's state {other}"))),
    }
}

fn state_name(state: CheckoutState) -> &'static str {
    match state {
        CheckoutState::Pending | CheckoutState::Unknown => "pending",
        CheckoutState::Succeeded => "succeeded",
        CheckoutState::Declined => "declined",
    }
}

/// Adds a checkout.
pub(crate) async fn insert_checkout(tx: &mut Tx, stored: &StoredCheckout) -> Result<(), Failure> {
    let StoredCheckout { checkout, account_id, started_at, .. } = stored;
    let Checkout { checkout_id, offer_id, title_id, amount, subscription_id, created_at, .. } = checkout;
    let (title, subscription, state) = (title_id.clone(), subscription_id.clone(), state_name(checkout.state));
    let (minor, currency) = (amount.amount_minor, &amount.currency);
    let values =
        params![checkout_id, account_id, offer_id, title, minor, currency, state, subscription, created_at, started_at];
    tx.execute(INSERT, values).await.map(drop)
}

/// The checkout, whoever's it is.
pub(crate) async fn checkout(reader: &Reader, id: &str) -> Result<Option<StoredCheckout>, Failure> {
    let row: Option<CheckoutRow> = reader.optional(BY_ID, params![id]).await?;
    row.map(StoredCheckout::try_from).transpose()
}

/// The checkout, for a write that depends on it.
pub(crate) async fn checkout_in(tx: &mut Tx, id: &str) -> Result<Option<StoredCheckout>, Failure> {
    let row: Option<CheckoutRow> = tx.optional(BY_ID, params![id]).await?;
    row.map(StoredCheckout::try_from).transpose()
}

/// Writes a checkout's outcome.
pub(crate) async fn update_checkout(tx: &mut Tx, stored: &StoredCheckout) -> Result<(), Failure> {
    let StoredCheckout { checkout, refusal, .. } = stored;
    let (state, refusal) = (state_name(checkout.state), refusal.map(|refusal| refusal.name()));
    let (message, subscription) = (&checkout.decline_message, checkout.subscription_id.clone());
    let values = params![&checkout.checkout_id, state, refusal, message, subscription];
    tx.execute(UPDATE, values).await.map(drop)
}
