//! Which master keys assets' keys are under, and where blobs are that something names: for whoever rotates or backs up.

use tessera_contract::Failure;
use tessera_store::{Store, params};
use tessera_types::{AssetId, TenantId};

/// How many assets' keys are under which master key, over all tenants: rows of id and number.
pub const SEALED_UNDER: &str =
    "select key_id, count(*) from assets where wrapped_key is not null group by key_id order by key_id";

/// The folders of blobs that the module's rows name, over all tenants: rows of tenant and folder. A blob is never changed
/// once it is stored.
pub const BLOB_FOLDERS: &str = "select tenant, 'uploads/' || upload_id as folder from uploads where ended_at is null \
    union select tenant, 'assets/' || asset_id || '/' || attempt from assets where attempt is not null \
    and state in ('processing', 'ready') \
    union select tenant, 'assets/' || asset_id || '/' || early from assets where early is not null and state = 'ready' \
    union select tenant, 'assets/' || asset_id || '/' || attempt from attempts order by 1, 2";

const UNDER_OLDER: &str = "select tenant, asset_id, key_id, wrapped_key from assets \
    where (tenant, asset_id) > ($1, $2) and wrapped_key is not null and key_id <> $3 order by tenant, asset_id limit 100";
const REPLACE: &str = "update assets set wrapped_key = $4, key_id = $5 \
    where tenant = $1 and asset_id = $2 and wrapped_key = $3";

/// An asset's key as stored.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct SealedKey {
    pub(crate) tenant: TenantId,
    pub(crate) asset_id: AssetId,
    pub(crate) key_id: String,
    pub(crate) wrapped_key: Vec<u8>,
}

/// Some keys after the place `after` that are under another master key than `current`.
pub(crate) async fn under_older(
    store: &Store,
    current: &str,
    after: Option<&(TenantId, AssetId)>,
) -> Result<Vec<SealedKey>, Failure> {
    let (tenant, asset) = after.map_or(("", ""), |(tenant, asset)| (tenant.as_str(), asset.as_str()));
    store.system().all(UNDER_OLDER, params![tenant, asset, current]).await
}

/// Puts each of `resealed`, which are under `current`, in place of the key at its index, where that still is what it was;
/// answers how many were.
pub(crate) async fn replace_sealed(
    store: &Store,
    rows: Vec<SealedKey>,
    resealed: Vec<Vec<u8>>,
    current: String,
) -> Result<u64, Failure> {
    let write = store.system_write((rows, resealed, current), |tx, (rows, resealed, current)| {
        Box::pin(async move {
            let mut replaced = 0;
            for (row, new) in rows.iter().zip(resealed) {
                let (was, new) = (row.wrapped_key.clone(), new.clone());
                let values = params![&row.tenant, &row.asset_id, was, new, &*current];
                replaced += tx.execute(REPLACE, values).await?;
            }
            Ok(replaced)
        })
    });
    write.await
}
