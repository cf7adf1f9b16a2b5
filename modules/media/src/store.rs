//! All SQL of media.

mod assets;
mod encodings;
mod log;
mod pulls;
mod ready;
mod sealed;
mod steering;
mod sweeping;
mod uploads;

pub(crate) use assets::{
    Made, StoredAsset, Told, add_folder, asset, asset_in, begin_attempt, begin_early, early_folder, finish_failed,
    finish_ready, insert_asset, is_attempt, name_folder, page, set_cost, set_made, set_playable, set_progress,
    set_source,
};
pub(crate) use encodings::{
    ChunkId, ChunkTrack, Encoding, MadeChunk, StoredChunk, begin_encoding, chunk_progress, encoding, fail_chunk,
    finish_chunk, stored_chunk, stored_chunks,
};
pub(crate) use log::{log, log_lines};
pub(crate) use pulls::{
    StoredPull, count_in_vain, end_pull, forget_pulls, insert_pull, keep_etag, pull, pull_in, pull_under_way,
    pulls_under_way,
};
pub(crate) use ready::{ReadyAsset, ready_assets};
pub use sealed::{BLOB_FOLDERS, SEALED_UNDER};
pub(crate) use sealed::{SealedKey, replace_sealed, under_older};
pub(crate) use steering::{begin_again, cancel, in_the_making, set_priority};
pub(crate) use sweeping::{end_expired, ended_uploads, forget_attempt, forget_upload, left_overs, unnamed_folders};
pub(crate) use uploads::{
    Chunk, Upload, append, chunks, claim, end, insert_upload, release, under_way, upload, upload_in,
};
