//! All SQL of the sandbox gateway.

use tessera_contract::Failure;
use tessera_store::{Reader, Tx, params};
use tessera_types::{Money, Timestamp};

use crate::{
    card::{Behaviour, CheckedCard},
    charge::{StoredCharge, StoredToken},
};

const ADD_TOKEN: &str = "insert into tokens (tenant, token, behaviour, brand, last4, expires_at, created_at) \
    values ($1, $2, $3, $4, $5, $6, $7)";
const TOKEN: &str = "select behaviour, expires_at from tokens where tenant = $1 and token = $2";
const ADD_CHARGE: &str = "insert into charges (tenant, reference, token, amount_minor, currency, statement, \
    decline_code, settles_at, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const CHARGE: &str = "select reference, token, amount_minor, currency, statement, decline_code, settles_at, created_at \
    from charges where tenant = $1 and reference = $2";

#[derive(serde::Deserialize)]
struct TokenRow {
    behaviour: String,
    expires_at: i64,
}

#[derive(serde::Deserialize)]
struct ChargeRow {
    reference: String,
    token: String,
    amount_minor: i64,
    currency: String,
    statement: String,
    decline_code: Option<String>,
    settles_at: i64,
    created_at: i64,
}

impl TryFrom<ChargeRow> for StoredCharge {
    type Error = Failure;
    fn try_from(row: ChargeRow) -> Result<Self, Failure> {
        let currency = row.currency.parse().map_err(|e| Failure::internal("reading a stored charge", e))?;
        Ok(Self {
            reference: row.reference,
            token: row.token.into(),
            amount: Money::new(row.amount_minor, currency),
            statement: row.statement,
            decline_code: row.decline_code,
            settles_at: Timestamp::from_micros(row.settles_at),
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
}

/// Keeps what `token` stands for.
pub(crate) async fn add_token(tx: &mut Tx, token: &str, card: &CheckedCard) -> Result<(), Failure> {
    let now = tx.now();
    let CheckedCard { behaviour, brand, last4, expires_at } = card;
    tx.execute(ADD_TOKEN, params![token, behaviour.name(), *brand, last4, expires_at, now]).await.map(drop)
}

/// What `token` stands for.
pub(crate) async fn token(tx: &mut Tx, token: &str) -> Result<Option<StoredToken>, Failure> {
    let row: Option<TokenRow> = tx.optional(TOKEN, params![token]).await?;
    Ok(row.map(|row| StoredToken {
        behaviour: Behaviour::from_name(&row.behaviour).unwrap_or(Behaviour::Declined),
        expires_at: Timestamp::from_micros(row.expires_at),
    }))
}

/// Keeps a charge.
pub(crate) async fn add_charge(tx: &mut Tx, charge: &StoredCharge) -> Result<(), Failure> {
    let StoredCharge { reference, token, amount, statement, decline_code, settles_at, created_at } = charge;
    let (minor, currency) = (amount.amount_minor, &amount.currency);
    let values = params![reference, token, minor, currency, statement, decline_code, settles_at, created_at];
    tx.execute(ADD_CHARGE, values).await.map(drop)
}

/// The charge of this key, for a write that depends on it.
pub(crate) async fn charge_in(tx: &mut Tx, reference: &str) -> Result<Option<StoredCharge>, Failure> {
    let row: Option<ChargeRow> = tx.optional(CHARGE, params![reference]).await?;
    row.map(StoredCharge::try_from).transpose()
}

/// The charge of this key.
pub(crate) async fn charge(reader: &Reader, reference: &str) -> Result<Option<StoredCharge>, Failure> {
    let row: Option<ChargeRow> = reader.optional(CHARGE, params![reference]).await?;
    row.map(StoredCharge::try_from).transpose()
}
