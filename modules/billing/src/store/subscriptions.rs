//! Subscriptions.

use tessera_contract::Failure;
use tessera_contract_billing::{Subscription, SubscriptionState};
use tessera_store::{Reader, Tx, params};
use tessera_types::{AccountId, SubscriptionId, Timestamp};

use super::{corrupt, count, money, parsed, time};
use crate::subscription::Agreement;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select subscription_id, account_id, offer_id, checkout_id, plan, amount_minor, currency, max_streams, state, \
             anchor, period, period_starts_at, period_ends_at, renewing_since, payment_token, version \
             from subscriptions where tenant = $1 ",
            $rest
        )
    };
}

const INSERT: &str = "insert into subscriptions (tenant, subscription_id, account_id, offer_id, checkout_id, plan, \
    amount_minor, currency, max_streams, state, anchor, period, period_starts_at, period_ends_at, payment_token, version) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
const UPDATE: &str = "update subscriptions set state = $3, anchor = $4, period = $5, period_starts_at = $6, \
    period_ends_at = $7, renewing_since = $8, version = $9 where tenant = $1 and subscription_id = $2";
const DELETE: &str = "delete from subscriptions where tenant = $1 and subscription_id = $2";
const BY_ID: &str = select!("and subscription_id = $2");
const BY_ACCOUNT: &str = select!("and account_id = $2 order by subscription_id desc limit 100");
const DUE: &str = "select subscription_id from subscriptions where tenant = $1 and state = 'active' \
    and period_ends_at <= $2 and renewing_since is null order by period_ends_at, subscription_id limit $3";
const OPEN: &str = "select count(*) from subscriptions where tenant = $1 and state = 'active' \
    and period_ends_at <= $2 and renewing_since is not null";

#[derive(serde::Deserialize)]
struct SubscriptionRow {
    subscription_id: String,
    account_id: String,
    offer_id: String,
    checkout_id: String,
    plan: String,
    amount_minor: i64,
    currency: String,
    max_streams: i64,
    state: String,
    anchor: i64,
    period: i64,
    period_starts_at: i64,
    period_ends_at: i64,
    renewing_since: Option<i64>,
    payment_token: String,
    version: i64,
}

impl TryFrom<SubscriptionRow> for Agreement {
    type Error = Failure;
    fn try_from(row: SubscriptionRow) -> Result<Self, Failure> {
        let subscription = Subscription {
            subscription_id: parsed(&row.subscription_id, "a subscription's id")?,
            account_id: parsed(&row.account_id, "a subscription's account")?,
            offer_id: parsed(&row.offer_id, "a subscription's offer")?,
            plan: row.plan,
            price: money(row.amount_minor, &row.currency)?,
            max_streams: count(row.max_streams)?,
            state: state(&row.state)?,
            period_starts_at: time(row.period_starts_at),
            period_ends_at: time(row.period_ends_at),
            version: row.version,
        };
        Ok(Self {
            subscription,
            checkout_id: row.checkout_id,
            anchor: time(row.anchor),
            period: i32::try_from(row.period).map_err(|_| corrupt("a period's number".into()))?,
            renewing_since: row.renewing_since.map(time),
            payment_token: row.payment_token.into(),
        })
    }
}

fn state(name: &str) -> Result<SubscriptionState, Failure> {
    match name {
        "incomplete" => Ok(SubscriptionState::Incomplete),
        "active" => Ok(SubscriptionState::Active),
        "canceled" => Ok(SubscriptionState::Canceled),
        other => Err(corrupt(format!("a subscription's state {other}"))),
    }
}

fn state_name(state: SubscriptionState) -> &'static str {
    match state {
        SubscriptionState::Incomplete | SubscriptionState::Unknown => "incomplete",
        SubscriptionState::Active => "active",
        SubscriptionState::Canceled => "canceled",
    }
}

/// Adds a subscription.
pub(crate) async fn insert_agreement(tx: &mut Tx, agreement: &Agreement) -> Result<(), Failure> {
    let Agreement { subscription: its, checkout_id, anchor, period, payment_token, .. } = agreement;
    let values = params![
        &its.subscription_id,
        &its.account_id,
        &its.offer_id,
        checkout_id,
        &its.plan,
        its.price.amount_minor,
        &its.price.currency,
        its.max_streams,
        state_name(its.state),
        anchor,
        *period,
        its.period_starts_at,
        its.period_ends_at,
        payment_token,
        its.version
    ];
    tx.execute(INSERT, values).await.map(drop)
}

/// Writes what can change of a subscription.
pub(crate) async fn update_agreement(tx: &mut Tx, agreement: &Agreement) -> Result<(), Failure> {
    let Agreement { subscription: its, anchor, period, renewing_since, .. } = agreement;
    let (starts, ends) = (its.period_starts_at, its.period_ends_at);
    let (state, since) = (state_name(its.state), *renewing_since);
    let values = params![&its.subscription_id, state, anchor, *period, starts, ends, since, its.version];
    tx.execute(UPDATE, values).await.map(drop)
}

/// Forgets a subscription that was never paid.
pub(crate) async fn delete_agreement(tx: &mut Tx, id: &SubscriptionId) -> Result<(), Failure> {
    tx.execute(DELETE, params![id]).await.map(drop)
}

/// The subscription.
pub(crate) async fn agreement(reader: &Reader, id: &SubscriptionId) -> Result<Option<Agreement>, Failure> {
    let row: Option<SubscriptionRow> = reader.optional(BY_ID, params![id]).await?;
    row.map(Agreement::try_from).transpose()
}

/// The subscription, for a write that depends on it.
pub(crate) async fn agreement_in(tx: &mut Tx, id: &SubscriptionId) -> Result<Option<Agreement>, Failure> {
    let row: Option<SubscriptionRow> = tx.optional(BY_ID, params![id]).await?;
    row.map(Agreement::try_from).transpose()
}

/// An account's subscriptions, newest first, the latest 100.
pub(crate) async fn subscriptions(reader: &Reader, account: &AccountId) -> Result<Vec<Subscription>, Failure> {
    let rows: Vec<SubscriptionRow> = reader.all(BY_ACCOUNT, params![account]).await?;
    rows.into_iter().map(|row| Agreement::try_from(row).map(|agreement| agreement.subscription)).collect()
}

/// Subscriptions to be charged at `now`, the longest overdue first.
pub(crate) async fn due(reader: &Reader, now: Timestamp, limit: u32) -> Result<Vec<SubscriptionId>, Failure> {
    let rows: Vec<(String,)> = reader.all(DUE, params![now, limit]).await?;
    rows.into_iter().map(|(id,)| parsed(&id, "a subscription's id")).collect()
}

/// How many renewals that are due have no known outcome.
pub(crate) async fn renewals_open(reader: &Reader, now: Timestamp) -> Result<u32, Failure> {
    count(reader.scalar(OPEN, params![now]).await?)
}
