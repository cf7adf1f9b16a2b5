//! Published vectors: clear and `cbcs` files of another packager, and files that must be refused.

use std::fs;

use tessera_cenc::{AvcSubsampler, CbcsCipher, Pattern, TrackIndexer};
use tessera_isobmff::{AvcConfig, Boxes, InspectLimits, Inspector, Mp4Box, Subsample};
use tessera_test_media::shared;

use crate::senc::{entries, number};

/// The samples of track 1 with what `senc` says of each.
struct Track {
    samples: Vec<Vec<u8>>,
    subsamples: Vec<Vec<Subsample>>,
}

/// Reads runs wherever they lie, for these files interleave tracks.
fn track_one(file: &[u8]) -> Track {
    let mut track = Track { samples: Vec::new(), subsamples: Vec::new() };
    for moof in Boxes::new(b"file", file).map(Result::unwrap).filter(|found| found.kind == b"moof") {
        let base = moof.bytes.as_ptr() as usize - file.as_ptr() as usize;
        let traf = moof.children().map(Result::unwrap).find(|found| found.kind == b"traf").unwrap();
        let tfhd = traf.children().only(b"tfhd").unwrap().payload;
        assert_eq!(number(&tfhd[4..8]), 1, "the first traf is of track 1");
        for trun in traf.children().map(Result::unwrap).filter(|found| found.kind == b"trun") {
            read_run(&file[base..], &trun, &mut track.samples);
        }
        let senc = traf.children().optional(b"senc").unwrap();
        let senc = senc.map(|senc| entries(senc.payload, 0)).unwrap_or_default();
        track.subsamples.extend(senc.into_iter().map(|entry| entry.subsamples));
    }
    track
}

/// A run with a data offset, perhaps first sample flags, and a size for each sample.
fn read_run(from_moof: &[u8], trun: &Mp4Box<'_>, samples: &mut Vec<Vec<u8>>) {
    let (flags, count) = (number(&trun.payload[..4]) & 0xff_ffff, number(&trun.payload[4..8]) as usize);
    let mut position = number(&trun.payload[8..12]) as usize;
    let table = if flags & 0x4 != 0 { 16 } else { 12 };
    let width = 4 * (flags & 0xf00).count_ones() as usize;
    let size_at = if flags & 0x100 != 0 { 4 } else { 0 };
    for entry in trun.payload[table..].chunks(width).take(count) {
        let size = number(&entry[size_at..size_at + 4]) as usize;
        samples.push(from_moof[position..position + size].to_vec());
        position += size;
    }
}

fn iv(file: &[u8]) -> [u8; 16] {
    let at = file.windows(4).position(|word| word == b"tenc").unwrap();
    file[at + 29..at + 45].try_into().unwrap()
}

fn pair(clear: &str, protected: &str) -> Option<[Vec<u8>; 2]> {
    let folder = shared("vectors/mp4")?;
    Some([clear, protected].map(|name| fs::read(folder.join(name)).unwrap()))
}

#[test]
fn video_becomes_what_another_packager_made() {
    let key = 0x22bdb006_38052603_07ee5045_c0f3835a_u128.to_be_bytes();
    let Some([clear, protected]) = pair("cbcsdec.mp4", "cbcs.mp4") else { return };
    let (ours, theirs) = (track_one(&clear), track_one(&protected));
    let at = clear.windows(4).position(|word| word == b"avcC").unwrap();
    let mut subsampler = AvcSubsampler::new(&AvcConfig::parse(&clear[at + 4..]).unwrap()).unwrap();
    let cipher = CbcsCipher::new(&key, &iv(&protected));
    assert_eq!(ours.samples.len(), theirs.samples.len());
    for (number, (mut sample, expected)) in ours.samples.into_iter().zip(&theirs.samples).enumerate() {
        let subsamples = subsampler.subsamples(&sample).unwrap();
        assert_eq!(subsamples, theirs.subsamples[number], "subsamples of sample {number}");
        let mut position = 0;
        for Subsample { clear, protected } in subsamples {
            let start = position + usize::from(clear);
            position = start + protected as usize;
            cipher.encrypt(&mut sample[start..position], Pattern::OneInTen);
        }
        assert!(sample == *expected, "bytes of sample {number}");
    }
}

