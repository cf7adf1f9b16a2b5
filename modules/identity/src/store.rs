//! All SQL of identity. Sign-ins, sessions, codes, refresh tokens and API keys are named by the hash of their secret.

pub(crate) mod api_keys;
pub(crate) mod sealed;
pub(crate) mod subjects;

use tessera_contract::{Cx, Failure};
use tessera_contract_identity::Account;
use tessera_store::{Reader, Store, Tx, params};
use tessera_types::{AccountId, TenantId, Timestamp};

pub use sealed::SEALED_UNDER;

const ACCOUNT_BY_EMAIL: &str = "select account_id, email, password_hash, created_at, version from accounts \
    where tenant = $1 and email = $2";
const ACCOUNT: &str = "select account_id, email, password_hash, created_at, version from accounts \
    where tenant = $1 and account_id = $2";
const ACCOUNTS: &str = "select account_id, email, password_hash, created_at, version from accounts where tenant = $1 \
    and ($2 is null or email = $2) and ($3 is null or account_id < $3) order by account_id desc limit $4";
const ADD_ACCOUNT: &str = "insert into accounts (tenant, account_id, email, password_hash, created_at, version) \
    values ($1, $2, $3, $4, $5, 1) on conflict do nothing";

const ADD_SIGN_IN: &str = "insert into sign_ins (tenant, sign_in, account_id, authenticated_at, expires_at) \
    values ($1, $2, $3, $4, $5)";
const SIGN_IN: &str = "select account_id, authenticated_at, expires_at from sign_ins \
    where tenant = $1 and sign_in = $2 and expires_at > $3";
const DELETE_SIGN_IN: &str = "delete from sign_ins where tenant = $1 and sign_in = $2";
const MOVE_GRANTS: &str = "update grants set sign_in = $3 where tenant = $1 and sign_in = $2";
const REVOKE_GRANTS_OF: &str = "update grants set revoked = true where tenant = $1 and sign_in = $2";

const ADD_GRANT: &str = "insert into grants (tenant, grant_id, sign_in, account_id, client_id, scope, \
    authenticated_at, expires_at, revoked) values ($1, $2, $3, $4, $5, $6, $7, $8, false)";
const REVOKE_GRANT: &str = "update grants set revoked = true where tenant = $1 and grant_id = $2";
const ADD_CODE: &str = "insert into codes (tenant, code_hash, grant_id, redirect_uri, challenge, nonce, expires_at, \
    used) values ($1, $2, $3, $4, $5, $6, $7, false)";
const CODE: &str = "select redirect_uri, challenge, nonce, expires_at, used, grant_id from codes \
    where tenant = $1 and code_hash = $2";
const USE_CODE: &str = "update codes set used = true where tenant = $1 and code_hash = $2";
const GRANT: &str = "select grant_id, sign_in, account_id, client_id, scope, authenticated_at, expires_at, revoked \
    from grants where tenant = $1 and grant_id = $2";
const ADD_REFRESH: &str = "insert into refresh_tokens (tenant, token_hash, grant_id, used) values ($1, $2, $3, false)";
const REFRESH: &str = "select grant_id, used from refresh_tokens where tenant = $1 and token_hash = $2";
const USE_REFRESH: &str = "update refresh_tokens set used = true where tenant = $1 and token_hash = $2";

const SIGNING_KEYS: &str = "select generation, key_id, sealed, master_key_id, public_jwk, created_at, signs_from from signing_keys \
    where tenant = $1 order by generation";
const ADD_SIGNING_KEY: &str = "insert into signing_keys (tenant, generation, key_id, sealed, public_jwk, created_at, \
    signs_from, master_key_id) values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing";
const DELETE_SIGNING_KEY: &str = "delete from signing_keys where tenant = $1 and generation = $2";

const ADD_SESSION: &str = "insert into sessions (tenant, session, account_id, email, sealed_refresh_token, \
    fresh_until, refreshing_until, expires_at, master_key_id) values ($1, $2, $3, $4, $5, $6, 0, $7, $8)";
