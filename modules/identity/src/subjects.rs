//! Which account a provider's subject stands for: always the same, and one of before where the provider vouches for its
//! address, so that who changes to another provider keeps what they have.

use tessera_contract::{Cx, Failure};
use tessera_contract_identity::{Account, AccountCreated};
use tessera_store::{Store, Tx};
use tessera_types::{AccountId, Timestamp};

use crate::{
    email,
    provider::{ForeignSubject, Subject},
    store::{self, subjects},
};

const ISSUER_MAX: usize = 2048;
/// OpenID Connect Core §2: a subject has at most 255 ASCII characters.
const SUBJECT_MAX: usize = 255;
/// The domain of an account's address when its provider vouches for none: nothing can be sent there (RFC 2606 §2).
const NO_ADDRESS: &str = "no-address.invalid";
/// In the place of a password's hash: no password has it.
const NO_PASSWORD: &str = "";

/// The account of whoever signed in.
pub(crate) async fn account(store: &Store, cx: &Cx, subject: Subject) -> Result<AccountId, Failure> {
    match subject {
        Subject::Account(account) => Ok(account),
        Subject::Foreign(subject) => account_of(store, cx, subject).await,
    }
}

/// The account that a subject stands for; a new one for somebody who was never here.
pub(crate) async fn account_of(store: &Store, cx: &Cx, subject: ForeignSubject) -> Result<AccountId, Failure> {
    check(&subject)?;
    let found = subjects::account_of(&store.tenant(cx), &subject.issuer, &subject.subject).await?;
    if let Some(account) = found {
        return Ok(account);
    }
    let input = (subject, AccountId::mint(store.now()), store.now());
    store.write(cx, input, |tx, (subject, fresh, now)| Box::pin(entered(tx, subject, fresh, *now))).await
}

fn check(subject: &ForeignSubject) -> Result<(), Failure> {
    if !(1..=ISSUER_MAX).contains(&subject.issuer.len()) {
        return Err(Failure::invalid("issuer", format!("an issuer has 1 to {ISSUER_MAX} characters")));
    }
    let visible = subject.subject.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    match (1..=SUBJECT_MAX).contains(&subject.subject.len()) && visible {
        true => Ok(()),
        false => Err(Failure::invalid("subject", format!("a subject is 1 to {SUBJECT_MAX} ASCII characters"))),
    }
}

async fn entered(
    tx: &mut Tx,
    subject: &ForeignSubject,
    fresh: &AccountId,
    now: Timestamp,
) -> Result<AccountId, Failure> {
    let ForeignSubject { issuer, subject, verified_email } = subject;
    if let Some(account) = subjects::account_of_in(tx, issuer, subject).await? {
        return Ok(account);
    }
    let email = verified_email.as_deref().and_then(email::normalised);
    let before = match &email {
        Some(email) => subjects::unclaimed(tx, email).await?,
        None => None,
    };
    let account = match before {
        Some(account) => account,
        None => created(tx, fresh, email, now).await?,
    };
    subjects::add(tx, issuer, subject, &account).await?;
    Ok(account)
}

/// A new account with the address, or with none where somebody has it.
async fn created(tx: &mut Tx, fresh: &AccountId, email: Option<String>, now: Timestamp) -> Result<AccountId, Failure> {
    let account_id = fresh.clone();
    let with =
        |email: String| Account { account_id: account_id.clone(), email: email.into(), created_at: now, version: 1 };
    let taken = match email {
        Some(email) => !store::add_account(tx, &with(email), NO_PASSWORD).await?,
        None => true,
    };
    if taken {
        store::add_account(tx, &with(format!("{account_id}@{NO_ADDRESS}")), NO_PASSWORD).await?;
    }
    tx.emit(&AccountCreated { account_id: account_id.clone(), created_at: now, version: 1 }).await?;
    Ok(account_id)
}
