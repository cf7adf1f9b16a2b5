//! Receiving uploads: every piece is stored as a blob of its own, and counts once its row is committed.

mod intake;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::Stream;
use tessera_contract::{Cx, DEFAULT_TIMEOUT, Failure, FailureKind};
use tessera_runtime::{blobs::Blobs, disk};
use tessera_store::Store;
use tessera_types::{TenantId, UploadId};
use tokio::time::Instant;

use crate::{
    config::MediaConfig,
    store::{self, Upload},
    tus::Checksum,
};
use intake::Intake;

tessera_contract::errors! {
    /// Why an upload's request was refused.
    pub enum UploadError {
        /// No such upload in this tenant: it never was, has been terminated, used up, or has expired.
        NotFound = 404 "upload_not_found",
        /// The upload stands elsewhere than the request says.
        OffsetMismatch = 409 "offset_mismatch",
        /// An asset is being made of it.
        InUse = 409 "upload_in_use",
        /// The request does not speak tus 1.0.0.
        VersionUnsupported = 412 "tus_version_unsupported",
        /// Longer than the upload was announced to be, or than any may be.
        TooLarge = 413 "upload_too_large",
        /// The tenant has as many uploads under way as it may.
        QuotaExceeded = 409 "upload_quota_exceeded",
        /// Another request is changing the upload.
        Locked = 423 "upload_locked",
        /// The bytes are not those that the checksum was made of.
        ChecksumMismatch = 460 "checksum_mismatch",
        /// The disk has no room for it. What had come is kept: go on there when space was freed.
        NoRoom = 507 "no_room",
        /// The body was cut; what had come is kept.
        Interrupted = 400 "upload_interrupted",
    }
}

/// The uploads of all tenants.
pub(crate) struct Uploads {
    store: Store,
    blobs: Blobs,
    config: MediaConfig,
    held: Arc<Mutex<HashSet<(TenantId, UploadId)>>>,
}

/// An upload that one request of this process may change.
pub(crate) struct Hold {
    held: Arc<Mutex<HashSet<(TenantId, UploadId)>>>,
    what: (TenantId, UploadId),
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.what);
    }
}

impl Uploads {
    pub(crate) fn new(store: Store, blobs: Blobs, config: MediaConfig) -> Self {
        Self { store, blobs, config, held: Arc::default() }
    }

    /// The longest upload taken, in bytes.
    pub(crate) fn max_bytes(&self) -> u64 {
        self.config.max_upload_bytes.min(i64::MAX.unsigned_abs())
    }

    /// Begins an upload of `length` bytes.
    pub(crate) async fn create(&self, cx: &Cx, length: u64, metadata: String) -> Result<Upload, UploadError> {
        self.create_as(cx, UploadId::mint(self.store.now()), length, metadata).await
    }

    /// The same under an id that was minted before.
    pub(crate) async fn create_as(
        &self,
        cx: &Cx,
        id: UploadId,
        length: u64,
        metadata: String,
    ) -> Result<Upload, UploadError> {
        if length > self.max_bytes() {
            let detail = format!("the upload has {length} bytes; at most {} are taken", self.max_bytes());
            return Err(UploadError::TooLarge(detail));
        }
        self.check_room(length).await?;
        let expires = self.store.now().plus(self.config.upload_expiry);
        let quota = Quota { bytes: self.config.tenant_upload_bytes, uploads: self.config.tenant_uploads };
        let write = self.store.write(&afresh(cx), (id, metadata), move |tx, (id, metadata)| {
            Box::pin(async move {
                quota.check(store::under_way(tx).await?, length)?;
                store::insert_upload(tx, id, length, metadata, expires).await?;
                store::upload_in(tx, id).await?.ok_or_else(|| not_found(id))
            })
        });
        write.await
    }

    /// Whether `bytes` more leave the room that databases and jobs need.
    async fn check_room(&self, bytes: u64) -> Result<(), UploadError> {
        self.blobs.check_room(bytes.saturating_add(self.config.spare_disk_bytes)).await.map_err(no_room)
    }

    /// The upload, unless it is gone.
    pub(crate) async fn get(&self, cx: &Cx, id: &UploadId) -> Result<Upload, UploadError> {
        let found = store::upload(&self.store.tenant(&afresh(cx)), id).await?;
        found.filter(|upload| !upload.is_gone(self.store.now())).ok_or_else(|| not_found(id))
    }

