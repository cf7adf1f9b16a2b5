//! The contract, on the store; and what the edge asks.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, RwLock},
};

use tessera_contract::{Caller, Cx, Failure, Page, async_trait, decode_cursor, page_limit};
use tessera_contract_identity::{
    Account, ApiKey, ApiKeyUseNoted, CreateApiKey, GetIssuer, Identity, IdentityEdge, IdentityError,
    IdentityManagement, ListAccounts, ListApiKeys, NewApiKey, NoteApiKeyUse, ResolveApiKey, ResolveSession,
    ResolveSubject, ResolvedApiKey, ResolvedSession, ResolvedSubject, RevokeApiKey, RotateApiKey, TokenIssuer,
};
use tessera_contract_tenancy::Tenancy;
use tessera_runtime::edge::{self, ApiKeys, ResolvedKey, Session, Sessions, Tenants};
use tessera_store::Store;
use tessera_types::{Sensitive, TenantId};

use crate::{
    account::{Accounts, SignUpError},
    api_key,
    app_session::AppSessions,
    attempts::Attempts,
    client::Clients,
    email,
    issuer::Issuer,
    key_uses::KeyUses,
    origin::Origins,
    provider::ForeignSubject,
    providers::Providers,
    secret::Keyring,
    store::{self, api_keys},
    subjects,
};

/// The built-in identity.
pub struct IdentityService {
    pub(crate) store: Store,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) tenants: Arc<dyn Tenants>,
    pub(crate) brands: Option<Arc<dyn Tenancy>>,
    pub(crate) origins: Arc<dyn Origins>,
    pub(crate) accounts: Accounts,
    pub(crate) attempts: Attempts,
    pub(crate) clients: Clients,
    pub(crate) issuer: Arc<Issuer>,
    pub(crate) sessions: AppSessions,
    pub(crate) providers: Providers,
    pub(crate) revoked: RwLock<Option<Arc<dyn Fn() + Send + Sync>>>,
    pub(crate) scopes: Vec<&'static str>,
    pub(crate) uses: KeyUses,
}

impl IdentityService {
    /// Its store: for readiness, upkeep, and the log of its events.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Sets the gauges of passwords that are being hashed or wait for it, for metrics.
    pub fn look(&self) {
        self.accounts.hasher.look();
    }

    /// Makes an account, as the sign-up page does.
    ///
    /// # Errors
    /// [`SignUpError`]; [`SignUpError::Taken`] when there is one with this address.
    pub async fn create_account(&self, tenant: &TenantId, email: &str, password: &str) -> Result<Account, SignUpError> {
        self.accounts.create(&store::own_cx(&self.store, tenant), email, password).await
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
impl IdentityEdge for IdentityService {
    async fn resolve_session(&self, cx: &Cx, request: ResolveSession) -> Result<ResolvedSession, IdentityError> {
        let session = self.sessions.resolve(&cx.tenant, &request.cookie).await?;
        Ok(session.map_or_else(ResolvedSession::default, |session| ResolvedSession {
            csrf_token: Some(session.csrf_token.expose().as_str().into()),
            account_id: match session.caller {
                Caller::Viewer { account, .. } => Some(account),
                Caller::Anonymous | Caller::Staff { .. } | Caller::Service { .. } => None,
            },
        }))
    }

    async fn get_issuer(&self, cx: &Cx, _: GetIssuer) -> Result<TokenIssuer, IdentityError> {
        let issuer = edge::IssuerKeys::issuer(self, &cx.tenant).await?;
        let jwks = serde_json::to_value(&issuer.keys).map_err(|e| Failure::internal("writing the issuer's keys", e))?;
        Ok(TokenIssuer { issuer: issuer.url, audience: issuer.audience, token_type: issuer.token_type, jwks })
    }

    async fn resolve_subject(&self, cx: &Cx, request: ResolveSubject) -> Result<ResolvedSubject, IdentityError> {
        let ResolveSubject { issuer, subject } = request;
        let subject = ForeignSubject { issuer, subject, verified_email: None };
        Ok(ResolvedSubject { account_id: subjects::account_of(&self.store, cx, subject).await? })
    }

    async fn note_api_key_use(&self, cx: &Cx, request: NoteApiKeyUse) -> Result<ApiKeyUseNoted, IdentityError> {
        let key = ResolvedKey { tenant: cx.tenant.clone(), id: request.key_id, scopes: Vec::new() };
        let address = cx.address.unwrap_or_else(|| IpAddr::from(Ipv4Addr::UNSPECIFIED).into());
        self.uses.note(&key, address, self.store.now());
        Ok(ApiKeyUseNoted {})
    }
}

#[async_trait]
impl IdentityManagement for IdentityService {
    async fn create_api_key(&self, cx: &Cx, request: CreateApiKey) -> Result<NewApiKey, IdentityError> {
        api_key::within(cx, &request.scopes)?;
        self.new_key(cx, request).await
    }

    async fn list_api_keys(&self, cx: &Cx, request: ListApiKeys) -> Result<Page<ApiKey>, IdentityError> {
        let (limit, after) = (page_limit(request.limit)?, decode_cursor::<String>(request.cursor.as_deref())?);
        let keys = api_keys::page(&self.store.tenant(cx), after.as_deref(), limit + 1, self.store.now()).await?;
        Ok(Page::from_rows(keys, limit, |key| key.key_id.clone()).map(|key| self.uses.newest(key)))
    }

    async fn rotate_api_key(&self, cx: &Cx, request: RotateApiKey) -> Result<NewApiKey, IdentityError> {
        self.rotate_key(cx, request).await
    }

    async fn revoke_api_key(&self, cx: &Cx, request: RevokeApiKey) -> Result<ApiKey, IdentityError> {
        self.revoke_key(cx, request).await
    }

    async fn list_accounts(&self, cx: &Cx, request: ListAccounts) -> Result<Page<Account>, IdentityError> {
        let (limit, after) = (page_limit(request.limit)?, decode_cursor::<String>(request.cursor.as_deref())?);
        let email = request.email.map(|text| email::normalised(&text).unwrap_or_else(|| text.into_exposed()));
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

    fn used(&self, key: &ResolvedKey, address: Sensitive<IpAddr>) {
        self.uses.note(key, address, self.store.now());
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
        self.sessions.provider.token_issuer(tenant).await
    }
}
