//! All SQL of the module.

use tessera_contract::{Cx, Failure};
use tessera_store::{Store, params};
use tessera_types::AssetId;

/// A content key as stored: sealed.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct KeyRow {
    pub(crate) key_id: String,
    pub(crate) wrapped: Vec<u8>,
    pub(crate) master_key_id: String,
}

const BY_ASSET: &str = "select key_id, wrapped, master_key_id from content_keys where tenant = $1 and asset_id = $2";
const ADD: &str = "insert into content_keys (tenant, asset_id, key_id, wrapped, master_key_id, created_at) \
    values ($1, $2, $3, $4, $5, $6) on conflict do nothing";

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
