//! An asset, its tracks, and what is said of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::Event;
use tessera_types::{AssetId, Timestamp, UploadId};

use crate::subtitles::{Subtitle, SubtitleDescriptor, SubtitlesLeftOut, ThumbnailsDescriptor};
use crate::work::Work;

/// How an asset may leave the origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    /// Encrypted with the `cbcs` scheme (ISO/IEC 23001-7 §10.4).
    Cbcs,
    /// In the clear.
    Clear,
    /// A scheme of a newer version of this contract; do not serve it.
    #[serde(other)]
    Unknown,
}

/// How far an asset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AssetState {
    /// Waiting for a worker, or being worked on; see progress.
    Processing,
    /// Every track is stored.
    Ready,
    /// It cannot be made; see failure. It may be retried.
    Failed,
    /// Somebody stopped the work on it. It may be retried.
    Cancelled,
    /// A state of a newer version of this contract.
    #[serde(other)]
    Unknown,
}

/// Why an asset cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailureReason {
    /// As a code: `not_a_video`, `unsupported_container`, `unsupported_codec`, `truncated`, `too_large`,
    /// `transcode_failed`, `internal`.
    pub code: String,
    /// For a person to read: what was found, and what is taken.
    pub message: String,
}

/// What was found in the source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceInfo {
    /// Container: `mp4`, `mov`, `matroska`, `webm`, `mpegts`.
    pub container: String,
    /// Video codec: `h264`, `hevc`, `vp9`, `av1`, `prores`.
    pub video_codec: String,
    /// Audio codec of the first audio stream, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_codec: Option<String>,
    /// Width in pixels as displayed (rotation applied).
    pub width: u32,
    /// Height in pixels as displayed (rotation applied).
    pub height: u32,
    /// Frames per second.
    pub frame_rate: f64,
    /// Length in seconds.
    pub duration_seconds: f64,
}

/// An asset as its operator sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Asset {
    /// Its id.
    pub asset_id: AssetId,
    /// The upload it was made from.
    pub upload_id: UploadId,
    /// How it may leave the origin.
    pub protection: Protection,
    /// How far it is.
    pub state: AssetState,
    /// What is being done: `probing`, `transcoding`, `packaging`, `storing`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Of the whole way, 0 to 100.
    pub progress_percent: u8,
    /// When its turn comes among the tenant's assets that wait, -100 to 100: the highest goes first.
    #[serde(default)]
    pub priority: i8,
    /// The work on it so far, once it has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<Work>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureReason>,
    /// What was found in the source, once probed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceInfo>,
    /// Whether it can be played: it is ready, or a rendition of it is while the others are made.
    #[serde(default)]
    pub playable: bool,
    /// Heights of the video renditions that there are in pixels as displayed, tallest first.
    #[serde(default)]
    pub renditions: Vec<u32>,
    /// Length in seconds, once playable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<f64>,
    /// Its subtitles, once ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subtitles: Vec<Subtitle>,
    /// Subtitles of the source that were not taken, once ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subtitles_left_out: Vec<SubtitlesLeftOut>,
    /// When it was submitted, wall time.
    pub created_at: Timestamp,
    /// Counts up with every change.
    pub version: i64,
}

/// What a track carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrackKind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
    /// A kind of a newer version of this contract; leave it out of manifests.
    #[serde(other)]
    Unknown,
}

/// One stored track file: a clear fragmented CMAF track (ISO/IEC 23000-19), encrypted at rest, and its index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrackDescriptor {
    /// Unique in the asset and URL-safe: `v720`, `v720-hevc`, `a1`.
    pub track_id: String,
    /// What it carries.
    pub kind: TrackKind,
    /// Key of the track file in the blob store.
    pub blob: String,
    /// Key of its index in the blob store: the JSON form of `tessera_isobmff::TrackIndex`, not encrypted at rest (it
    /// holds sizes and times). Its member `blob_checks` has checksums of the track file as stored: its `size`, and the
    /// `crc32` of each block of 65536 bytes.
    pub index_blob: String,
    /// SHA-256 of the index as stored, in hexadecimal; not there for assets that were made before indexes had one, and for
    /// tracks that are still getting longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_sha256: Option<String>,
    /// Bytes of the track file.
    pub size_bytes: u64,
}