const SESSION: &str = "select account_id, email, sealed_refresh_token, master_key_id, fresh_until, expires_at from sessions \
    where tenant = $1 and session = $2 and expires_at > $3";
const CLAIM_SESSION: &str = "update sessions set refreshing_until = $3 where tenant = $1 and session = $2 \
    and fresh_until <= $4 and refreshing_until <= $4 \
    returning account_id, email, sealed_refresh_token, master_key_id, fresh_until, expires_at";
const REFRESHED_SESSION: &str = "update sessions set email = $3, sealed_refresh_token = $4, fresh_until = $5, \
    refreshing_until = 0, master_key_id = $6 where tenant = $1 and session = $2";
const DELETE_SESSION: &str = "delete from sessions where tenant = $1 and session = $2 \
    returning account_id, email, sealed_refresh_token, master_key_id, fresh_until, expires_at";

/// What ran out, one statement each; `$1` is now. A grant goes after all that names it.
const SWEEP: [&str; 6] = [
    api_keys::SWEEP,
    "delete from codes where expires_at <= $1 and exists (select 1 from grants g where g.tenant = codes.tenant \
     and g.grant_id = codes.grant_id and g.expires_at <= $1)",
    "delete from refresh_tokens where exists (select 1 from grants g where g.tenant = refresh_tokens.tenant \
     and g.grant_id = refresh_tokens.grant_id and g.expires_at <= $1)",
    "delete from grants where expires_at <= $1",
    "delete from sign_ins where expires_at <= $1",
    "delete from sessions where expires_at <= $1",
];

/// An account with its password's hash.
#[derive(Clone, serde::Deserialize)]
pub(crate) struct AccountRow {
    pub(crate) account_id: AccountId,
    pub(crate) email: String,
    pub(crate) password_hash: String,
    pub(crate) created_at: i64,
    pub(crate) version: i64,
}

impl From<AccountRow> for Account {
    fn from(row: AccountRow) -> Self {
        let AccountRow { account_id, email, created_at, version, .. } = row;
        Self { account_id, email: email.into(), created_at: Timestamp::from_micros(created_at), version }
    }
}

/// Who signed in in a browser, and when.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct SignInRow {
    pub(crate) account_id: AccountId,
    pub(crate) authenticated_at: i64,
    pub(crate) expires_at: i64,
}

/// What one authorization led to.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct GrantRow {
    pub(crate) grant_id: String,
    pub(crate) sign_in: String,
    pub(crate) account_id: AccountId,
    pub(crate) client_id: String,
    pub(crate) scope: String,
    pub(crate) authenticated_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) revoked: bool,
}

/// An authorization code.
#[derive(Clone, serde::Deserialize)]
pub(crate) struct CodeRow {
    pub(crate) redirect_uri: String,
    pub(crate) challenge: String,
    pub(crate) nonce: Option<String>,
    pub(crate) expires_at: i64,
    pub(crate) used: bool,
    pub(crate) grant_id: String,
}

/// A refresh token.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct RefreshRow {
    pub(crate) grant_id: String,
    pub(crate) used: bool,
}

/// A signing key; the private half is sealed.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct SigningKeyRow {
    pub(crate) generation: i64,
    pub(crate) key_id: String,
    pub(crate) sealed: Vec<u8>,
    pub(crate) master_key_id: String,
    pub(crate) public_jwk: String,
    pub(crate) created_at: i64,
    pub(crate) signs_from: i64,
}

/// A session of the app.
#[derive(Clone, serde::Deserialize)]
pub(crate) struct SessionRow {
    pub(crate) account_id: AccountId,
    pub(crate) email: Option<String>,
    pub(crate) sealed_refresh_token: Vec<u8>,
    pub(crate) master_key_id: String,
    pub(crate) fresh_until: i64,
    pub(crate) expires_at: i64,
}

