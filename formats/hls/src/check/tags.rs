//! Tags and the form of their values (RFC 8216bis §4.4).

mod table;

use table::TAGS;

use crate::values::{Value, byte_range, integer, millionths, resolution, signed_millionths};

/// One tag.
pub(crate) struct Tag {
    pub(crate) name: &'static str,
    pub(crate) clause: &'static str,
    pub(crate) kind: Kind,
    pub(crate) once: bool,
    pub(crate) form: Form,
}

/// Which playlists a tag stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Both,
    Media,
    Multivariant,
}

/// What stands behind a tag's colon.
pub(crate) enum Form {
    Nothing,
    Integer,
    Word(&'static [&'static str]),
    /// `EXTINF`: a duration and a title.
    Duration,
    /// `EXT-X-BYTERANGE`.
    Range,
    Date,
    List(&'static [Attribute]),
}

/// An attribute that a tag may or must have.
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    kind: AttributeKind,
}

/// The types of §4.2.
#[derive(Clone, Copy)]
enum AttributeKind {
    Integer,
    Float,
    Signed,
    Hexadecimal,
    Quoted,
    Resolution,
    Word(&'static [&'static str]),
    QuotedWord(fn(&str) -> bool),
    /// A quoted string or the word NONE.
    QuotedOrNone,
}

impl Tag {
    /// The tag of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        TAGS.iter().find(|tag| tag.name == name)
    }

    /// Whether its value ends with white space where a value has none; a title may.
    pub(crate) fn ends_with_blank(&self, value: &str) -> bool {
        !matches!(self.form, Form::Duration) && value.ends_with(char::is_whitespace)
    }
}

impl Form {
    /// What the value should be, when it is not; lists are checked one attribute after another.
    pub(crate) fn mismatch(&self, value: Option<&str>) -> Option<String> {
        let text = value.unwrap_or_default();
        let (fits, wanted) = match self {
            Self::Nothing => (value.is_none(), "nothing".to_owned()),
            Self::Integer => (!text.is_empty() && integer(text).is_some(), "a decimal integer".to_owned()),
            Self::Word(words) => (words.contains(&text), words.join(" or ")),
            Self::Duration => {
                let duration = text.split_once(',').map_or(text, |(duration, _title)| duration);
                (millionths(duration).is_some(), "a duration in seconds and a comma".to_owned())
            }
            Self::Range => (byte_range(text).is_some(), "length@offset or length".to_owned()),
            Self::Date => (is_date(text), "a date and time of ISO 8601".to_owned()),
            Self::List(_) => (true, String::new()),
        };
        (!fits).then_some(wanted)
    }
}

impl Attribute {
    /// What the value should be, when it is not.
    pub(crate) fn mismatch(&self, value: Value<'_>) -> Option<String> {
        let (fits, wanted) = match (self.kind, value) {
            (AttributeKind::Integer, value) => {
                (bare(value, |text| integer(text).is_some()), "a decimal integer".to_owned())
            }
            (AttributeKind::Float, value) => {
                (bare(value, |text| millionths(text).is_some()), "a decimal number".to_owned())
            }
            (AttributeKind::Signed, value) => {
                (bare(value, |text| signed_millionths(text).is_some()), "a decimal number".to_owned())
            }
            (AttributeKind::Hexadecimal, value) => {
                (bare(value, is_hexadecimal), "0x and hexadecimal digits".to_owned())
            }
            (AttributeKind::Resolution, value) => {
                (bare(value, |text| resolution(text).is_some()), "width x height".to_owned())
            }
            (AttributeKind::Word(words), value) => (bare(value, |text| words.contains(&text)), words.join(" or ")),
            (AttributeKind::Quoted, value) => (matches!(value, Value::Quoted(_)), "a quoted string".to_owned()),
            (AttributeKind::QuotedWord(fits), Value::Quoted(text)) => {
                (fits(text), "a quoted string of its form".to_owned())
            }
            (AttributeKind::QuotedWord(_), Value::Bare(_)) => (false, "a quoted string".to_owned()),
            (AttributeKind::QuotedOrNone, value) => {
                let fits = matches!(value, Value::Quoted(_) | Value::Bare("NONE"));
                (fits, "a quoted string or NONE".to_owned())
            }
        };
        (!fits).then_some(wanted)
    }
}

fn bare(value: Value<'_>, fits: impl Fn(&str) -> bool) -> bool {
    matches!(value, Value::Bare(text) if fits(text))
}

fn is_hexadecimal(text: &str) -> bool {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// `YYYY-MM-DDThh:mm:ss`, with a fraction and a time zone or without.
fn is_date(text: &str) -> bool {
    let shape = b"dddd-dd-ddTdd:dd:dd";
    let bytes = text.as_bytes();
    let fits = |(byte, wanted): (&u8, &u8)| if *wanted == b'd' { byte.is_ascii_digit() } else { byte == wanted };
    bytes.len() >= shape.len()
        && bytes.iter().zip(shape).all(fits)
        && bytes[shape.len()..].iter().all(|b| b.is_ascii_digit() || b"Z+-:.".contains(b))
}