#[test]
fn audio_becomes_what_another_packager_made() {
    let key = 0x5ffd9386_1fa776e9_6cccd934_898fc1c8_u128.to_be_bytes();
    let Some([clear, protected]) = pair("cbcs_audiodec.mp4", "cbcs_audio.mp4") else { return };
    let cipher = CbcsCipher::new(&key, &iv(&protected));
    let (ours, theirs) = (track_one(&clear), track_one(&protected));
    assert_eq!(ours.samples.len(), theirs.samples.len());
    for (number, (mut sample, expected)) in ours.samples.into_iter().zip(theirs.samples).enumerate() {
        cipher.encrypt(&mut sample, Pattern::Full);
        assert!(sample == expected, "bytes of sample {number}");
    }
}

#[test]
fn another_packager_s_tracks_are_indexed() {
    let Some(folder) = shared("vectors/mp4") else { return };
    for (names, codec, samples) in [
        (&["opus.mp4"][..], "opus", 50),
        (&["hvc1_init.mp4", "hvc1_seg_1.m4s"], "hvc1.1.6.L63.90", 23),
        (&["av1_multitile_init.mp4", "av1_multitile_seg.m4s"], "av01.0.05M.08", 3),
    ] {
        let mut indexer = TrackIndexer::new();
        for name in names {
            indexer.push(&fs::read(folder.join(name)).unwrap()).unwrap();
        }
        let index = indexer.finish().unwrap();
        let count: usize = index.fragments().iter().map(tessera_isobmff::Fragment::sample_count).sum();
        assert_eq!((index.codec.as_str(), count), (codec, samples), "{names:?}");
    }
}

#[test]
fn nothing_is_wrong_with_published_files() {
    let Some(folder) = shared("vectors/mp4") else { return };
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let names: Vec<_> = names.filter(|path| path.extension().is_some_and(|extension| extension != "bin")).collect();
    assert!(names.len() > 10, "{names:?}");
    for path in names {
        let file = fs::read(&path).unwrap();
        let mut inspector = Inspector::new(file.len() as u64, InspectLimits { boxes: 10_000, samples: 10 });
        while let Some(range) = inspector.wanted() {
            inspector.give(&file[range.start as usize..range.end as usize]);
        }
        let found = inspector.finish();
        assert_eq!(found.problems, [], "{}", path.display());
        assert!(found.boxes_not_listed == 0 && !found.tracks.is_empty(), "{}", path.display());
    }
}

#[test]
fn files_that_are_no_clear_single_tracks_are_refused_with_the_reason() {
    let Some(folder) = shared("vectors/mp4") else { return };
    for (name, reason) in [
        ("av1_init.mp4", "has no 'moof'"),
        ("bbb_prog_10s.mp4", "box 'mdat' out of order"),
        ("cbcs.mp4", "more than one 'trak'"),
        ("cbcs_audio.mp4", "encrypted already is not supported"),
        ("hvc1_init.mp4", "has no 'moof'"),
        ("init_cenc.cmfv", "encrypted already is not supported"),
        ("hvc1_seg_1.m4s", "box 'moof' out of order"),
        ("prog_8s.mp4", "more than one 'trak'"),
        ("pssh.bin", "has no 'moov'"),
    ] {
        let mut indexer = TrackIndexer::new();
        let file = fs::read(folder.join(name)).unwrap();
        let error = indexer.push(&file).and_then(|()| indexer.finish()).expect_err(name);
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(source.contains(reason), "{name}: {source}");
    }
}
