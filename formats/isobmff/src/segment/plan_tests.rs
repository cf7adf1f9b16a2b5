//! Where segments begin, in tracks made for the purpose.

use std::ops::Range;

use proptest::prelude::*;

use crate::{
    Edit, Segment, TrackIndex,
    test_track::{audio, init, track, video},
};

const NO_EDIT: Edit = Edit { skip: 0, delay: 0 };

/// Video at 25 fps, timescale 25, with groups of pictures of so many frames.
fn pictures(groups: &[u32]) -> TrackIndex {
    track(init(video(), 25, NO_EDIT), &groups.iter().map(|frames| (*frames, 1)).collect::<Vec<_>>())
}

/// AAC at 48 kHz with priming, in fragments of so many frames.
fn sound(fragments: &[u32], skip: u64) -> TrackIndex {
    let edit = Edit { skip, delay: 0 };
    track(init(audio(), 48_000, edit), &fragments.iter().map(|frames| (*frames, 1024)).collect::<Vec<_>>())
}

fn starts(segments: &[Segment]) -> Vec<u64> {
    segments.iter().map(|segment| segment.start).collect()
}

/// Ranges, with those that touch as one.
fn joined(ranges: impl Iterator<Item = Range<u64>>) -> Vec<Range<u64>> {
    let mut joined = Vec::<Range<u64>>::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => joined.push(range),
        }
    }
    joined
}

/// Segments tile the track: no sample lost, no time between them, bytes where the fragments have them.
fn check_tiling(index: &TrackIndex, segments: &[Segment]) {
    let samples: u64 = index.fragments().iter().map(|fragment| fragment.sample_count() as u64).sum();
    assert_eq!(segments.iter().map(|s| u64::from(s.sample_count())).sum::<u64>(), samples);
    assert!(segments.windows(2).all(|pair| pair[0].start + pair[0].duration == pair[1].start), "{segments:?}");
    assert!(segments.iter().all(|s| s.sample_count() > 0), "{segments:?}");
    assert!(segments.iter().zip(1..).all(|(segment, number)| segment.number == number));
    let stored = joined(index.fragments().iter().map(|fragment| fragment.data_range()));
    assert_eq!(joined(segments.iter().flat_map(|segment| segment.data_ranges(index))), stored);
    for segment in segments {
        assert_eq!(segment.data_ranges(index).iter().map(|r| r.end - r.start).sum::<u64>(), segment.data_size);
    }
}

#[test]
fn video_segments_are_whole_fragments_near_the_target() {
    for (groups, target, expected) in [
        (vec![50, 50, 25], 0, vec![0, 50, 100]),
        (vec![50, 50, 25], 2, vec![0, 50, 100]),
        (vec![48, 48, 48], 2, vec![0, 48, 96]),
        (vec![50; 5], 4, vec![0, 100, 200]),
        (vec![25; 6], 2, vec![0, 50, 100]),
        (vec![250, 10], 2, vec![0, 250]),
        (vec![7], 2, vec![0]),
    ] {
        let index = pictures(&groups);
        let segments = index.segments(target);
        assert_eq!(starts(&segments), expected, "groups {groups:?}, target {target} s");
        check_tiling(&index, &segments);
    }
}

#[test]
fn audio_is_cut_at_the_frame_nearest_to_each_video_segment() {
    let video = pictures(&[50, 50, 25]);
    let audio = sound(&[94, 94, 47, 3], 1024);
    let segments = audio.segments_aligned_to(&video, &video.segments(2));
    check_tiling(&audio, &segments);
    // Frames start at multiples of 1,024, for priming is one frame; 2 s is 93.75 of them, and 4 s half way to the 188th.
    assert_eq!(starts(&segments), [0, 94 * 1024, 187 * 1024]);
    assert_eq!(segments[1].decode_time, 95 * 1024);
    assert_eq!(segments[0].duration, 94 * 1024, "priming is not heard");
}

