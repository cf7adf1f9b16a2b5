//! Damaged files, each with the one problem that it has.

use tessera_pssh::Pssh;

use super::*;
use crate::{
    Edit, IvPrefix, Protection, SampleEntry, Scheme, TrackInit,
    test_track::{init, track, video},
};

fn inspect(file: &[u8]) -> Inspection {
    let mut inspector = Inspector::new(file.len() as u64, InspectLimits { boxes: 1_000, samples: 3 });
    while let Some(range) = inspector.wanted() {
        inspector.give(&file[range.start as usize..range.end as usize]);
    }
    inspector.finish()
}

/// A film of two segments, protected under `cenc`; its codec is no real one.
fn film() -> Vec<u8> {
    let sample_entry = SampleEntry { format: b"test".into(), body: vec![0; 78] };
    let init = TrackInit { sample_entry, ..init(video(), 25, Edit::default()) };
    let index = track(init, &[(50, 1), (50, 1)]);
    let protection = Protection { scheme: Scheme::Cenc { iv_prefix: IvPrefix([7; 4]) }, key_id: [0xab; 16] };
    let mut file = index.init_segment(Some(&protection), &[Pssh::common(&[[0xab; 16]]).write().unwrap()]);
    for segment in index.segments(2) {
        file.extend(index.segment_header(&segment, Some(&protection)).unwrap());
        file.resize(file.len() + segment.data_size as usize, 9);
    }
    file
}

/// Where a box's type stands, the `number`th of its kind.
fn place(file: &[u8], kind: &[u8; 4], number: usize) -> usize {
    file.windows(4).enumerate().filter(|(_, word)| word == kind).nth(number).expect("there is such a box").0
}

fn set(file: &mut [u8], at: usize, value: u32) {
    file[at..at + 4].copy_from_slice(&value.to_be_bytes());
}

fn get(file: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(file[at..at + 4].try_into().unwrap())
}

#[test]
fn a_sound_file_is_described() {
    let file = film();
    let found = inspect(&file);
    assert_eq!(found.problems, []);
    let kinds: Vec<_> = found.boxes.iter().map(|found| found.kind.as_str()).collect();
    assert_eq!(kinds, ["ftyp", "moov", "moof", "mdat", "moof", "mdat"]);
    assert_eq!(found.boxes.iter().map(|found| found.size).sum::<u64>(), file.len() as u64);
    let [track] = found.tracks.as_slice() else { panic!("{:?}", found.tracks) };
    assert_eq!((track.samples, track.sync_samples, track.fragments), (100, 2, 2));
    assert_eq!((track.duration, track.sample_durations, track.timescale), (100, Some((1, 1)), Some(25)));
    let protection = track.protection.as_ref().unwrap();
    assert_eq!((protection.scheme.as_str(), protection.iv_size), ("cenc", 8));
    assert_eq!(protection.key_id, "ab".repeat(16));
    assert_eq!(track.first_samples.len(), 3);
    let second = &track.first_samples[1];
    assert_eq!((second.iv.as_deref(), second.sync), (Some("0707070700000001"), false));
    assert_eq!(second.subsamples, [crate::Subsample { clear: 20, protected: 80 }]);
    assert_eq!(file[second.offset as usize], 9);
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["boxes"][0]["fields"]["major_brand"], "iso6");
    assert_eq!(json["boxes"][2]["boxes"][1]["boxes"][1]["fields"]["baseMediaDecodeTime"], 0);
}

