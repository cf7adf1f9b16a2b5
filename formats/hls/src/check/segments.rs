//! The segments of a media playlist as far as other rules want them.

use crate::ByteRange;

/// One segment.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    /// The line of its URI.
    pub(crate) line: usize,
    pub(crate) uri: String,
    /// Its place in its file: `None` for the whole, or when what is said makes no range.
    pub(crate) range: Option<ByteRange>,
    /// In millionths of a second; 0 when it is missing.
    pub(crate) duration: u64,
    /// A discontinuity stands before it.
    pub(crate) discontinuity: bool,
}
