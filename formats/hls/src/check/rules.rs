//! The rules, in the order of the standard. What a rule forbids stands in its sentence; what is met, in the finding.

use super::finding::{Rule, Severity};

const fn error(id: &'static str, clause: &'static str, sentence: &'static str) -> Rule {
    Rule { id, severity: Severity::Error, clause, sentence }
}

const fn warning(id: &'static str, clause: &'static str, sentence: &'static str) -> Rule {
    Rule { id, severity: Severity::Warning, clause, sentence }
}

// The text.
pub(crate) const TOO_LONG: Rule = error("too-long", "4.1", "a playlist of this size is not checked");
pub(crate) const CHARACTERS: Rule =
    error("characters", "4.1", "a playlist begins without a byte order mark and holds no control characters");
pub(crate) const FIRST_LINE: Rule = error("first-line", "4.4.1.1", "the first line is #EXTM3U");
pub(crate) const BLANKS: Rule = error("blanks", "4.1", "a line neither begins nor ends with white space");
pub(crate) const UNKNOWN_TAG: Rule = warning("unknown-tag", "4.1", "a tag that the standard does not know is ignored");
pub(crate) const TAG_IN_COMMENT: Rule =
    warning("tag-in-comment", "4.1", "a tag or comment begins its line, without blanks before it");
pub(crate) const REPEATED_TAG: Rule = error("repeated-tag", "4.4", "the tag stands at most once in a playlist");
pub(crate) const MIXED_KINDS: Rule =
    error("mixed-kinds", "4.1", "a playlist is a media playlist or a multivariant playlist, never both");
pub(crate) const NO_KIND: Rule =
    error("no-kind", "4.1", "a playlist has tags of a media playlist or of a multivariant playlist");
pub(crate) const TAG_VALUE: Rule = error("tag-value", "4.4", "the tag's value has its form");
pub(crate) const ATTRIBUTE_LIST: Rule =
    error("attribute-list", "4.2", "an attribute list is NAME=value,NAME=\"value\"");
pub(crate) const ATTRIBUTE_REPEATED: Rule =
    error("attribute-repeated", "4.2", "an attribute stands at most once in its list");
pub(crate) const ATTRIBUTE_MISSING: Rule = error("attribute-missing", "4.4", "the tag needs the attribute");
pub(crate) const ATTRIBUTE_VALUE: Rule = error("attribute-value", "4.4", "the attribute's value has its type");
pub(crate) const ATTRIBUTE_UNKNOWN: Rule =
    warning("attribute-unknown", "4.2", "an attribute that the standard does not know for the tag is ignored");
pub(crate) const VERSION: Rule =
    error("version", "8", "EXT-X-VERSION is at least that of everything the playlist uses");

// Media playlists.
pub(crate) const TARGET_DURATION_MISSING: Rule =
    error("target-duration-missing", "4.4.3.1", "a media playlist has an EXT-X-TARGETDURATION");
pub(crate) const TARGET_DURATION: Rule =
    error("target-duration", "4.4.3.1", "a segment's duration, rounded, is at most the target duration");
pub(crate) const LATE_SEQUENCE: Rule =
    error("late-sequence", "4.4.3.2", "a sequence number stands before the first segment and discontinuity");
pub(crate) const VOD_WITHOUT_END: Rule =
    warning("vod-without-end", "4.4.3.5", "a playlist of type VOD never changes, so that it has an EXT-X-ENDLIST");
pub(crate) const I_FRAMES_MAP: Rule =
    error("i-frames-map", "4.4.3.6", "segments of an I-frame playlist begin with an init section or have an EXT-X-MAP");
pub(crate) const DURATION_MISSING: Rule = error("duration-missing", "4.4.4.1", "every segment has an EXTINF");
pub(crate) const DANGLING: Rule = error("dangling", "4.4.4", "a tag of a segment has a segment behind it");
pub(crate) const REPLACED: Rule =
    error("replaced", "4.4.4", "a segment has one EXTINF, and at most one EXT-X-BYTERANGE");
pub(crate) const RANGE_OFFSET: Rule =
    error("range-offset", "4.4.4.2", "a byte range without an offset follows a byte range of the same file");
pub(crate) const RANGE_OVERLAP: Rule =
    warning("range-overlap", "4.4.4.2", "byte ranges of successive segments do not overlap");
pub(crate) const RANGE_BEYOND: Rule = error("range-beyond", "4.4.4.2", "a byte range lies within its file");
pub(crate) const KEY_URI: Rule = error("key-uri", "4.4.4.4", "a key has a URI unless its METHOD is NONE");
pub(crate) const KEY_NONE: Rule = error("key-none", "4.4.4.4", "METHOD=NONE has no other attributes");
pub(crate) const KEY_CTR_IV: Rule = error("key-ctr-iv", "4.4.4.4", "SAMPLE-AES-CTR has no IV in the playlist");
pub(crate) const KEY_CTR_MAP: Rule =
    error("key-ctr-map", "4.4.4.4", "SAMPLE-AES-CTR is of fragmented MP4, whose segments have an EXT-X-MAP");
pub(crate) const KEY_REPEATED: Rule =
    warning("key-repeated", "4.4.4.4", "a key holds until the next of its KEYFORMAT, so that one format has one key");
pub(crate) const KEY_METHODS: Rule =
    error("key-methods", "4.4.4.4", "keys of one segment lead to the same decryption, by one METHOD");
pub(crate) const KEY_FORMATS: Rule =
    warning("key-formats", "4.4.4.4", "all protected segments of a playlist have keys of the same formats");
