//! The keys of each tenant's issuer, kept at hand.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use jsonwebtoken::jwk::JwkSet;
use tessera_contract::Failure;
use tessera_types::TenantId;
use tokio::time::Instant;

/// Keys are read anew after this long.
const FRESH: Duration = Duration::from_secs(600);
/// Keys are never read more often than this, whatever key ids strangers make up.
const SOONEST: Duration = Duration::from_secs(10);

/// Whose tokens a tenant takes.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// The `iss` of its tokens (OpenID Connect Discovery §3), compared exactly.
    pub url: String,
    /// What its access tokens for this tenant name in `aud`.
    pub audience: String,
    /// The `typ` its access tokens have to carry, `at+jwt` (RFC 9068 §2.1); `None` for issuers that set another one.
    pub token_type: Option<String>,
    /// Its public keys (RFC 7517).
    pub keys: JwkSet,
}

/// Where issuers and their keys come from: the identity contract, or an issuer's own discovery document.
#[async_trait]
pub trait IssuerKeys: Send + Sync + 'static {
    /// The tenant's issuer with its present keys, read anew.
    async fn issuer(&self, tenant: &TenantId) -> Result<Issuer, Failure>;
}

type Fetch = Shared<BoxFuture<'static, Result<Arc<Issuer>, Failure>>>;

struct Slot {
    begun: Instant,
    fetch: Fetch,
    last_good: Option<Arc<Issuer>>,
}

/// Issuers by tenant. However many requests wait for keys, they are read once.
pub(super) struct IssuerCache {
    source: Arc<dyn IssuerKeys>,
    slots: Mutex<HashMap<TenantId, Slot>>,
}

impl IssuerCache {
    pub(super) fn new(source: Arc<dyn IssuerKeys>) -> Self {
        Self { source, slots: Mutex::default() }
    }

    /// The tenant's issuer; read anew when `known` says no of what is at hand, and it was not read just now.
    pub(super) async fn get(&self, tenant: &TenantId, known: impl Fn(&Issuer) -> bool) -> Result<Arc<Issuer>, Failure> {
        let issuer = self.not_older_than(tenant, FRESH).await?;
        if known(&issuer) {
            return Ok(issuer);
        }
        self.not_older_than(tenant, SOONEST).await
    }

    /// Reads every issuer anew before it is believed again.
    pub(super) fn forget(&self) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    async fn not_older_than(&self, tenant: &TenantId, age: Duration) -> Result<Arc<Issuer>, Failure> {
        let (fetch, last_good) = self.fetch(tenant, age);
        match (fetch.await, last_good) {
            (Ok(issuer), _) => Ok(issuer),
            (Err(failure), Some(last_good)) => {
                tracing::warn!(%tenant, %failure, "the issuer's keys cannot be read; going on with the ones at hand");
                Ok(last_good)
            }
            (Err(failure), None) => Err(failure),
        }
    }

    fn fetch(&self, tenant: &TenantId, age: Duration) -> (Fetch, Option<Arc<Issuer>>) {
        let (mut slots, now) = (self.slots.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        let slot = slots.get(tenant);
        let outcome = slot.and_then(|slot| slot.fetch.peek().cloned());
        // A read that failed is tried again after the shortest time; one that still runs is waited for.
        let age = if matches!(outcome, Some(Err(_))) { SOONEST } else { age };
        if let Some(slot) = slot.filter(|slot| now.duration_since(slot.begun) < age) {
            return (slot.fetch.clone(), slot.last_good.clone());
        }
        let last_good = outcome.and_then(Result::ok).or_else(|| slot.and_then(|slot| slot.last_good.clone()));
        let (source, of) = (self.source.clone(), tenant.clone());
        let fetch = async move { source.issuer(&of).await.map(Arc::new) }.boxed().shared();
        slots.insert(tenant.clone(), Slot { begun: now, fetch: fetch.clone(), last_good: last_good.clone() });
        (fetch, last_good)
    }
}
