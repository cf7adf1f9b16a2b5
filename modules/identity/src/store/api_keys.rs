//! All SQL of API keys. A secret is known by its hash alone.

use tessera_contract::Failure;
use tessera_contract_identity::ApiKey;
use tessera_store::{Reader, Store, Tx, params};
use tessera_types::{KeyId, TenantId, Timestamp};

macro_rules! keys {
    ($rest:literal) => {
        concat!(
            "select key_id, name, scopes, created_at, prefix, created_by, expires_at, rotated_at, last_used_at, \
             last_used_address, revoked_at, (select max(old.valid_until) from replaced_secrets old \
             where old.tenant = k.tenant and old.key_id = k.key_id) as old_secret_until \
             from api_keys k where k.tenant = $1 ",
            $rest
        )
    };
}

const ADD: &str = "insert into api_keys \
    (tenant, secret_hash, key_id, name, scopes, created_at, prefix, created_by, expires_at) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const ONE: &str = keys!("and k.key_id = $2");
const PAGE: &str = keys!("and ($2 is null or k.key_id < $2) order by k.key_id desc limit $3");
const REVOKE: &str = "update api_keys set revoked_at = $3 where tenant = $1 and key_id = $2 and revoked_at is null";
const REPLACE: &str = "insert into replaced_secrets (tenant, secret_hash, key_id, valid_until) \
    select tenant, secret_hash, key_id, $3 from api_keys where tenant = $1 and key_id = $2";
const FORGET_REPLACED: &str = "delete from replaced_secrets where tenant = $1 and key_id = $2";
const ROTATE: &str =
    "update api_keys set secret_hash = $3, prefix = $4, rotated_at = $5 where tenant = $1 and key_id = $2";
const RESOLVE: &str = "select k.tenant, k.key_id, k.scopes, k.secret_hash from api_keys k \
    where k.secret_hash = $1 and k.revoked_at is null and (k.expires_at is null or k.expires_at > $2) \
    union all select k.tenant, k.key_id, k.scopes, old.secret_hash from replaced_secrets old \
    join api_keys k on k.tenant = old.tenant and k.key_id = old.key_id \
    where old.secret_hash = $1 and old.valid_until > $2 \
    and k.revoked_at is null and (k.expires_at is null or k.expires_at > $2)";
const USED: &str = "update api_keys set last_used_at = $3, last_used_address = $4 where tenant = $1 and key_id = $2 \
    and (last_used_at is null or last_used_at < $3)";
/// Forgets replaced secrets that work no more; `$1` is now.
pub(crate) const SWEEP: &str = "delete from replaced_secrets where valid_until <= $1";

#[derive(serde::Deserialize)]
struct ApiKeyRow {
    key_id: KeyId,
    name: String,
    scopes: String,
    created_at: i64,
    prefix: Option<String>,
    created_by: Option<String>,
    expires_at: Option<i64>,
    rotated_at: Option<i64>,
    last_used_at: Option<i64>,
    last_used_address: Option<String>,
    revoked_at: Option<i64>,
    old_secret_until: Option<i64>,
}

impl ApiKeyRow {
    fn seen_at(self, now: Timestamp) -> ApiKey {
        let time = |at: Option<i64>| at.map(Timestamp::from_micros);
        ApiKey {
            key_id: self.key_id,
            name: self.name,
            scopes: scopes(&self.scopes),
            created_at: Timestamp::from_micros(self.created_at),
            prefix: self.prefix,
            created_by: self.created_by,
            expires_at: time(self.expires_at),
            rotated_at: time(self.rotated_at),
            old_secret_until: time(self.old_secret_until).filter(|until| *until > now && self.revoked_at.is_none()),
            last_used_at: time(self.last_used_at),
            last_used_address: self.last_used_address.map(Into::into),
            revoked_at: time(self.revoked_at),
        }
    }
}

/// Whose key it is.
#[derive(serde::Deserialize)]
pub(crate) struct KeyOwnerRow {
    pub(crate) tenant: TenantId,
    pub(crate) key_id: KeyId,
    scopes: String,
    pub(crate) secret_hash: String,
}

impl KeyOwnerRow {
    pub(crate) fn scopes(&self) -> Vec<String> {
        scopes(&self.scopes)
    }
}

fn scopes(stored: &str) -> Vec<String> {
    stored.split_ascii_whitespace().map(str::to_owned).collect()
}

/// When a key was last used, and from where.
#[derive(Debug, Clone)]
pub(crate) struct Use {
    pub(crate) tenant: TenantId,
    pub(crate) key_id: KeyId,
    pub(crate) at: Timestamp,
    pub(crate) address: Option<String>,
}

pub(crate) async fn add(tx: &mut Tx, secret_hash: &str, key: &ApiKey) -> Result<(), Failure> {
    let values = params![
        secret_hash,
        &key.key_id,
        &key.name,
        key.scopes.join(" "),
        &key.created_at,
        &key.prefix,
        &key.created_by,
        key.expires_at
    ];
    tx.execute(ADD, values).await.map(drop)
}

/// At most `limit` keys, newest first, after the key `after`.
pub(crate) async fn page(
    reader: &Reader,
    after: Option<&str>,
    limit: u32,
    now: Timestamp,
) -> Result<Vec<ApiKey>, Failure> {
    let rows: Vec<ApiKeyRow> = reader.all(PAGE, params![after, limit]).await?;
    Ok(rows.into_iter().map(|row| row.seen_at(now)).collect())
}

/// The key, if there is one.
pub(crate) async fn one(tx: &mut Tx, id: &KeyId) -> Result<Option<ApiKey>, Failure> {
    let now = tx.now();
    let row: Option<ApiKeyRow> = tx.optional(ONE, params![id]).await?;
    Ok(row.map(|row| row.seen_at(now)))
}

/// Revokes a key; one that is revoked already stays so since then. `None` when there is none.
pub(crate) async fn revoke(tx: &mut Tx, id: &KeyId) -> Result<Option<ApiKey>, Failure> {
    let now = tx.now();
    tx.execute(REVOKE, params![id, now]).await?;
    tx.execute(FORGET_REPLACED, params![id]).await?;
    one(tx, id).await
}

/// Gives a key another secret. The one it has works until `old_until`; when that is now, no older one works any more.
pub(crate) async fn rotate(
    tx: &mut Tx,
    id: &KeyId,
    secret_hash: &str,
    prefix: &str,
    old_until: Timestamp,
) -> Result<(), Failure> {
    let now = tx.now();
    match old_until > now {
        true => tx.execute(REPLACE, params![id, old_until]).await?,
        false => tx.execute(FORGET_REPLACED, params![id]).await?,
    };
    tx.execute(ROTATE, params![id, secret_hash, prefix, now]).await.map(drop)
}

/// Who has the key of this hash, whatever tenant.
pub(crate) async fn owner(store: &Store, secret_hash: &str) -> Result<Option<KeyOwnerRow>, Failure> {
    store.system().optional(RESOLVE, params![secret_hash, store.now()]).await
}

/// Keeps the last uses, all in one commit.
pub(crate) async fn put_uses(store: &Store, uses: Vec<Use>) -> Result<(), Failure> {
    let write = store.system_write(uses, |tx, uses| {
        Box::pin(async move {
            for Use { tenant, key_id, at, address } in uses {
                tx.execute(USED, params![tenant, key_id, *at, address]).await?;
            }
            Ok(())
        })
    });
    write.await
}
