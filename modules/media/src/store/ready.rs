//! Ready assets of all tenants, for whoever looks after what they are made of.

use tessera_contract::Failure;
use tessera_store::{Inspector, params};
use tessera_types::{AssetId, TenantId};

use super::Made;

/// A ready asset.
pub(crate) struct ReadyAsset {
    pub(crate) tenant: TenantId,
    pub(crate) asset_id: AssetId,
    pub(crate) made: Made,
}

const READY: &str = "select tenant, asset_id, made from assets where state = 'ready' and made is not null \
    and (tenant, asset_id) > ($1, $2) order by tenant, asset_id limit 200";

/// The next ready assets, by tenant and id.
pub(crate) async fn ready_assets(store: &mut Inspector, after: &(String, String)) -> Result<Vec<ReadyAsset>, Failure> {
    let rows: Vec<(String, String, String)> = store.all(READY, params![&after.0, &after.1]).await?;
    let doing = "reading a stored asset";
    rows.into_iter()
        .map(|(tenant, asset_id, made)| {
            Ok(ReadyAsset {
                tenant: tenant.parse().map_err(|e| Failure::internal(doing, e))?,
                asset_id: asset_id.parse().map_err(|e| Failure::internal(doing, e))?,
                made: serde_json::from_str(&made).map_err(|e| Failure::internal(doing, e))?,
            })
        })
        .collect()
}
