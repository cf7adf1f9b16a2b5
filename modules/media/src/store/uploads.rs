//! Uploads and their chunks.

use tessera_contract::Failure;
use tessera_store::{Reader, Tx, params};
use tessera_types::{AssetId, Timestamp, UploadId};

/// An upload as stored.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub(crate) struct Upload {
    pub(crate) upload_id: UploadId,
    pub(crate) length: i64,
    pub(crate) received: i64,
    pub(crate) metadata: String,
    pub(crate) asset_id: Option<String>,
    expires_at: i64,
    ended_at: Option<i64>,
}

impl Upload {
    /// Bytes announced.
    pub(crate) fn length(&self) -> u64 {
        self.length.unsigned_abs()
    }

    /// Bytes stored.
    pub(crate) fn received(&self) -> u64 {
        self.received.unsigned_abs()
    }

    /// Whether all of it has come.
    pub(crate) fn is_complete(&self) -> bool {
        self.received == self.length
    }

    /// When it goes unless something happens to it.
    pub(crate) fn expires_at(&self) -> Timestamp {
        Timestamp::from_micros(self.expires_at)
    }

    /// Whether it is no longer there for anybody: ended, or past its time.
    pub(crate) fn is_gone(&self, now: Timestamp) -> bool {
        self.ended_at.is_some() || (self.asset_id.is_none() && self.expires_at() <= now)
    }
}

/// A stored piece of an upload.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub(crate) struct Chunk {
    pub(crate) first_byte: i64,
    pub(crate) size: i64,
    pub(crate) blob: String,
}

const INSERT: &str = "insert into uploads (tenant, upload_id, length, received, metadata, created_at, expires_at) \
    values ($1, $2, $3, 0, $4, $5, $6)";
const UNDER_WAY: &str = "select cast(count(*) as bigint), cast(coalesce(sum(length), 0) as bigint) from uploads \
    where tenant = $1 and asset_id is null and ended_at is null and expires_at > $2";
const BY_ID: &str = "select upload_id, length, received, metadata, asset_id, expires_at, ended_at from uploads \
    where tenant = $1 and upload_id = $2";
const ADVANCE: &str = "update uploads set received = $4, expires_at = $5 where tenant = $1 and upload_id = $2 \
    and received = $3 and received < length and asset_id is null and ended_at is null";
const ADD_CHUNK: &str =
    "insert into upload_chunks (tenant, upload_id, first_byte, size, blob) values ($1, $2, $3, $4, $5)";
const CHUNKS: &str = "select first_byte, size, blob from upload_chunks where tenant = $1 and upload_id = $2 \
    and first_byte >= $3 order by first_byte limit $4";
const END: &str = "update uploads set ended_at = $3 where tenant = $1 and upload_id = $2 and ended_at is null";
const CLAIM: &str = "update uploads set asset_id = $3 where tenant = $1 and upload_id = $2 and asset_id is null";
const RELEASE: &str = "update uploads set asset_id = null, expires_at = $3 where tenant = $1 and upload_id = $2";

/// Adds an empty upload.
pub(crate) async fn insert_upload(
    tx: &mut Tx,
    id: &UploadId,
    length: u64,
    metadata: &str,
    expires_at: Timestamp,
) -> Result<(), Failure> {
    let now = tx.now();
    tx.execute(INSERT, params![id, length.cast_signed(), metadata, now, expires_at]).await.map(drop)
}

/// How many uploads there are that no asset is made of, and the bytes they were announced with.
pub(crate) async fn under_way(tx: &mut Tx) -> Result<(i64, i64), Failure> {
    let now = tx.now();
    let found: Option<(i64, i64)> = tx.optional(UNDER_WAY, params![now]).await?;
    Ok(found.unwrap_or_default())
}

/// The upload, in any state.
pub(crate) async fn upload(reader: &Reader, id: &UploadId) -> Result<Option<Upload>, Failure> {
    reader.optional(BY_ID, params![id]).await
}

/// The upload, for a write that depends on it.
pub(crate) async fn upload_in(tx: &mut Tx, id: &UploadId) -> Result<Option<Upload>, Failure> {
    tx.optional(BY_ID, params![id]).await
}

/// Adds chunks that follow each other; `false`, and nothing changed, when the upload does not stand where they begin.
pub(crate) async fn append(
    tx: &mut Tx,
    id: &UploadId,
    chunks: &[Chunk],
    expires_at: Timestamp,
) -> Result<bool, Failure> {
    let (Some(first), Some(last)) = (chunks.first(), chunks.last()) else { return Ok(true) };
    let end = last.first_byte + last.size;
    if tx.execute(ADVANCE, params![id, first.first_byte, end, expires_at]).await? == 0 {
        return Ok(false);
    }
    for chunk in chunks {
        tx.execute(ADD_CHUNK, params![id, chunk.first_byte, chunk.size, &chunk.blob]).await?;
    }
    Ok(true)
}

/// The next chunks from `from` on, in order.
pub(crate) async fn chunks(reader: &Reader, id: &UploadId, from: i64) -> Result<Vec<Chunk>, Failure> {
    reader.all(CHUNKS, params![id, from, 100]).await
}

/// Ends the upload: nobody finds it any more, and the sweep deletes its chunks.
pub(crate) async fn end(tx: &mut Tx, id: &UploadId) -> Result<(), Failure> {
    let now = tx.now();
    tx.execute(END, params![id, now]).await.map(drop)
}

/// Gives the upload to an asset; `false` when another one has it.
pub(crate) async fn claim(tx: &mut Tx, id: &UploadId, asset: &AssetId) -> Result<bool, Failure> {
    Ok(tx.execute(CLAIM, params![id, asset]).await? > 0)
}

/// Takes the upload back from an asset that failed.
pub(crate) async fn release(tx: &mut Tx, id: &UploadId, expires_at: Timestamp) -> Result<(), Failure> {
    tx.execute(RELEASE, params![id, expires_at]).await.map(drop)
}
