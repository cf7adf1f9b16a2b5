//! API keys of operators' servers.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use tessera_contract::Failure;
use tessera_types::{KeyId, TenantId};

use super::refused;
use crate::cache::Cache;

/// How long a key is believed after it was looked up: so long a revoked one may still work.
const BELIEVED: Duration = Duration::from_secs(10);
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
    /// The key with this secret; `None` when there is none or it was revoked.
    async fn resolve(&self, secret: &str) -> Result<Option<ResolvedKey>, Failure>;
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

    pub(super) async fn resolve(&self, secret: &str) -> Result<ResolvedKey, Failure> {
        let unknown = || refused("the API key is unknown or was revoked");
        if secret.len() > LONGEST || !(secret.starts_with("sk_live_") || secret.starts_with("sk_test_")) {
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
