//! The contract, on the store.

use std::{path::PathBuf, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use tessera_contract::{Cx, Failure, FailureKind, Page, async_trait, decode_cursor, page_limit};
use tessera_contract_media::{
    Asset, AssetDescriptor, AssetLog, AssetState, AtRest, CancelAsset, CreateAsset, CreatePull, DeleteSubtitles,
    GetAsset, GetAssetLog, GetDescriptor, GetPull, ListAssets, Media, MediaError, PrioritizeAsset, Protection, Pull,
    PutSubtitles, RetryAsset,
};
use tessera_runtime::{blobs::Blobs, secrets::KeyRing};
use tessera_store::Store;
use tessera_types::{AssetId, UploadId};

use crate::{
    MediaDeps,
    at_rest::{self, AssetKey, Place},
    config::MediaConfig,
    pulls,
    steering::{self, Running, Wanted, asset_not_found},
    store::{self, StoredAsset},
    uploads::Uploads,
};

/// The built-in media module.
pub struct MediaService {
    pub(crate) config: MediaConfig,
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
    pub(crate) master_keys: KeyRing,
    pub(crate) scratch: PathBuf,
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) running: Running,
}

impl MediaService {
    pub(crate) fn new(config: MediaConfig, store: Store, deps: MediaDeps) -> Self {
        let uploads = Arc::new(Uploads::new(store.clone(), deps.blobs.clone(), config.clone()));
        let MediaDeps { blobs, master_keys, scratch, .. } = deps;
        Self { config, store, blobs, master_keys, scratch, uploads, running: Running::default() }
    }

    /// Its store: for readiness, upkeep, and the log of its events.
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) async fn asset(&self, cx: &Cx, id: &AssetId) -> Result<StoredAsset, MediaError> {
        minted(id.clone())?;
        store::asset(&self.store.tenant(cx), id).await?.ok_or_else(|| asset_not_found(id))
    }

    fn at_rest(&self, cx: &Cx, stored: &StoredAsset) -> Result<AtRest, Failure> {
        let id = &stored.asset.asset_id;
        let lost = |what: &str| Failure::new(FailureKind::Internal, format!("the asset {id} {what}"));
        let key_id = stored.key_id.as_deref().ok_or_else(|| lost("has no key"))?;
        let wrapped = stored.wrapped_key.as_deref().ok_or_else(|| lost("has no key"))?;
        let key = self.open_key(Place { tenant: &cx.tenant, asset: id }, key_id, wrapped)?;
        Ok(AtRest { key_base64: BASE64_STANDARD.encode(key.0), scheme: AtRest::SCHEME.into() })
    }
}

impl MediaService {
    /// The key in an envelope that the master key `key_id` sealed.
    pub(crate) fn open_key(&self, place: Place<'_>, key_id: &str, wrapped: &[u8]) -> Result<AssetKey, Failure> {
        let master = self.master_keys.get(key_id).ok_or_else(|| {
            let asset = place.asset;
            let detail = format!("the key of {asset} is under the master key {key_id:?}, which is not in the ring");
            Failure::new(FailureKind::Internal, detail)
        })?;
        at_rest::unwrap(master, place, wrapped).map_err(|e| Failure::internal("opening an asset's key", e))
    }
}

pub(crate) fn asset_not_ready(asset: &Asset) -> MediaError {
    let state = match asset.state {
        AssetState::Failed => "has failed",
        AssetState::Cancelled => "was cancelled",
        AssetState::Processing | AssetState::Ready | AssetState::Unknown => "is still being made",
    };
    MediaError::AssetNotReady(format!("the asset {} {state}", asset.asset_id))
}

#[async_trait]
impl Media for MediaService {
    async fn create_asset(&self, cx: &Cx, request: CreateAsset) -> Result<Asset, MediaError> {
        let CreateAsset { upload_id, protection, priority } = request;
        upload_id.expect_minted().map_err(|e| Failure::invalid("upload_id", e.to_string()))?;
        if protection == Protection::Unknown {
            return Err(Failure::invalid("protection", "protection is cbcs or clear").into());
        }
        let priority = steering::priority(priority.unwrap_or_default())?;
        let wanted = Wanted { asset_id: AssetId::mint(self.store.now()), upload_id, protection, priority };
        let most = self.config.tenant_jobs;
        let write = self.store.write_once(cx, wanted, move |tx, wanted| Box::pin(steering::submit(tx, wanted, most)));
        write.await
    }

