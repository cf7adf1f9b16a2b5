//! Accounts: making one, and finding out whether somebody is its owner.

use tessera_contract::{Cx, Failure};
use tessera_contract_identity::{Account, AccountCreated};
use tessera_store::Store;
use tessera_types::AccountId;

use crate::{
    email,
    hasher::Hasher,
    password::{self, WeakPassword},
    store,
};

/// Why there is no new account. The messages are for the person who asked for it.
#[derive(Debug, thiserror::Error)]
pub enum SignUpError {
    /// Not an email address.
    #[error("This does not look like an email address. Write it like name@example.org.")]
    Email,
    /// The password is not taken.
    #[error(transparent)]
    Password(#[from] WeakPassword),
    /// The address has an account.
    #[error("There is an account with this email address already. Sign in instead.")]
    Taken,
    /// Something else is wrong.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// The accounts of every tenant.
pub(crate) struct Accounts {
    pub(crate) store: Store,
    pub(crate) hasher: Hasher,
}

impl Accounts {
    /// Makes an account.
    pub(crate) async fn create(&self, cx: &Cx, address: &str, password: &str) -> Result<Account, SignUpError> {
        let email = email::normalised(address).ok_or(SignUpError::Email)?;
        password::check(password, &email)?;
        let password_hash = self.hasher.hash(password.to_owned()).await?;
        let now = self.store.now();
        let account = Account { account_id: AccountId::mint(now), email: email.into(), created_at: now, version: 1 };
        let write = self.store.write(cx, (account, password_hash), |tx, (account, password_hash)| {
            Box::pin(async move {
                if !store::add_account(tx, account, password_hash).await? {
                    return Err(SignUpError::Taken);
                }
                let Account { account_id, created_at, version, .. } = account.clone();
                tx.emit(&AccountCreated { account_id, created_at, version }).await?;
                Ok(account.clone())
            })
        });
        write.await
    }

    /// The account of this address and password. That there is none takes as long to find out as that the password is
    /// wrong.
    pub(crate) async fn sign_in(&self, cx: &Cx, address: &str, password: &str) -> Result<Option<AccountId>, Failure> {
        let email = email::normalised(address).unwrap_or_default();
        let found = store::account_by_email(&self.store.tenant(cx), &email).await?;
        // Whom another provider signed in has none.
        let hash = found.as_ref().map(|account| account.password_hash.clone()).filter(|hash| !hash.is_empty());
        // Nobody has a longer one, and it is not worth hashing.
        let given: String = password.chars().take(password::LONGEST + 1).collect();
        let matches = self.hasher.matches(given, hash).await?;
        Ok(found.filter(|_| matches).map(|account| account.account_id))
    }
}
