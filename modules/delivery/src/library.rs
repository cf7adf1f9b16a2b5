//! What the origin reads of other modules and of the blob store, each thing once.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tessera_at_rest::BlobChecks;
use tessera_contract::{Cx, Failure, FailureKind};
use tessera_contract_delivery::DeliveryError;
use tessera_contract_drm::{DrmError, GetContentKey};
use tessera_contract_media::{
    AssetDescriptor, AtRest, GetDescriptor, MediaError, Protection as Wanted, TrackDescriptor, TrackKind,
};
use tessera_isobmff::TrackIndex;
use tessera_runtime::blobs::BlobKey;
use tessera_types::{AssetId, TenantId};
use tokio::sync::OnceCell;

use crate::{
    DeliveryDeps,
    config::DeliveryConfig,
    growing::Growing,
    presentation::{Presentation, Unusable, Way},
    protection::OpenKey,
    shelf::Shelf,
    signalling::{Encryption, Signalling},
    stock::Stock,
};

/// Bytes.
pub(crate) const MEGABYTE: u64 = 1 << 20;
/// A descriptor is a few hundred bytes; this many of them are remembered.
const DESCRIPTORS: u64 = 10_000;
/// A poster larger than this is none.
const POSTER_BYTES: u64 = 16 * MEGABYTE;

type AssetKey = (TenantId, AssetId);

/// An asset's stored copy, and what has been made ready of it: in the clear, under `cbcs`, under `cenc`.
pub(crate) struct Asset {
    pub(crate) stock: Arc<Stock>,
    presentations: [OnceCell<Arc<Presentation>>; 3],
}

/// Descriptors, assets and posters. A complete asset never changes, so nothing of it goes stale; one that still grows is
/// looked at anew every few seconds.
pub(crate) struct Library {
    deps: DeliveryDeps,
    segment_seconds: u32,
    settings: Signalling,
    descriptors: Shelf<AssetKey, Arc<AssetDescriptor>>,
    assets: Shelf<AssetKey, Arc<Asset>>,
    posters: Shelf<AssetKey, Bytes>,
    growing: Growing,
}

impl Library {
    pub(crate) fn new(config: &DeliveryConfig, deps: DeliveryDeps) -> Self {
        Self {
            segment_seconds: config.segment_seconds,
            settings: config.drm.clone(),
            descriptors: Shelf::new(DESCRIPTORS),
            assets: Shelf::new(config.index_cache_megabytes.saturating_mul(MEGABYTE)),
            posters: Shelf::new(config.poster_cache_megabytes.saturating_mul(MEGABYTE)),
            growing: Growing::default(),
            deps,
        }
    }

    /// Forgets what was learned of an asset that grew then, some seconds ago.
    fn refresh(&self, key: &AssetKey) {
        if self.growing.is_stale(key, self.deps.clock.now()) {
            self.descriptors.forget(key);
            self.assets.forget(key);
        }
    }

    pub(crate) fn deps(&self) -> &DeliveryDeps {
        &self.deps
    }

    /// The descriptor of an asset that may be served.
    pub(crate) async fn descriptor(&self, cx: &Cx, asset: &AssetId) -> Result<Arc<AssetDescriptor>, DeliveryError> {
        let key = (cx.tenant.clone(), asset.clone());
        self.refresh(&key);
        let load = async || {
            let request = GetDescriptor { asset_id: asset.clone() };
            let described = self.deps.media.get_descriptor(&cx.as_service("delivery"), request).await;
            let descriptor = described.map_err(|error| media_refused(asset, error))?;
            if !descriptor.complete {
                self.growing.note(key.clone(), self.deps.clock.now());
            }
            match descriptor.protection {
                Wanted::Cbcs | Wanted::Clear => Ok((Arc::new(descriptor), 1)),
                Wanted::Unknown => Err(not_found(asset)),
            }
        };
        self.descriptors.get(&key, load).await
    }

