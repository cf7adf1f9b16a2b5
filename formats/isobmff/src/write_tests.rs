//! What is written is read back as it was.

use proptest::prelude::*;

use crate::{
    Edit, Error, FragmentHeader, IndexError, IvPrefix, Protection, SampleInfo, Scheme, Subsample, SubsampleMap,
    TrackIndex, TrackIndexBuilder, TrackPart, TrackReader, limits,
    test_track::{audio, init, track, video},
};

const PROTECTION: Protection = Protection { scheme: Scheme::Cbcs { iv: [2; 16] }, key_id: [1; 16] };
const COUNTED: Protection = Protection { scheme: Scheme::Cenc { iv_prefix: IvPrefix([1, 2, 3, 4]) }, key_id: [1; 16] };

fn samples() -> impl Strategy<Value = Vec<SampleInfo>> {
    let sample = (0u32..3_000, 1u32..3, prop::sample::select(vec![0u32, 0x0101_0000, 0x0200_0000]), -2i32..4);
    let sample = sample.prop_map(|(size, duration, flags, composition_offset)| SampleInfo {
        size,
        duration,
        flags,
        composition_offset,
    });
    prop::collection::vec(sample, 1..40)
}

fn index(fragments: &[Vec<SampleInfo>]) -> TrackIndex {
    let mut builder = TrackIndexBuilder::new(init(video(), 90_000, Edit::default()), 500);
    let (mut base_decode_time, mut offset) = (0, 500);
    for samples in fragments {
        let data_size = samples.iter().map(|sample| u64::from(sample.size)).sum();
        let mut map = SubsampleMap::default();
        for sample in samples {
            let clear = (sample.size / 2) as u16;
            map.push(&[Subsample { clear, protected: sample.size - u32::from(clear) }]).unwrap();
        }
        let header = FragmentHeader { base_decode_time, samples: samples.clone(), data_offset: 100, data_size };
        builder.push(&header, offset, 100 + data_size, map).unwrap();
        (base_decode_time, offset) = (base_decode_time + header.duration(), offset + 100 + data_size);
    }
    builder.finish().unwrap()
}

/// Clear segments of zeros, read by [`TrackReader`].
fn read_back(index: &TrackIndex) -> Vec<FragmentHeader> {
    let mut reader = TrackReader::new();
    reader.push(TrackIndex::init_segment(&clear_entry(index), None, &[]).as_slice());
    for segment in index.segments(0) {
        let header = index.segment_header(&segment, None).unwrap();
        reader.push(&[header, vec![0; segment.data_size as usize]].concat());
    }
    let mut headers = Vec::new();
    while let Some(part) = reader.next_part().unwrap() {
        if let TrackPart::Fragment { header, .. } = part {
            headers.push(header);
        }
    }
    reader.finish().unwrap();
    headers
}

/// The same track with a sample entry that can be read.
fn clear_entry(index: &TrackIndex) -> TrackIndex {
    let mut index = index.clone();
    let avcc = [&[0, 0, 0, 15], b"avcC".as_slice(), &[1, 100, 0, 31, 0xff, 0xe0, 0]].concat();
    index.sample_entry.body = [vec![0; 24], vec![5, 0, 2, 208], vec![0; 50], avcc].concat();
    index
}

proptest! {
    #[test]
    fn segments_are_read_back_sample_by_sample(fragments in prop::collection::vec(samples(), 1..5)) {
        let index = index(&fragments);
        let headers = read_back(&index);
        let flat: Vec<_> = headers.iter().flat_map(|header| header.samples.clone()).collect();
        prop_assert_eq!(flat, fragments.concat());
        for (header, segment) in headers.iter().zip(index.segments(0)) {
            prop_assert_eq!(header.base_decode_time, segment.decode_time);
        }
    }

    #[test]
    fn stored_indexes_come_back_as_they_were(fragments in prop::collection::vec(samples(), 1..5)) {
        let index = index(&fragments);
        prop_assert_eq!(TrackIndex::from_bytes(&index.to_bytes()), Ok(index.clone()));
        let json = serde_json::to_string(&index).unwrap();
        prop_assert_eq!(serde_json::from_str::<TrackIndex>(&json).unwrap(), index);
    }

    #[test]
    fn any_bytes_are_boxes_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut reader = TrackReader::new();
        reader.push(&bytes);
        while let Ok(Some(_)) = reader.next_part() {}
        let _ = TrackIndex::from_bytes(&bytes);
    }
}

