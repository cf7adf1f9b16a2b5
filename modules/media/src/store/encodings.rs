//! Films that are encoded in chunks: the chunks of an encoding, how far each is, and what came of it.

use serde::{Deserialize, Serialize};
use tessera_at_rest::BlobChecks;
use tessera_contract::Failure;
use tessera_contract_media::FailureReason;
use tessera_store::{Reader, Tx, params};
use tessera_types::AssetId;

use crate::chunks::Chunk;

/// The encoding of an asset that is under way.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub(crate) struct Encoding {
    /// Names it, and the folder of its blobs.
    pub(crate) encoding: String,
    /// Of what FFmpeg is told.
    pub(crate) fingerprint: String,
    /// Steps of rate factor that the film was found to do without.
    pub(crate) saved: u8,
    pub(crate) key_id: String,
    pub(crate) wrapped_key: Vec<u8>,
}

/// What was made of a chunk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MadeChunk {
    /// Frames of the source's rate that there were; fewer than planned only at the film's end.
    pub(crate) frames: u64,
    /// One a rendition; none where the film had ended before.
    pub(crate) tracks: Vec<ChunkTrack>,
}

/// A rendition's part in the blob store, encrypted with the encoding's key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ChunkTrack {
    pub(crate) track_id: String,
    pub(crate) blob: String,
    pub(crate) size_bytes: u64,
    /// Of the blob as stored.
    pub(crate) checks: BlobChecks,
}

/// A chunk as stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredChunk {
    pub(crate) chunk: Chunk,
    pub(crate) done_frames: u64,
    pub(crate) cpu_us: i64,
    pub(crate) outcome: Option<Result<MadeChunk, FailureReason>>,
}

#[derive(serde::Deserialize)]
struct ChunkRow {
    number: i64,
    first_frame: i64,
    frames: Option<i64>,
    done_frames: i64,
    cpu_us: i64,
    made: Option<String>,
    failure: Option<String>,
}

impl TryFrom<ChunkRow> for StoredChunk {
    type Error = Failure;
    fn try_from(row: ChunkRow) -> Result<Self, Failure> {
        let unreadable = |e| Failure::internal("reading a stored chunk", e);
        let outcome = match (row.made, row.failure) {
            (Some(made), _) => Some(Ok(serde_json::from_str(&made).map_err(unreadable)?)),
            (None, Some(failure)) => Some(Err(serde_json::from_str(&failure).map_err(unreadable)?)),
            (None, None) => None,
        };
        let number = u32::try_from(row.number).map_err(|e| Failure::internal("reading a chunk's number", e))?;
        let frames = row.frames.map(i64::unsigned_abs);
        let chunk = Chunk { number, first: row.first_frame.unsigned_abs(), frames };
        Ok(Self { chunk, done_frames: row.done_frames.unsigned_abs(), cpu_us: row.cpu_us, outcome })
    }
}

const UNDER_WAY: &str = "select e.encoding, e.fingerprint, e.saved, e.key_id, e.wrapped_key from encodings e \
    join assets a on a.tenant = e.tenant and a.asset_id = e.asset_id and a.encoding = e.encoding \
    where e.tenant = $1 and e.asset_id = $2 and a.state = 'processing'";
const CHOOSE: &str = "update assets set encoding = $4 \
    where tenant = $1 and asset_id = $2 and attempt = $3 and state = 'processing'";
const ADD: &str = "insert into encodings (tenant, asset_id, encoding, fingerprint, saved, key_id, wrapped_key, \
    created_at) values ($1, $2, $3, $4, $5, $6, $7, $8)";
const ADD_FOLDER: &str = "insert into attempts (tenant, asset_id, attempt, begun_at) values ($1, $2, $3, $4)";
const ADD_CHUNK: &str = "insert into encoding_chunks (tenant, asset_id, encoding, number, first_frame, frames) \
    values ($1, $2, $3, $4, $5, $6)";
