//! Reading track files: the `moov` once, then fragment after fragment.

mod fragment;
mod init;
mod movie;
mod track;

pub use fragment::{FragmentHeader, SampleInfo};
pub use init::{SampleDefaults, TrackInit};
pub use movie::{Movie, MovieReader, MovieSample, MovieTrack};
pub use track::{TrackPart, TrackReader};
