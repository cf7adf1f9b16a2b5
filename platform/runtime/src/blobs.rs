//! Blobs: large values under a key, a tenant each its own. A folder by default, any object store behind the same type.
//!
//! A put is whole or not there, and once it is acknowledged it survives a power cut: the folder's files are written
//! beside, flushed, renamed into place, and their folders flushed.

mod key;
mod pin;
mod s3;

use std::{
    fs::{self, File},
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{
    ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart, local::LocalFileSystem, path::Path as StorePath,
};
use tessera_contract::{Failure, FailureKind};
use tessera_faults::reached;
use tessera_types::TenantId;

pub use key::{BlobKey, BlobKeyError};
pub use pin::Pin;

use crate::{config::BlobsConfig, disk};

/// Bytes of one part of a streamed put.
const PART: usize = 8 * 1024 * 1024;

/// A key that no tenant has, to ask for: it is no tenant's name.
const PROBE: &str = ".ready";

/// A deployment's blobs. Clones are the same store.
#[derive(Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    /// The same store, where it is a folder of this machine.
    folder: Option<Arc<LocalFileSystem>>,
    /// Where that folder is.
    root: Option<PathBuf>,
}

/// One tenant's blobs: every key is below the tenant's own name.
#[derive(Clone)]
pub struct TenantBlobs {
    store: Arc<dyn ObjectStore>,
    folder: Option<Arc<LocalFileSystem>>,
    tenant: TenantId,
}

/// What is known of a blob without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobInfo {
    /// Its key.
    pub key: BlobKey,
    /// Its size in bytes.
    pub size: u64,
}

impl Blobs {
    /// As configured, for a process whose state is in `data`. Waits for the disk: call it at start.
    ///
    /// # Errors
    /// [`FailureKind::Unavailable`] when the folder cannot be made or read, or the bucket's settings cannot be used.
    pub fn open(config: &BlobsConfig, data: &Path) -> Result<Self, Failure> {
        match config {
            BlobsConfig::S3(s3) => Ok(Self::of(s3::open(s3)?)),
            BlobsConfig::InData => Self::folder(&data.join("blobs")),
            BlobsConfig::Folder(folder) => Self::folder(folder),
        }
    }

    /// Whether the store answers: what has to hold before a process says that it is ready.
    ///
    /// # Errors
    /// [`FailureKind::Unavailable`], which says why.
    pub async fn ping(&self) -> Result<(), Failure> {
        match self.store.head(&StorePath::from(PROBE)).await {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(Failure::unavailable("the blob store does not answer", error)),
        }
    }

    /// The folder `path`, which is made when it is not there. Waits for the disk: call it at start.
    ///
    /// # Errors
    /// [`FailureKind::Unavailable`] when the folder cannot be made or read.
    pub fn folder(path: &Path) -> Result<Self, Failure> {
        let doing = || format!("opening the blob folder {}", path.display());
        fs::create_dir_all(path).map_err(|e| Failure::unavailable(&doing(), e))?;
        let folder = LocalFileSystem::new_with_prefix(path).map_err(|e| Failure::unavailable(&doing(), e))?;
        let folder = Arc::new(folder.with_fsync(true));
        Ok(Self { store: folder.clone(), folder: Some(folder), root: Some(path.to_owned()) })
    }

    /// Another object store: S3, memory. It must acknowledge a put only when that is durable.
    pub fn of(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, folder: None, root: None }
    }

    /// Whether there is room for `wanted` more bytes; of an object store nobody knows.
    ///
    /// # Errors
    /// [`FailureKind::Unavailable`], for which [`disk::is_full`] holds when there is too little.
    pub async fn check_room(&self, wanted: u64) -> Result<(), Failure> {
        let Some(root) = self.root.clone() else { return Ok(()) };
        let looked = tokio::task::spawn_blocking(move || disk::check_room(&root, wanted)).await;
        looked.map_err(|e| Failure::internal("looking for room for a blob", e))?
    }

    /// The blobs of `tenant`, and of nobody else.
    pub fn tenant(&self, tenant: &TenantId) -> TenantBlobs {
        TenantBlobs { store: self.store.clone(), folder: self.folder.clone(), tenant: tenant.clone() }
    }
}

