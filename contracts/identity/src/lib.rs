//! The identity contract: accounts, sign-in, API keys.
//!
//! What others rely on is OpenID Connect: discovery, JWKS, token claims, and the issuer's own sign-in and sign-up pages,
//! so that any provider can stand here. The operations below are what the deployment itself needs besides: resolving
//! API keys, and managing them.

pub mod conformance;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::{Cx, Event, Page, contract, errors};
use tessera_types::{AccountId, KeyId, Sensitive, TenantId, Timestamp};

/// An account, as staff see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// Its id, the `sub` of its tokens.
    pub account_id: AccountId,
    /// The address it signs in with.
    pub email: Sensitive<String>,
    /// When it was made, wall time.
    pub created_at: Timestamp,
    /// Counts up with every change.
    pub version: i64,
}

/// An account was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountCreated {
    /// Its id.
    pub account_id: AccountId,
    /// When, wall time.
    pub created_at: Timestamp,
    /// Counts up with every change.
    pub version: i64,
}

impl Event for AccountCreated {
    const TYPE: &'static str = "tessera.identity.account.created.v1";
    fn subject(&self) -> String {
        self.account_id.to_string()
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// An API key without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKey {
    /// Its id.
    pub key_id: KeyId,
    /// What it is for.
    pub name: String,
    /// What it may do, such as `catalog:write`; `*` is everything.
    pub scopes: Vec<String>,
    /// When it was made, wall time.
    pub created_at: Timestamp,
    /// How its secret begins, to tell keys apart; absent for a key of before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Who made it: `staff:` and the id of the maker's own key, or a module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// It stops working then, wall time; absent when it does not run out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When its secret was last replaced, wall time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_at: Option<Timestamp>,
    /// Until when a replaced secret still works, wall time; absent when none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_secret_until: Option<Timestamp>,
    /// When a request last came with it, wall time, to a minute or so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// The network address that request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_address: Option<Sensitive<String>>,
    /// When it was revoked, wall time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

/// A new key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreateApiKey {
    /// What it is for, 1 to 80 characters.
    pub name: String,
    /// What it may do: at most what the caller may. Each is the scope of an operation, or `*` for everything.
    pub scopes: Vec<String>,
    /// It stops working then, wall time. Without it the key works until it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// A key with its secret, shown this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewApiKey {
    /// The key.
    pub key: ApiKey,
    /// `sk_live_…` or `sk_test_…`, by the tenant's kind. It cannot be read again.
    pub secret: Sensitive<String>,
}

/// Which page of the keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListApiKeys {
    /// Entries a page, 1 to 100; 20 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Which key gets a new secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RotateApiKey {
    /// Its id.
    pub key_id: KeyId,
    /// Seconds for which the old secret still works, 0 to 604800 (7 days); 86400 (a day) when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_seconds: Option<u32>,
}

/// Which key to revoke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RevokeApiKey {
    /// Its id.
    pub key_id: KeyId,
}

/// Which page of the accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListAccounts {
    /// Only the account with this address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Sensitive<String>>,
    /// Entries a page, 1 to 100; 20 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Who is behind a key? The edge asks.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ResolveApiKey {
    /// The secret as sent.
    pub secret: Sensitive<String>,
}

/// Who is behind a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResolvedApiKey {
    /// The key.
    pub key_id: KeyId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What it may do.
    pub scopes: Vec<String>,
}

/// Who is behind a session cookie? The edge asks.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ResolveSession {
    /// The cookie's value as sent.
    pub cookie: Sensitive<String>,
}

/// Who is behind a session cookie. Both fields are absent when the session is unknown, signed out or run out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResolvedSession {
    /// The account that signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    /// What `x-csrf-token` has to say on every method that changes something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csrf_token: Option<Sensitive<String>>,
}

/// Whose tokens does the tenant take?
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetIssuer {}

/// Whose access tokens a tenant takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenIssuer {
    /// The `iss` of its tokens (OpenID Connect Discovery §3).
    pub issuer: String,
    /// What its access tokens for this tenant name in `aud`.
    pub audience: String,
    /// The `typ` that its access tokens carry, `at+jwt` (RFC 9068 §2.1); absent when none is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type: Option<String>,
    /// Its public keys, a JWK set (RFC 7517 §5).
    pub jwks: serde_json::Value,
}

