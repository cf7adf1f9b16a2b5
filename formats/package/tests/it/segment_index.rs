//! `sidx` says what the fragments are: sizes, durations, times and sync samples.

use std::fs;

use tessera_isobmff::{Boxes, TrackPart, TrackReader};

use crate::packaged::{for_each_source, job, run};

/// Big-endian words of a box's payload.
fn words(payload: &[u8]) -> Vec<u32> {
    payload.chunks(4).map(|word| word.iter().fold(0, |value, byte| value << 8 | u32::from(*byte))).collect()
}

/// Positions and sizes of the fragments, box by box.
fn fragments(file: &[u8]) -> Vec<(u64, u64)> {
    let (mut fragments, mut position) = (Vec::<(u64, u64)>::new(), 0);
    for found in Boxes::new(b"file", file).map(Result::unwrap) {
        let size = found.bytes.len() as u64;
        match &found.kind.0 {
            b"moof" => fragments.push((position, size)),
            b"mdat" => fragments.last_mut().unwrap().1 += size,
            _ => assert!(fragments.is_empty(), "'{}' between fragments", found.kind),
        }
        position += size;
    }
    fragments
}

fn check(file: &[u8]) {
    let sidx = words(Boxes::new(b"file", file).only(b"sidx").unwrap().payload);
    let references: Vec<_> = sidx[8..].chunks(3).collect();
    let fragments = fragments(file);
    assert_eq!((sidx[0], sidx[1], sidx[5], sidx[6]), (1 << 24, 1, 0, 0), "version, track and first offset");
    assert_eq!(sidx[7] as usize, fragments.len());
    assert!(fragments.windows(2).all(|pair| pair[0].0 + pair[0].1 == pair[1].0), "fragments follow each other");
    assert_eq!(fragments.last().map(|(at, size)| at + size), Some(file.len() as u64), "to the end");
    let sizes: Vec<_> = fragments.iter().map(|(_, size)| *size).collect();
    assert_eq!(references.iter().map(|one| u64::from(one[0])).collect::<Vec<_>>(), sizes);

    let mut reader = TrackReader::new();
    reader.push(file);
    let Some(TrackPart::Init { init, .. }) = reader.next_part().unwrap() else { panic!("no moov") };
    assert_eq!(sidx[2], init.timescale);
    let (mut decode_time, mut starts, mut end) = (0, Vec::new(), 0);
    let mut syncs = Vec::new();
    while let Some(TrackPart::Fragment { header, .. }) = reader.next_part().unwrap() {
        assert_eq!(header.base_decode_time, decode_time, "tfdt follows from the durations before it");
        let mut earliest = i64::MAX;
        for sample in &header.samples {
            let shown = decode_time as i64 + i64::from(sample.composition_offset) + init.edit.delay as i64;
            let shown = (shown - init.edit.skip as i64).max(0);
            earliest = earliest.min(shown);
            end = end.max(shown + i64::from(sample.duration));
            decode_time += u64::from(sample.duration);
        }
        starts.push(earliest);
        syncs.push(header.samples[0].flags & 0x1_0000 == 0);
    }
    assert_eq!(i64::from(sidx[4]), starts[0], "earliest presentation time");
    starts.push(end);
    let durations: Vec<_> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(references.iter().map(|one| i64::from(one[1])).collect::<Vec<_>>(), durations);
    let flags: Vec<_> = syncs.iter().map(|sync| if *sync { 0x9000_0000 } else { 0 }).collect();
    assert_eq!(references.iter().map(|one| one[2]).collect::<Vec<_>>(), flags);
    assert!(syncs.iter().all(|sync| *sync), "segments begin with sync samples");
}

#[test]
fn it_equals_the_fragments() {
    for_each_source(|bench, source| {
        let report = run(&job(bench, source.clone(), "out", false));
        let tracks: Vec<_> = report.files.iter().filter(|file| file.extension().is_some_and(|e| e == "mp4")).collect();
        assert!(!tracks.is_empty(), "{}", source.display());
        tracks.into_iter().for_each(|track| check(&fs::read(track).unwrap()));
    });
}

#[test]
fn playlists_and_description_name_its_bytes() {
    for_each_source(|bench, source| {
        let report = run(&job(bench, source, "out", true));
        let mpd = fs::read_to_string(bench.path("out/manifest.mpd")).unwrap();
        for track in report.files.iter().filter(|file| file.extension().is_some_and(|e| e == "mp4")) {
            let file = fs::read(track).unwrap();
            let fragments = fragments(&file);
            let boxes: Vec<_> = Boxes::new(b"file", &file).map(Result::unwrap).take(3).collect();
            let init: usize = boxes[..2].iter().map(|found| found.bytes.len()).sum();
            assert_eq!((boxes[1].kind.0, boxes[2].kind.0), (*b"moov", *b"sidx"));
            let last = init + boxes[2].bytes.len() - 1;
            assert_eq!(fragments[0].0, last as u64 + 1, "the first fragment follows sidx");
            assert!(mpd.contains(&format!("indexRange=\"{init}-{last}\"")), "{mpd}");
            assert!(mpd.contains(&format!("<Initialization range=\"0-{}\"/>", init - 1)), "{mpd}");
            let playlist = fs::read_to_string(track.with_extension("m3u8")).unwrap();
            assert!(playlist.contains(&format!(",BYTERANGE=\"{init}@0\"\n")), "{playlist}");
            let ranges = playlist.lines().filter_map(|line| line.strip_prefix("#EXT-X-BYTERANGE:"));
            let expected: Vec<_> = fragments.iter().map(|(at, size)| format!("{size}@{at}")).collect();
            assert_eq!(ranges.collect::<Vec<_>>(), expected);
        }
    });
}
