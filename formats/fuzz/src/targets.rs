//! The parsers, each with the files that it is given and everything that is done with what it takes.

mod film;
mod samples;
mod text;

/// A parser.
#[derive(Debug)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// The folder of the corpus that it is given.
    pub kind: &'static str,
    /// What its format is made of.
    pub words: &'static [&'static [u8]],
    /// Parses bytes, and uses what comes of it. True when they were taken, false when they were refused.
    pub parse: fn(&[u8]) -> bool,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "track", kind: "mp4", words: film::WORDS, parse: film::track },
    Target { name: "movie", kind: "mp4", words: film::WORDS, parse: film::movie },
    Target { name: "inspect", kind: "mp4", words: film::WORDS, parse: film::inspect },
    Target { name: "index", kind: "index", words: &[], parse: film::index },
    Target { name: "avc", kind: "avc", words: samples::NAL_WORDS, parse: samples::avc },
    Target { name: "hevc", kind: "hevc", words: samples::NAL_WORDS, parse: samples::hevc },
    Target { name: "av1", kind: "av1", words: samples::OBU_WORDS, parse: samples::av1 },
    Target { name: "vp9", kind: "vp9", words: samples::FRAME_WORDS, parse: samples::vp9 },
    Target { name: "pssh", kind: "pssh", words: text::PSSH_WORDS, parse: text::pssh },
    Target { name: "hls", kind: "hls", words: text::HLS_WORDS, parse: text::hls },
    Target { name: "webvtt", kind: "text", words: text::CUE_WORDS, parse: text::webvtt },
    Target { name: "cues", kind: "cues", words: film::WORDS, parse: text::cues },
];

/// The parser of a name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