/// How the track files of an asset are encrypted at rest: AES-128 in counter mode, seekable, a key an asset.
///
/// The counter block of a blob's 16-byte block `n` is the first 8 bytes of SHA-256 of the blob's key (the text of
/// [`TrackDescriptor::blob`]), then `n` in 8 bytes, big-endian.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AtRest {
    /// The key, 16 bytes in base64 (RFC 4648 §4). Only for services that read the blobs.
    pub key_base64: String,
    /// Names the derivation of counter blocks above: `aes-128-ctr.sha256-blob-key`. A reader refuses any other.
    pub scheme: String,
}

impl AtRest {
    /// The one scheme there is.
    pub const SCHEME: &str = "aes-128-ctr.sha256-blob-key";
}

impl std::fmt::Debug for AtRest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AtRest {{ scheme: {:?}, … }}", self.scheme)
    }
}

/// All that packaging needs of an asset that can be played. But for its subtitles it never changes once it is complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AssetDescriptor {
    /// The asset.
    pub asset_id: AssetId,
    /// How it may leave the origin.
    pub protection: Protection,
    /// Length in seconds.
    pub duration_seconds: f64,
    /// Whether all of its tracks are there. Until then more may come: ask again after some seconds. What is named stays, unless
    /// the work on the asset begins anew or fails.
    #[serde(default = "complete")]
    pub complete: bool,
    /// Whether its tracks are still getting longer: what is there of them stays as it is, under the same blob keys, and
    /// `duration_seconds` is how long they are expected to become. Only while it is not complete.
    #[serde(default)]
    pub open_ended: bool,
    /// Its tracks, video tallest first, then audio.
    pub tracks: Vec<TrackDescriptor>,
    /// Key of the poster (JPEG, not encrypted at rest: it is public) in the blob store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poster_blob: Option<String>,
    /// SHA-256 of the poster, in hexadecimal; not there for assets that were made before posters had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poster_sha256: Option<String>,
    /// Its subtitles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subtitles: Vec<SubtitleDescriptor>,
    /// Its thumbnails; absent where none could be made, and for assets that were made before there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnails: Option<ThumbnailsDescriptor>,
    /// How its track files are encrypted at rest.
    pub at_rest: AtRest,
}

/// Descriptors had no such field when they were all complete.
fn complete() -> bool {
    true
}

/// A rendition of an asset can be played while the rest is made: what there is of it so far, and then all of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AssetPlayable {
    /// Its full state.
    pub asset: Asset,
    /// Whether there is a poster frame to show.
    pub has_poster: bool,
}

impl Event for AssetPlayable {
    const TYPE: &'static str = "tessera.media.asset.playable.v1";
    fn subject(&self) -> String {
        self.asset.asset_id.to_string()
    }
    fn version(&self) -> i64 {
        self.asset.version
    }
}

/// Every track of an asset is there: it can be packaged and played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AssetReady {
    /// Its full state.
    pub asset: Asset,
    /// Whether there is a poster frame to show.
    pub has_poster: bool,
}

impl Event for AssetReady {
    const TYPE: &'static str = "tessera.media.asset.ready.v1";
    fn subject(&self) -> String {
        self.asset.asset_id.to_string()
    }
    fn version(&self) -> i64 {
        self.asset.version
    }
}

/// An asset cannot be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AssetFailed {
    /// Its full state, with the reason.
    pub asset: Asset,
}

impl Event for AssetFailed {
    const TYPE: &'static str = "tessera.media.asset.failed.v1";
    fn subject(&self) -> String {
        self.asset.asset_id.to_string()
    }
    fn version(&self) -> i64 {
        self.asset.version
    }
}