#[test]
fn what_is_wrong_is_said_once_and_where() {
    type Damage = fn(&mut Vec<u8>);
    let cases: [(&str, Damage, &str, &str); 14] = [
        ("a cut file", |file| file.truncate(file.len() - 10), "mdat", "the file ends after"),
        ("bytes after the end", |file| file.extend([0; 3]), "file", "the last 3 bytes"),
        (
            "a box that is too long",
            |file| {
                let at = place(file, b"mdia", 0);
                let size = get(file, at - 4);
                set(file, at - 4, size + 2_000);
            },
            "mdia",
            "reach past the end of 'trak'",
        ),
        (
            "a box of no length",
            |file| {
                let at = place(file, b"mfhd", 0);
                set(file, at - 4, 0);
            },
            "mfhd",
            "size is 0",
        ),
        (
            "a box shorter than its header",
            |file| {
                let at = place(file, b"ftyp", 0);
                set(file, at - 4, 5);
            },
            "ftyp",
            "less than its header",
        ),
        (
            "a gap in time",
            |file| {
                let at = place(file, b"tfdt", 1);
                set(file, at + 12, 75);
            },
            "tfdt",
            "a gap of 25 ticks (1.000 s)",
        ),
        (
            "time that runs back",
            |file| {
                let at = place(file, b"tfdt", 1);
                set(file, at + 12, 40);
            },
            "tfdt",
            "back by 10 ticks",
        ),
        (
            "saio elsewhere",
            |file| {
                let at = place(file, b"saio", 0);
                let offset = get(file, at + 12);
                set(file, at + 12, offset + 6);
            },
            "saio",
            "the entries of 'senc' begin at",
        ),
        (
            "saiz of another size",
            |file| {
                let at = place(file, b"saiz", 0);
                file[at + 8] += 6;
            },
            "saiz",
            "it says 1100 bytes and 'senc' has 800",
        ),
        (
            "subsamples that do not add up",
            |file| {
                let at = place(file, b"senc", 1);
                set(file, at + 12 + 8 + 2 + 2, 96);
            },
            "senc",
            "the subsamples of sample 1 have 116 bytes, and it has 100",
        ),
        (
            "a senc of another count",
            |file| {
                let at = place(file, b"senc", 0);
                set(file, at + 8, 49);
            },
            "senc",
            "do not fill it exactly",
        ),
        (
            "a fragment of another track",
            |file| {
                let at = place(file, b"tfhd", 1);
                set(file, at + 8, 9);
            },
            "tfhd",
            "of track 9",
        ),
        (
            "samples outside mdat",
            |file| {
                let at = place(file, b"trun", 1);
                let offset = get(file, at + 12);
                set(file, at + 12, offset + 1);
            },
            "file",
            "past the end of the file",
        ),
        (
            "samples over each other",
            |file| {
                let at = place(file, b"trun", 1);
                let (first, second) = (place(file, b"moof", 0), place(file, b"moof", 1));
                let offset = get(file, place(file, b"trun", 0) + 12);
                set(file, at + 12, offset.wrapping_sub((second - first) as u32));
            },
            "file",
            "lie over each other",
        ),
    ];
    for (name, damage, place, problem) in cases {
        let mut file = film();
        damage(&mut file);
        let found = inspect(&file);
        let named: Vec<_> = found.problems.iter().filter(|p| p.place == place && p.problem.contains(problem)).collect();
        assert_eq!(named.len(), 1, "{name}: {:#?}", found.problems);
        assert!(!found.is_sound() && !named[0].remedy.is_empty(), "{name}");
    }
}

#[test]
fn a_segment_without_its_init_segment_and_no_film_at_all() {
    let file = film();
    let first = place(&file, b"moof", 0) - 4;
    let found = inspect(&file[first..]);
    assert_eq!(found.problems, []);
    assert_eq!((found.tracks[0].samples, found.tracks[0].first_samples[1].subsamples.len()), (100, 1));
    for bytes in [&b"#EXTM3U\n#EXT-X-VERSION:7\n"[..], b"", b"\0\0\0"] {
        let found = inspect(bytes);
        assert!(found.problems.iter().any(|p| p.problem.contains("neither")), "{bytes:?}: {:?}", found.problems);
    }
}

#[test]
fn lists_are_as_long_as_was_asked_for_and_everything_is_counted() {
    let file = film();
    let mut inspector = Inspector::new(file.len() as u64, InspectLimits { boxes: 4, samples: 0 });
    while let Some(range) = inspector.wanted() {
        inspector.give(&file[range.start as usize..range.end as usize]);
    }
    let found = inspector.finish();
    fn listed(boxes: &[InspectedBox]) -> u64 {
        boxes.iter().map(|found| 1 + listed(&found.boxes)).sum()
    }
    fn all(file: &[u8]) -> u64 {
        listed(&inspect(file).boxes)
    }
    assert_eq!(listed(&found.boxes), 4);
    assert_eq!(listed(&found.boxes) + found.boxes_not_listed, all(&file));
    assert_eq!((found.tracks[0].samples, found.tracks[0].first_samples.len()), (100, 0));
}