macro_rules! chunks {
    ($rest:literal) => {
        concat!(
            "select number, first_frame, frames, done_frames, cpu_us, made, failure from encoding_chunks \
             where tenant = $1 and asset_id = $2 and encoding = $3 ",
            $rest
        )
    };
}
const CHUNKS: &str = chunks!("order by number");
const CHUNK: &str = chunks!("and number = $4");
/// A change of a chunk that is open, of an encoding that is under way.
macro_rules! update {
    ($set:literal) => {
        concat!(
            "update encoding_chunks set ",
            $set,
            " where tenant = $1 and asset_id = $2 and encoding = $3 and number = $4 and made is null and failure is null \
             and exists (select 1 from assets a where a.tenant = $1 and a.asset_id = $2 and a.encoding = $3 \
             and a.state = 'processing')"
        )
    };
}
const PROGRESS: &str = update!("done_frames = $5, cpu_us = $6");
const MADE: &str = update!("done_frames = $5, cpu_us = $6, made = $7");
const FAILED: &str = update!("failure = $5");

/// The encoding of the asset that is under way, if there is one.
pub(crate) async fn encoding(reader: &Reader, asset: &AssetId) -> Result<Option<Encoding>, Failure> {
    reader.optional(UNDER_WAY, params![asset]).await
}

/// Begins an encoding of these chunks, which takes the place of any other; `false` when the attempt has lost the asset.
pub(crate) async fn begin_encoding(
    tx: &mut Tx,
    asset: &AssetId,
    attempt: &str,
    new: &Encoding,
    chunks: &[Chunk],
) -> Result<bool, Failure> {
    let (now, name) = (tx.now(), &new.encoding);
    if tx.execute(CHOOSE, params![asset, attempt, name]).await? == 0 {
        return Ok(false);
    }
    let values =
        params![asset, name, &new.fingerprint, i64::from(new.saved), &new.key_id, new.wrapped_key.clone(), now];
    tx.execute(ADD, values).await?;
    tx.execute(ADD_FOLDER, params![asset, name, now]).await?;
    for chunk in chunks {
        let (first, frames) = (chunk.first.cast_signed(), chunk.frames.map(u64::cast_signed));
        tx.execute(ADD_CHUNK, params![asset, name, i64::from(chunk.number), first, frames]).await?;
    }
    Ok(true)
}

/// All chunks of an encoding, in order.
pub(crate) async fn stored_chunks(
    reader: &Reader,
    asset: &AssetId,
    encoding: &str,
) -> Result<Vec<StoredChunk>, Failure> {
    let rows: Vec<ChunkRow> = reader.all(CHUNKS, params![asset, encoding]).await?;
    rows.into_iter().map(StoredChunk::try_from).collect()
}

/// One chunk.
pub(crate) async fn stored_chunk(
    reader: &Reader,
    asset: &AssetId,
    encoding: &str,
    number: u32,
) -> Result<Option<StoredChunk>, Failure> {
    let row: Option<ChunkRow> = reader.optional(CHUNK, params![asset, encoding, i64::from(number)]).await?;
    row.map(StoredChunk::try_from).transpose()
}

/// Which chunk of which encoding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChunkId {
    pub(crate) asset_id: AssetId,
    pub(crate) encoding: String,
    pub(crate) number: u32,
}

/// Tells how far a chunk is; `false` when nobody wants it any more, as for those that follow.
pub(crate) async fn chunk_progress(tx: &mut Tx, id: &ChunkId, done: u64, cpu_us: i64) -> Result<bool, Failure> {
    let values = params![&id.asset_id, &id.encoding, i64::from(id.number), done.cast_signed(), cpu_us];
    Ok(tx.execute(PROGRESS, values).await? > 0)
}

/// Ends a chunk well.
pub(crate) async fn finish_chunk(tx: &mut Tx, id: &ChunkId, made: &MadeChunk, cpu_us: i64) -> Result<bool, Failure> {
    let json = serde_json::to_string(made).map_err(|e| Failure::internal("writing a chunk as JSON", e))?;
    let values = params![&id.asset_id, &id.encoding, i64::from(id.number), made.frames.cast_signed(), cpu_us, json];
    Ok(tx.execute(MADE, values).await? > 0)
}

/// Ends a chunk badly, and with it its asset.
pub(crate) async fn fail_chunk(tx: &mut Tx, id: &ChunkId, reason: &FailureReason) -> Result<bool, Failure> {
    let json = serde_json::to_string(reason).map_err(|e| Failure::internal("writing a chunk as JSON", e))?;
    Ok(tx.execute(FAILED, params![&id.asset_id, &id.encoding, i64::from(id.number), json]).await? > 0)
}