pub(crate) async fn account(reader: &Reader, id: &AccountId) -> Result<Option<AccountRow>, Failure> {
    reader.optional(ACCOUNT, params![id]).await
}

pub(crate) async fn account_by_email(reader: &Reader, email: &str) -> Result<Option<AccountRow>, Failure> {
    reader.optional(ACCOUNT_BY_EMAIL, params![email]).await
}

/// At most `limit` accounts, newest first.
pub(crate) async fn accounts(
    reader: &Reader,
    email: Option<&str>,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<AccountRow>, Failure> {
    reader.all(ACCOUNTS, params![email, after, limit]).await
}

/// Whether the address was free.
pub(crate) async fn add_account(tx: &mut Tx, account: &Account, password_hash: &str) -> Result<bool, Failure> {
    let Account { account_id, email, created_at, .. } = account;
    tx.insert_unique(ADD_ACCOUNT, params![account_id, email, password_hash, created_at]).await
}

pub(crate) async fn add_sign_in(tx: &mut Tx, sign_in: &str, row: &SignInRow) -> Result<(), Failure> {
    let values = params![sign_in, &row.account_id, row.authenticated_at, row.expires_at];
    tx.execute(ADD_SIGN_IN, values).await.map(drop)
}

pub(crate) async fn sign_in(reader: &Reader, sign_in: &str, now: Timestamp) -> Result<Option<SignInRow>, Failure> {
    reader.optional(SIGN_IN, params![sign_in, now]).await
}

/// Puts a new sign-in in the place of the one the browser had before. What came from that goes on when it is the same
/// person, and is over when it is another.
pub(crate) async fn replace_sign_in(tx: &mut Tx, before: &str, sign_in: &str, row: &SignInRow) -> Result<(), Failure> {
    let now = tx.now();
    let known: Option<SignInRow> = tx.optional(SIGN_IN, params![before, now]).await?;
    if known.is_some_and(|known| known.account_id == row.account_id) {
        tx.execute(MOVE_GRANTS, params![before, sign_in]).await?;
    }
    end_sign_in(tx, before).await?;
    add_sign_in(tx, sign_in, row).await
}

/// Ends a sign-in with all that came from it.
pub(crate) async fn end_sign_in(tx: &mut Tx, sign_in: &str) -> Result<(), Failure> {
    tx.execute(REVOKE_GRANTS_OF, params![sign_in]).await?;
    tx.execute(DELETE_SIGN_IN, params![sign_in]).await.map(drop)
}

pub(crate) async fn add_grant(tx: &mut Tx, grant: &GrantRow) -> Result<(), Failure> {
    let GrantRow { grant_id, sign_in, account_id, client_id, scope, authenticated_at, expires_at, .. } = grant;
    let values = params![grant_id, sign_in, account_id, client_id, scope, *authenticated_at, *expires_at];
    tx.execute(ADD_GRANT, values).await.map(drop)
}

pub(crate) async fn grant(tx: &mut Tx, grant_id: &str) -> Result<Option<GrantRow>, Failure> {
    tx.optional(GRANT, params![grant_id]).await
}

pub(crate) async fn revoke_grant(tx: &mut Tx, grant_id: &str) -> Result<(), Failure> {
    tx.execute(REVOKE_GRANT, params![grant_id]).await.map(drop)
}

pub(crate) async fn add_code(tx: &mut Tx, code_hash: &str, code: &CodeRow) -> Result<(), Failure> {
    let CodeRow { redirect_uri, challenge, nonce, expires_at, grant_id, .. } = code;
    let values = params![code_hash, grant_id, redirect_uri, challenge, nonce, *expires_at];
    tx.execute(ADD_CODE, values).await.map(drop)
}

pub(crate) async fn code(tx: &mut Tx, code_hash: &str) -> Result<Option<CodeRow>, Failure> {
    tx.optional(CODE, params![code_hash]).await
}

pub(crate) async fn use_code(tx: &mut Tx, code_hash: &str) -> Result<(), Failure> {
    tx.execute(USE_CODE, params![code_hash]).await.map(drop)
}

pub(crate) async fn add_refresh(tx: &mut Tx, token_hash: &str, grant_id: &str) -> Result<(), Failure> {
    tx.execute(ADD_REFRESH, params![token_hash, grant_id]).await.map(drop)
}

pub(crate) async fn refresh(tx: &mut Tx, token_hash: &str) -> Result<Option<RefreshRow>, Failure> {
    tx.optional(REFRESH, params![token_hash]).await
}

pub(crate) async fn use_refresh(tx: &mut Tx, token_hash: &str) -> Result<(), Failure> {
    tx.execute(USE_REFRESH, params![token_hash]).await.map(drop)
}

/// The tenant's signing keys, oldest first.
pub(crate) async fn signing_keys(reader: &Reader) -> Result<Vec<SigningKeyRow>, Failure> {
    reader.all(SIGNING_KEYS, params![]).await
}

pub(crate) async fn signing_keys_in(tx: &mut Tx) -> Result<Vec<SigningKeyRow>, Failure> {
    tx.all(SIGNING_KEYS, params![]).await
}

/// Whether nobody else was quicker with this generation.
pub(crate) async fn add_signing_key(tx: &mut Tx, key: &SigningKeyRow) -> Result<bool, Failure> {
    let SigningKeyRow { generation, key_id, sealed, master_key_id, public_jwk, created_at, signs_from } = key;
    let values = params![*generation, key_id, sealed, public_jwk, *created_at, *signs_from, master_key_id];
    tx.insert_unique(ADD_SIGNING_KEY, values).await
}

pub(crate) async fn delete_signing_key(tx: &mut Tx, generation: i64) -> Result<(), Failure> {
    tx.execute(DELETE_SIGNING_KEY, params![generation]).await.map(drop)
}

pub(crate) async fn add_session(tx: &mut Tx, session: &str, row: &SessionRow) -> Result<(), Failure> {
    let SessionRow { account_id, email, sealed_refresh_token, master_key_id, fresh_until, expires_at } = row;
    let values = params![session, account_id, email, sealed_refresh_token, *fresh_until, *expires_at, master_key_id];
    tx.execute(ADD_SESSION, values).await.map(drop)
}

pub(crate) async fn session(reader: &Reader, session: &str, now: Timestamp) -> Result<Option<SessionRow>, Failure> {
    reader.optional(SESSION, params![session, now]).await
}

/// Takes on the refreshing of a session until `until`; `None` when it is fresh, or somebody else has taken it on.
pub(crate) async fn claim_session(tx: &mut Tx, session: &str, until: Timestamp) -> Result<Option<SessionRow>, Failure> {
    let now = tx.now();
    tx.optional(CLAIM_SESSION, params![session, until, now]).await
}

pub(crate) async fn refreshed_session(tx: &mut Tx, session: &str, row: &SessionRow) -> Result<(), Failure> {
    let values = params![session, &row.email, &row.sealed_refresh_token, row.fresh_until, &row.master_key_id];
    tx.execute(REFRESHED_SESSION, values).await.map(drop)
}

pub(crate) async fn delete_session(tx: &mut Tx, session: &str) -> Result<Option<SessionRow>, Failure> {
    tx.optional(DELETE_SESSION, params![session]).await
}

/// Forgets what ran out.
pub(crate) async fn sweep(store: &Store) -> Result<(), Failure> {
    store
        .system_write((), |tx, ()| {
            Box::pin(async move {
                let now = tx.now();
                for statement in SWEEP {
                    tx.execute(statement, params![now]).await?;
                }
                Ok(())
            })
        })
        .await
}

/// A context of identity's own, for what no caller's context is there for.
pub(crate) fn own_cx(store: &Store, tenant: &TenantId) -> Cx {
    Cx::service(tenant.clone(), "identity", store.clock().as_ref())
}
