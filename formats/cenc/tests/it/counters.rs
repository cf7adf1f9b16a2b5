//! Under `cenc` no counter is used twice under a key: not over samples, fragments or segments, nor over tracks.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tessera_cenc::SegmentCipher;
use tessera_isobmff::{
    AudioFormat, Edit, FragmentHeader, IvPrefix, SampleDefaults, SampleEntry, SampleInfo, Scheme, Subsample,
    SubsampleMap, TrackIndex, TrackIndexBuilder, TrackInit, TrackKind, VideoFormat,
};

use crate::package::{KEY, protection};

/// A track of fragments with samples of these sizes.
fn track(kind: TrackKind, fragments: &[Vec<u32>]) -> TrackIndex {
    let init = TrackInit {
        track_id: 1,
        kind,
        codec: "test".to_owned(),
        timescale: 10,
        language: "und".to_owned(),
        edit: Edit::default(),
        sample_entry: SampleEntry { format: b"test".into(), body: Vec::new() },
        defaults: SampleDefaults::default(),
    };
    let mut builder = TrackIndexBuilder::new(init, 0);
    let (mut base_decode_time, mut offset) = (0, 0);
    for sizes in fragments {
        let sample = |size: &u32| SampleInfo { size: *size, duration: 1, flags: 0, composition_offset: 0 };
        let samples: Vec<_> = sizes.iter().map(sample).collect();
        let data_size = sizes.iter().map(|size| u64::from(*size)).sum();
        let header = FragmentHeader { base_decode_time, samples, data_offset: 0, data_size };
        let mut map = SubsampleMap::default();
        for size in sizes.iter().filter(|_| kind.is_video()) {
            let half = size / 2;
            let subsample = |size: u32| Subsample { clear: (size / 4) as u16, protected: size - size / 4 };
            map.push(&[subsample(half), subsample(size - half)]).unwrap();
        }
        builder.push(&header, offset, data_size, map).unwrap();
        (base_decode_time, offset) = (base_decode_time + header.duration(), offset + data_size);
    }
    builder.finish().unwrap()
}

/// The whole blocks of key stream that a track is encrypted with, by the sample and place in it: zeros, encrypted.
fn key_stream(index: &TrackIndex, prefix: [u8; 4], target: u32) -> BTreeMap<(u32, usize), [u8; 16]> {
    let scheme = Scheme::Cenc { iv_prefix: IvPrefix(prefix) };
    let cipher = SegmentCipher::new(&KEY, &protection(scheme));
    let mut blocks = BTreeMap::new();
    for segment in index.segments(target) {
        let mut data = vec![0; segment.data_size as usize];
        cipher.encrypt(index, &segment, &mut data).unwrap();
        let mut rest = data.as_slice();
        for (number, sample) in (segment.first_sample()..).zip(segment.samples(index)) {
            let (bytes, after) = rest.split_at(sample.size as usize);
            rest = after;
            let whole = [Subsample { clear: 0, protected: sample.size }];
            let subsamples =
                if index.kind.is_video() { scheme.subsamples(sample.subsamples) } else { (&whole[..]).into() };
            let mut at = 0;
            for Subsample { clear, protected } in subsamples.iter() {
                at += usize::from(*clear);
                let protected = &bytes[at..at + *protected as usize];
                blocks
                    .extend((at..).step_by(16).zip(protected.as_chunks().0).map(|(at, block)| ((number, at), *block)));
                at += protected.len();
            }
        }
    }
    blocks
}

fn fragments() -> impl Strategy<Value = Vec<Vec<u32>>> {
    prop::collection::vec(prop::collection::vec(0u32..300, 1..12), 1..12)
}

proptest! {
    #[test]
    fn no_counter_is_used_twice(pictures in fragments(), sound in fragments(), prefix: [u8; 4], other: [u8; 4]) {
        prop_assume!(prefix != other);
        let video = track(TrackKind::Video(VideoFormat { width: 16, height: 16 }), &pictures);
        let audio = track(TrackKind::Audio(AudioFormat { sample_rate: 48_000, channels: 2 }), &sound);
        let (picture, sound) = (key_stream(&video, prefix, 1), key_stream(&audio, other, 1));
        let mut seen = BTreeMap::new();
        let places = picture.iter().map(|entry| ("video", entry)).chain(sound.iter().map(|entry| ("audio", entry)));
        for (track, (place, block)) in places {
            if let Some(before) = seen.insert(*block, (track, place)) {
                prop_assert!(false, "one counter for {before:?} and {track} {place:?}");
            }
        }
        // Whatever segment a sample is served in, it is the same bytes.
        prop_assert_eq!(&picture, &key_stream(&video, prefix, 2));
        prop_assert_eq!(&sound, &key_stream(&audio, other, 0));
    }
}
