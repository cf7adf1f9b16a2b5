//! All SQL of the module.

use tessera_contract::{Cx, Failure};
use tessera_store::{Store, params};
use tessera_types::{AssetId, TenantId};

/// A content key as stored: sealed.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct KeyRow {
    pub(crate) key_id: String,
    pub(crate) wrapped: Vec<u8>,
    pub(crate) master_key_id: String,
}

const BY_ASSET: &str = "select key_id, wrapped, master_key_id from content_keys where tenant = $1 and asset_id = $2";
const ADD: &str = "insert into content_keys (tenant, asset_id, key_id, wrapped, master_key_id, created_at) \
    values ($1, $2, $3, $4, $5, $6) on conflict do nothing";

/// How many content keys are under which master key, over all tenants: rows of id and number.
pub const SEALED_UNDER: &str =
    "select master_key_id, count(*) from content_keys group by master_key_id order by master_key_id";

const UNDER_OLDER: &str = "select tenant, asset_id, key_id, wrapped, master_key_id from content_keys \
    where (tenant, asset_id) > ($1, $2) and master_key_id <> $3 order by tenant, asset_id limit 100";
const REPLACE: &str = "update content_keys set wrapped = $4, master_key_id = $5 \
    where tenant = $1 and asset_id = $2 and wrapped = $3";

/// A content key as stored, and whose it is.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct Placed {
    pub(crate) tenant: TenantId,
    pub(crate) asset_id: AssetId,
    key_id: String,
    wrapped: Vec<u8>,
    master_key_id: String,
}

impl Placed {
    /// Without its place.
    pub(crate) fn sealed(&self) -> KeyRow {
        let (key_id, wrapped, master_key_id) = (self.key_id.clone(), self.wrapped.clone(), self.master_key_id.clone());
        KeyRow { key_id, wrapped, master_key_id }
    }
}

/// Some keys after the place `after` that are under another master key than `current`.
pub(crate) async fn under_older(
    store: &Store,
    current: &str,
    after: Option<&(TenantId, AssetId)>,
) -> Result<Vec<Placed>, Failure> {
    let (tenant, asset) = after.map_or(("", ""), |(tenant, asset)| (tenant.as_str(), asset.as_str()));
    store.system().all(UNDER_OLDER, params![tenant, asset, current]).await
}

/// Puts each of `resealed` in place of the row at its index, where that still is what it was; answers how many were.
pub(crate) async fn replace_sealed(store: &Store, rows: Vec<Placed>, resealed: Vec<KeyRow>) -> Result<u64, Failure> {
    store
        .system_write((rows, resealed), |tx, (rows, resealed)| {
            Box::pin(async move {
                let mut replaced = 0;
                for (row, new) in rows.iter().zip(resealed) {
                    let KeyRow { wrapped, master_key_id, .. } = new;
                    let was = row.wrapped.clone();
                    let values = params![&row.tenant, &row.asset_id, was, wrapped.clone(), master_key_id];
                    replaced += tx.execute(REPLACE, values).await?;
                }
                Ok(replaced)
            })
        })
        .await
}

/// The asset's key, if it has one yet.
pub(crate) async fn key(store: &Store, cx: &Cx, asset: &AssetId) -> Result<Option<KeyRow>, Failure> {
    store.tenant(cx).optional(BY_ASSET, params![asset]).await
}

/// Keeps `row` unless the asset has a key, and answers the one it has. Of several at once, all get the same.
pub(crate) async fn add_key(store: &Store, cx: &Cx, asset: &AssetId, row: KeyRow) -> Result<KeyRow, Failure> {
    let input = (asset.clone(), row);
    store
        .write(cx, input, |tx, (asset, row)| {
            Box::pin(async move {
                let KeyRow { key_id, wrapped, master_key_id } = row;
                let now = tx.now();
                tx.insert_unique(ADD, params![asset, key_id, wrapped.clone(), master_key_id, now]).await?;
                tx.one::<KeyRow>(BY_ASSET, params![asset]).await
            })
        })
        .await
}