    async fn get_asset(&self, cx: &Cx, request: GetAsset) -> Result<Asset, MediaError> {
        Ok(self.asset(cx, &request.asset_id).await?.asset)
    }

    async fn list_assets(&self, cx: &Cx, request: ListAssets) -> Result<Page<Asset>, MediaError> {
        let limit = page_limit(request.limit)?;
        let before = decode_cursor::<AssetId>(request.cursor.as_deref())?;
        let rows = store::page(&self.store.tenant(cx), before, limit + 1, request.state).await?;
        Ok(Page::from_rows(rows, limit, |stored| stored.asset.asset_id.clone()).map(|stored| stored.asset))
    }

    async fn get_descriptor(&self, cx: &Cx, request: GetDescriptor) -> Result<AssetDescriptor, MediaError> {
        let stored = self.asset(cx, &request.asset_id).await?;
        let complete = stored.asset.state == AssetState::Ready;
        let Some(made) = stored.made.clone() else {
            return Err(asset_not_ready(&stored.asset));
        };
        let at_rest = self.at_rest(cx, &stored)?;
        Ok(AssetDescriptor {
            asset_id: stored.asset.asset_id,
            protection: stored.asset.protection,
            duration_seconds: made.duration_seconds,
            complete,
            open_ended: made.open_ended,
            tracks: made.tracks,
            poster_blob: made.poster_blob,
            poster_sha256: made.poster_sha256,
            subtitles: made.subtitles,
            thumbnails: made.thumbnails,
            at_rest,
        })
    }

    async fn create_pull(&self, cx: &Cx, request: CreatePull) -> Result<Pull, MediaError> {
        let place = pulls::place(&self.config, &cx.tenant, &request.url);
        let (url, host) = place.map_err(|refused| MediaError::AddressRefused(refused.to_string()))?;
        let input = (UploadId::mint(self.store.now()), url, host);
        let most = self.config.tenant_uploads;
        self.store.write_once(cx, input, move |tx, input| Box::pin(pulls::begin(tx, input, most))).await
    }

    async fn get_pull(&self, cx: &Cx, request: GetPull) -> Result<Pull, MediaError> {
        let id = request.upload_id;
        id.expect_minted().map_err(|e| Failure::invalid("upload_id", e.to_string()))?;
        let found = store::pull(&self.store.tenant(cx), &id).await?;
        found.ok_or_else(|| MediaError::PullNotFound(format!("there is no pull {id} here")))
    }

    async fn cancel_asset(&self, cx: &Cx, request: CancelAsset) -> Result<Asset, MediaError> {
        let id = minted(request.asset_id)?;
        let expires = self.store.now().plus(self.config.upload_expiry);
        let write = self.store.write(cx, id.clone(), move |tx, id| Box::pin(steering::cancel(tx, id, expires)));
        let asset = write.await?;
        self.running.stop(&cx.tenant, &id);
        metrics::counter!("tessera_media_assets_total", "outcome" => "cancelled").increment(1);
        Ok(asset)
    }

    async fn retry_asset(&self, cx: &Cx, request: RetryAsset) -> Result<Asset, MediaError> {
        let (id, most) = (minted(request.asset_id)?, self.config.tenant_jobs);
        self.store.write(cx, id, move |tx, id| Box::pin(steering::retry(tx, id, most))).await
    }

    async fn prioritize_asset(&self, cx: &Cx, request: PrioritizeAsset) -> Result<Asset, MediaError> {
        let (id, priority) = (minted(request.asset_id)?, steering::priority(request.priority)?);
        self.store.write(cx, id, move |tx, id| Box::pin(steering::prioritize(tx, id, priority))).await
    }

    async fn get_asset_log(&self, cx: &Cx, request: GetAssetLog) -> Result<AssetLog, MediaError> {
        let asset_id = self.asset(cx, &request.asset_id).await?.asset.asset_id;
        let lines = store::log_lines(&self.store.tenant(cx), &asset_id).await?;
        Ok(AssetLog { asset_id, lines })
    }

    async fn put_subtitles(&self, cx: &Cx, request: PutSubtitles) -> Result<Asset, MediaError> {
        self.put_side_car(cx, request).await
    }

    async fn delete_subtitles(&self, cx: &Cx, request: DeleteSubtitles) -> Result<Asset, MediaError> {
        self.delete_side_car(cx, request).await
    }
}

/// The id, when it is one of ours.
fn minted(id: AssetId) -> Result<AssetId, Failure> {
    id.expect_minted().map_err(|e| Failure::invalid("asset_id", e.to_string()))?;
    Ok(id)
}
