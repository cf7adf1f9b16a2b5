//! Why a playlist cannot be written.

/// Why a playlist cannot be written: its parts come from outside and would not mean what they should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A quoted string has no escapes (RFC 8216bis §4.2), so these characters have no place in it.
    #[error("{attribute} cannot hold a quotation mark or control character: {text:?}")]
    NotQuotable {
        /// The attribute.
        attribute: &'static str,
        /// Its value.
        text: String,
    },
    /// Not a URI or relative reference (RFC 3986), or one that would read as a tag or blank line.
    #[error("not a URI: {0:?}; percent-encode what is not in RFC 3986's alphabet")]
    NotUri(String),
    /// Not a codec string (RFC 6381).
    #[error("not a codec string: {0:?}")]
    NotCodec(String),
    /// A variant names an audio group that no rendition is in.
    #[error("no audio rendition is in group {0:?}")]
    NoSuchGroup(String),
    /// A playlist without variants, or a media playlist without segments.
    #[error("a playlist needs at least one {0}")]
    Empty(&'static str),
    /// A timescale or the denominator of a frame rate is zero.
    #[error("{0} must not be zero")]
    Zero(&'static str),
}
