//! The tags of the standard and the form of their values (RFC 8216bis §4.4).

use crate::values::{Value, integer, millionths, resolution, signed_millionths};

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

use AttributeKind::{Float, Hexadecimal, Integer, Quoted, QuotedOrNone, QuotedWord, Resolution, Signed, Word};
use Kind::{Both, Media, Multivariant};

const fn may(name: &'static str, kind: AttributeKind) -> Attribute {
    Attribute { name, required: false, kind }
}

const fn must(name: &'static str, kind: AttributeKind) -> Attribute {
    Attribute { name, required: true, kind }
}

const fn once(name: &'static str, clause: &'static str, kind: Kind, form: Form) -> Tag {
    Tag { name, clause, kind, once: true, form }
}

const fn often(name: &'static str, clause: &'static str, kind: Kind, form: Form) -> Tag {
    Tag { name, clause, kind, once: false, form }
}

const YES_NO: AttributeKind = Word(&["YES", "NO"]);
const YES: AttributeKind = Word(&["YES"]);
const RANGE: AttributeKind = QuotedWord(|text| crate::values::byte_range(text).is_some());
const METHOD: AttributeKind = Word(&["NONE", "AES-128", "SAMPLE-AES", "SAMPLE-AES-CTR"]);
const VERSIONS: AttributeKind =
    QuotedWord(|text| text.split('/').all(|part| integer(part).is_some() && !part.is_empty()));

const KEY: &[Attribute] = &[
    must("METHOD", METHOD),
    may("URI", Quoted),
    may("IV", Hexadecimal),
    may("KEYFORMAT", Quoted),
    may("KEYFORMATVERSIONS", VERSIONS),
    // Of Widevine's registration, not of the standard.
    may("KEYID", Hexadecimal),
];

/// What both kinds of variants have.
macro_rules! variant {
    ($($more:expr),* $(,)?) => {
        &[
            must("BANDWIDTH", Integer),
            may("AVERAGE-BANDWIDTH", Integer),
            may("SCORE", Float),
            may("CODECS", Quoted),
            may("SUPPLEMENTAL-CODECS", Quoted),
            may("RESOLUTION", Resolution),
            may("HDCP-LEVEL", Word(&["TYPE-0", "TYPE-1", "NONE"])),
            may("ALLOWED-CPC", Quoted),
            may("VIDEO-RANGE", Word(&["SDR", "HLG", "PQ"])),
            may("REQ-VIDEO-LAYOUT", Quoted),
            may("STABLE-VARIANT-ID", Quoted),
            may("VIDEO", Quoted),
            may("PATHWAY-ID", Quoted),
            $($more),*
        ]
    };
}