impl TenantBlobs {
    /// Stores `bytes` under `key`, in place of what is there.
    ///
    /// # Errors
    /// [`FailureKind::Unavailable`] when the store does not take it; then what was there before still is.
    pub async fn put(&self, key: &BlobKey, bytes: Bytes) -> Result<(), Failure> {
        reached("blob.before", "put");
        let put = self.store.put(&self.path(key), PutPayload::from_bytes(bytes)).await;
        reached("blob.after", "put");
        put.map(drop).map_err(failed("storing", key))
    }

    /// Stores what `chunks` yield, of any size, and tells how many bytes that was. A failing stream stores nothing.
    ///
    /// # Errors
    /// The stream's own failure, or [`FailureKind::Unavailable`] when the store does not take it.
    pub async fn put_stream(
        &self,
        key: &BlobKey,
        chunks: impl Stream<Item = Result<Bytes, Failure>> + Send,
    ) -> Result<u64, Failure> {
        let upload = self.store.put_multipart(&self.path(key)).await.map_err(failed("storing", key))?;
        let mut writer = WriteMultipart::new_with_chunk_size(upload, PART);
        match write_all(&mut writer, key, chunks).await {
            Ok(size) => {
                reached("blob.before", "put_stream");
                let finished = writer.finish().await;
                reached("blob.after", "put_stream");
                finished.map(|_| size).map_err(failed("storing", key))
            }
            Err(failure) => {
                let _left_over = writer.abort().await; // the stream's failure is the one to tell
                Err(failure)
            }
        }
    }

    /// The whole blob. For small ones; [`Self::get_stream`] holds only a piece at a time.
    ///
    /// # Errors
    /// [`FailureKind::NotFound`], [`FailureKind::Unavailable`].
    pub async fn get(&self, key: &BlobKey) -> Result<Bytes, Failure> {
        let found = self.store.get(&self.path(key)).await.map_err(failed("reading", key))?;
        found.bytes().await.map_err(failed("reading", key))
    }

    /// The bytes `range` of the blob; fewer when it ends before the range does.
    ///
    /// # Errors
    /// [`FailureKind::NotFound`], [`FailureKind::Unavailable`], [`FailureKind::InvalidRequest`] for a range that is
    /// empty or begins past the blob's end.
    pub async fn get_range(&self, key: &BlobKey, range: Range<u64>) -> Result<Bytes, Failure> {
        if range.start >= range.end {
            return Err(Failure::invalid("range", format!("the range {range:?} of blob {key} is empty")));
        }
        match self.store.get_range(&self.path(key), range.clone()).await {
            Ok(bytes) => Ok(bytes),
            Err(error) => match self.info(key).await? {
                info if info.size <= range.start => {
                    let past = format!("the range {range:?} begins past the end of blob {key}, {} bytes", info.size);
                    Err(Failure::invalid("range", past))
                }
                _ => Err(failed("reading a range of", key)(error)),
            },
        }
    }

    /// The blob in pieces, and its size.
    ///
    /// # Errors
    /// As [`Self::get`]; the stream fails as [`FailureKind::Unavailable`].
    pub async fn get_stream(
        &self,
        key: &BlobKey,
    ) -> Result<(u64, BoxStream<'static, Result<Bytes, Failure>>), Failure> {
        let found = self.store.get(&self.path(key)).await.map_err(failed("reading", key))?;
        let (size, key) = (found.meta.size, key.clone());
        Ok((size, found.into_stream().map_err(move |e| failed("reading", &key)(e)).boxed()))
    }

    /// Size of the blob.
    ///
    /// # Errors
    /// [`FailureKind::NotFound`], [`FailureKind::Unavailable`].
    pub async fn info(&self, key: &BlobKey) -> Result<BlobInfo, Failure> {
        let meta = self.store.head(&self.path(key)).await.map_err(failed("looking at", key))?;
        Ok(BlobInfo { key: key.clone(), size: meta.size })
    }

    /// Whether there is such a blob.
    ///
    /// # Errors
    /// [`FailureKind::Unavailable`].
    pub async fn exists(&self, key: &BlobKey) -> Result<bool, Failure> {
        match self.info(key).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.kind == FailureKind::NotFound => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Removes the blob. One that is not there is removed already.
    ///
    /// # Errors
    /// [`FailureKind::Unavailable`].
    pub async fn delete(&self, key: &BlobKey) -> Result<(), Failure> {
        self.deletable(key)?;
        reached("blob.before", "delete");
        let deleted = self.store.delete(&self.path(key)).await;
        reached("blob.after", "delete");
        match deleted {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed("deleting", key)(error)),
        }
    }

