//! Reading track files: the `moov` once, then fragment after fragment.

mod fragment;
mod init;
mod track;

pub use fragment::{FragmentHeader, SampleInfo};
pub use init::{SampleDefaults, TrackInit};
pub use track::{TrackPart, TrackReader};
