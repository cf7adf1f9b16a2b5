//! All SQL of subjects: other providers' names for people, and the accounts they stand for.

use tessera_contract::Failure;
use tessera_store::{Reader, Tx, params};
use tessera_types::AccountId;

use super::{ACCOUNT_BY_EMAIL, AccountRow};

const ACCOUNT_OF: &str = "select account_id from subjects where tenant = $1 and issuer = $2 and subject = $3";
const OF_ACCOUNT: &str = "select account_id from subjects where tenant = $1 and account_id = $2 limit 1";
const ADD: &str = "insert into subjects (tenant, issuer, subject, account_id) values ($1, $2, $3, $4)";

#[derive(serde::Deserialize)]
struct SubjectRow {
    account_id: AccountId,
}

pub(crate) async fn account_of(reader: &Reader, issuer: &str, subject: &str) -> Result<Option<AccountId>, Failure> {
    let found: Option<SubjectRow> = reader.optional(ACCOUNT_OF, params![issuer, subject]).await?;
    Ok(found.map(|row| row.account_id))
}

pub(crate) async fn account_of_in(tx: &mut Tx, issuer: &str, subject: &str) -> Result<Option<AccountId>, Failure> {
    let found: Option<SubjectRow> = tx.optional(ACCOUNT_OF, params![issuer, subject]).await?;
    Ok(found.map(|row| row.account_id))
}

/// The account with this address, unless some provider's subject stands for it already.
pub(crate) async fn unclaimed(tx: &mut Tx, email: &str) -> Result<Option<AccountId>, Failure> {
    let found: Option<AccountRow> = tx.optional(ACCOUNT_BY_EMAIL, params![email]).await?;
    let Some(AccountRow { account_id, .. }) = found else { return Ok(None) };
    let claimed: Option<SubjectRow> = tx.optional(OF_ACCOUNT, params![&account_id]).await?;
    Ok(claimed.is_none().then_some(account_id))
}

pub(crate) async fn add(tx: &mut Tx, issuer: &str, subject: &str, account_id: &AccountId) -> Result<(), Failure> {
    tx.execute(ADD, params![issuer, subject, account_id]).await.map(drop)
}
