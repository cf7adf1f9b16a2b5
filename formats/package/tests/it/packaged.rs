//! Sources of many kinds, and packaging them.

use std::{path::PathBuf, sync::OnceLock};

use tessera_package::{Encryption, Options, Report, package};
use tessera_test_media::{Bench, picture, shared, tone};

pub(crate) const KEY: &str = "00112233445566778899aabbccddeeff";
pub(crate) const KEY_ID: &str = "0123456789abcdef0123456789abcdef";

/// A job of one input in the bench's folder, with outputs in `out` beside it and segments of two seconds.
pub(crate) fn job(bench: &Bench, input: PathBuf, out: &str, encrypted: bool) -> Options {
    Options {
        inputs: vec![input],
        output: bench.path(out),
        segment_duration: 2,
        encryption: encrypted.then(|| Encryption::cbcs(KEY_ID, KEY).unwrap()),
        overwrite: false,
    }
}

pub(crate) fn run(options: &Options) -> Report {
    package(options, |_| {}).unwrap_or_else(|error| panic!("{:?}: {error:?}", options.inputs))
}

/// Names of generated sources with FFmpeg's words, both tracks in one file.
fn generated() -> Vec<(&'static str, String)> {
    let (moving, sound) = (picture("160x96", 25, 5), tone(5.0));
    let aac = "-c:a aac -shortest";
    let video = |options: &str| format!("-c:v libx264 -preset veryfast -g 50 -sc_threshold 0 {options}");
    let slices = video("-bf 3 -x264-params slices=4:b-pyramid=normal");
    vec![
        ("b-frames-and-slices.mp4", format!("{moving} {sound} {slices} {aac}")),
        ("moov-first.mp4", format!("{moving} {sound} {slices} {aac} -movflags +faststart")),
        ("negative-offsets.mp4", format!("{moving} {sound} {slices} {aac} -movflags +negative_cts_offsets")),
        ("no-edit-list.mp4", format!("{moving} {sound} {} {aac} -use_editlist 0", video("-bf 0"))),
        ("late-sound.mp4", format!("{moving} -itsoffset 0.7 {sound} {slices} {aac} -map 0:v -map 1:a")),
        (
            "fragmented.mp4",
            format!("{moving} {sound} {slices} {aac} -movflags +frag_keyframe+delay_moov+default_base_moof"),
        ),
        ("chunked.mp4", format!("{moving} {sound} {} {aac} -max_interleave_delta 3000000", video("-bf 2"))),
        ("interlaced.mp4", format!("{moving} {} -flags +ilme+ildct -x264-params tff=1:bframes=2", video(""))),
        ("sound-alone.mp4", format!("{sound} -c:a aac")),
    ]
}

/// The generated sources, encoded once for all tests; none without FFmpeg.
fn encoded() -> &'static [(&'static str, Vec<u8>)] {
    static ENCODED: OnceLock<Vec<(&'static str, Vec<u8>)>> = OnceLock::new();
    ENCODED.get_or_init(|| {
        let bench = Bench::new();
        let encode =
            |(name, words): (_, String)| bench.ffmpeg(&format!("{words} {name}")).map(|_| (name, bench.read(name)));
        generated().into_iter().filter_map(encode).collect()
    })
}

/// All sources that there are on this machine, each in a bench of its own.
pub(crate) fn for_each_source(check: impl Fn(&Bench, PathBuf)) {
    for (name, bytes) in encoded() {
        let bench = Bench::new();
        let source = bench.write(name, bytes);
        check(&bench, source);
    }
    for path in ["vectors/mp4/bbb_prog_10s.mp4", "vectors/mp4/prog_8s.mp4", "media/bbb_720p25_5s.mp4"] {
        if let Some(source) = shared(path) {
            check(&Bench::new(), source);
        }
    }
}