/// Every tag that the standard knows.
pub(crate) static TAGS: [Tag; 33] = [
    once("EXTM3U", "4.4.1.1", Both, Form::Nothing),
    once("EXT-X-VERSION", "4.4.1.2", Both, Form::Integer),
    once("EXT-X-INDEPENDENT-SEGMENTS", "4.4.2.1", Both, Form::Nothing),
    once("EXT-X-START", "4.4.2.2", Both, Form::List(&[must("TIME-OFFSET", Signed), may("PRECISE", YES_NO)])),
    often(
        "EXT-X-DEFINE",
        "4.4.2.3",
        Both,
        Form::List(&[may("NAME", Quoted), may("VALUE", Quoted), may("IMPORT", Quoted), may("QUERYPARAM", Quoted)]),
    ),
    once("EXT-X-TARGETDURATION", "4.4.3.1", Media, Form::Integer),
    once("EXT-X-MEDIA-SEQUENCE", "4.4.3.2", Media, Form::Integer),
    once("EXT-X-DISCONTINUITY-SEQUENCE", "4.4.3.3", Media, Form::Integer),
    once("EXT-X-ENDLIST", "4.4.3.4", Media, Form::Nothing),
    once("EXT-X-PLAYLIST-TYPE", "4.4.3.5", Media, Form::Word(&["EVENT", "VOD"])),
    once("EXT-X-I-FRAMES-ONLY", "4.4.3.6", Media, Form::Nothing),
    once("EXT-X-PART-INF", "4.4.3.7", Media, Form::List(&[must("PART-TARGET", Float)])),
    once(
        "EXT-X-SERVER-CONTROL",
        "4.4.3.8",
        Media,
        Form::List(&[
            may("CAN-SKIP-UNTIL", Float),
            may("CAN-SKIP-DATERANGES", YES_NO),
            may("HOLD-BACK", Float),
            may("PART-HOLD-BACK", Float),
            may("CAN-BLOCK-RELOAD", YES_NO),
        ]),
    ),
    often("EXTINF", "4.4.4.1", Media, Form::Duration),
    often("EXT-X-BYTERANGE", "4.4.4.2", Media, Form::Range),
    often("EXT-X-DISCONTINUITY", "4.4.4.3", Media, Form::Nothing),
    often("EXT-X-KEY", "4.4.4.4", Media, Form::List(KEY)),
    often("EXT-X-MAP", "4.4.4.5", Media, Form::List(&[must("URI", Quoted), may("BYTERANGE", RANGE)])),
    often("EXT-X-PROGRAM-DATE-TIME", "4.4.4.6", Media, Form::Date),
    often("EXT-X-GAP", "4.4.4.7", Media, Form::Nothing),
    often("EXT-X-BITRATE", "4.4.4.8", Media, Form::Integer),
    often(
        "EXT-X-PART",
        "4.4.4.9",
        Media,
        Form::List(&[
            must("URI", Quoted),
            must("DURATION", Float),
            may("INDEPENDENT", YES),
            may("BYTERANGE", RANGE),
            may("GAP", YES),
        ]),
    ),
    often(
        "EXT-X-DATERANGE",
        "4.4.5.1",
        Media,
        Form::List(&[
            must("ID", Quoted),
            may("CLASS", Quoted),
            may("START-DATE", QuotedWord(is_date)),
            may("CUE", Quoted),
            may("END-DATE", QuotedWord(is_date)),
            may("DURATION", Float),
            may("PLANNED-DURATION", Float),
            may("SCTE35-CMD", Hexadecimal),
            may("SCTE35-OUT", Hexadecimal),
            may("SCTE35-IN", Hexadecimal),
            may("END-ON-NEXT", YES),
        ]),
    ),
    once(
        "EXT-X-SKIP",
        "4.4.5.2",
        Media,
        Form::List(&[must("SKIPPED-SEGMENTS", Integer), may("RECENTLY-REMOVED-DATERANGES", Quoted)]),
    ),
    often(
        "EXT-X-PRELOAD-HINT",
        "4.4.5.3",
        Media,
        Form::List(&[
            must("TYPE", Word(&["PART", "MAP"])),
            must("URI", Quoted),
            may("BYTERANGE-START", Integer),
            may("BYTERANGE-LENGTH", Integer),
        ]),
    ),
    often(
        "EXT-X-RENDITION-REPORT",
        "4.4.5.4",
        Media,
        Form::List(&[must("URI", Quoted), may("LAST-MSN", Integer), may("LAST-PART", Integer)]),
    ),
    often(
        "EXT-X-MEDIA",
        "4.4.6.1",
        Multivariant,
        Form::List(&[
            must("TYPE", Word(&["AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS"])),
            may("URI", Quoted),
            must("GROUP-ID", Quoted),
            may("LANGUAGE", Quoted),
            may("ASSOC-LANGUAGE", Quoted),
            must("NAME", Quoted),
            may("STABLE-RENDITION-ID", Quoted),
            may("DEFAULT", YES_NO),
            may("AUTOSELECT", YES_NO),
            may("FORCED", YES_NO),
            may("INSTREAM-ID", Quoted),
            may("BIT-DEPTH", Integer),
            may("SAMPLE-RATE", Integer),
            may("CHARACTERISTICS", Quoted),
            may("CHANNELS", Quoted),
        ]),
    ),
    often(
        "EXT-X-STREAM-INF",
        "4.4.6.2",
        Multivariant,
        Form::List(variant!(
            may("FRAME-RATE", Float),
            may("AUDIO", Quoted),
            may("SUBTITLES", Quoted),
            may("CLOSED-CAPTIONS", QuotedOrNone),
        )),
    ),
    often("EXT-X-I-FRAME-STREAM-INF", "4.4.6.3", Multivariant, Form::List(variant!(must("URI", Quoted)))),
    often(
        "EXT-X-SESSION-DATA",
        "4.4.6.4",
        Multivariant,
        Form::List(&[
            must("DATA-ID", Quoted),
            may("VALUE", Quoted),
            may("URI", Quoted),
            may("FORMAT", Word(&["JSON", "RAW"])),
            may("LANGUAGE", Quoted),
        ]),
    ),
    often("EXT-X-SESSION-KEY", "4.4.6.5", Multivariant, Form::List(KEY)),
    once(
        "EXT-X-CONTENT-STEERING",
        "4.4.6.6",
        Multivariant,
        Form::List(&[must("SERVER-URI", Quoted), may("PATHWAY-ID", Quoted)]),
    ),
    // Of version 6 and before; still written, and ignored since.
    once("EXT-X-ALLOW-CACHE", "4.4", Both, Form::Word(&["YES", "NO"])),
];

impl Tag {
    /// The tag of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        TAGS.iter().find(|tag| tag.name == name)
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
            Self::Range => (crate::values::byte_range(text).is_some(), "length@offset or length".to_owned()),
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
            (Integer, value) => (bare(value, |text| integer(text).is_some()), "a decimal integer".to_owned()),
            (Float, value) => (bare(value, |text| millionths(text).is_some()), "a decimal number".to_owned()),
            (Signed, value) => (bare(value, |text| signed_millionths(text).is_some()), "a decimal number".to_owned()),
            (Hexadecimal, value) => (bare(value, is_hexadecimal), "0x and hexadecimal digits".to_owned()),
            (Resolution, value) => (bare(value, |text| resolution(text).is_some()), "width x height".to_owned()),
            (Word(words), value) => (bare(value, |text| words.contains(&text)), words.join(" or ")),
            (Quoted, value) => (matches!(value, Value::Quoted(_)), "a quoted string".to_owned()),
            (QuotedWord(fits), Value::Quoted(text)) => (fits(text), "a quoted string of its form".to_owned()),
            (QuotedWord(_), Value::Bare(_)) => (false, "a quoted string".to_owned()),
            (QuotedOrNone, value) => {
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
