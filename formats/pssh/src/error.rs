//! Why bytes are not what a DRM system wrote, or cannot become it.

use crate::SystemId;

/// Why reading or writing failed. The message names the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A field reaches past the end of what holds it.
    #[error("{field} is cut short: {wanted} bytes wanted, {left} left")]
    Truncated {
        /// The field being read.
        field: &'static str,
        /// Bytes it needs.
        wanted: usize,
        /// Bytes there are.
        left: usize,
    },
    /// A value breaks the format.
    #[error("{field}: {rule}")]
    Invalid {
        /// The field being read.
        field: &'static str,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// A limit of [`crate::limits`] is exceeded.
    #[error("{what}: {got} is more than the limit of {limit}")]
    Limit {
        /// What is counted.
        what: &'static str,
        /// How much of it there is.
        got: usize,
        /// How much there may be.
        limit: usize,
    },
    /// The box is another system's.
    #[error("the box is of system {got}, not of {wanted}")]
    OtherSystem {
        /// The system asked for.
        wanted: SystemId,
        /// The system of the box.
        got: SystemId,
    },
    /// A protection without keys has nothing to say.
    #[error("a protection needs at least one key id")]
    NoKeys,
    /// A text that cannot stand in an XML document.
    #[error("{field} cannot hold a control character: {text:?}")]
    NotText {
        /// The field being written.
        field: &'static str,
        /// Its value.
        text: String,
    },
}

impl Error {
    pub(crate) fn invalid(field: &'static str, rule: &'static str) -> Self {
        Self::Invalid { field, rule }
    }

    /// `got` within `limit`, or the error that says what exceeds it.
    pub(crate) fn check_limit(what: &'static str, got: usize, limit: usize) -> Result<(), Self> {
        if got > limit { Err(Self::Limit { what, got, limit }) } else { Ok(()) }
    }
}
