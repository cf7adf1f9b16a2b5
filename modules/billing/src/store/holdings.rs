//! Holdings: one row for each thing an account has or is about to have.

use tessera_contract::Failure;
use tessera_store::{Tx, params};
use tessera_types::AccountId;

use super::time;
use crate::holding::Holding;

const FIND: &str = "select pending, until from holdings where tenant = $1 and account_id = $2 and thing = $3";
const RESERVE: &str = "insert into holdings (tenant, account_id, thing, checkout_id, pending, until) \
    values ($1, $2, $3, $4, true, null) on conflict (tenant, account_id, thing) \
    do update set checkout_id = excluded.checkout_id, pending = true, until = null";
const SET: &str = "update holdings set pending = $5, until = $6 \
    where tenant = $1 and account_id = $2 and thing = $3 and checkout_id = $4";
const RELEASE: &str = "delete from holdings where tenant = $1 and account_id = $2 and thing = $3 and checkout_id = $4";

/// What the account has of the thing.
pub(crate) async fn find(tx: &mut Tx, account: &AccountId, thing: &str) -> Result<Option<Holding>, Failure> {
    let row: Option<(bool, Option<i64>)> = tx.optional(FIND, params![account, thing]).await?;
    Ok(row.map(|(pending, until)| Holding { pending, until: until.map(time) }))
}

/// Takes the thing for a checkout, in place of a holding whose time has run out.
pub(crate) async fn reserve(tx: &mut Tx, account: &AccountId, thing: &str, checkout: &str) -> Result<(), Failure> {
    tx.execute(RESERVE, params![account, thing, checkout]).await.map(drop)
}

/// How the account has the checkout's thing from now on. A later checkout's holding stays as it is.
pub(crate) async fn set(
    tx: &mut Tx,
    account: &AccountId,
    thing: &str,
    checkout: &str,
    holding: &Holding,
) -> Result<(), Failure> {
    tx.execute(SET, params![account, thing, checkout, holding.pending, holding.until]).await.map(drop)
}

/// The checkout came to nothing.
pub(crate) async fn release(tx: &mut Tx, account: &AccountId, thing: &str, checkout: &str) -> Result<(), Failure> {
    tx.execute(RELEASE, params![account, thing, checkout]).await.map(drop)
}
