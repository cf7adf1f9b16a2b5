//! MPEG-DASH presentation descriptions (ISO/IEC 23009-1): static, live profile, written as text.
//!
//! Plain data in, text out: [`Mpd`]. Segments are addressed by a template with `$Number$` or `$Time$`, timed by a
//! `SegmentTimeline`, and relative to the description. Every text is escaped; what XML cannot hold is an [`Error`]. This
//! crate knows no media, no keys and no URLs of ours.

mod adaptation_set;
mod error;
mod mpd;
#[cfg(test)]
mod mpd_tests;
mod protection;
mod timeline;
mod xml;

pub use adaptation_set::{AdaptationSet, Media, Representation};
pub use error::Error;
pub use mpd::Mpd;
pub use protection::ContentProtection;
pub use timeline::{SegmentTemplate, TimelineSegment};
