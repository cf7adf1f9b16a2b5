//! Why something is not subtitles, or cannot be written.

/// Why something is not subtitles, or cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file is something else.
    #[error("line {line}: not subtitles: expected {expected}, found {found:?}")]
    NotSubtitles {
        /// The line, from 1.
        line: usize,
        /// What would stand there.
        expected: &'static str,
        /// The beginning of what stands there.
        found: String,
    },
    /// A cue that is never shown.
    #[error("a cue must end after it starts, but is from {start} to {end} milliseconds")]
    Times {
        /// Its start in milliseconds.
        start: u64,
        /// Its end in milliseconds.
        end: u64,
    },
    /// A text that would end its cue, or mean something else.
    #[error("{part} must not {rule}")]
    Text {
        /// Which part of a cue.
        part: &'static str,
        /// What it must not do.
        rule: &'static str,
    },
    /// A line with `-->` whose times cannot be read.
    #[error("no times like 00:00:01.000 --> 00:00:02.000: {0:?}")]
    Timing(String),
    /// A limit of [`crate::limits`] is exceeded.
    #[error("{what}: {got} is more than the limit of {limit}")]
    Limit {
        /// What is counted.
        what: &'static str,
        /// How much of it there is, or at least is.
        got: u64,
        /// How much there may be.
        limit: u64,
    },
    /// A divisor, a duration or a count of zero.
    #[error("{0} must not be zero")]
    Zero(&'static str),
    /// MP4 samples that are not of WebVTT.
    #[error("WebVTT sample at {at} milliseconds: {rule}")]
    Sample {
        /// When the sample begins, in milliseconds.
        at: u64,
        /// What is wrong with it.
        rule: &'static str,
    },
    /// A URI that would not stand in a line of its own.
    #[error("not a URI: {0:?}; percent-encode what is not in RFC 3986's alphabet")]
    NotUri(String),
}

impl Error {
    /// `got` within `limit`, or the error that says what exceeds it.
    pub(crate) fn check_limit(what: &'static str, got: u64, limit: u64) -> Result<(), Self> {
        if got > limit { Err(Self::Limit { what, got, limit }) } else { Ok(()) }
    }
}

/// The beginning of a text, for a message.
pub(crate) fn excerpt(text: &str) -> String {
    text.trim().chars().take(40).collect()
}
