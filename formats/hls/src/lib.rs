//! HTTP Live Streaming playlists (RFC 8216bis): video on demand in fragmented MP4, written, read and checked.
//!
//! Plain data in, text out: [`MultivariantPlaylist`] and [`MediaPlaylist`]. URIs are whatever the origin serves under,
//! usually relative, so that a playlist is the same for every viewer. Text from outside is checked, never trusted: what
//! would break out of its place in a playlist is an [`Error`]. `read` is the way back, and [`check()`] and [`Presentation`]
//! say which rules a playlist breaks, whoever wrote it.
//!
//! This crate knows no media, no keys and no URLs of ours. A live playlist is none of its data yet.

mod attributes;
mod check;
mod error;
mod key;
mod lines;
mod media;
#[cfg(test)]
mod media_tests;
mod multivariant;
#[cfg(test)]
mod multivariant_tests;
mod read;
mod rendition;
mod resource;
mod start;
mod values;
mod variant;

pub use check::{Finding, Presentation, Report, Rule, Severity, check};
pub use error::Error;
pub use key::{Key, KeyFormat, Method};
pub use media::{MediaPlaylist, MediaSegment, Run, rounded_seconds};
pub use multivariant::MultivariantPlaylist;
pub use read::{MAX_LINES, MAX_PLAYLIST, ReadError};
pub use rendition::{AudioRendition, SubtitleRendition};
pub use resource::{ByteRange, Resource};
pub use start::Start;
pub use variant::{IFrameVariant, Variant, VideoRange};
