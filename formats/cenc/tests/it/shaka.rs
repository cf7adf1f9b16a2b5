//! Subsample maps and encrypted bytes equal those of Shaka Packager, which parses slice headers too.
//!
//! A round trip through a decoder that believes `senc` cannot find a wrong map; Apple's players ignore `senc`.

use tessera_isobmff::{Boxes, Subsample};
use tessera_test_media::{Bench, picture, shared, tone};

use crate::{
    package::{IV_HEX, KEY_HEX, KEY_ID_HEX, data, index, protection},
    senc::entries,
};

/// What matters of a protected file: `tenc`, `pssh`, the subsamples of each sample, and all media bytes.
#[derive(Debug, PartialEq, Eq)]
struct Package {
    tenc: Vec<u8>,
    pssh: Vec<u8>,
    subsamples: Vec<Vec<Subsample>>,
    media: Vec<u8>,
}

/// Reads a packaged file box by box, independently of the reader under test.
fn read(file: &[u8]) -> Package {
    let moov = Boxes::new(b"file", file).only(b"moov").unwrap();
    let pssh = moov.children().only(b"pssh").unwrap().bytes.to_vec();
    let at = moov.bytes.windows(4).position(|word| word == b"tenc").expect("a protected track");
    let tenc = moov.bytes[at - 4..at - 4 + 49].to_vec();
    let mut package = Package { tenc, pssh, subsamples: Vec::new(), media: Vec::new() };
    for found in Boxes::new(b"file", file) {
        let found = found.unwrap();
        if found.kind == b"moof" {
            let senc = found.children().only(b"traf").unwrap().children().optional(b"senc").unwrap();
            package.subsamples.extend(senc.map(|senc| entries(senc.payload)).unwrap_or_default());
        }
        if found.kind == b"mdat" {
            package.media.extend(found.payload);
        }
    }
    package
}

fn compare(kind: &str, words: &str) {
    let bench = Bench::new();
    let Some(source) = bench.track("source.mp4", words) else { return };
    let keys = format!("--keys label=:key_id={KEY_ID_HEX}:key={KEY_HEX} --iv {IV_HEX}");
    let scheme = "--enable_raw_key_encryption --protection_scheme cbcs --clear_lead 0 --segment_duration 2";
    let streams = format!("in=source.mp4,stream={kind},output=shaka.mp4 {scheme} {keys}");
    if bench.shaka_packager(&streams).is_none() {
        return;
    }
    let theirs = read(&bench.read("shaka.mp4"));
    let index = index(&source);
    let segments = index.segments(2);
    let ours = read(&crate::package::presentation(&source, &index, &segments, Some(&protection())));
    for (number, (ours, theirs)) in ours.subsamples.iter().zip(&theirs.subsamples).enumerate() {
        assert_eq!(ours, theirs, "subsamples of sample {number}: {words}");
    }
    assert_eq!(ours.subsamples.len(), theirs.subsamples.len(), "samples with subsamples: {words}");
    assert!(ours.media == theirs.media, "encrypted bytes differ: {words}");
    assert_eq!((ours.tenc, ours.pssh), (theirs.tenc, theirs.pssh), "tenc and pssh: {words}");
    let clear: Vec<u8> = segments.iter().flat_map(|segment| data(&source, &index, segment)).collect();
    assert!(ours.media != clear, "nothing was encrypted: {words}");
}

#[test]
fn video_maps_and_bytes_are_shaka_packager_s() {
    for options in [
        "-bf 3 -refs 4 -x264-params slices=1",
        "-bf 3 -x264-params slices=4:b-pyramid=normal:weightp=2",
        "-profile:v baseline -x264-params slices=3",
        "-profile:v main -coder 0 -x264-params slices=2:no-deblock=1",
        "-flags +ilme+ildct -x264-params tff=1:bframes=2:ref=3",
        "-pix_fmt yuv444p -bf 2",
        "-x264-params slice-max-size=400:aud=1:nal-hrd=vbr:vbv-maxrate=500:vbv-bufsize=500",
        "-vf fade=in:0:40 -bf 2 -x264-params weightp=2:weightb=1:ref=5:keyint=250",
    ] {
        let source = picture("320x192", 25, 4);
        compare("video", &format!("{source} -c:v libx264 -preset veryfast -g 50 -sc_threshold 0 {options}"));
    }
}

#[test]
fn audio_bytes_are_shaka_packager_s() {
    compare("audio", &format!("{} -c:a aac -frag_duration 2000000", tone(4.0)));
}

#[test]
fn a_real_film_s_maps_and_bytes_are_shaka_packager_s() {
    let Some(film) = shared("media/bbb_720p25_5s.mp4") else { return };
    compare("video", &format!("-i {} -map 0:v -c copy", film.display()));
    compare("audio", &format!("-i {} -map 0:a -c copy -frag_duration 2000000", film.display()));
}
