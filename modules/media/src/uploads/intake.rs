//! One request's body on its way into blobs and rows.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use tessera_contract::{Cx, FailureKind};
use tessera_types::UploadId;

use super::{UploadError, Uploads, afresh, blob_key, folder, no_room};
use crate::{
    store::{self, Chunk, Upload},
    tus::Checksum,
};

/// How long a client may pause within a body before it is taken for gone.
const PAUSE: Duration = Duration::from_secs(60);

pub(super) struct Intake<'u> {
    uploads: &'u Uploads,
    cx: &'u Cx,
    id: UploadId,
    /// Where the buffer begins in the upload.
    at: u64,
    length: u64,
    buffer: BytesMut,
    checksum: Option<Checksum>,
    /// Stored, and not yet counted.
    waiting: Vec<Chunk>,
}

impl<'u> Intake<'u> {
    pub(super) fn new(uploads: &'u Uploads, cx: &'u Cx, upload: &Upload, checksum: Option<Checksum>) -> Self {
        Self {
            uploads,
            cx,
            id: upload.upload_id.clone(),
            at: upload.received(),
            length: upload.length(),
            buffer: BytesMut::new(),
            checksum,
            waiting: Vec::new(),
        }
    }

    /// Takes the body to its end, or to where it is cut.
    pub(super) async fn take_all<E: std::fmt::Display>(
        mut self,
        body: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<(), UploadError> {
        let outcome = self.take(body).await;
        if outcome.is_err() {
            self.discard().await;
        }
        outcome
    }

    async fn take<E: std::fmt::Display>(
        &mut self,
        body: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<(), UploadError> {
        let mut body = std::pin::pin!(body);
        loop {
            let cut = match tokio::time::timeout(PAUSE, body.next()).await {
                Ok(Some(Ok(bytes))) => {
                    self.push(&bytes).await?;
                    continue;
                }
                Ok(None) => return self.finish().await,
                Ok(Some(Err(error))) => error.to_string(),
                Err(_) => format!("nothing came for {} s", PAUSE.as_secs()),
            };
            if self.checksum.is_none() {
                self.store_all().await?;
            }
            return Err(UploadError::Interrupted(format!("the body was cut ({cut}): ask with HEAD and go on there")));
        }
    }

    async fn push(&mut self, bytes: &[u8]) -> Result<(), UploadError> {
        let end = self.at + (self.buffer.len() + bytes.len()) as u64;
        if end > self.length {
            self.buffer.clear();
            let detail = format!("{} was announced with {} bytes, and more came", self.id, self.length);
            return Err(UploadError::TooLarge(detail));
        }
        if let Some(checksum) = &mut self.checksum {
            checksum.update(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        let piece = self.uploads.config.chunk_bytes;
        while self.buffer.len() >= piece {
            let full = self.buffer.split_to(piece).freeze();
            self.store(full).await?;
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), UploadError> {
        if let Some(checksum) = self.checksum.take()
            && !checksum.holds()
        {
            let detail = "the bytes that came are not those of the checksum: send them again";
            return Err(UploadError::ChecksumMismatch(detail.into()));
        }
        self.store_all().await?;
        self.count().await
    }

    async fn store_all(&mut self) -> Result<(), UploadError> {
        match self.buffer.split().freeze() {
            rest if rest.is_empty() => Ok(()),
            rest => self.store(rest).await,
        }
    }

    /// Stores a piece as a blob; without a checksum it counts at once. The name is fresh, so that two processes that
    /// take the same bytes do not write over each other.
    async fn store(&mut self, bytes: Bytes) -> Result<(), UploadError> {
        let blob = format!("{}/{:016}-{:016x}", folder(&self.id), self.at, rand::random::<u64>());
        let size = bytes.len() as u64;
        self.uploads.check_room(size).await?;
        self.waiting.push(Chunk { first_byte: self.at.cast_signed(), size: size.cast_signed(), blob: blob.clone() });
        self.uploads.blobs.tenant(&self.cx.tenant).put(&blob_key(&blob)?, bytes).await.map_err(no_room)?;
        self.at += size;
        match &self.checksum {
            Some(_) => Ok(()),
            None => self.count().await,
        }
    }

    /// Commits what is stored.
    async fn count(&mut self) -> Result<(), UploadError> {
        let expires = self.uploads.store.now().plus(self.uploads.config.upload_expiry);
        let input = (self.id.clone(), self.waiting.clone());
        let write = self.uploads.store.write(&afresh(self.cx), input, move |tx, (id, chunks)| {
            Box::pin(async move { store::append(tx, id, chunks, expires).await })
        });
        match write.await? {
            true => {
                self.waiting.clear();
                Ok(())
            }
            false => {
                let detail =
                    format!("{} was changed by another request meanwhile: ask with HEAD and go on there", self.id);
                Err(UploadError::OffsetMismatch(detail))
            }
        }
    }

    /// Deletes what was stored and does not count. What this misses, the sweep deletes with the upload.
    async fn discard(&mut self) {
        for chunk in std::mem::take(&mut self.waiting) {
            let deleted = match blob_key(&chunk.blob) {
                Ok(key) => self.uploads.blobs.tenant(&self.cx.tenant).delete(&key).await,
                Err(failure) => Err(failure),
            };
            if let Err(failure) = deleted.as_ref()
                && failure.kind != FailureKind::NotFound
            {
                tracing::warn!(blob = chunk.blob, %failure, "deleting a piece of an upload that does not count");
            }
        }
    }
}
