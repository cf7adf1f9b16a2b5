//! The contract, on the store.

use std::{path::PathBuf, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use tessera_contract::{Cx, Failure, FailureKind, Page, async_trait, decode_cursor, page_limit};
use tessera_contract_media::{
    Asset, AssetDescriptor, AssetState, AtRest, CreateAsset, DeleteSubtitles, GetAsset, GetDescriptor, ListAssets,
    Media, MediaError, Protection, PutSubtitles,
};
use tessera_runtime::{blobs::Blobs, secrets::KeyRing};
use tessera_store::{Store, Tx};
use tessera_types::{AssetId, UploadId};

use crate::{
    MediaDeps,
    at_rest::{self, AssetKey, Place},
    config::MediaConfig,
    store::{self, StoredAsset},
    transcode::{JOB, Work},
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
}

impl MediaService {
    pub(crate) fn new(config: MediaConfig, store: Store, deps: MediaDeps) -> Self {
        let uploads = Arc::new(Uploads::new(store.clone(), deps.blobs.clone(), config.clone()));
        let MediaDeps { blobs, master_keys, scratch, .. } = deps;
        Self { config, store, blobs, master_keys, scratch, uploads }
    }

    /// Its store: for readiness, upkeep, and the log of its events.
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) async fn asset(&self, cx: &Cx, id: &AssetId) -> Result<StoredAsset, MediaError> {
        id.expect_minted().map_err(|e| Failure::invalid("asset_id", e.to_string()))?;
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
    let state = asset.failure.as_ref().map_or("is still being made", |_| "has failed");
    MediaError::AssetNotReady(format!("the asset {} {state}", asset.asset_id))
}

pub(crate) fn asset_not_found(id: &AssetId) -> MediaError {
    MediaError::AssetNotFound(format!("there is no asset {id} here"))
}

/// Gives a complete upload to a new asset, and queues its job.
async fn submit(tx: &mut Tx, id: &AssetId, upload_id: &UploadId, protection: Protection) -> Result<Asset, MediaError> {
    let now = tx.now();
    let found = store::upload_in(tx, upload_id).await?.filter(|upload| !upload.is_gone(now));
    let missing = || MediaError::UploadNotFound(format!("there is no upload {upload_id} here; it may have expired"));
    let upload = found.ok_or_else(missing)?;
    if !upload.is_complete() {
        let detail = format!("{upload_id} has {} of {} bytes: send the rest first", upload.received(), upload.length());
        return Err(MediaError::UploadIncomplete(detail));
    }
    if !store::claim(tx, upload_id, id).await? {
        return Err(MediaError::UploadInUse(format!("an asset is being made of {upload_id} already")));
    }
    store::insert_asset(tx, id, upload_id, protection).await?;
    tx.enqueue(JOB, id.as_str(), &Work { asset_id: id.clone() }, now).await?;
    let stored = store::asset_in(tx, id).await?.ok_or_else(|| asset_not_found(id))?;
    Ok(stored.asset)
}

#[async_trait]
impl Media for MediaService {
    async fn create_asset(&self, cx: &Cx, request: CreateAsset) -> Result<Asset, MediaError> {
        let CreateAsset { upload_id, protection } = request;
        upload_id.expect_minted().map_err(|e| Failure::invalid("upload_id", e.to_string()))?;
        if protection == Protection::Unknown {
            return Err(Failure::invalid("protection", "protection is cbcs or clear").into());
        }
        let id = AssetId::mint(self.store.now());
        let write = self.store.write_once(cx, (id, upload_id), move |tx, (id, upload_id)| {
            Box::pin(submit(tx, id, upload_id, protection))
        });
        write.await
    }

    async fn get_asset(&self, cx: &Cx, request: GetAsset) -> Result<Asset, MediaError> {
        Ok(self.asset(cx, &request.asset_id).await?.asset)
    }

    async fn list_assets(&self, cx: &Cx, request: ListAssets) -> Result<Page<Asset>, MediaError> {
        let limit = page_limit(request.limit)?;
        let before = decode_cursor::<AssetId>(request.cursor.as_deref())?;
        let rows = store::page(&self.store.tenant(cx), before, limit + 1).await?;
        Ok(Page::from_rows(rows, limit, |stored| stored.asset.asset_id.clone()).map(|stored| stored.asset))
    }

    async fn get_descriptor(&self, cx: &Cx, request: GetDescriptor) -> Result<AssetDescriptor, MediaError> {
        let stored = self.asset(cx, &request.asset_id).await?;
        let (AssetState::Ready, Some(made)) = (stored.asset.state, stored.made.clone()) else {
            return Err(asset_not_ready(&stored.asset));
        };
        let at_rest = self.at_rest(cx, &stored)?;
        Ok(AssetDescriptor {
            asset_id: stored.asset.asset_id,
            protection: stored.asset.protection,
            duration_seconds: made.duration_seconds,
            tracks: made.tracks,
            poster_blob: made.poster_blob,
            poster_sha256: made.poster_sha256,
            subtitles: made.subtitles,
            thumbnails: made.thumbnails,
            at_rest,
        })
    }

    async fn put_subtitles(&self, cx: &Cx, request: PutSubtitles) -> Result<Asset, MediaError> {
        self.put_side_car(cx, request).await
    }

    async fn delete_subtitles(&self, cx: &Cx, request: DeleteSubtitles) -> Result<Asset, MediaError> {
        self.delete_side_car(cx, request).await
    }
}
