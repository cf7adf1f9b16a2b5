//! Access tokens of a provider that is somebody else's: its subjects are names of its own.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tessera_contract::{Caller, Failure};
use tessera_types::{AccountId, TenantId};

use super::token::{Claims, Subjects};
use crate::cache::Cache;

/// Subjects whose accounts are remembered.
const REMEMBERED: usize = 100_000;
/// For how long; a subject's account never changes.
const LIFE: Duration = Duration::from_secs(3600);

/// Says which account a provider's subject stands for: identity does.
#[async_trait]
pub trait SubjectAccounts: Send + Sync + 'static {
    /// The account of the tenant that `subject` of `issuer` stands for.
    async fn account_of(&self, tenant: &TenantId, issuer: &str, subject: &str) -> Result<AccountId, Failure>;
}

/// The meaning of another provider's tokens: whoever has one is a viewer, whatever else the provider says of them.
pub struct ForeignSubjects {
    accounts: Arc<dyn SubjectAccounts>,
    known: Cache<(TenantId, String, String), AccountId>,
}

impl ForeignSubjects {
    /// Accounts as `accounts` says; each is asked for once an hour or so.
    pub fn new(accounts: Arc<dyn SubjectAccounts>) -> Self {
        Self { accounts, known: Cache::new(REMEMBERED) }
    }
}

#[async_trait]
impl Subjects for ForeignSubjects {
    async fn caller(&self, tenant: &TenantId, claims: &Claims) -> Result<Caller, Failure> {
        let key = (tenant.clone(), claims.issuer.clone(), claims.subject.clone());
        let viewer = |account| Caller::Viewer { account, profile: None };
        if let Some(account) = self.known.get(&key) {
            return Ok(viewer(account));
        }
        let read = self.known.generation();
        let account = self.accounts.account_of(tenant, &claims.issuer, &claims.subject).await?;
        self.known.put(read, key, account.clone(), LIFE);
        Ok(viewer(account))
    }
}
