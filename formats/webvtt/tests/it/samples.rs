//! Cues become samples and samples become cues: nothing is lost, nothing is shown at another time.

use proptest::prelude::*;
use tessera_webvtt::{Cue, CueText, Error, Header, TextSample, TextSegment, Track, limits};

use crate::any;

/// What is shown at a time, sorted.
fn shown(track: &Track, at: u64) -> Vec<(&str, &str, &str)> {
    let cues = track.cues().iter().filter(|cue| cue.start() <= at && at < cue.end());
    let mut cues: Vec<_> =
        cues.map(|cue| (cue.id().unwrap_or_default(), cue.settings().as_str(), cue.text().as_str())).collect();
    cues.sort_unstable();
    cues
}

/// The track as far as the presentation lasts.
fn cut(track: &Track, duration: u64) -> Track {
    let cues = track.cues().iter().filter(|cue| cue.start() < duration).map(|cue| {
        let cut = Cue::new(cue.start(), cue.end().min(duration), cue.text().clone()).unwrap();
        cut.with_settings(cue.settings().clone()).with_id(cue.id().unwrap_or_default()).unwrap()
    });
    Track::new(track.header().clone(), cues.collect()).unwrap()
}

proptest! {
    #[test]
    fn samples_fill_the_presentation(track in any::track(), step in 1u32..3_000, duration in 1u64..6_000) {
        let segments = track.segments(step, duration).unwrap();
        prop_assert_eq!(segments.len() as u64, duration.div_ceil(step.into()));
        for (number, segment) in segments.iter().enumerate() {
            prop_assert_eq!(segment.start, number as u64 * u64::from(step));
            prop_assert_eq!(segment.end(), duration.min(segment.start + u64::from(step)));
            prop_assert!(segment.samples.iter().all(|sample| sample.duration > 0 && !sample.data.is_empty()));
            prop_assert_eq!(segment.end(), segments.get(number + 1).map_or(duration, |next| next.start));
        }
    }

    #[test]
    fn distinct_cues_come_back_as_they_were(track in any::distinct_track(), step in 1u32..3_000, duration in 1u64..6_000) {
        let segments = track.segments(step, duration).unwrap();
        let back = Track::from_segments(&track.header().write(), &segments).unwrap();
        prop_assert_eq!(back, cut(&track, duration));
    }

    #[test]
    fn the_same_is_shown_at_every_time(track in any::track(), step in 1u32..3_000, duration in 1u64..6_000) {
        let back = Track::from_segments("WEBVTT", &track.segments(step, duration).unwrap()).unwrap();
        for at in (0..duration).step_by(50) {
            prop_assert_eq!(shown(&back, at), shown(&track, at), "at {}", at);
        }
    }

    #[test]
    fn a_segment_alone_is_the_one_among_all(track in any::track(), step in 1u32..3_000, duration in 1u64..6_000) {
        for segment in track.segments(step, duration).unwrap() {
            prop_assert_eq!(track.segment(segment.start..segment.end()).unwrap(), segment);
        }
    }

    #[test]
    fn any_samples_are_refused_or_read(
        durations in prop::collection::vec(any::<u32>(), 0..4),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        track in any::track(),
    ) {
        let mut segments = track.segments(1_000, 5_000).unwrap();
        let samples = segments.iter_mut().flat_map(|segment| &mut segment.samples);
        for (sample, (at, byte)) in samples.zip(damage) {
            let at = at.index(sample.data.len());
            sample.data[at] = byte;
        }
        let samples = segments.iter_mut().flat_map(|segment| &mut segment.samples);
        samples.zip(durations).for_each(|(sample, duration)| sample.duration = duration);
        let _ = Track::from_segments("WEBVTT", &segments);
    }
}

/// Two cues, of which the first goes on into the second segment, byte by byte.
#[test]
fn writes_the_boxes_of_the_standard() {
    let cue = |start, end, text: &str| Cue::new(start, end, CueText::new(text).unwrap()).unwrap();
    let first = cue(500, 2_500, "a<00:02.000>b").with_id("x").unwrap();
    let track = Track::new(Header::default(), vec![first, cue(1_000, 1_500, "c")]).unwrap();
    let split = |time: &[u8]| {
        let inner =
            [b"\0\0\0\x0cvsid\0\0\0\0\0\0\0\x09idenx\0\0\0\x14ctim", time, b"\0\0\0\x15payla<00:02.000>b"].concat();
        [&[0, 0, 0, 8 + inner.len() as u8], b"vttc".as_slice(), &inner].concat()
    };
    let second = b"\0\0\0\x11vttc\0\0\0\x09paylc".to_vec();
    let sample = |duration, data| TextSample { duration, data };
    let empty = b"\0\0\0\x08vtte".to_vec();
    assert_eq!(
        track.segments(2_000, 3_000).unwrap(),
        [
            TextSegment {
                start: 0,
                samples: vec![
                    sample(500, empty.clone()),
                    sample(500, split(b"00:00:00.500")),
                    sample(500, [split(b"00:00:01.000"), second].concat()),
                    sample(500, split(b"00:00:01.500")),
                ],
            },
            TextSegment { start: 2_000, samples: vec![sample(500, split(b"00:00:02.000")), sample(500, empty)] },
        ]
    );
}

#[test]
fn too_much_at_once_is_refused() {
    let cue = |number: u64, text: &str| Cue::new(number, 1_000_000, CueText::new(text).unwrap()).unwrap();
    let track = |count: u64, text: &str| {
        Track::new(Header::default(), (0..count).map(|number| cue(number, text)).collect()).unwrap()
    };
    let most = limits::MAX_AT_ONCE as u64;
    assert!(track(most, "a").segments(1_000, 1_000_000).is_ok());
    assert!(matches!(track(most + 1, "a").segments(1_000, 1_000_000), Err(Error::Limit { .. })));
    let long = "a".repeat(limits::MAX_CUE_TEXT);
    assert!(matches!(track(most, &long).segments(1_000, 1_000_000), Err(Error::Limit { .. })));
    assert!(matches!(track(1, "a").segments(1, u64::MAX), Err(Error::Limit { .. })));
    assert!(matches!(track(1, "a").segments(1, limits::MAX_TIME), Err(Error::Limit { .. })));
    assert!(matches!(track(1, "a").segments(0, 1), Err(Error::Zero(_))));
    assert!(track(1, "a").segment(5..5).is_err());
    assert!(track(1, "a").segment(0..u64::MAX).is_err());
}
