//! ISO base media file format (ISO/IEC 14496-12): single-track fragmented MP4, read, indexed and written.
//!
//! This crate owns boxes. [`TrackReader`] reads a track file in chunks of any size, [`TrackIndex`] is what is
//! remembered of it, and from the index alone come the [init segment](TrackIndex::init_segment) and the exact bytes
//! [before the samples](TrackIndex::segment_header) of each media segment, clear or signalled as protected.
//!
//! [`Inspector`] looks at any other file, and says what is in it and what is wrong with it.
//!
//! It knows neither keys nor ciphers: which bytes of a sample may be encrypted, and encrypting them, is
//! `tessera-cenc`'s work. It does no I/O: callers bring bytes, and every byte is taken as hostile. What a file may cost
//! is bounded by the constants in [`limits`].

mod boxes;
mod codec;
mod cursor;
mod edit;
mod error;
mod fourcc;
mod index;
mod inspect;
pub mod limits;
mod protection;
mod read;
mod segment;
#[cfg(test)]
mod test_track;
mod write;
#[cfg(test)]
mod write_tests;

pub use boxes::{Boxes, Mp4Box};
pub use codec::{AudioFormat, AvcConfig, HevcConfig, SampleEntry, TrackKind, VideoFormat};
pub use codec::{
    Av1ColorConfig, Av1Config, Av1DecoderModel, Av1FrameIds, Av1Obu, Av1OperatingPoint, Av1SequenceHeader,
};
pub use edit::Edit;
pub use error::Error;
pub use fourcc::FourCc;
pub use index::{
    Bandwidth, Fragment, IndexError, Sample, Subsample, SubsampleMap, SubsampleRuns, TrackIndex, TrackIndexBuilder,
};
pub use inspect::{
    Fields, InspectLimits, InspectedBox, InspectedProtection, InspectedSample, InspectedTrack, Inspection, Inspector,
    Problem, Value,
};
pub use protection::{IvPrefix, Protection, Scheme};
pub use read::{FragmentHeader, SampleDefaults, SampleInfo, TrackInit, TrackPart, TrackReader};
pub use read::{Movie, MovieReader, MovieSample, MovieTrack};
pub use segment::Segment;
pub use write::{TextTrack, text_segment};
