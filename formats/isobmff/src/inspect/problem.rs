//! What is wrong with a file, and what to do about it.

use serde::Serialize;

use crate::{Error, FourCc, limits};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where the box begins that it is about, in bytes from the start of the file.
    pub offset: u64,
    /// The type of that box; `file` for what is not in one.
    #[serde(rename = "in")]
    pub place: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: &'static str,
}

/// The file's end is missing.
pub(super) const COPY_AGAIN: &str = "the file is cut short or damaged: copy or download it again, or make it again";
/// Sizes or counts contradict each other.
pub(super) const WRITE_AGAIN: &str =
    "whoever wrote the file counted wrongly: write it again, such as with ffmpeg -c copy";
/// Times of fragments do not follow each other.
pub(super) const KEEP_TIMES: &str =
    "players stall or skip here: join the fragments with the times of one encode, or fill the gap";
/// What says how samples are encrypted contradicts itself.
pub(super) const PACKAGE_AGAIN: &str = "players cannot decrypt these samples: package the clear source again";
/// Something that is needed is not there.
pub(super) const NOT_A_FILM: &str = "it is no MP4 film or a part of one: look at it with ffprobe";
/// Read by nobody here.
pub(super) const CHECK_WRITER: &str = "check it with the program that wrote it";

/// The problems so far, of which only so many are kept.
#[derive(Debug, Default)]
pub(super) struct Problems {
    pub(super) listed: Vec<Problem>,
    pub(super) not_listed: u64,
}

impl Problems {
    /// Notes a problem of the box of this type at this place.
    pub(super) fn add(&mut self, offset: u64, place: impl Into<FourCc>, problem: String, remedy: &'static str) {
        if self.listed.len() < limits::MAX_LISTED_PROBLEMS {
            self.listed.push(Problem { offset, place: place.into().to_string(), problem, remedy });
        } else {
            self.not_listed += 1;
        }
    }

    /// The value, or `None` after noting why there is none.
    pub(super) fn noted<T>(&mut self, offset: u64, place: impl Into<FourCc>, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                let remedy = if matches!(error, Error::Unsupported { .. }) { CHECK_WRITER } else { WRITE_AGAIN };
                self.add(offset, place, error.to_string(), remedy);
                None
            }
        }
    }
}
