//! What is sealed, and under which master key: for whoever rotates or backs up.

use tessera_contract::Failure;
use tessera_store::{Store, params};

/// How much is sealed under which master key, over all tenants: rows of id and number.
pub const SEALED_UNDER: &str = "select master_key_id, count(*) from \
    (select master_key_id from signing_keys union all select master_key_id from sessions) sealed \
    group by master_key_id order by master_key_id";

const OLDER_SIGNING_KEYS: &str = "select tenant, key_id as name, sealed from signing_keys \
    where (tenant, key_id) > ($1, $2) and master_key_id <> $3 order by tenant, key_id limit 100";
const OLDER_SESSIONS: &str = "select tenant, session as name, sealed_refresh_token as sealed from sessions \
    where (tenant, session) > ($1, $2) and master_key_id <> $3 order by tenant, session limit 100";
const REPLACE_SIGNING_KEY: &str = "update signing_keys set sealed = $4, master_key_id = $5 \
    where tenant = $1 and key_id = $2 and sealed = $3";
const REPLACE_SESSION: &str = "update sessions set sealed_refresh_token = $4, master_key_id = $5 \
    where tenant = $1 and session = $2 and sealed_refresh_token = $3";

/// What kind of thing is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    SigningKey,
    Session,
}

/// Something sealed, by its tenant and its name there.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct Sealed {
    pub(crate) tenant: String,
    pub(crate) name: String,
    pub(crate) sealed: Vec<u8>,
}

/// Some of a kind after the place `after` that are under another master key than `current`.
pub(crate) async fn under_older(
    store: &Store,
    kind: Kind,
    current: &str,
    after: Option<&(String, String)>,
) -> Result<Vec<Sealed>, Failure> {
    let (tenant, name) = after.map_or(("", ""), |(tenant, name)| (tenant, name));
    let sql = match kind {
        Kind::SigningKey => OLDER_SIGNING_KEYS,
        Kind::Session => OLDER_SESSIONS,
    };
    store.system().all(sql, params![tenant, name, current]).await
}

/// Puts each of `resealed`, which are under `current`, in place of the row at its index, where that still is what it was;
/// answers how many were.
pub(crate) async fn replace(
    store: &Store,
    kind: Kind,
    rows: Vec<Sealed>,
    resealed: Vec<Vec<u8>>,
    current: String,
) -> Result<u64, Failure> {
    let sql = match kind {
        Kind::SigningKey => REPLACE_SIGNING_KEY,
        Kind::Session => REPLACE_SESSION,
    };
    let write = store.system_write((rows, resealed, current), move |tx, (rows, resealed, current)| {
        Box::pin(async move {
            let mut replaced = 0;
            for (row, new) in rows.iter().zip(resealed) {
                let values = params![&*row.tenant, &*row.name, row.sealed.clone(), new.clone(), &**current];
                replaced += tx.execute(sql, values).await?;
            }
            Ok(replaced)
        })
    });
    write.await
}