pub(crate) const KEY_FAIRPLAY: Rule = warning(
    "key-fairplay",
    "4.4.4.4",
    "FairPlay takes SAMPLE-AES alone, a URI that begins with skd:// and no IV in the playlist",
);
pub(crate) const MAP_MISSING: Rule =
    error("map-missing", "3.1.2", "every segment of fragmented MP4 has an EXT-X-MAP before it");
pub(crate) const MAP_NOT_REPEATED: Rule = warning(
    "map-not-repeated",
    "4.4.4.5",
    "where clear and protected segments meet, EXT-X-MAP stands again for the descriptions of their samples",
);
pub(crate) const START_OUTSIDE: Rule =
    warning("start-outside", "4.4.2.2", "playback starts within the playlist's duration");

// Multivariant playlists.
pub(crate) const VARIANT_WITHOUT_URI: Rule =
    error("variant-without-uri", "4.4.6.2", "the URI of a variant's playlist follows its EXT-X-STREAM-INF");
pub(crate) const URI_WITHOUT_VARIANT: Rule =
    error("uri-without-variant", "4.4.6.2", "a URI in a multivariant playlist follows an EXT-X-STREAM-INF");
pub(crate) const NO_VARIANTS: Rule =
    error("no-variants", "4.4.6.2", "a multivariant playlist has at least one EXT-X-STREAM-INF");
pub(crate) const CODECS_MISSING: Rule = warning("codecs-missing", "4.4.6.2", "every variant says its CODECS");
pub(crate) const RESOLUTION_MISSING: Rule =
    warning("resolution-missing", "4.4.6.2", "a variant with video says its RESOLUTION");
pub(crate) const AVERAGE_BANDWIDTH: Rule =
    error("average-bandwidth", "4.4.6.2", "AVERAGE-BANDWIDTH is at most BANDWIDTH, which is the peak");
pub(crate) const GROUP_MISSING: Rule =
    error("group-missing", "4.4.6.2", "a group that a variant names has an EXT-X-MEDIA of its type");
pub(crate) const GROUP_UNUSED: Rule =
    warning("group-unused", "4.4.6.2.1", "a group of renditions is named by a variant");
pub(crate) const CAPTIONS_NONE: Rule =
    error("captions-none", "4.4.6.2", "when one variant has CLOSED-CAPTIONS=NONE, all have it");
pub(crate) const NAME_REPEATED: Rule =
    error("name-repeated", "4.4.6.1.1", "renditions of a group have names of their own");
pub(crate) const DEFAULT_REPEATED: Rule =
    error("default-repeated", "4.4.6.1.1", "a group has at most one default rendition");
pub(crate) const GROUP_MEMBERS: Rule = error(
    "group-members",
    "4.4.6.2.1",
    "groups of one type hold the same members, alike but for URI, CHANNELS, bit depth and sample rate",
);
pub(crate) const DEFAULT_AUTOSELECT: Rule =
    error("default-autoselect", "4.4.6.1", "a default rendition does not have AUTOSELECT=NO");
pub(crate) const FORCED: Rule = error("forced", "4.4.6.1", "FORCED is of subtitles alone");
pub(crate) const SUBTITLES_URI: Rule = error("subtitles-uri", "4.4.6.1", "a subtitle rendition has a URI");
pub(crate) const CAPTIONS_URI: Rule =
    error("captions-uri", "4.4.6.1", "closed captions lie in the video and have no URI");
pub(crate) const CAPTIONS_ID: Rule = error("captions-id", "4.4.6.1", "closed captions have an INSTREAM-ID");
pub(crate) const CHANNELS_MISSING: Rule =
    warning("channels-missing", "4.4.6.1", "an audio rendition says its CHANNELS");
pub(crate) const SESSION_DATA: Rule = error("session-data", "4.4.6.4", "session data has either a VALUE or a URI");
pub(crate) const SESSION_DATA_REPEATED: Rule =
    error("session-data-repeated", "4.4.6.4", "session data of one DATA-ID differ in LANGUAGE");
pub(crate) const SESSION_KEY_NONE: Rule = error("session-key-none", "4.4.6.5", "a session key's METHOD is not NONE");

// Presentations.
pub(crate) const PLAYLIST_MISSING: Rule = error("playlist-missing", "6.2.4", "a playlist that is named can be had");
pub(crate) const NOT_MEDIA: Rule = error("not-media", "4.1", "variants and renditions lead to media playlists");
pub(crate) const TOO_MANY_PLAYLISTS: Rule =
    error("too-many-playlists", "6.2.4", "a presentation of so many playlists is checked in part");
pub(crate) const I_FRAMES_PLAYLIST: Rule =
    error("i-frames-playlist", "4.4.6.3", "EXT-X-I-FRAME-STREAM-INF leads to a playlist with EXT-X-I-FRAMES-ONLY");
pub(crate) const I_FRAMES_VARIANT: Rule = error(
    "i-frames-variant",
    "4.4.6.3",
    "a playlist with EXT-X-I-FRAMES-ONLY is named by EXT-X-I-FRAME-STREAM-INF alone",
);
pub(crate) const TARGETS_DIFFER: Rule =
    error("targets-differ", "6.2.4", "all playlists but those of subtitles and I-frames have one target duration");
pub(crate) const DISCONTINUITIES_DIFFER: Rule =
    error("discontinuities-differ", "6.2.4", "discontinuities stand at the same places in all playlists");
pub(crate) const DURATIONS_DIFFER: Rule =
    warning("durations-differ", "6.2.4", "all playlists are of the same content, and so of the same duration");
pub(crate) const BANDWIDTH: Rule =
    error("bandwidth", "4.4.6.2", "BANDWIDTH is the peak of the variant's segments with its largest renditions");
