//! Why bytes are not a track file this crate can use.

use crate::FourCc;

/// Why reading or writing a track failed. The message names the box, so that the file can be looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A field or child reaches past the end of its box.
    #[error("box '{in_box}' is cut short: a field of {wanted} bytes, {left} left")]
    Truncated {
        /// The box being read.
        in_box: FourCc,
        /// Bytes the field needs.
        wanted: usize,
        /// Bytes there are.
        left: usize,
    },
    /// A box declares a size that is smaller than its header or larger than what holds it.
    #[error("box '{kind}' declares {size} bytes, which do not fit")]
    BoxSize {
        /// The box.
        kind: FourCc,
        /// Its declared size.
        size: u64,
    },
    /// A mandatory child is absent.
    #[error("box '{parent}' has no '{child}'")]
    Missing {
        /// The box searched.
        parent: FourCc,
        /// What it should hold.
        child: FourCc,
    },
    /// A child that must be alone occurs again; two `trak` mean that the file is not one track.
    #[error("box '{parent}' has more than one '{child}'")]
    Repeated {
        /// The box searched.
        parent: FourCc,
        /// What it holds twice.
        child: FourCc,
    },
    /// A box stands where it makes no sense, such as `mdat` without `moof`.
    #[error("box '{0}' out of order in a fragmented track file")]
    Misplaced(FourCc),
    /// A value breaks the standard.
    #[error("box '{in_box}': {rule}")]
    Invalid {
        /// The box being read.
        in_box: FourCc,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// Valid, but not something that is packaged here.
    #[error("box '{in_box}': {what} is not supported")]
    Unsupported {
        /// The box being read.
        in_box: FourCc,
        /// What was met.
        what: String,
    },
    /// A limit of [`crate::limits`] is exceeded.
    #[error("{what}: {got} is more than the limit of {limit}")]
    Limit {
        /// What is counted.
        what: &'static str,
        /// How much of it there is.
        got: u64,
        /// How much there may be.
        limit: u64,
    },
    /// The file ends inside a box or a fragment.
    #[error("the file ends inside {0}")]
    UnexpectedEnd(&'static str),
    /// A segment was planned on another index.
    #[error("segment {0} lies outside this track's index: it was planned on another")]
    SegmentOutOfRange(u32),
}

impl Error {
    pub(crate) fn invalid(in_box: impl Into<FourCc>, rule: &'static str) -> Self {
        Self::Invalid { in_box: in_box.into(), rule }
    }

    pub(crate) fn unsupported(in_box: impl Into<FourCc>, what: impl Into<String>) -> Self {
        Self::Unsupported { in_box: in_box.into(), what: what.into() }
    }

    /// `got` within `limit`, or the error that says what exceeds it.
    pub(crate) fn check_limit(what: &'static str, got: u64, limit: u64) -> Result<(), Self> {
        if got > limit { Err(Self::Limit { what, got, limit }) } else { Ok(()) }
    }
}
