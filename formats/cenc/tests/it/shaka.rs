//! Subsample maps and encrypted bytes equal those of Shaka Packager, which parses slice headers too.
//!
//! A round trip through a decoder that believes `senc` cannot find a wrong map; Apple's players ignore `senc`.

use std::ops::Range;

use tessera_isobmff::{Boxes, Scheme};
use tessera_test_media::{Bench, picture, shared, tone};

use crate::{
    decrypt::frames,
    package::{KEY_HEX, KEY_ID_HEX, SCHEMES, data, index, presentation, protection},
    senc::{Entry, entries, number},
};

/// What matters of a protected file: `tenc`, `pssh`, IV and subsamples of each sample, and all media bytes.
#[derive(Debug, PartialEq, Eq)]
struct Package {
    tenc: Vec<u8>,
    pssh: Vec<u8>,
    samples: Vec<Entry>,
    media: Vec<u8>,
}

/// Reads a packaged file box by box, independently of the reader under test.
fn read(file: &[u8]) -> Package {
    let moov = Boxes::new(b"file", file).only(b"moov").unwrap();
    let pssh = moov.children().only(b"pssh").unwrap().bytes.to_vec();
    let at = moov.bytes.windows(4).position(|word| word == b"tenc").expect("a protected track");
    let tenc = moov.bytes[at - 4..][..number(&moov.bytes[at - 4..at]) as usize].to_vec();
    let iv_size = usize::from(tenc[15]);
    let mut package = Package { tenc, pssh, samples: Vec::new(), media: Vec::new() };
    for found in Boxes::new(b"file", file) {
        let found = found.unwrap();
        if found.kind == b"moof" {
            let senc = found.children().only(b"traf").unwrap().children().optional(b"senc").unwrap();
            package.samples.extend(senc.map(|senc| entries(senc.payload, iv_size)).unwrap_or_default());
        }
        if found.kind == b"mdat" {
            package.media.extend(found.payload);
        }
    }
    package
}

/// What we and Shaka Packager make of a track under one scheme.
struct Packages {
    ours: Package,
    theirs: Package,
}

fn compare(kind: &str, words: &str) {
    let bench = Bench::new();
    let Some(source) = bench.track("source.mp4", words) else { return };
    let index = index(&source);
    let clear: Vec<u8> = index.segments(2).iter().flat_map(|segment| data(&source, &index, segment)).collect();
    let Some([cbcs, cenc]) = packages(&bench, &source, kind, words) else { return };
    for (number, (ours, theirs)) in cbcs.ours.samples.iter().zip(&cbcs.theirs.samples).enumerate() {
        assert_eq!(ours, theirs, "subsamples of sample {number}: {words}");
    }
    assert_eq!(cbcs.ours.samples.len(), cbcs.theirs.samples.len(), "samples with subsamples: {words}");
    assert!(cbcs.ours.media == cbcs.theirs.media, "encrypted bytes differ: {words}");
    let ivs = |package: &Package| package.samples.iter().map(|entry| entry.iv.clone()).collect::<Vec<_>>();
    assert_eq!(ivs(&cenc.ours), ivs(&cenc.theirs), "IVs under cenc: {words}");
    if index.kind.is_video() {
        compare_counter_mode(&cenc, &protected(&cbcs.theirs), &clear, words);
    } else {
        assert!(cenc.ours.media == cenc.theirs.media, "encrypted bytes differ under cenc: {words}");
    }
    for Packages { ours, theirs } in [cbcs, cenc] {
        assert_eq!((ours.tenc, ours.pssh), (theirs.tenc, theirs.pssh), "tenc and pssh: {words}");
        assert!(ours.media != clear, "nothing was encrypted: {words}");
    }
}

/// Under `cenc` the same blocks of coded data are counted and encrypted, but placed differently: ours end where the coded
/// data ends, as AV1 demands and as Bento4, GPAC and all but a few versions of Shaka Packager do; 3.5 to 3.8 begin
/// where it begins.
fn compare_counter_mode(packages: &Packages, coded: &[Range<usize>], clear: &[u8], words: &str) {
    let (ours, theirs) = (protected(&packages.ours), protected(&packages.theirs));
    let whole = || coded.iter().map(|range| (range, range.len() / 16 * 16)).filter(|(_, length)| *length > 0);
    let at_end: Vec<_> = whole().map(|(range, length)| range.end - length..range.end).collect();
    let at_start: Vec<_> = whole().map(|(range, length)| range.start..range.start + length).collect();
    assert!(ours == at_end, "our protected ranges: {words}");
    assert!(theirs == at_start || theirs == at_end, "their protected ranges: {words}");
    let key_stream = |media: &[u8], ranges: &[Range<usize>]| -> Vec<u8> {
        ranges.iter().flat_map(|range| range.clone()).map(|at| media[at] ^ clear[at]).collect()
    };
    let (ours, theirs) = (key_stream(&packages.ours.media, &ours), key_stream(&packages.theirs.media, &theirs));
    assert!(ours == theirs, "key streams differ: {words}");
}

/// Protected ranges of all samples joined.
fn protected(package: &Package) -> Vec<Range<usize>> {
    let mut at = 0;
    let mut ranges = Vec::new();
    for subsample in package.samples.iter().flat_map(|entry| &entry.subsamples) {
        let start = at + usize::from(subsample.clear);
        at = start + subsample.protected as usize;
        ranges.push(start..at);
    }
    ranges.retain(|range| !range.is_empty());
    ranges
}

fn packages(bench: &Bench, source: &[u8], kind: &str, words: &str) -> Option<[Packages; 2]> {
    let [cbcs, cenc] = SCHEMES;
    Some([package(bench, source, kind, cbcs, words)?, package(bench, source, kind, cenc, words)?])
}