#[test]
fn audio_that_goes_on_is_cut_on() {
    let video = pictures(&[50, 50]);
    let audio = sound(&[470], 0);
    let segments = audio.segments_aligned_to(&video, &video.segments(2));
    check_tiling(&audio, &segments);
    assert_eq!(segments.len(), 5, "10 s of audio at 2 s: {:?}", starts(&segments));
    assert!(segments.iter().all(|s| s.duration <= 96_000 + 2048), "{segments:?}");
}

#[test]
fn a_little_more_sound_than_picture_stays_in_the_last_segment() {
    let video = pictures(&[50, 50, 25]);
    let audio = sound(&[94, 94, 50], 1024);
    let segments = audio.segments_aligned_to(&video, &video.segments(2));
    assert_eq!(segments.len(), 3, "{:?}", starts(&segments));
    assert!(audio.segments_aligned_to(&video, &[]).len() == 1, "no boundaries, one segment");
}

#[test]
fn audio_that_ends_early_has_fewer_segments() {
    let video = pictures(&[50, 50, 50]);
    let audio = sound(&[60], 0);
    assert_eq!(audio.segments_aligned_to(&video, &video.segments(2)).len(), 1);
}

#[test]
fn a_late_start_is_part_of_the_presentation_time() {
    let index = track(init(audio(), 48_000, Edit { skip: 0, delay: 4_800 }), &[(47, 1024), (47, 1024)]);
    assert_eq!(starts(&index.segments(1)), [4_800, 4_800 + 47 * 1024]);
}

proptest! {
    #[test]
    fn any_tracks_are_tiled_and_boundaries_are_nearest(
        groups in prop::collection::vec(1u32..120, 1..20),
        fragments in prop::collection::vec(1u32..200, 1..20),
        skip in 0u64..5_000,
        target in 0u32..6,
    ) {
        let (video, audio) = (pictures(&groups), sound(&fragments, skip));
        let boundaries = video.segments(target);
        check_tiling(&video, &boundaries);
        let segments = audio.segments_aligned_to(&video, &boundaries);
        check_tiling(&audio, &segments);
        let ends = segments.last().map_or(0, |last| last.start + last.duration);
        for boundary in boundaries.iter().skip(1) {
            // In units of 1/48,000 s; a boundary within the audio has a cut within half a frame.
            let at = boundary.start * 1_920;
            if at + 1_024 < ends {
                let nearest = segments.iter().map(|s| s.start.abs_diff(at)).min().unwrap();
                prop_assert!(nearest <= 512, "no cut near {at}: {:?}", starts(&segments));
            }
        }
    }
}

#[test]
fn one_endless_sample_does_not_cost_a_step_a_tick() {
    let video = pictures(&[1]);
    let audio = track(init(audio(), 48_000, NO_EDIT), &[(1, 1024), (3, u32::MAX)]);
    check_tiling(&audio, &audio.segments_aligned_to(&video, &video.segments(2)));
}

#[test]
fn a_part_holds_the_samples_of_its_bytes_and_is_read_where_the_segment_is() {
    let index = track(init(video(), 25, Edit::default()), &[(50, 1), (25, 1), (25, 1)]);
    let segment = &index.segments(3)[0];
    for (range, samples, before) in [
        (0..1, 0..1, 0),
        (99..101, 0..2, 0),
        (100..200, 1..2, 100),
        (4_900..5_100, 49..51, 4_900),
        (0..segment.data_size, 0..segment.sample_count(), 0),
        (
            segment.data_size - 1..segment.data_size,
            segment.sample_count() - 1..segment.sample_count(),
            segment.data_size - 100,
        ),
    ] {
        let (part, skipped) = segment.covering(&index, range.clone());
        assert_eq!((part.sample_count(), skipped), (samples.end - samples.start, before), "{range:?}");
        assert_eq!(part.first_sample(), segment.first_sample() + samples.start, "{range:?}");
        assert_eq!(part.data_size, 100 * u64::from(samples.end - samples.start), "{range:?}");
        let all: Vec<u64> = segment.data_ranges(&index).into_iter().flatten().collect();
        let ours: Vec<u64> = part.data_ranges(&index).into_iter().flatten().collect();
        assert_eq!(ours, all[before as usize..][..ours.len()], "{range:?}");
    }
}
