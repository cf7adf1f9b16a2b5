//! HTTP Live Streaming playlists (RFC 8216bis): video on demand in fragmented MP4, written as text.
//!
//! Plain data in, text out: [`MultivariantPlaylist`] and [`MediaPlaylist`]. URIs are whatever the origin serves under,
//! usually relative, so that a playlist is the same for every viewer. Text from outside is checked, never trusted: what
//! would break out of its place in a playlist is an [`Error`]. This crate knows no media, no keys and no URLs of ours.

mod attributes;
mod error;
mod key;
mod media;
mod multivariant;

pub use error::Error;
pub use key::{Key, KeyFormat};
pub use media::{MediaPlaylist, MediaSegment};
pub use multivariant::{AudioRendition, MultivariantPlaylist, Variant};
