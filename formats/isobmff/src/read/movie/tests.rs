//! Sample tables made for the purpose: what they say of each sample, and what is refused.

use proptest::prelude::*;

use super::{MovieReader, MovieSample, SampleTables};
use crate::{Boxes, Error};

/// A full box of 32-bit words after version and flags.
fn full_box(kind: &[u8; 4], words: &[u32]) -> Vec<u8> {
    let payload: Vec<u8> = [0].iter().chain(words).flat_map(|word| word.to_be_bytes()).collect();
    [&u32::try_from(8 + payload.len()).unwrap().to_be_bytes(), kind.as_slice(), &payload].concat()
}

/// Five samples: two chunks of two, one of one; sizes 10 to 14.
fn five() -> Vec<(&'static [u8; 4], Vec<u32>)> {
    vec![
        (b"stsz", vec![0, 5, 10, 11, 12, 13, 14]),
        (b"stts", vec![2, 4, 100, 1, 50]),
        (b"ctts", vec![2, 1, 0, 4, (-20i32).cast_unsigned()]),
        (b"stss", vec![2, 1, 4]),
        (b"stsc", vec![2, 1, 2, 1, 3, 1, 1]),
        (b"stco", vec![3, 1_000, 500, 2_000]),
    ]
}

fn tables(boxes: &[(&'static [u8; 4], Vec<u32>)]) -> Result<SampleTables, Error> {
    let bytes: Vec<u8> = boxes.iter().flat_map(|(kind, words)| full_box(kind, words)).collect();
    SampleTables::parse(&Boxes::new(b"stbl", &bytes))
}

fn parse(boxes: &[(&'static [u8; 4], Vec<u32>)]) -> Result<Vec<MovieSample>, Error> {
    tables(boxes).map(|tables| tables.iter().collect())
}

/// The five tables with one of them replaced.
fn with(kind: &'static [u8; 4], words: &[u32]) -> Vec<(&'static [u8; 4], Vec<u32>)> {
    let mut tables = five();
    tables.retain(|(other, _)| *other != kind);
    tables.push((kind, words.to_vec()));
    tables
}

#[test]
fn tables_say_where_and_when_each_sample_is() {
    let sample = |offset, size, decode_time, duration, composition_offset, sync| MovieSample {
        offset,
        size,
        decode_time,
        duration,
        composition_offset,
        sync,
    };
    let expected = [
        sample(1_000, 10, 0, 100, 0, true),
        sample(1_010, 11, 100, 100, -20, false),
        sample(500, 12, 200, 100, -20, false),
        sample(512, 13, 300, 100, -20, true),
        sample(2_000, 14, 400, 50, -20, false),
    ];
    assert_eq!(parse(&five()).unwrap(), expected);
}

#[test]
fn without_the_optional_tables_all_are_sync_and_in_order() {
    let mut tables = five();
    tables.retain(|(kind, _)| *kind != b"ctts" && *kind != b"stss");
    let samples = parse(&tables).unwrap();
    assert!(samples.iter().all(|sample| sample.sync && sample.composition_offset == 0), "{samples:?}");
}

#[test]
fn sizes_may_be_uniform_or_compact() {
    let sizes = |tables: &[_]| parse(tables).unwrap().iter().map(|sample| sample.size).collect::<Vec<_>>();
    assert_eq!(sizes(&with(b"stsz", &[7, 5])), [7; 5]);
    let compact = |words: &[u32]| {
        let mut tables = five();
        tables[0] = (b"stz2", words.to_vec());
        sizes(&tables)
    };
    assert_eq!(compact(&[4, 5, 0x1234_5000]), [1, 2, 3, 4, 5]);
    assert_eq!(compact(&[8, 5, 0x0102_0304, 0x0500_0000]), [1, 2, 3, 4, 5]);
    assert_eq!(compact(&[16, 5, 0x0001_0002, 0x0003_0004, 0x0005_0000]), [1, 2, 3, 4, 5]);
}

#[test]
fn offsets_may_have_64_bits() {
    let mut tables = five();
    tables[5] = (b"co64", vec![3, 1, 0, 0, 500, 2, 0]);
    assert_eq!(parse(&tables).unwrap()[0].offset, 1 << 32);
}

#[test]
fn claims_beyond_the_box_are_refused_before_memory_is_taken() {
    const MANY: u32 = 1_000_000;
    for (kind, words) in [
        (b"stsz", vec![0, MANY, 1]),
        (b"stts", vec![MANY, 5, 1]),
        (b"ctts", vec![MANY, 5, 1]),
        (b"stss", vec![u32::MAX, 1]),
        (b"stsc", vec![u32::MAX, 1, 5, 1]),
        (b"stco", vec![u32::MAX, 1]),
    ] {
        let error = parse(&with(kind, &words)).unwrap_err();
        assert!(matches!(&error, Error::Truncated { in_box, .. } if *in_box == kind), "{kind:?}: {error}");
    }
    let limit = parse(&with(b"stsz", &[1, u32::MAX])).unwrap_err();
    assert!(matches!(limit, Error::Limit { .. }), "sizes alike take no room, yet are counted: {limit}");
}

#[test]
fn tables_that_do_not_fit_each_other_are_refused() {
    for (kind, words) in [
        (b"stsz", vec![9, 6]),
        (b"stts", vec![1, 4, 100]),
        (b"ctts", vec![1, 4, 0]),
        (b"stss", vec![2, 4, 1]),
        (b"stss", vec![1, 0]),
        (b"stsc", vec![1, 2, 5, 1]),
        (b"stsc", vec![2, 1, 2, 1, 1, 1, 1]),
        (b"stsc", vec![1, 1, 0, 1]),
        (b"stsc", vec![1, 1, 5, 2]),
        (b"stco", vec![2, 1_000, 2_000]),
    ] {
        let error = parse(&with(kind, &words)).unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{kind:?} {words:?}: {error}");
    }
}

#[test]
fn media_to_the_end_of_the_file_is_no_box_to_read() {
    let mut reader = MovieReader::new(1 << 40);
    assert_eq!(reader.wanted(), Some(0..16));
    reader.give(b"\0\0\0\0mdatabcdefgh").unwrap();
    assert_eq!(reader.wanted(), None);
    assert!(matches!(reader.finish(), Err(Error::Missing { .. })));
}

#[test]
fn a_moov_beyond_the_limit_or_the_file_is_refused_unread() {
    for (size, file, limited) in [(u32::MAX, 1 << 40, true), (1_000, 900, false)] {
        let mut reader = MovieReader::new(file);
        let header = [&size.to_be_bytes(), b"moov".as_slice(), &[0; 8]].concat();
        let error = reader.give(&header).unwrap_err();
        assert_eq!(matches!(error, Error::Limit { .. }), limited, "{error}");
    }
}

proptest! {
    #[test]
    fn any_words_are_refused_or_describe_as_many_samples_as_they_say(
        which in 0usize..6,
        words in prop::collection::vec(prop_oneof![0u32..6, any::<u32>()], 0..12),
    ) {
        let mut boxes = five();
        boxes[which].1 = words;
        if let Ok(tables) = tables(&boxes) {
            let claimed = boxes[0].1[1] as usize;
            prop_assert_eq!(tables.iter().take(1_000).count(), claimed.min(1_000));
        }
    }
}
