//! Where bytes are: a whole file, or a range of one.

use crate::{
    Error,
    attributes::{Attributes, checked_uri},
};

/// A media segment or init section.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resource {
    /// The file that holds it.
    pub uri: String,
    /// Its part of the file; `None` for the whole.
    pub byte_range: Option<ByteRange>,
}

/// Bytes of a file (RFC 8216bis §4.4.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// Bytes before it.
    pub offset: u64,
    /// Bytes in it.
    pub length: u64,
}

impl Resource {
    /// A whole file.
    pub fn file(uri: impl Into<String>) -> Self {
        Self { uri: uri.into(), byte_range: None }
    }

    /// A part of a file.
    pub fn range(uri: impl Into<String>, offset: u64, length: u64) -> Self {
        Self { uri: uri.into(), byte_range: Some(ByteRange { offset, length }) }
    }

    /// The lines of a segment: its range, if it is one, and its URI.
    pub(crate) fn segment_lines(&self) -> Result<String, Error> {
        let range = self.byte_range.map(|range| format!("#EXT-X-BYTERANGE:{}\n", range.text()));
        Ok(format!("{}{}\n", range.unwrap_or_default(), checked_uri(&self.uri)?))
    }

    /// The line of an init section.
    pub(crate) fn map_line(&self) -> Result<String, Error> {
        let line = Attributes::of("EXT-X-MAP").uri(&self.uri)?;
        let line = match self.byte_range {
            Some(range) => line.quoted("BYTERANGE", &range.text())?,
            None => line,
        };
        Ok(line.line())
    }
}

impl ByteRange {
    /// `length@offset`: always with the offset, so that a range does not hang on the one before it.
    fn text(self) -> String {
        format!("{}@{}", self.length, self.offset)
    }
}
