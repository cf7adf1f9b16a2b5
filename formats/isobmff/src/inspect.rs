//! Looking at any file, whole or damaged: its boxes, tracks and samples, and what is wrong with them.
//!
//! Reading for packaging ([`crate::TrackReader`], [`crate::MovieReader`]) refuses what it cannot use, and stops there.
//! This goes on as long as it can tell where the next box begins, and says of each problem what to do about it.

mod extents;
mod fields;
mod fragment;
mod inspector;
mod problem;
mod protection;
#[cfg(test)]
mod tests;
mod track;
mod tree;

pub use fields::{Fields, Value};
pub use inspector::{InspectLimits, Inspector};
pub use problem::Problem;
pub use protection::InspectedProtection;
use serde::Serialize;
pub use track::{InspectedSample, InspectedTrack};
pub use tree::InspectedBox;

/// What was found in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// Bytes of the file.
    pub size: u64,
    /// Its boxes, in the order of the file.
    pub boxes: Vec<InspectedBox>,
    /// Boxes that were looked at and are not listed, for there are more than were asked for.
    pub boxes_not_listed: u64,
    /// Its tracks, in the order of the file.
    pub tracks: Vec<InspectedTrack>,
    /// What is wrong, in the order in which it was found.
    pub problems: Vec<Problem>,
    /// Problems that are not listed, for there are more than [`crate::limits::MAX_LISTED_PROBLEMS`].
    pub problems_not_listed: u64,
}

impl Inspection {
    /// True when nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}
