//! API keys: making, giving a new secret, revoking, resolving.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tessera_contract::{Cx, Failure, FailureKind};
use tessera_contract_identity::{ApiKey, CreateApiKey, IdentityError, NewApiKey, RevokeApiKey, RotateApiKey};
use tessera_runtime::edge::ResolvedKey;
use tessera_types::{KeyId, TenantId};

use crate::{
    IdentityService, api_key, secret,
    store::{self, api_keys},
};

/// The longest secret worth hashing.
const LONGEST_SECRET: usize = 256;
/// Characters of a secret that are kept in the clear after its kind's prefix, to tell keys apart; 234 of its 256 bits
/// stay unknown.
const SHOWN: usize = 4;

/// A new secret as its idempotency key keeps it: the secret is sealed there too.
#[derive(Serialize, Deserialize)]
struct Kept {
    key: ApiKey,
    sealed: Vec<u8>,
}

/// A secret that nobody has yet.
struct Fresh {
    prefix: String,
    hash: String,
    sealed: Vec<u8>,
}

impl IdentityService {
    /// Makes an API key for a tenant: the first one, before there is staff to ask for it.
    ///
    /// # Errors
    /// A scope or name that cannot be one, or no such tenant.
    pub async fn issue_api_key(
        &self,
        tenant: &TenantId,
        name: &str,
        scopes: &[&str],
    ) -> Result<NewApiKey, IdentityError> {
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        let request = CreateApiKey { name: name.to_owned(), scopes, expires_at: None };
        self.new_key(&store::own_cx(&self.store, tenant), request).await
    }

    /// Calls `hook` when a secret was revoked or replaced here, before that is answered: for the edge of this process to
    /// forget what it knows of keys ([`tessera_runtime::edge::Edge::forget_api_keys`]).
    pub fn when_a_key_is_revoked(&self, hook: impl Fn() + Send + Sync + 'static) {
        *self.revoked.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(hook));
    }

    /// Writes when keys were last used. Call it every minute or so, and before the store is closed.
    ///
    /// # Errors
    /// The store does not take the write; what was to be written waits for the next call.
    pub async fn write_key_uses(&self) -> Result<(), Failure> {
        self.uses.write(&self.store).await
    }

    pub(crate) async fn new_key(&self, cx: &Cx, request: CreateApiKey) -> Result<NewApiKey, IdentityError> {
        let now = self.store.now();
        api_key::check(&request, &self.scopes, now)?;
        let fresh = self.fresh_secret(cx).await?;
        let CreateApiKey { name, mut scopes, expires_at } = request;
        scopes.sort();
        scopes.dedup();
        let key = ApiKey {
            key_id: KeyId::mint(now),
            name: name.trim().to_owned(),
            scopes,
            created_at: now,
            prefix: Some(fresh.prefix.clone()),
            created_by: Some(cx.caller.key()),
            expires_at,
            rotated_at: None,
            old_secret_until: None,
            last_used_at: None,
            last_used_address: None,
            revoked_at: None,
        };
        let write = self.store.write_once(cx, (fresh, key), |tx, (fresh, key)| {
            Box::pin(async move {
                api_keys::add(tx, &fresh.hash, key).await?;
                Ok::<_, IdentityError>(Kept { key: key.clone(), sealed: fresh.sealed.clone() })
            })
        });
        self.shown(cx, write.await?)
    }

    pub(crate) async fn rotate_key(&self, cx: &Cx, request: RotateApiKey) -> Result<NewApiKey, IdentityError> {
        let RotateApiKey { key_id, grace_seconds } = request;
        key_id.expect_minted().map_err(|e| Failure::invalid("key_id", e.to_string()))?;
        let grace = Duration::from_secs(api_key::grace(grace_seconds)?.into());
        let input = (self.fresh_secret(cx).await?, key_id, cx.clone());
        let write = self.store.write_once(cx, input, move |tx, (fresh, id, cx)| {
            Box::pin(async move {
                let now = tx.now();
                let before = api_keys::one(tx, id).await?.ok_or_else(|| not_found(id))?;
                if before.revoked_at.is_some() || before.expires_at.is_some_and(|end| end <= now) {
                    let detail = format!("the API key {id} was revoked or has run out: make a new one");
                    return Err(IdentityError::ApiKeyEnded(detail));
                }
                // Whoever has its secret may do what it may.
                api_key::within(cx, &before.scopes)?;
                api_keys::rotate(tx, id, &fresh.hash, &fresh.prefix, now.plus(grace)).await?;
                let key = api_keys::one(tx, id).await?.ok_or_else(|| not_found(id))?;
                Ok(Kept { key, sealed: fresh.sealed.clone() })
            })
        });
        let kept = write.await?;
        self.secrets_changed();
        self.shown(cx, kept)
    }

    pub(crate) async fn revoke_key(&self, cx: &Cx, request: RevokeApiKey) -> Result<ApiKey, IdentityError> {
        let RevokeApiKey { key_id } = request;
        key_id.expect_minted().map_err(|e| Failure::invalid("key_id", e.to_string()))?;
        let write = self.store.write(cx, key_id, |tx, id| {
            Box::pin(async move { api_keys::revoke(tx, id).await?.ok_or_else(|| not_found(id)) })
        });
        let revoked: Result<ApiKey, IdentityError> = write.await;
        self.secrets_changed();
        revoked.map(|key| self.uses.newest(key))
    }

    pub(crate) async fn key_of(&self, secret: &str) -> Result<Option<ResolvedKey>, Failure> {
        if secret.len() > LONGEST_SECRET {
            return Ok(None);
        }
        let hash = secret::hash(secret);
        let found = api_keys::owner(&self.store, &hash).await?;
        let found = found.filter(|owner| secret::same(&owner.secret_hash, &hash));
        Ok(found.map(|owner| ResolvedKey { scopes: owner.scopes(), tenant: owner.tenant, id: owner.key_id }))
    }

    async fn fresh_secret(&self, cx: &Cx) -> Result<Fresh, IdentityError> {
        let tenant = self.tenants.by_id(&cx.tenant).await?;
        let tenant =
            tenant.ok_or_else(|| Failure::new(FailureKind::NotFound, format!("there is no tenant {}", cx.tenant)))?;
        let random = secret::random_token();
        let plain = format!("{}{random}", tenant.kind.key_prefix());
        let prefix = format!("{}{}", tenant.kind.key_prefix(), &random[..SHOWN]);
        let sealed = self.keyring.seal(&["API key", cx.tenant.as_str()], plain.as_bytes())?;
        Ok(Fresh { prefix, hash: secret::hash(&plain), sealed })
    }

    fn shown(&self, cx: &Cx, kept: Kept) -> Result<NewApiKey, IdentityError> {
        let plain = self.keyring.open_stored(&["API key", cx.tenant.as_str()], &kept.sealed)?;
        let secret = String::from_utf8(plain).map_err(|e| Failure::internal("reading a new key's secret", e))?;
        Ok(NewApiKey { key: kept.key, secret: secret.into() })
    }

    fn secrets_changed(&self) {
        if let Some(hook) = self.revoked.read().unwrap_or_else(PoisonError::into_inner).clone() {
            hook();
        }
    }
}

fn not_found(id: &KeyId) -> IdentityError {
    IdentityError::ApiKeyNotFound(format!("there is no API key {id} here"))
}
