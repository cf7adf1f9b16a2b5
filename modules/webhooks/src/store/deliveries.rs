//! Deliveries and their attempts.

use tessera_contract::Failure;
use tessera_contract_webhooks::{Attempt, Delivery, DeliveryState};
use tessera_store::{Reader, Store, Tx, params};
use tessera_types::{DeliveryId, Timestamp, WebhookId};

macro_rules! deliveries {
    ($rest:literal) => {
        concat!(
            "select delivery_id, endpoint_id, message_id, event_type, body, state, round, round_at, attempts, ",
            "last_error, created_at, ended_at from deliveries where tenant = $1 ",
            $rest
        )
    };
}
const BY_ID: &str = deliveries!("and delivery_id = $2");
const PAGE: &str = deliveries!(
    "and endpoint_id = $2 and ($3 is null or state = $3) and ($4 is null or delivery_id < $4) \
     order by delivery_id desc limit $5"
);
const FAILED_SINCE: &str = deliveries!(
    "and endpoint_id = $2 and state = 'failed' and created_at >= $3 order by created_at, delivery_id limit $4"
);
const INSERT: &str = "insert into deliveries \
    (tenant, delivery_id, endpoint_id, message_id, event_type, body, state, round, round_at, attempts, created_at) \
    values ($1, $2, $3, $4, $5, $6, 'pending', 1, $7, 0, $7) on conflict do nothing";
const END: &str = "update deliveries set state = $3, attempts = $4, last_error = $5, ended_at = $6 \
    where tenant = $1 and delivery_id = $2 and round = $7 and state = 'pending'";
const AGAIN: &str = "update deliveries set state = 'pending', round = round + 1, round_at = $3, ended_at = null \
    where tenant = $1 and delivery_id = $2 and state <> 'pending'";
const ATTEMPTED: &str = "insert into attempts (tenant, delivery_id, number, at, took_ms, status, error) \
    values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing";
const ATTEMPTS: &str = "select number, at, took_ms, status, error from attempts \
    where tenant = $1 and delivery_id = $2 order by number desc limit 100";
const OLD: &str = "select tenant, delivery_id from deliveries where ended_at < $1 order by ended_at limit 500";
const FORGET_ATTEMPTS: &str = "delete from attempts where tenant = $1 and delivery_id = $2";
const FORGET: &str = "delete from deliveries where tenant = $1 and delivery_id = $2 and ended_at is not null";

/// A delivery as stored.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct Due {
    pub(crate) delivery_id: DeliveryId,
    pub(crate) endpoint_id: WebhookId,
    pub(crate) message_id: String,
    event_type: String,
    pub(crate) body: String,
    state: String,
    pub(crate) round: i64,
    round_at: i64,
    pub(crate) attempts: i64,
    last_error: Option<String>,
    created_at: i64,
    ended_at: Option<i64>,
}

impl Due {
    pub(crate) fn is_pending(&self) -> bool {
        self.state == "pending"
    }

    /// When it was asked for, or asked for anew.
    pub(crate) fn since(&self) -> Timestamp {
        Timestamp::from_micros(self.round_at)
    }

    /// As others see it.
    pub(crate) fn shown(&self) -> Delivery {
        Delivery {
            delivery_id: self.delivery_id.clone(),
            endpoint_id: self.endpoint_id.clone(),
            message_id: self.message_id.clone(),
            event_type: self.event_type.clone(),
            state: match self.state.as_str() {
                "pending" => DeliveryState::Pending,
                "delivered" => DeliveryState::Delivered,
                "failed" => DeliveryState::Failed,
                _ => DeliveryState::Unknown,
            },
            attempts: self.attempts,
            last_error: self.last_error.clone(),
            created_at: Timestamp::from_micros(self.created_at),
            ended_at: self.ended_at.map(Timestamp::from_micros),
        }
    }
}

/// One call of an address.
#[derive(Debug, Clone)]
pub(crate) struct Called {
    pub(crate) at: Timestamp,
    pub(crate) took_ms: i64,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
}

pub(crate) async fn delivery(reader: &Reader, id: &DeliveryId) -> Result<Option<Due>, Failure> {
    reader.optional(BY_ID, params![id]).await
}

pub(crate) async fn delivery_in(tx: &mut Tx, id: &DeliveryId) -> Result<Option<Due>, Failure> {
    tx.optional(BY_ID, params![id]).await
}

