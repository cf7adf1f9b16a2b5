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
    /// A variant names a group that no rendition of its type is in.
    #[error("no rendition of that type is in group {0:?}")]
    NoSuchGroup(String),
    /// Two renditions of a group have one name (RFC 8216bis §4.4.6.1.1).
    #[error("two renditions of group {group:?} are named {name:?}")]
    RepeatedName {
        /// The group.
        group: String,
        /// The name.
        name: String,
    },
    /// Two renditions of a group are the default one (RFC 8216bis §4.4.6.1.1).
    #[error("group {0:?} has more than one default rendition")]
    RepeatedDefault(String),
    /// A key breaks a rule of its format.
    #[error("a key of format {format}: {rule}")]
    Key {
        /// `KEYFORMAT`.
        format: &'static str,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// Protected runs of one playlist are not all playable by the same systems.
    #[error("every protected run of a playlist needs keys of the same formats, each of them once")]
    KeyFormats,
    /// A run without an init section behind one with: a playlist cannot take it back.
    #[error("a run without an init section stands behind one with an init section")]
    NoInit,
    /// A playlist without variants, or a media playlist without segments.
    #[error("a playlist needs at least one {0}")]
    Empty(&'static str),
    /// A timescale or the denominator of a frame rate is zero.
    #[error("{0} must not be zero")]
    Zero(&'static str),
}
