//! Every tag of RFC 8216bis §4.4, its attributes and their types.

use super::{
    Attribute,
    AttributeKind::{self, Float, Hexadecimal, Integer, Quoted, QuotedOrNone, QuotedWord, Resolution, Signed, Word},
    Form,
    Kind::{self, Both, Media, Multivariant},
    Tag, is_date,
};
use crate::values::{byte_range, integer};

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
const RANGE: AttributeKind = QuotedWord(|text| byte_range(text).is_some());
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
pub(super) static TAGS: [Tag; 33] = [
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
