//! All SQL of media.

mod assets;
mod ready;
mod sealed;
mod sweeping;
mod uploads;

pub(crate) use assets::{
    Made, StoredAsset, add_folder, asset, asset_in, begin_attempt, finish_failed, finish_ready, insert_asset,
    name_folder, page, set_made, set_progress, set_source,
};
pub(crate) use ready::{ReadyAsset, ready_assets};
pub use sealed::{BLOB_FOLDERS, SEALED_UNDER};
pub(crate) use sealed::{SealedKey, replace_sealed, under_older};
pub(crate) use sweeping::{end_expired, ended_uploads, forget_attempt, forget_upload, left_overs, unnamed_folders};
pub(crate) use uploads::{
    Chunk, Upload, append, chunks, claim, end, insert_upload, release, under_way, upload, upload_in,
};