fn package(bench: &Bench, source: &[u8], kind: &str, (scheme, iv): (Scheme, &str), words: &str) -> Option<Packages> {
    let name = String::from_utf8_lossy(scheme.code());
    let keys = format!("--keys label=:key_id={KEY_ID_HEX}:key={KEY_HEX}");
    let options = format!("--enable_raw_key_encryption --protection_scheme {name} --clear_lead 0 --iv {iv}");
    let streams = format!("in=source.mp4,stream={kind},output=shaka.mp4 --segment_duration 2 {options} {keys}");
    bench.shaka_packager(&streams)?;
    let index = index(source);
    let file = presentation(source, &index, &index.segments(2), Some(&protection(scheme)));
    let packages = Packages { ours: read(&file), theirs: read(&bench.read("shaka.mp4")) };
    bench.write("ours.mp4", &file);
    bench.shaka_packager(&format!(
        "in=ours.mp4,stream={kind},output=decrypted.mp4 --enable_raw_key_decryption {keys}"
    ))?;
    let decrypted = frames(bench, "decrypted.mp4", "");
    assert_eq!(decrypted, frames(bench, "source.mp4", ""), "decrypted by Shaka Packager: {name} {words}");
    Some(packages)
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
        let source = picture("320x192", 25, 3);
        compare("video", &format!("{source} -c:v libx264 -preset veryfast -g 50 -sc_threshold 0 {options}"));
    }
}

#[test]
fn hevc_maps_and_bytes_are_shaka_packager_s() {
    for options in [
        "-preset veryfast -x265-params slices=4:keyint=50:bframes=3",
        "-x265-params slices=3:keyint=25:open-gop=1:b-pyramid=1:ref=4:aud=1:hrd=1:vbv-maxrate=900:vbv-bufsize=900",
        "-vf fade=in:0:40 -x265-params slices=2:weightp=1:weightb=1:ref=5:temporal-layers=3",
        "-pix_fmt yuv422p10le -x265-params wpp=0:deblock=-2,-1:scaling-list=default:no-sao=1:cbqpoffs=3",
        "-pix_fmt yuv444p -x265-params slices=4:deblock=0:tskip=1",
    ] {
        let source = picture("416x288", 25, 2);
        compare("video", &format!("{source} -c:v libx265 -tag:v hvc1 -preset ultrafast {options}:log-level=none"));
    }
}

#[test]
fn av1_tiles_and_bytes_are_shaka_packager_s() {
    for options in [
        "-tiles 2x2",
        "-aom-params num-tile-groups=2:tile-columns=1:tile-rows=1:frame-parallel=1",
        "-usage realtime -error-resilience default -aom-params timing-info=constant:enable-order-hint=0:sb-size=128",
        "-usage realtime -tile-columns 1 -tile-rows 2 -aom-params tile-width=2,6:tile-height=1,4",
        "-pix_fmt yuv444p10le -aom-params film-grain-test=3",
        "-crf 0 -aom-params lossless=1",
        "-aom-params aq-mode=1:enable-qm=1:deltaq-mode=0:reduced-reference-set=1:timing-info=model",
        "-aom-params tune-content=screen:enable-palette=1:enable-intrabc=1",
    ] {
        compare("video", &format!("{} -c:v libaom-av1 -cpu-used 8 -g 10 {options}", picture("512x288", 10, 2)));
    }
}

#[test]
fn av1_headers_and_bytes_are_shaka_packager_s() {
    for options in [
        "-preset 10 -svtav1-params tile-columns=1:tile-rows=1:film-grain=8",
        "-preset 6 -svtav1-params scm=1:enable-overlays=1",
        "-preset 12 -pix_fmt yuv420p10le -svtav1-params pred-struct=1:aq-mode=1",
        "-preset 8 -svtav1-params superres-mode=1:superres-denom=12:superres-kf-denom=10",
        "-preset 8 -svtav1-params resize-mode=1:resize-denom=12",
        "-preset 10 -svtav1-params pred-struct=1:sframe-dist=5:sframe-mode=1",
    ] {
        compare("video", &format!("{} -c:v libsvtav1 -g 25 {options}", picture("512x288", 25, 3)));
    }
}

#[test]
fn vp9_maps_and_bytes_are_shaka_packager_s() {
    for options in [
        "-deadline good -auto-alt-ref 1 -lag-in-frames 16 -b:v 300k",
        "-deadline realtime -error-resilient 1 -aq-mode 3 -b:v 200k",
        "-deadline realtime -tile-columns 2 -tile-rows 1 -frame-parallel 1",
        "-deadline good -pix_fmt yuv444p -lossless 1",
        "-deadline good -pix_fmt yuv420p10le -aq-mode 1",
    ] {
        compare("video", &format!("{} -c:v libvpx-vp9 -cpu-used 8 -g 20 {options}", picture("1024x64", 10, 4)));
    }
}

#[test]
fn audio_bytes_are_shaka_packager_s() {
    for codec in ["aac", "ac3 -ac 6 -b:a 384k", "eac3 -ac 6 -b:a 256k", "libopus -ac 2"] {
        compare("audio", &format!("{} -c:a {codec} -frag_duration 2000000", tone(4.0)));
    }
}

#[test]
fn a_real_film_s_maps_and_bytes_are_shaka_packager_s() {
    let Some(film) = shared("media/bbb_720p25_5s.mp4") else { return };
    compare("video", &format!("-i {} -map 0:v -c copy", film.display()));
    compare("audio", &format!("-i {} -map 0:a -c copy -frag_duration 2000000", film.display()));
}