    /// The asset, ready to be packaged in every way.
    pub(crate) async fn asset(&self, cx: &Cx, asset: &AssetId) -> Result<Arc<Asset>, DeliveryError> {
        let key = (cx.tenant.clone(), asset.clone());
        self.refresh(&key);
        let load = async || {
            let descriptor = self.descriptor(cx, asset).await?;
            let (mut tracks, mut weight) = (Vec::new(), 0);
            for track in descriptor.tracks.iter().filter(|track| track.kind != TrackKind::Unknown) {
                let (index, checks, size) = self.index(cx, asset, track).await?;
                // What is made ready of it takes some more.
                weight += size + size / 2;
                tracks.push((track.clone(), index, checks));
            }
            let at_rest = at_rest_key(&descriptor.at_rest)?;
            let (tenant, seconds) = (cx.tenant.clone(), self.segment_seconds);
            let divide = move || Stock::new(tenant, &descriptor, tracks, at_rest, seconds);
            let stock = aside("preparing the asset's tracks", divide).await?.map_err(|why| match why {
                Unusable::NothingYet => not_found(asset),
                why => unusable(why).into(),
            })?;
            Ok((Arc::new(Asset { stock: Arc::new(stock), presentations: Default::default() }), weight))
        };
        self.assets.get(&key, load).await
    }

    /// The asset packaged one way; `None` is in the clear.
    pub(crate) async fn presentation(
        &self,
        cx: &Cx,
        asset: &Asset,
        encryption: Option<Encryption>,
    ) -> Result<Arc<Presentation>, Failure> {
        let [clear, cbcs, cenc] = &asset.presentations;
        let cell = match encryption {
            None => clear,
            Some(Encryption::Cbcs) => cbcs,
            Some(Encryption::Cenc) => cenc,
        };
        if let Some(presentation) = cell.get() {
            return Ok(presentation.clone());
        }
        let make = async {
            let keys = self.keys(cx, &asset.stock, encryption).await?;
            let (stock, settings, segment_seconds) = (asset.stock.clone(), self.settings.clone(), self.segment_seconds);
            let build = move || {
                let way = Way { encryption, keys, settings: &settings, segment_seconds };
                Presentation::new(&stock, &way).map(Arc::new).map_err(unusable)
            };
            aside("preparing the asset's tracks", build).await?
        };
        cell.get_or_try_init(|| Box::pin(make)).await.cloned()
    }

    /// The asset's poster, JPEG.
    pub(crate) async fn poster(&self, cx: &Cx, asset: &AssetId) -> Result<Bytes, DeliveryError> {
        let load = async || {
            let descriptor = self.descriptor(cx, asset).await?;
            let blob = descriptor.poster_blob.as_deref();
            let blob = blob.ok_or_else(|| DeliveryError::AssetNotFound(format!("{asset} has no poster")))?;
            let (key, blobs) = (blob_key(blob)?, self.deps.blobs.tenant(&cx.tenant));
            let size = blobs.info(&key).await.map_err(lost)?.size;
            if size > POSTER_BYTES {
                let detail = format!("the poster {key} has {size} bytes, more than {POSTER_BYTES}");
                return Err(Failure::new(FailureKind::Internal, detail).into());
            }
            let poster = blobs.get(&key).await.map_err(lost)?;
            match descriptor.poster_sha256.as_deref().is_none_or(|expected| sha256(&poster) == expected) {
                true => Ok((poster, size)),
                false => Err(damaged(&cx.tenant, asset, &key, "its bytes have changed").into()),
            }
        };
        self.posters.get(&(cx.tenant.clone(), asset.clone()), load).await
    }

    /// A track's index, the checksums of its blob, and the bytes of both as stored: about what they take in memory.
    async fn index(
        &self,
        cx: &Cx,
        asset: &AssetId,
        track: &TrackDescriptor,
    ) -> Result<(TrackIndex, Option<BlobChecks>, u64), Failure> {
        let key = blob_key(&track.index_blob)?;
        let stored = self.deps.blobs.tenant(&cx.tenant).get(&key).await.map_err(lost)?;
        let (size, expected) = (stored.len() as u64, track.index_sha256.clone());
        let parse = move || {
            if expected.is_some_and(|expected| sha256(&stored) != expected) {
                return Err("its bytes have changed".to_owned());
            }
            let unreadable = |e: serde_json::Error| format!("it is no index: {e}");
            let index: TrackIndex = serde_json::from_slice(&stored).map_err(unreadable)?;
            let Checks { blob_checks } = serde_json::from_slice(&stored).map_err(unreadable)?;
            Ok((index, blob_checks))
        };
        let parsed = aside("reading a track index", parse).await?;
        let (index, checks) = parsed.map_err(|what| damaged(&cx.tenant, asset, &key, &what))?;
        Ok((index, checks, size))
    }