#[test]
fn other_versions_and_damage_are_told_apart() {
    let bytes = track(init(audio(), 48_000, Edit::default()), &[(3, 1024)]).to_bytes();
    let mut newer = bytes.clone();
    newer[5] = 2;
    assert_eq!(TrackIndex::from_bytes(&newer), Err(IndexError::Version(2)));
    assert!(matches!(TrackIndex::from_bytes(&bytes[..bytes.len() - 1]), Err(IndexError::Malformed(_))));
    assert!(matches!(TrackIndex::from_bytes(b"{}"), Err(IndexError::Malformed(_))));
}

#[test]
fn an_index_that_contradicts_itself_is_refused() {
    let index = track(init(video(), 25, Edit::default()), &[(3, 1), (2, 1)]);
    for (field, value) in [
        ("/fragments/0/duration", 4),
        ("/fragments/1/base_decode_time", 4),
        ("/fragments/0/data_size", 299),
        ("/fragments/0/sizes/0", 99),
        ("/fragments/0/subsamples/counts/0", 2),
        ("/fragments/0/subsamples/pairs/0/clear", 11),
        ("/fragments/0/durations/0/0", 4),
        ("/timescale", 0),
        ("/version", 9),
    ] {
        let mut json = serde_json::to_value(&index).unwrap();
        *json.pointer_mut(field).expect(field) = value.into();
        assert!(serde_json::from_value::<TrackIndex>(json).is_err(), "{field} = {value}");
    }
}

#[test]
fn a_segment_of_another_track_is_refused() {
    let (long, short) = (track(init(audio(), 48_000, Edit::default()), &[(9, 1)]), [(3, 1)]);
    let short = track(init(audio(), 48_000, Edit::default()), &short);
    assert_eq!(short.segment_header(&long.segments(1)[0], None), Err(Error::SegmentOutOfRange(1)));
}

#[test]
fn protected_video_needs_a_map_and_audio_needs_none() {
    let audio = track(init(audio(), 48_000, Edit::default()), &[(9, 1024)]);
    let segment = &audio.segments(1)[0];
    assert_eq!(audio.segment_header(segment, Some(&PROTECTION)), audio.segment_header(segment, None));
    assert_eq!(
        audio.segment_size(segment, Some(&COUNTED)).unwrap() - audio.segment_size(segment, None).unwrap(),
        17 + 20 + 16 + 9 * 8,
        "saiz, saio and senc with an IV for each of 9 samples"
    );
    let mut json = serde_json::to_value(track(init(video(), 25, Edit::default()), &[(9, 1)])).unwrap();
    json["fragments"][0]["subsamples"] = serde_json::json!({ "counts": [], "pairs": [] });
    let unmapped: TrackIndex = serde_json::from_value(json).unwrap();
    assert!(unmapped.segment_header(&unmapped.segments(1)[0], None).is_ok());
    for protection in [PROTECTION, COUNTED] {
        assert!(unmapped.segment_header(&unmapped.segments(1)[0], Some(&protection)).is_err());
    }
}

#[test]
fn more_subsamples_than_saiz_counts_are_refused() {
    let mut map = SubsampleMap::default();
    let one = Subsample { clear: 1, protected: 1 };
    assert_eq!(map.push(&[one; limits::MAX_SUBSAMPLES]), Ok(()));
    assert!(matches!(map.push(&[one; limits::MAX_SUBSAMPLES + 1]), Err(Error::Limit { .. })));
    let grows_past_16_bits = Subsample { clear: u16::MAX, protected: 31 };
    assert!(matches!(map.push(&[grows_past_16_bits; limits::MAX_SUBSAMPLES]), Err(Error::Limit { .. })));
}

#[test]
fn gaps_between_fragments_lengthen_the_sample_before_them() {
    let mut builder = TrackIndexBuilder::new(init(audio(), 1_000, Edit::default()), 0);
    let sample = SampleInfo { size: 1, duration: 10, flags: 0, composition_offset: 0 };
    let header =
        |base_decode_time| FragmentHeader { base_decode_time, samples: vec![sample; 2], data_offset: 8, data_size: 2 };
    builder.push(&header(100), 0, 10, SubsampleMap::default()).unwrap();
    builder.push(&header(125), 10, 10, SubsampleMap::default()).unwrap();
    assert!(builder.push(&header(130), 20, 10, SubsampleMap::default()).is_err(), "it would end before it began");
    let index = builder.finish().unwrap();
    let durations: Vec<_> = index.fragments().iter().flat_map(|f| f.samples().map(|s| s.duration)).collect();
    assert_eq!(durations, [10, 15, 10, 10]);
}
