//! Reading track files: the `moov` once, then fragment after fragment.

mod fragment;
mod init;
mod movie;
mod track;

pub(crate) use fragment::{BASE_DATA_OFFSET, DATA_OFFSET, FIRST_SAMPLE_FLAGS, SAMPLE_DESCRIPTION, run_sample};
pub use fragment::{FragmentHeader, SampleInfo};
pub use init::{SampleDefaults, TrackInit};
pub(crate) use init::{language, timescale, track_id};
pub(crate) use movie::SampleTables;
pub use movie::{Movie, MovieReader, MovieSample, MovieTrack};
pub use track::{TrackPart, TrackReader};