    /// Removes every blob below the whole segments of `prefix`, and what puts that were cut off have left there. When
    /// this returns, a power cut brings none of it back.
    ///
    /// # Errors
    /// [`FailureKind::Unavailable`]; some of it may be gone.
    pub async fn delete_below(&self, prefix: &BlobKey) -> Result<(), Failure> {
        self.deletable(prefix)?;
        let Some(folder) = &self.folder else {
            for blob in self.list(Some(prefix)).await? {
                self.delete(&blob.key).await?;
            }
            return Ok(());
        };
        let doing = format!("deleting the blobs below {prefix}");
        let path = folder.path_to_filesystem(&self.path(prefix)).map_err(|e| Failure::unavailable(&doing, e))?;
        reached("blob.before", "delete");
        let removed = tokio::task::spawn_blocking(move || remove_folder(&path)).await;
        reached("blob.after", "delete");
        let removed = removed.map_err(|e| Failure::internal(&doing, e))?;
        removed.map_err(|e| Failure::unavailable(&doing, e))
    }

    /// Every blob whose key begins with the whole segments of `prefix`, sorted by key: `a/b` lists `a/b/c` and not
    /// `a/bc`. All of the tenant's without a prefix.
    ///
    /// # Errors
    /// [`FailureKind::Unavailable`].
    pub async fn list(&self, prefix: Option<&BlobKey>) -> Result<Vec<BlobInfo>, Failure> {
        let below = prefix.map_or_else(|| StorePath::from(self.tenant.as_str()), |key| self.path(key));
        let doing = format!("listing the blobs below {below}");
        let found: Vec<_> =
            self.store.list(Some(&below)).try_collect().await.map_err(|e| Failure::unavailable(&doing, e))?;
        let ours = |meta: object_store::ObjectMeta| {
            let key = meta.location.as_ref().strip_prefix(self.tenant.as_str())?.strip_prefix('/')?.parse().ok()?;
            Some(BlobInfo { key, size: meta.size })
        };
        let mut listed: Vec<BlobInfo> = found.into_iter().filter_map(ours).collect();
        listed.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(listed)
    }

    /// Nothing is deleted while a backup copies: whoever deletes tries again later.
    fn deletable(&self, key: &BlobKey) -> Result<(), Failure> {
        let ours = StorePath::from(self.tenant.as_str());
        let ours = self.folder.as_ref().and_then(|folder| folder.path_to_filesystem(&ours).ok());
        match ours.as_deref().and_then(Path::parent).is_some_and(pin::is_taken) {
            true => Err(Failure::new(
                FailureKind::Unavailable,
                format!("deleting {key}: a backup is being made, and nothing is deleted meanwhile"),
            )),
            false => Ok(()),
        }
    }

    fn path(&self, key: &BlobKey) -> StorePath {
        StorePath::from_iter(std::iter::once(self.tenant.as_str()).chain(key.segments()))
    }
}

/// Removes a folder with all that is in it, for good. One that is not there is removed already.
fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Ok(()) => path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

async fn write_all(
    writer: &mut WriteMultipart,
    key: &BlobKey,
    chunks: impl Stream<Item = Result<Bytes, Failure>> + Send,
) -> Result<u64, Failure> {
    let (mut chunks, mut size) = (std::pin::pin!(chunks), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        size += chunk.len() as u64;
        writer.wait_for_capacity(2).await.map_err(failed("storing", key))?;
        writer.put(chunk);
    }
    Ok(size)
}

fn failed(doing: &str, key: &BlobKey) -> impl FnOnce(object_store::Error) -> Failure {
    let doing = format!("{doing} the blob {key}");
    move |error| match error {
        object_store::Error::NotFound { .. } => Failure::new(FailureKind::NotFound, format!("{doing}: there is none")),
        error => {
            let detail = format!("{doing}{}", disk::remedy(&error));
            Failure::unavailable(&detail, error)
        }
    }
}