/// Whose account is it that a provider calls so?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResolveSubject {
    /// The `iss` of the provider's tokens.
    pub issuer: String,
    /// The `sub`: the provider's name for somebody.
    pub subject: String,
}

/// Whose account it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResolvedSubject {
    /// The account: always the same for an issuer and subject.
    pub account_id: AccountId,
}

/// Which key was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoteApiKeyUse {
    /// Its id.
    pub key_id: KeyId,
}

/// It was heard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyUseNoted {}

errors! {
    /// Why an identity operation failed.
    pub enum IdentityError {
        /// No such API key, or it was revoked.
        ApiKeyNotFound = 404 "api_key_not_found",
        /// The key was revoked or has run out: make a new one.
        ApiKeyEnded = 409 "api_key_ended",
        /// The key would be allowed more than its maker.
        ScopeExceeded = 403 "scope_exceeded",
    }
}

/// What the deployment needs of identity besides OpenID Connect.
#[contract(name = "identity", version = "1.0", events = [AccountCreated])]
pub trait Identity: Send + Sync + 'static {
    /// Find out who is behind an API key. The secret itself names its tenant; the caller's tenant does not matter.
    #[post("/v1/api-keys/resolve", access = service, safe)]
    async fn resolve_api_key(&self, cx: &Cx, request: ResolveApiKey) -> Result<ResolvedApiKey, IdentityError>;
}

/// What an edge in another process asks of the identity whose sign-in pages and sessions it serves.
#[contract(name = "identity-edge", version = "1.0", mount = "identity")]
pub trait IdentityEdge: Send + Sync + 'static {
    /// Find out who is behind the app's session cookie, of the caller's tenant.
    #[post("/v1/sessions/resolve", access = service, safe)]
    async fn resolve_session(&self, cx: &Cx, request: ResolveSession) -> Result<ResolvedSession, IdentityError>;

    /// Fetch the issuer of the caller's tenant with its present keys.
    #[get("/v1/issuer", access = service)]
    async fn get_issuer(&self, cx: &Cx, request: GetIssuer) -> Result<TokenIssuer, IdentityError>;

    /// Find the account of a subject of the provider that signs the caller's tenant's people in. A subject that nobody knows
    /// yet gets an account, and `account.created` tells of it.
    #[post("/v1/subjects/resolve", access = service)]
    async fn resolve_subject(&self, cx: &Cx, request: ResolveSubject) -> Result<ResolvedSubject, IdentityError>;

    /// Hear that a request came with an API key of the caller's tenant, from the address that the context names.
    #[post("/v1/api-keys/{key_id}/uses", access = service)]
    async fn note_api_key_use(&self, cx: &Cx, request: NoteApiKeyUse) -> Result<ApiKeyUseNoted, IdentityError>;
}

/// Running the built-in identity.
#[contract(name = "identity-management", version = "1.0", mount = "identity")]
pub trait IdentityManagement: Send + Sync + 'static {
    /// Create an API key. The secret is in the answer and nowhere else.
    #[post("/v1/management/api-keys", access = staff("identity:write"), status = 201, idempotent)]
    async fn create_api_key(&self, cx: &Cx, request: CreateApiKey) -> Result<NewApiKey, IdentityError>;

    /// List API keys, newest first, revoked ones included.
    #[get("/v1/management/api-keys", access = staff("identity:read"))]
    async fn list_api_keys(&self, cx: &Cx, request: ListApiKeys) -> Result<Page<ApiKey>, IdentityError>;

    /// Give an API key a new secret, in the answer and nowhere else. The old one still works for a while.
    #[post("/v1/management/api-keys/{key_id}/rotate", access = staff("identity:write"), idempotent)]
    async fn rotate_api_key(&self, cx: &Cx, request: RotateApiKey) -> Result<NewApiKey, IdentityError>;

    /// Revoke an API key. Revoking twice is fine.
    #[post("/v1/management/api-keys/{key_id}/revoke", access = staff("identity:write"))]
    async fn revoke_api_key(&self, cx: &Cx, request: RevokeApiKey) -> Result<ApiKey, IdentityError>;

    /// List accounts, newest first.
    #[get("/v1/management/accounts", access = staff("identity:read"))]
    async fn list_accounts(&self, cx: &Cx, request: ListAccounts) -> Result<Page<Account>, IdentityError>;
}
