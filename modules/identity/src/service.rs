//! The contract, on the store; and what the edge asks.

use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use tessera_contract::{Cx, Failure, Page, async_trait, decode_cursor, page_limit};
use tessera_contract_identity::{
    Account, ApiKey, CreateApiKey, Identity, IdentityError, IdentityManagement, ListAccounts, ListApiKeys, NewApiKey,
    ResolveApiKey, ResolvedApiKey, RevokeApiKey,
};
use tessera_runtime::edge::{self, ApiKeys, ResolvedKey, Session, Sessions, Tenants};
use tessera_store::Store;
use tessera_types::{KeyId, TenantId};

use crate::{
    account::{Accounts, SignUpError},
    api_key,
    app_session::AppSessions,
    attempts::Attempts,
    claims::ACCESS_TOKEN,
    client::Clients,
    email,
    issuer::Issuer,
    origin::Origins,
    secret::{self, Keyring},
    store,
};

/// The longest secret worth hashing.
const LONGEST_SECRET: usize = 256;

/// The built-in identity.
pub struct IdentityService {
    pub(crate) store: Store,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) tenants: Arc<dyn Tenants>,
    pub(crate) origins: Arc<dyn Origins>,
    pub(crate) accounts: Accounts,
    pub(crate) attempts: Attempts,
    pub(crate) clients: Clients,
    pub(crate) issuer: Arc<Issuer>,
    pub(crate) sessions: AppSessions,
    pub(crate) revoked: RwLock<Option<Arc<dyn Fn() + Send + Sync>>>,
}

/// A new key as its idempotency key keeps it: the secret is sealed there too.
#[derive(Serialize, Deserialize)]
struct Kept {
    key: ApiKey,
    sealed: Vec<u8>,
}

impl IdentityService {
    /// Its store: for readiness, upkeep, and the log of its events.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Makes an account, as the sign-up page does.
    ///
    /// # Errors
    /// [`SignUpError`]; [`SignUpError::Taken`] when there is one with this address.
    pub async fn create_account(&self, tenant: &TenantId, email: &str, password: &str) -> Result<Account, SignUpError> {
        self.accounts.create(&store::own_cx(&self.store, tenant), email, password).await
    }

    /// Makes an API key in the deployment's own name, with any scopes: `["*"]` for the first one of a tenant. The
    /// secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// The name or a scope is none; the tenant is unknown; the store does not take the write.
    pub async fn issue_api_key(
        &self,
        tenant: &TenantId,
        name: &str,
        scopes: &[&str],
    ) -> Result<NewApiKey, IdentityError> {
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        self.new_key(&store::own_cx(&self.store, tenant), CreateApiKey { name: name.to_owned(), scopes }).await
    }

    /// Gives the tenant's tokens a new signing key whatever the present one's age; answers its id. It is published at
    /// once, signs after `tokens.publish_seconds`, and the old one stays until its tokens have expired. By age this
    /// happens without being asked for.
    ///
    /// # Errors
    /// The store does not take the write.
    pub async fn rotate_signing_key(&self, tenant: &TenantId) -> Result<String, Failure> {
        self.issuer.rotate(&self.issuer.cx(tenant)).await
    }

    /// Forgets sign-ins, sessions, codes and refresh tokens that ran out. Call it every hour or so.
    ///
    /// # Errors
    /// The store does not take the write.
    pub async fn sweep(&self) -> Result<(), Failure> {
        store::sweep(&self.store).await
    }

    /// Calls `hook` when an API key was revoked here, before the revocation is answered: for the edge of this process
    /// to forget what it knows of keys ([`edge::Edge::forget_api_keys`]).
    pub fn when_a_key_is_revoked(&self, hook: impl Fn() + Send + Sync + 'static) {
        *self.revoked.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(hook));
    }

    async fn new_key(&self, cx: &Cx, request: CreateApiKey) -> Result<NewApiKey, IdentityError> {
        api_key::check(&request)?;
        let tenant = self.tenants.by_id(&cx.tenant).await?.ok_or_else(|| {
            Failure::new(tessera_contract::FailureKind::NotFound, format!("there is no tenant {}", cx.tenant))
        })?;
        let (now, plain) = (self.store.now(), format!("{}{}", tenant.kind.key_prefix(), secret::random_token()));
        let CreateApiKey { name, mut scopes } = request;
        scopes.sort();
        scopes.dedup();
        let name = name.trim().to_owned();
        let key = ApiKey { key_id: KeyId::mint(now), name, scopes, created_at: now, revoked_at: None };
        let sealed = self.keyring.seal(&["API key", cx.tenant.as_str()], plain.as_bytes())?;
        let input = (secret::hash(&plain), key, sealed);
        let write = self.store.write_once(cx, input, |tx, (hash, key, sealed)| {
            Box::pin(async move {
                store::add_api_key(tx, hash, key).await?;
                Ok::<_, IdentityError>(Kept { key: key.clone(), sealed: sealed.clone() })
            })
        });
        let Kept { key, sealed } = write.await?;
        let plain = self.keyring.open_stored(&["API key", cx.tenant.as_str()], &sealed)?;
        let secret = String::from_utf8(plain).map_err(|e| Failure::internal("reading a new key's secret", e))?;
        Ok(NewApiKey { key, secret })
    }

    async fn key_of(&self, secret: &str) -> Result<Option<ResolvedKey>, Failure> {
        if secret.len() > LONGEST_SECRET {
            return Ok(None);
        }
        let hash = secret::hash(secret);
        let found = store::key_owner(&self.store, &hash).await?;
        let found = found.filter(|owner| secret::same(&owner.secret_hash, &hash));
        Ok(found.map(|owner| ResolvedKey { scopes: owner.scopes(), tenant: owner.tenant, id: owner.key_id }))
    }
}

