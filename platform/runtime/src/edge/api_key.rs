//! API keys of operators' servers.

use std::{net::IpAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use tessera_contract::Failure;
use tessera_types::{KeyId, Sensitive, TenantId};

use super::{TenantKind, refused};
use crate::cache::Cache;

/// How long a key is believed after it was looked up: so long one may still work that another process revoked.
const BELIEVED: Duration = Duration::from_secs(2);
const LONGEST: usize = 256;
const REMEMBERED: usize = 10_000;

/// Whose key it is and what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedKey {
    /// The key's tenant.
    pub tenant: TenantId,
    /// The key's id, for the audit trail.
    pub id: KeyId,
    /// What it may do, such as `catalog:write`; `*` is everything.
    pub scopes: Vec<String>,
}

/// Where API keys are kept.
#[async_trait]
pub trait ApiKeys: Send + Sync + 'static {
    /// The key with this secret; `None` when there is none, it has run out or was revoked.
    async fn resolve(&self, secret: &str) -> Result<Option<ResolvedKey>, Failure>;

    /// Hears that a request came with this key from this address, unspecified when that is not known. Called within the
    /// request: it must not wait. Whoever does not keep track does nothing.
    fn used(&self, _key: &ResolvedKey, _address: Sensitive<IpAddr>) {}
}

/// Keys that were looked up lately, by the hash of their secret; also that there is no such key.
pub(super) struct KeyCache {
    source: Arc<dyn ApiKeys>,
    known: Cache<[u8; 32], Option<ResolvedKey>>,
}

impl KeyCache {
    pub(super) fn new(source: Arc<dyn ApiKeys>) -> Self {
        Self { source, known: Cache::new(REMEMBERED) }
    }

    pub(super) fn forget(&self) {
        self.known.clear();
    }

    pub(super) fn used(&self, key: &ResolvedKey, address: Sensitive<IpAddr>) {
        self.source.used(key, address);
    }

    pub(super) async fn resolve(&self, secret: &str) -> Result<ResolvedKey, Failure> {
        let unknown = || refused("the API key is unknown, has run out or was revoked");
        let kinds = [TenantKind::Live, TenantKind::Test, TenantKind::Platform];
        if secret.len() > LONGEST || !kinds.iter().any(|kind| secret.starts_with(kind.key_prefix())) {
            return Err(unknown());
        }
        let hash: [u8; 32] = Sha256::digest(secret).into();
        if let Some(known) = self.known.get(&hash) {
            return known.ok_or_else(unknown);
        }
        let read = self.known.generation();
        let found = self.source.resolve(secret).await?;
        self.known.put(read, hash, found.clone(), BELIEVED);
        found.ok_or_else(unknown)
    }
}
