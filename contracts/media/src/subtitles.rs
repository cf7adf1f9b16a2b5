//! What stands beside an asset's tracks: subtitles, and thumbnails for the seek bar.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_types::{AssetId, Locale};

/// Whom subtitles are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubtitleKind {
    /// What is said, for those who hear and do not understand.
    Subtitles,
    /// Everything that is heard, for those who do not hear well (SDH).
    Captions,
    /// What has to be read to understand the film: signs, and speech in other languages. Shown to who wants no subtitles.
    Forced,
    /// A kind of a newer version of this contract; leave it out of manifests.
    #[serde(other)]
    Unknown,
}

/// Subtitles of an asset as its operator sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Subtitle {
    /// Unique in the asset: `t1` where it was in the source, else as it was called when it was put.
    pub subtitle_id: String,
    /// Their language; absent where the source does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Locale>,
    /// Whom they are for.
    pub kind: SubtitleKind,
}

/// Subtitles in the source that are not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubtitlesLeftOut {
    /// The source's stream, counted from 0.
    pub stream: u32,
    /// How they are coded: `hdmv_pgs_subtitle`.
    pub codec: String,
    /// Their language; absent where the source does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Locale>,
    /// For a person to read: why not, and what to do about it.
    pub reason: String,
}

/// Stored subtitles: a WebVTT file (W3C WebVTT §4.1) in UTF-8 with times on the asset's own clock, encrypted at rest as track
/// files are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubtitleDescriptor {
    /// Unique in the asset and URL-safe.
    pub subtitle_id: String,
    /// Their language; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Locale>,
    /// Whom they are for.
    pub kind: SubtitleKind,
    /// The stored file.
    pub file: StoredFile,
}

/// A small file in the blob store, encrypted at rest as track files are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoredFile {
    /// Its key in the blob store. What stands under it never changes.
    pub blob: String,
    /// SHA-256 of the file as stored, in hexadecimal.
    pub sha256: String,
    /// Bytes of the file.
    pub size_bytes: u64,
}

/// Thumbnails for the seek bar: JPEG pictures of equal tiles in rows, from the left and the top.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ThumbnailsDescriptor {
    /// Width of a tile in pixels.
    pub tile_width: u32,
    /// Height of a tile in pixels.
    pub tile_height: u32,
    /// Tiles in a row of a picture.
    pub columns: u32,
    /// Rows of a picture.
    pub rows: u32,
    /// Tiles that show something, over all pictures; what comes after them in the last picture is filling.
    pub count: u32,
    /// How long a tile stands for, in seconds.
    pub interval_seconds: u32,
    /// The pictures in order.
    pub pictures: Vec<StoredFile>,
}

/// Subtitles of an asset from now on.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PutSubtitles {
    /// The asset.
    pub asset_id: AssetId,
    /// What they are called, 1 to 32 lower-case letters, digits and hyphens: `de`, `en-sdh`, or `t1` to replace what was in
    /// the source.
    pub subtitle_id: String,
    /// Their language.
    pub language: Locale,
    /// Whom they are for.
    pub kind: SubtitleKind,
    /// A SubRip or WebVTT file of at most 2 MiB in UTF-8, UTF-16 or Windows-1252, in base64 (RFC 4648 §4).
    pub data: String,
}

impl std::fmt::Debug for PutSubtitles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { asset_id, subtitle_id, language, kind, data } = self;
        let bytes = data.len();
        write!(f, "PutSubtitles {{ {asset_id}, {subtitle_id:?}, {language}, {kind:?}, {bytes} bytes of base64 }}")
    }
}

/// Which subtitles to take away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeleteSubtitles {
    /// The asset.
    pub asset_id: AssetId,
    /// What they are called.
    pub subtitle_id: String,
}