#[async_trait]
impl Identity for IdentityService {
    async fn resolve_api_key(&self, _: &Cx, request: ResolveApiKey) -> Result<ResolvedApiKey, IdentityError> {
        let found = self.key_of(&request.secret).await?;
        let found = found.ok_or_else(|| IdentityError::ApiKeyNotFound("no such API key, or it was revoked".into()))?;
        Ok(ResolvedApiKey { key_id: found.id, tenant: found.tenant, scopes: found.scopes })
    }
}

#[async_trait]
impl IdentityManagement for IdentityService {
    async fn create_api_key(&self, cx: &Cx, request: CreateApiKey) -> Result<NewApiKey, IdentityError> {
        api_key::check(&request)?;
        api_key::within(cx, &request.scopes)?;
        self.new_key(cx, request).await
    }

    async fn list_api_keys(&self, cx: &Cx, request: ListApiKeys) -> Result<Page<ApiKey>, IdentityError> {
        let (limit, after) = (page_limit(request.limit)?, decode_cursor::<String>(request.cursor.as_deref())?);
        let keys = store::api_keys(&self.store.tenant(cx), after.as_deref(), limit + 1).await?;
        Ok(Page::from_rows(keys, limit, |key| key.key_id.clone()))
    }

    async fn revoke_api_key(&self, cx: &Cx, request: RevokeApiKey) -> Result<ApiKey, IdentityError> {
        let RevokeApiKey { key_id } = request;
        key_id.expect_minted().map_err(|e| Failure::invalid("key_id", e.to_string()))?;
        let write = self.store.write(cx, key_id.clone(), |tx, id| Box::pin(store::revoke_api_key(tx, id)));
        let revoked: Option<ApiKey> = write.await?;
        if let Some(hook) = self.revoked.read().unwrap_or_else(PoisonError::into_inner).clone() {
            hook();
        }
        revoked.ok_or_else(|| IdentityError::ApiKeyNotFound(format!("there is no API key {key_id} here")))
    }

    async fn list_accounts(&self, cx: &Cx, request: ListAccounts) -> Result<Page<Account>, IdentityError> {
        let (limit, after) = (page_limit(request.limit)?, decode_cursor::<String>(request.cursor.as_deref())?);
        let email = request.email.as_deref().map(|text| email::normalised(text).unwrap_or_else(|| text.to_owned()));
        let rows = store::accounts(&self.store.tenant(cx), email.as_deref(), after.as_deref(), limit + 1).await?;
        let accounts = rows.into_iter().map(Account::from).collect();
        Ok(Page::from_rows(accounts, limit, |account: &Account| account.account_id.clone()))
    }
}

#[async_trait]
impl ApiKeys for IdentityService {
    async fn resolve(&self, secret: &str) -> Result<Option<ResolvedKey>, Failure> {
        self.key_of(secret).await
    }
}

#[async_trait]
impl Sessions for IdentityService {
    async fn resolve(&self, tenant: &TenantId, cookie: &str) -> Result<Option<Session>, Failure> {
        self.sessions.resolve(tenant, cookie).await
    }
}

#[async_trait]
impl edge::IssuerKeys for IdentityService {
    async fn issuer(&self, tenant: &TenantId) -> Result<edge::Issuer, Failure> {
        let url = self.origins.origin(tenant).await?;
        let keys = self.issuer.published_keys(&self.issuer.cx(tenant)).await?;
        Ok(edge::Issuer { audience: url.clone(), url, token_type: Some(ACCESS_TOKEN.to_owned()), keys })
    }
}
