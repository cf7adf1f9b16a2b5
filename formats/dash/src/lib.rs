//! MPEG-DASH presentation descriptions (ISO/IEC 23009-1): static, written as text.
//!
//! Plain data in, text out: [`Mpd`]. [Segments] are addressed by a template with `$Number$` or `$Time$` and timed by a
//! `SegmentTimeline` (live profile), or are parts of one indexed file a representation (on-demand profile); what the
//! description claims of alignment and profiles follows from them. Every text is escaped; what XML cannot hold is an
//! [`Error`]. This crate knows no media, no keys and no URLs of ours.

mod adaptation_set;
mod descriptor;
mod error;
#[cfg(test)]
mod feature_tests;
mod media;
mod mpd;
#[cfg(test)]
mod mpd_tests;
mod protection;
mod segments;
mod timeline;
mod xml;

pub use adaptation_set::{AdaptationSet, Representation};
pub use descriptor::{Accessibility, Colour, Role, TrickMode};
pub use error::Error;
pub use media::{ImageCoding, Media, Video};
pub use mpd::{Dynamic, Mpd};
pub use protection::{ContentProtection, DrmSystem};
pub use segments::{SegmentBase, Segments};
pub use timeline::{SegmentTemplate, TimelineSegment};
