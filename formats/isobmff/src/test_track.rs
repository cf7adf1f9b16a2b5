//! Synthetic tracks for unit tests.

use crate::{
    AudioFormat, Edit, FragmentHeader, SampleDefaults, SampleEntry, SampleInfo, Subsample, SubsampleMap, TrackIndex,
    TrackIndexBuilder, TrackInit, TrackKind, VideoFormat,
};

pub(crate) const NON_SYNC: u32 = 0x0101_0000;
pub(crate) const SYNC: u32 = 0x0200_0000;

pub(crate) fn init(kind: TrackKind, timescale: u32, edit: Edit) -> TrackInit {
    let format = if kind.is_video() { b"avc1" } else { b"mp4a" };
    TrackInit {
        track_id: 1,
        kind,
        codec: "test".to_owned(),
        timescale,
        language: "fra".to_owned(),
        edit,
        sample_entry: SampleEntry { format: format.into(), body: vec![0; 100] },
        defaults: SampleDefaults::default(),
    }
}

pub(crate) fn video() -> TrackKind {
    TrackKind::Video(VideoFormat { width: 1280, height: 720 })
}

pub(crate) fn audio() -> TrackKind {
    TrackKind::Audio(AudioFormat { sample_rate: 48_000, channels: 2 })
}

/// A track of such fragments, each as many samples of one duration and 100 bytes, starting with a sync sample.
pub(crate) fn track(init: TrackInit, fragments: &[(u32, u32)]) -> TrackIndex {
    let is_video = init.kind.is_video();
    let mut builder = TrackIndexBuilder::new(init, 500);
    let (mut time, mut offset) = (0, 500);
    for (count, duration) in fragments {
        let sample = |flags| SampleInfo { size: 100, duration: *duration, flags, composition_offset: 0 };
        let samples: Vec<_> = (0..*count).map(|n| sample(if n == 0 { SYNC } else { NON_SYNC })).collect();
        let mut map = SubsampleMap::default();
        let whole = [Subsample { clear: 10, protected: 90 }];
        samples.iter().filter(|_| is_video).for_each(|_| map.push(&whole).unwrap());
        let data_size = u64::from(*count) * 100;
        let header = FragmentHeader { base_decode_time: time, samples, data_offset: 108, data_size };
        builder.push(&header, offset, 108 + data_size, map).unwrap();
        time += u64::from(*count) * u64::from(*duration);
        offset += 108 + data_size;
    }
    builder.finish().unwrap()
}
