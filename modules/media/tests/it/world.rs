//! Media with two tenants, its uploads reached as a client reaches them.

use std::{path::PathBuf, sync::Arc, time::Duration};

use aes::Aes128;
use axum::{
    Router,
    body::{Body, HttpBody},
    http::{HeaderMap, Request, request::Builder},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use ctr::{
    Ctr64BE,
    cipher::{KeyIvInit, StreamCipher},
};
use http_body_util::BodyExt;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tessera_contract::{CX_HEADER, Cx, CxSigner};
use tessera_contract_media::{
    Asset, AssetDescriptor, AssetState, CreateAsset, GetAsset, GetDescriptor, Media, Protection,
};
use tessera_media::{MediaConfig, MediaDeps, MediaService, Preset};
use tessera_runtime::{
    blobs::{BlobKey, Blobs},
    config::Secret,
    secrets::KeyRing,
};
use tessera_store::StoreConfig;
use tessera_testing::{Calls, Engine, ManualClock, clock, cx};
use tessera_types::{AssetId, UploadId};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub(crate) struct World {
    pub(crate) media: Arc<MediaService>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) blobs: Blobs,
    pub(crate) folder: PathBuf,
    pub(crate) signer: CxSigner,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn code(&self) -> String {
        let problem: Value = serde_json::from_slice(&self.bytes).unwrap_or_default();
        problem["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// A worker that runs until it is stopped.
pub(crate) struct Working {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Working {
    /// As a process that is told to stop.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    /// As a process that is killed: nothing is told to anybody.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

pub(crate) fn config() -> MediaConfig {
    MediaConfig {
        chunk_bytes: 64 * 1024,
        preset: Preset::Ultrafast,
        spare_disk_bytes: 1 << 20,
        ..MediaConfig::default()
    }
}

pub(crate) fn staff(tenant: &str) -> Calls {
    cx(tenant).staff(&["media:write", "media:read"])
}

impl World {
    pub(crate) async fn open(engine: &Engine) -> Self {
        Self::open_with(&engine.config, engine.folder().to_owned(), clock(), config()).await
    }

    pub(crate) async fn open_with(
        store: &StoreConfig,
        folder: PathBuf,
        clock: Arc<ManualClock>,
        config: MediaConfig,
    ) -> Self {
        let blobs = Blobs::folder(&folder.join("blobs")).unwrap();
        Self::of(store, folder, clock, config, blobs).await
    }

    async fn of(
        store: &StoreConfig,
        folder: PathBuf,
        clock: Arc<ManualClock>,
        config: MediaConfig,
        blobs: Blobs,
    ) -> Self {
        let master_keys = KeyRing::new("1", Secret::new([5; 32])).unwrap();
        let deps =
            MediaDeps { clock: clock.clone(), blobs: blobs.clone(), master_keys, scratch: folder.join("scratch") };
        let media = tessera_media::open(config, store, deps).await.unwrap();
        Self { media, signer: CxSigner::new(&[1; 32], clock.clone()), clock, blobs, folder }
    }

    /// Another process with the same store and blobs, and a scratch folder of its own.
    pub(crate) async fn beside(&self, store: &StoreConfig, config: MediaConfig) -> Self {
        Self::of(store, self.folder.join("beside"), self.clock.clone(), config, self.blobs.clone()).await
    }

    pub(crate) fn router(&self) -> Router {
        let router = self.media.router(Arc::new(self.signer.clone()));
        Router::new().nest("/media", router)
    }

    /// Sends a tus request as `cx`.
    pub(crate) async fn send(&self, cx: &Cx, request: Builder, body: impl Into<Body>) -> Answer {
        let token = self.signer.sign(cx, "media").unwrap();
        let body: Body = body.into();
        let request = match body.size_hint().exact() {
            Some(length @ 1..) => request.header("content-length", length),
            Some(0) | None => request,
        };
        let request = request.header(CX_HEADER, token).header("tus-resumable", "1.0.0").body(body).unwrap();
        self.send_bare(request).await
    }

    pub(crate) async fn send_bare(&self, request: Request<Body>) -> Answer {
        let response = self.router().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: head.status.as_u16(), headers: head.headers, bytes }
    }

    /// Begins an upload and sends nothing.
    pub(crate) async fn begin(&self, tenant: &str, length: usize) -> UploadId {
        let request = Request::post("/media/v1/uploads").header("upload-length", length);
        let answer = self.send(&staff(tenant), request, Body::empty()).await;
        assert_eq!(answer.status, 201, "{}", answer.code());
        answer.header("location").rsplit('/').next().unwrap().parse().unwrap()
    }

    /// Sends a PATCH.
    pub(crate) async fn patch(&self, tenant: &str, id: &UploadId, offset: usize, body: impl Into<Body>) -> Answer {
        let request = Request::patch(format!("/media/v1/uploads/{id}"))
            .header("content-type", "application/offset+octet-stream")
            .header("upload-offset", offset);
        self.send(&staff(tenant), request, body).await
    }

    /// A finished upload.
    pub(crate) async fn upload(&self, tenant: &str, bytes: &[u8]) -> UploadId {
        let id = self.begin(tenant, bytes.len()).await;
        let answer = self.patch(tenant, &id, 0, bytes.to_vec()).await;
        assert_eq!((answer.status, answer.code()), (204, String::new()));
        id
    }

    /// An asset submitted of these bytes.
    pub(crate) async fn film(&self, tenant: &str, bytes: &[u8]) -> AssetId {
        let upload_id = self.upload(tenant, bytes).await;
        self.submit(tenant, upload_id).await
    }

    pub(crate) async fn submit(&self, tenant: &str, upload_id: UploadId) -> AssetId {
        let request = CreateAsset { upload_id, protection: Protection::Cbcs, priority: None };
        let asset = self.media.create_asset(&staff(tenant), request).await.unwrap();
        assert_eq!((asset.state, asset.progress_percent), (AssetState::Processing, 0));
        asset.asset_id
    }

    pub(crate) fn work(&self) -> Working {
        let (stop, media) = (CancellationToken::new(), self.media.clone());
        let token = stop.clone();
        Working { stop, task: tokio::spawn(async move { media.work(token).await.unwrap() }) }
    }

    pub(crate) async fn asset(&self, tenant: &str, id: &AssetId) -> Asset {
        self.media.get_asset(&staff(tenant), GetAsset { asset_id: id.clone() }).await.unwrap()
    }

    /// The asset once it is what `wanted` says. FFmpeg may have to wait for the machine, hence the minute.
    pub(crate) async fn once(&self, tenant: &str, id: &AssetId, wanted: impl Fn(&Asset) -> bool) -> Asset {
        let waiting = async {
            loop {
                let asset = self.asset(tenant, id).await;
                if wanted(&asset) {
                    return asset;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(60), waiting).await {
            Ok(asset) => asset,
            Err(_) => panic!("waited a minute in vain: {:?}", self.asset(tenant, id).await),
        }
    }

    pub(crate) async fn ended(&self, tenant: &str, id: &AssetId) -> Asset {
        self.once(tenant, id, |asset| asset.state != AssetState::Processing).await
    }

    pub(crate) async fn descriptor(&self, tenant: &str, id: &AssetId) -> AssetDescriptor {
        let request = GetDescriptor { asset_id: id.clone() };
        self.media.get_descriptor(&cx(tenant).service("delivery"), request).await.unwrap()
    }

    /// A blob as stored.
    pub(crate) async fn blob(&self, tenant: &str, key: &str) -> Vec<u8> {
        let key: BlobKey = key.parse().unwrap();
        self.blobs.tenant(&tenant.parse().unwrap()).get(&key).await.unwrap().to_vec()
    }

    /// The names of all of a tenant's blobs.
    pub(crate) async fn blob_names(&self, tenant: &str) -> Vec<String> {
        let listed = self.blobs.tenant(&tenant.parse().unwrap()).list(None).await.unwrap();
        listed.into_iter().map(|blob| blob.key.to_string()).collect()
    }

    /// A track file in the clear, by what the contract says of its encryption and nothing else.
    pub(crate) async fn track(&self, tenant: &str, of: &AssetDescriptor, blob: &str) -> Vec<u8> {
        assert_eq!(of.at_rest.scheme, "aes-128-ctr.sha256-blob-key");
        let key: [u8; 16] = BASE64_STANDARD.decode(&of.at_rest.key_base64).unwrap().try_into().unwrap();
        let mut counter = [0; 16];
        counter[..8].copy_from_slice(&Sha256::digest(blob)[..8]);
        let mut bytes = self.blob(tenant, blob).await;
        assert_ne!(bytes.get(4..8), Some(b"ftyp".as_slice()), "{blob} is stored in the clear");
        Ctr64BE::<Aes128>::new(&key.into(), &counter.into()).apply_keystream(&mut bytes);
        bytes
    }

    /// What is left in the scratch folder.
    pub(crate) fn scratch(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.join("scratch"));
        entries.map(|entries| entries.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default()
    }
}