/// The delivery, when it is still to be made in this round.
pub(crate) async fn due(reader: &Reader, id: &DeliveryId, round: i64) -> Result<Option<Due>, Failure> {
    Ok(delivery(reader, id).await?.filter(|due| due.is_pending() && due.round == round))
}

fn name(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Pending => "pending",
        DeliveryState::Delivered => "delivered",
        DeliveryState::Failed => "failed",
        DeliveryState::Unknown => "unknown",
    }
}

/// A page of an address's deliveries, newest first, below the id `before`.
pub(crate) async fn page(
    reader: &Reader,
    endpoint: &WebhookId,
    state: Option<DeliveryState>,
    before: Option<DeliveryId>,
    limit: u32,
) -> Result<Vec<Due>, Failure> {
    let before = before.as_ref().map(DeliveryId::as_str);
    reader.all(PAGE, params![endpoint, state.map(name), before, limit]).await
}

/// At most `limit` deliveries of an address that were given up and came here since.
pub(crate) async fn failed_since(
    tx: &mut Tx,
    endpoint: &WebhookId,
    since: Timestamp,
    limit: u32,
) -> Result<Vec<Due>, Failure> {
    tx.all(FAILED_SINCE, params![endpoint, since, limit]).await
}

/// A new delivery, to be made at once; `false` when the address has had this message.
pub(crate) async fn insert_delivery(
    tx: &mut Tx,
    id: &DeliveryId,
    endpoint: &WebhookId,
    (message, kind, body): (&str, &str, &str),
) -> Result<bool, Failure> {
    let now = tx.now();
    tx.insert_unique(INSERT, params![id, endpoint, message, kind, body, now]).await
}

/// Records a call and what the delivery came to, when it is still in this round.
pub(crate) async fn record(tx: &mut Tx, due: &Due, called: &Called, state: DeliveryState) -> Result<(), Failure> {
    let (number, now) = (due.attempts + 1, tx.now());
    let status = called.status.map(i64::from);
    let attempt = params![&due.delivery_id, number, called.at, called.took_ms, status, &called.error];
    tx.execute(ATTEMPTED, attempt).await?;
    let ended = (state != DeliveryState::Pending).then_some(now);
    let values = params![&due.delivery_id, name(state), number, &called.error, ended, due.round];
    tx.execute(END, values).await.map(drop)
}

/// Gives a delivery up without a call.
pub(crate) async fn end_due(tx: &mut Tx, due: &Due, error: &str) -> Result<(), Failure> {
    let now = tx.now();
    let values = params![&due.delivery_id, name(DeliveryState::Failed), due.attempts, error, Some(now), due.round];
    tx.execute(END, values).await.map(drop)
}

/// Begins another round; `false` when the delivery is pending.
pub(crate) async fn replay(tx: &mut Tx, id: &DeliveryId) -> Result<bool, Failure> {
    let now = tx.now();
    Ok(tx.execute(AGAIN, params![id, now]).await? > 0)
}

#[derive(serde::Deserialize)]
struct AttemptRow {
    number: i64,
    at: i64,
    took_ms: i64,
    status: Option<i64>,
    error: Option<String>,
}

/// The last hundred calls, oldest first.
pub(crate) async fn attempts(reader: &Reader, id: &DeliveryId) -> Result<Vec<Attempt>, Failure> {
    let rows: Vec<AttemptRow> = reader.all(ATTEMPTS, params![id]).await?;
    let shown = |AttemptRow { number, at, took_ms, status, error }: AttemptRow| {
        let status = status.and_then(|status| u16::try_from(status).ok());
        Attempt { number, at: Timestamp::from_micros(at), took_ms, status, error }
    };
    Ok(rows.into_iter().rev().map(shown).collect())
}

/// Forgets deliveries that ended before, of all tenants; answers how many.
pub(crate) async fn sweep(store: &Store, before: Timestamp) -> Result<u64, Failure> {
    let mut gone = 0;
    loop {
        let write = store.system_write(before, |tx, before| {
            Box::pin(async move {
                let old: Vec<(String, String)> = tx.all(OLD, params![*before]).await?;
                for (tenant, delivery) in &old {
                    tx.execute(FORGET_ATTEMPTS, params![tenant, delivery]).await?;
                    tx.execute(FORGET, params![tenant, delivery]).await?;
                }
                Ok::<_, Failure>(old.len() as u64)
            })
        });
        match write.await? {
            0 => return Ok(gone),
            some => gone += some,
        }
    }
}