    /// Keeps others from changing the upload for as long as the hold lives.
    pub(crate) fn hold(&self, cx: &Cx, id: &UploadId) -> Result<Hold, UploadError> {
        let what = (cx.tenant.clone(), id.clone());
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= self.config.uploads_at_once && !held.contains(&what) {
            let busy = format!("{} uploads are sent at this moment; go on with this one in a while", held.len());
            let busy = Failure::new(FailureKind::Unavailable, busy);
            return Err(busy.retry_after(Duration::from_secs(10)).into());
        }
        let free = held.insert(what.clone());
        drop(held);
        match free {
            true => Ok(Hold { held: self.held.clone(), what }),
            false => Err(UploadError::Locked(format!("another request is changing {id}: try again in a moment"))),
        }
    }

    /// Takes a request's body from `offset` on. With a checksum all of the body counts or none of it; without one,
    /// what came before a cut is kept.
    pub(crate) async fn receive<E: std::fmt::Display>(
        &self,
        cx: &Cx,
        id: &UploadId,
        offset: u64,
        checksum: Option<Checksum>,
        body: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<Upload, UploadError> {
        let upload = self.get(cx, id).await?;
        if upload.asset_id.is_some() {
            return Err(in_use(id));
        }
        if offset != upload.received() {
            let detail =
                format!("{id} stands at byte {}, not {offset}: ask with HEAD and go on there", upload.received());
            return Err(UploadError::OffsetMismatch(detail));
        }
        Intake::new(self, cx, &upload, checksum).take_all(body).await?;
        self.get(cx, id).await
    }

    /// Ends the upload; the sweep deletes what came of it.
    pub(crate) async fn terminate(&self, cx: &Cx, id: &UploadId) -> Result<(), UploadError> {
        let now = self.store.now();
        let write = self.store.write(&afresh(cx), id.clone(), move |tx, id| {
            Box::pin(async move {
                let upload = store::upload_in(tx, id).await?.filter(|upload| !upload.is_gone(now));
                match upload.ok_or_else(|| not_found(id))?.asset_id {
                    Some(_) => Err(in_use(id)),
                    None => Ok(store::end(tx, id).await?),
                }
            })
        });
        write.await
    }
}

/// What a tenant may have under way.
#[derive(Clone, Copy)]
struct Quota {
    bytes: u64,
    uploads: usize,
}

impl Quota {
    fn check(self, (uploads, bytes): (i64, i64), length: u64) -> Result<(), UploadError> {
        let remedy = "make assets of those that are complete, or end those that are not wanted with DELETE";
        if uploads.unsigned_abs() >= self.uploads as u64 {
            let detail = format!("{uploads} uploads are under way, and at most {} may be: {remedy}", self.uploads);
            return Err(UploadError::QuotaExceeded(detail));
        }
        match bytes.unsigned_abs().saturating_add(length) > self.bytes {
            true => {
                let detail = format!(
                    "uploads under way have {bytes} bytes and this one {length}; together at most {}: {remedy}",
                    self.bytes
                );
                Err(UploadError::QuotaExceeded(detail))
            }
            false => Ok(()),
        }
    }
}

/// The same request with a fresh deadline: an upload takes longer than any answer may, its writes do not.
pub(crate) fn afresh(cx: &Cx) -> Cx {
    let mut fresh = cx.clone();
    fresh.deadline = Instant::now() + DEFAULT_TIMEOUT;
    fresh
}

/// A disk that is full is told as such, so that the client knows that it can go on later.
fn no_room(failure: Failure) -> UploadError {
    match disk::is_full(&failure) {
        true => UploadError::NoRoom(format!("{}, then go on with the upload", failure.detail)),
        false => failure.into(),
    }
}

fn not_found(id: &UploadId) -> UploadError {
    UploadError::NotFound(format!("there is no upload {id} here; it may have expired"))
}

fn in_use(id: &UploadId) -> UploadError {
    UploadError::InUse(format!("an asset is being made of {id}"))
}

/// What a blob key cannot be only by a fault of ours.
pub(crate) fn blob_key(text: &str) -> Result<tessera_runtime::blobs::BlobKey, Failure> {
    text.parse().map_err(|e| Failure::internal("naming a blob", e))
}

/// Where the chunks of an upload are.
pub(crate) fn folder(id: &UploadId) -> String {
    format!("uploads/{id}")
}
