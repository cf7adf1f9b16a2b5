//! The media contract: from a video file to an asset that can be packaged.
//!
//! Others rely on an asset by id, with the descriptor of its stored track files, and on the events that say it is ready
//! or has failed. Uploading (tus 1.0) and submitting jobs is how assets come to be. Media knows codecs and files; it
//! knows no title, viewer, plan or content key: the stored copy is clear, and encrypted at rest with a key of its own.

mod asset;
pub mod conformance;
mod media;
mod pull;
mod subtitles;
mod work;

pub use asset::{
    Asset, AssetDescriptor, AssetFailed, AssetPlayable, AssetReady, AssetState, AtRest, FailureReason, Protection,
    SourceInfo, TrackDescriptor, TrackKind,
};
pub use media::{CreateAsset, GetAsset, GetDescriptor, ListAssets, Media, MediaError, media_operations};
pub use pull::{CreatePull, GetPull, Pull, PullState};
pub use subtitles::{
    DeleteSubtitles, PutSubtitles, StoredFile, Subtitle, SubtitleDescriptor, SubtitleKind, SubtitlesLeftOut,
    ThumbnailsDescriptor,
};
pub use work::{
    AssetCancelled, AssetLog, AssetProgressed, CancelAsset, GetAssetLog, LogLine, PrioritizeAsset, RetryAsset, Work,
};
