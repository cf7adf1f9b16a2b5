//! Secrets, sealed.

use tessera_contract::Failure;
use tessera_store::{Reader, Store, Tx, params};
use tessera_types::{Timestamp, WebhookId};

/// How many secrets are under which master key, over all tenants: rows of id and number.
pub const SEALED_UNDER: &str =
    "select master_key_id, count(*) from secrets group by master_key_id order by master_key_id";

macro_rules! secrets {
    ($rest:literal) => {
        concat!("select tenant, endpoint_id, number, sealed, master_key_id from secrets ", $rest)
    };
}
const ONE: &str = secrets!("where tenant = $1 and endpoint_id = $2 and number = $3");
const SIGNING: &str = secrets!(
    "where tenant = $1 and endpoint_id = $2 and (until_us is null or until_us > $3) order by number desc limit 3"
);
const UNDER_OLDER: &str = secrets!(
    "where (tenant, endpoint_id, number) > ($1, $2, $3) and master_key_id <> $4 \
     order by tenant, endpoint_id, number limit 100"
);
const ADD: &str =
    "insert into secrets (tenant, endpoint_id, number, sealed, master_key_id) values ($1, $2, $3, $4, $5)";
const RETIRE: &str = "update secrets set until_us = $3 where tenant = $1 and endpoint_id = $2 and until_us is null";
const FORGET: &str = "delete from secrets where tenant = $1 and endpoint_id = $2 and until_us <= $3";
const REPLACE: &str = "update secrets set sealed = $5, master_key_id = $6 \
    where tenant = $1 and endpoint_id = $2 and number = $3 and sealed = $4";

/// A secret as stored.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct SecretRow {
    pub(crate) tenant: String,
    pub(crate) endpoint_id: String,
    pub(crate) number: i64,
    pub(crate) sealed: Vec<u8>,
    pub(crate) master_key_id: String,
}

/// A secret of an address.
pub(crate) async fn secret(reader: &Reader, id: &WebhookId, number: i64) -> Result<Option<SecretRow>, Failure> {
    reader.optional(ONE, params![id, number]).await
}

/// The secrets that sign at `now`, the newest first.
pub(crate) async fn signing(reader: &Reader, id: &WebhookId, now: Timestamp) -> Result<Vec<SecretRow>, Failure> {
    reader.all(SIGNING, params![id, now]).await
}

/// Adds a secret; the one before it signs until `until`.
pub(crate) async fn add_secret(tx: &mut Tx, id: &WebhookId, row: &SecretRow, until: Timestamp) -> Result<(), Failure> {
    let now = tx.now();
    tx.execute(RETIRE, params![id, until]).await?;
    tx.execute(FORGET, params![id, now]).await?;
    tx.execute(ADD, params![id, row.number, row.sealed.clone(), &row.master_key_id]).await.map(drop)
}

/// Some secrets after the place of `after` that are under another master key than `current`.
pub(crate) async fn under_older(
    store: &Store,
    current: &str,
    after: Option<&SecretRow>,
) -> Result<Vec<SecretRow>, Failure> {
    let place = |row: &SecretRow| (row.tenant.clone(), row.endpoint_id.clone(), row.number);
    let (tenant, endpoint, number) = after.map(place).unwrap_or_default();
    store.system().all(UNDER_OLDER, params![tenant, endpoint, number, current]).await
}

/// Puts each of `resealed` in place of the row at its index, where that still is what it was; answers how many were.
pub(crate) async fn replace_sealed(
    store: &Store,
    rows: Vec<SecretRow>,
    resealed: Vec<SecretRow>,
) -> Result<u64, Failure> {
    let write = store.system_write((rows, resealed), |tx, (rows, resealed)| {
        Box::pin(async move {
            let mut replaced = 0;
            for (row, new) in rows.iter().zip(resealed) {
                let SecretRow { tenant, endpoint_id, number, sealed, master_key_id } = new;
                let was = row.sealed.clone();
                let values = params![tenant, endpoint_id, *number, was, sealed.clone(), master_key_id];
                replaced += tx.execute(REPLACE, values).await?;
            }
            Ok(replaced)
        })
    });
    write.await
}