    /// The content keys that the asset's tracks are under, by label.
    async fn keys(
        &self,
        cx: &Cx,
        stock: &Stock,
        encryption: Option<Encryption>,
    ) -> Result<BTreeMap<Option<String>, OpenKey>, Failure> {
        let mut keys = BTreeMap::new();
        let Some(encryption) = encryption else { return Ok(keys) };
        for track in &stock.tracks {
            let label = self.settings.keys.label(encryption, &track.index.kind);
            if !keys.contains_key(&label) {
                keys.insert(label.clone(), self.key(cx, &stock.asset, label.as_deref()).await?);
            }
        }
        Ok(keys)
    }

    async fn key(&self, cx: &Cx, asset: &AssetId, label: Option<&str>) -> Result<OpenKey, Failure> {
        let label = label.map(str::parse).transpose();
        let label = label.map_err(|e| Failure::internal("naming a content key", e))?;
        let request = GetContentKey { asset_id: asset.clone(), label };
        let key =
            self.deps.drm.get_content_key(&cx.as_service("delivery"), request).await.map_err(|error| match error {
                DrmError::Failure(failure) => failure,
                other => Failure::internal("fetching the asset's content key", other),
            })?;
        OpenKey::of(&key).ok_or_else(|| {
            let detail =
                format!("the content key of {} is not 32 hexadecimal digits each of key id, key and IV", key.asset_id);
            Failure::new(FailureKind::BadAnswer, detail)
        })
    }
}

/// Runs work that takes a while beside the async workers.
pub(crate) async fn aside<T: Send + 'static>(
    doing: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Failure::internal(doing, e))
}

fn unusable(why: Unusable) -> Failure {
    Failure::internal("preparing the asset's tracks", why)
}

fn at_rest_key(at_rest: &AtRest) -> Result<[u8; 16], Failure> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    if at_rest.scheme != tessera_at_rest::SCHEME {
        let detail = format!(
            "track files are encrypted at rest as {:?}, and this knows {:?}",
            at_rest.scheme,
            tessera_at_rest::SCHEME
        );
        return Err(Failure::new(FailureKind::Internal, detail));
    }
    let key = BASE64_STANDARD.decode(&at_rest.key_base64).ok().and_then(|key| key.try_into().ok());
    let bad = || Failure::new(FailureKind::BadAnswer, "an at-rest key is 16 bytes in base64");
    key.ok_or_else(bad)
}

pub(crate) fn blob_key(text: &str) -> Result<BlobKey, Failure> {
    text.parse().map_err(|e| Failure::internal("reading a blob's key in an asset's descriptor", e))
}

/// `blob_checks` of a stored index.
#[derive(Deserialize)]
struct Checks {
    blob_checks: Option<BlobChecks>,
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A blob that is not what was stored: nothing of it is served, and the log says what to do.
pub(crate) fn damaged(tenant: &TenantId, asset: &AssetId, blob: &BlobKey, what: &str) -> Failure {
    metrics::counter!("tessera_delivery_damaged_blobs_total").increment(1);
    tracing::error!(
        %tenant,
        asset = %asset,
        blob = %blob,
        what,
        "a stored file is damaged and is not served: restore it from a backup, or upload the film again"
    );
    Failure::new(FailureKind::Internal, format!("the stored file {blob} of the asset {asset} is damaged: {what}"))
}

/// A blob that a descriptor names and the store does not have is a fault, not a 404.
pub(crate) fn lost(failure: Failure) -> Failure {
    match failure.kind {
        FailureKind::NotFound => Failure::internal("the blob store lacks what the asset is made of", failure),
        _ => failure,
    }
}

fn media_refused(asset: &AssetId, error: MediaError) -> DeliveryError {
    match error {
        MediaError::Failure(failure) => failure.into(),
        MediaError::AssetNotFound(_) | MediaError::AssetNotReady(_) => not_found(asset),
        other => Failure::internal("asking media for an asset", other).into(),
    }
}

fn not_found(asset: &AssetId) -> DeliveryError {
    DeliveryError::AssetNotFound(format!("there is no asset {asset} here that could be played"))
}
