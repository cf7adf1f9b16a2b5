//! All SQL of the module.

use tessera_contract::{Cx, Failure};
use tessera_contract_drm::KeyLabel;
use tessera_store::{Store, params};
use tessera_types::{AssetId, TenantId};

/// A content key as stored: sealed.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct KeyRow {
    /// Which of the asset's keys; empty for the one without a label.
    pub(crate) label: String,
    pub(crate) key_id: String,
    pub(crate) wrapped: Vec<u8>,
    pub(crate) master_key_id: String,
}

const OF_ASSET: &str = "select label, key_id, wrapped, master_key_id from content_keys \
    where tenant = $1 and asset_id = $2 order by label";
const BY_LABEL: &str = "select label, key_id, wrapped, master_key_id from content_keys \
    where tenant = $1 and asset_id = $2 and label = $3";
const ADD: &str = "insert into content_keys (tenant, asset_id, label, key_id, wrapped, master_key_id, created_at) \
    values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing";

/// How many content keys are under which master key, over all tenants: rows of id and number.
pub const SEALED_UNDER: &str =
    "select master_key_id, count(*) from content_keys group by master_key_id order by master_key_id";

const UNDER_OLDER: &str = "select tenant, asset_id, label, key_id, wrapped, master_key_id from content_keys \
    where (tenant, asset_id, label) > ($1, $2, $3) and master_key_id <> $4 order by tenant, asset_id, label limit 100";
const REPLACE: &str = "update content_keys set wrapped = $5, master_key_id = $6 \
    where tenant = $1 and asset_id = $2 and label = $3 and wrapped = $4";

/// A content key as stored, and whose it is.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct Placed {
    pub(crate) tenant: TenantId,
    pub(crate) asset_id: AssetId,
    pub(crate) label: String,
    key_id: String,
    wrapped: Vec<u8>,
    master_key_id: String,
}

impl Placed {
    /// Without its place.
    pub(crate) fn sealed(&self) -> KeyRow {
        let Self { label, key_id, wrapped, master_key_id, .. } = self.clone();
        KeyRow { label, key_id, wrapped, master_key_id }
    }
}

/// Some keys after the place `after` that are under another master key than `current`.
pub(crate) async fn under_older(store: &Store, current: &str, after: Option<&Placed>) -> Result<Vec<Placed>, Failure> {
    let place = |row: &Placed| (row.tenant.to_string(), row.asset_id.to_string(), row.label.clone());
    let (tenant, asset, label) = after.map(place).unwrap_or_default();
    store.system().all(UNDER_OLDER, params![tenant, asset, label, current]).await
}

/// Puts each of `resealed` in place of the row at its index, where that still is what it was; answers how many were.
pub(crate) async fn replace_sealed(store: &Store, rows: Vec<Placed>, resealed: Vec<KeyRow>) -> Result<u64, Failure> {
    store
        .system_write((rows, resealed), |tx, (rows, resealed)| {
            Box::pin(async move {
                let mut replaced = 0;
                for (row, new) in rows.iter().zip(resealed) {
                    let KeyRow { label, wrapped, master_key_id, .. } = new;
                    let was = row.wrapped.clone();
                    let values = params![&row.tenant, &row.asset_id, label, was, wrapped.clone(), master_key_id];
                    replaced += tx.execute(REPLACE, values).await?;
                }
                Ok(replaced)
            })
        })
        .await
}

/// All keys that the asset has yet, in the order of their labels.
pub(crate) async fn keys(store: &Store, cx: &Cx, asset: &AssetId) -> Result<Vec<KeyRow>, Failure> {
    store.tenant(cx).all(OF_ASSET, params![asset]).await
}

/// The asset's key of this label, if it has one yet.
pub(crate) async fn key(
    store: &Store,
    cx: &Cx,
    asset: &AssetId,
    label: Option<&KeyLabel>,
) -> Result<Option<KeyRow>, Failure> {
    let label = label.map_or("", KeyLabel::as_str);
    store.tenant(cx).optional(BY_LABEL, params![asset, label]).await
}

/// Keeps `row` unless the asset has a key of its label, and answers the one it has. Of several at once, all get the same.
pub(crate) async fn add_key(store: &Store, cx: &Cx, asset: &AssetId, row: KeyRow) -> Result<KeyRow, Failure> {
    let input = (asset.clone(), row);
    store
        .write(cx, input, |tx, (asset, row)| {
            Box::pin(async move {
                let KeyRow { label, key_id, wrapped, master_key_id } = row.clone();
                let now = tx.now();
                tx.insert_unique(ADD, params![asset, label.clone(), key_id, wrapped, master_key_id, now]).await?;
                tx.one::<KeyRow>(BY_LABEL, params![asset, label]).await
            })
        })
        .await
}
