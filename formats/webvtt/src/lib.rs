//! Subtitles (W3C WebVTT, SubRip): read as found in the wild, kept as one model of cues, written as WebVTT.
//!
//! [`read`] takes the bytes of a file and forgives what browsers forgive; what it leaves out it lists. A [`Track`] is
//! what everything else is made of: the [side-car](Track::write), [segments of text](Track::hls_segment) for HLS, and
//! [samples](Track::segments) for ISO base media files (ISO/IEC 14496-30), whose boxes around are `tessera-isobmff`'s
//! work. [`Thumbnails`] writes the cues that map times to tiles of a picture.
//!
//! Times are milliseconds from the start of the presentation, which is as fine as WebVTT can say. Every byte is taken
//! as hostile: work is linear in the input, and what a file may cost is bounded by the constants in [`limits`].

mod cue;
mod encoding;
mod error;
mod header;
mod hls;
pub mod limits;
mod mp4;
mod read;
mod settings;
mod text;
mod thumbnails;
mod time;
mod track;

pub use cue::Cue;
pub use error::Error;
pub use header::{Header, TimestampMap};
pub use mp4::{SAMPLE_ENTRY, TIMESCALE, TextSample, TextSegment};
pub use read::{Reading, Skipped, read};
pub use settings::Settings;
pub use text::CueText;
pub use thumbnails::Thumbnails;
pub use track::Track;
