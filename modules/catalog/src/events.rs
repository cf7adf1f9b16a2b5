//! What the catalog tells, and what it does with what media tells.

use tessera_contract::{CloudEvent, Failure};
use tessera_contract_catalog::{TitlePublished, TitleWithdrawn};
use tessera_contract_media::AssetReady;
use tessera_events::{HandlerError, decode};
use tessera_store::Tx;

use crate::{
    config::CatalogConfig,
    store::{self, StoredTitle},
    view,
};

/// Tells that a title is visible, with all that viewers see of it.
pub(crate) async fn published(tx: &mut Tx, title: &StoredTitle, config: &CatalogConfig) -> Result<(), Failure> {
    tx.emit(&TitlePublished { title: view::public(title.clone(), None, config) }).await
}

/// Tells that a title is no longer visible.
pub(crate) async fn withdrawn(tx: &mut Tx, title: &StoredTitle) -> Result<(), Failure> {
    tx.emit(&TitleWithdrawn { title_id: title.title_id.clone(), version: title.version }).await
}

/// An asset is ready: its length and poster belong to every title that shows it, now or later.
pub(crate) async fn asset_ready(config: CatalogConfig, tx: &mut Tx, event: &CloudEvent) -> Result<(), HandlerError> {
    let AssetReady { asset, has_poster } = decode(event)?;
    let duration = asset.duration_seconds.map(|seconds| seconds.round() as u32);
    store::put_asset(tx, &asset.asset_id, duration, has_poster).await?;
    for title in store::titles_of_asset(tx, &asset.asset_id).await? {
        store::update(tx, &title.title_id, &title.draft, title.published).await?;
        if title.published
            && let Some(title) = store::title_in(tx, &title.title_id).await?
        {
            published(tx, &title, &config).await?;
        }
    }
    Ok(())
}
