//! The parts that a long film is encoded in: each a whole number of groups of pictures, so that what is encoded apart fits
//! together without a seam.
//!
//! Frames are counted on the grid of the whole film at the source's constant rate. A frame is the same picture whichever
//! chunk it is in: every run makes the frame rate constant from the film's beginning, and leaves out what is not its own.

use serde::Serialize;

use crate::{plan::Plan, probe::Source};

/// Chunks of a film at most; those of a very long one are longer.
const CHUNKS_MAX: u64 = 1000;
/// Seconds of film read before a chunk's first picture, at least: it may be shown after pictures that are decoded later.
const BEFORE_SECONDS: f64 = 1.0;
/// The same in pictures: as many as a decoder holds back at most (ITU-T H.264 §A.3, H.265 §A.4).
const BEFORE_FRAMES: f64 = 16.0;

/// A part of a film.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Counted from 0.
    pub(crate) number: u32,
    /// Its first frame.
    pub(crate) first: u64,
    /// How many it has; none for the last, which goes on to the film's end, wherever that turns out to be.
    pub(crate) frames: Option<u64>,
}

impl Chunk {
    /// Where to begin to read, in seconds: before its first picture, and never before the film.
    pub(crate) fn seek(&self, source: &Source) -> Option<f64> {
        let rate = source.video.rate.as_f64();
        let before = BEFORE_SECONDS.max(BEFORE_FRAMES / rate);
        Some(self.first as f64 / rate - before).filter(|at| *at > 0.0)
    }
}

/// Why a film is made in one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Undivided {
    /// It is not twice as long as a part.
    Short,
    /// Its renditions are not cut at the same pictures.
    CutApart,
    /// A graphics card makes some of it, and what another machine's makes would not fit.
    Accelerated,
}

/// How a film is divided for a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Division {
    /// At least one.
    pub(crate) chunks: Vec<Chunk>,
    /// Why there is no more than one.
    pub(crate) undivided: Option<Undivided>,
}

impl Division {
    /// Into chunks that are each about `seconds` long.
    pub(crate) fn of(source: &Source, plan: &Plan, seconds: u64) -> Self {
        let rate = source.video.rate.as_f64();
        let frames = (source.video.duration * rate).ceil() as u64;
        let whole = |why| Self { chunks: partition(frames, frames), undivided: Some(why) };
        if plan.is_accelerated() {
            return whole(Undivided::Accelerated);
        }
        let Some(group) = group(source, plan) else { return whole(Undivided::CutApart) };
        let chunks = partition(frames, length(frames, group, (seconds as f64 * rate).round() as u64));
        let undivided = (chunks.len() == 1).then_some(Undivided::Short);
        Self { chunks, undivided }
    }
}

/// Frames of the source's rate in a group of pictures of every rendition; `None` when renditions are cut differently.
fn group(source: &Source, plan: &Plan) -> Option<u64> {
    let full = source.video.rate.as_f64();
    let mut groups =
        plan.video.iter().map(|track| (f64::from(track.group) * full / track.rate.as_f64()).round() as u64);
    let first = groups.next().filter(|group| *group > 0)?;
    groups.all(|group| group == first).then_some(first)
}

/// Frames of a chunk: whole groups, about as many as are wanted, and not too many chunks.
fn length(frames: u64, group: u64, wanted: u64) -> u64 {
    let least = frames.div_ceil(CHUNKS_MAX);
    let groups = (wanted / group).max(least.div_ceil(group)).max(1);
    groups.saturating_mul(group)
}

/// Chunks of `length` frames; what is left over is the last one's.
fn partition(frames: u64, length: u64) -> Vec<Chunk> {
    let length = length.max(1);
    let count = (frames / length).max(1);
    let of = |number: u64| Chunk {
        number: number as u32,
        first: number * length,
        frames: (number + 1 < count).then_some(length),
    };
    (0..count).map(of).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{config::LadderConfig, fixture::source, hardware::Hardware};

    #[test]
    fn a_film_is_divided_where_it_is_long_enough_and_its_parts_fit_together() {
        let mut film = source(1280, 720, "25/1");
        film.video.duration = 61.0;
        let mut plan = Plan::of(&film, &LadderConfig::default());
        let division = Division::of(&film, &plan, 15);
        assert_eq!(
            (division.chunks.iter().map(|c| c.first).collect::<Vec<_>>(), division.undivided),
            (vec![0, 350, 700, 1050], None)
        );
        assert_eq!(Division::of(&film, &plan, 32).undivided, Some(Undivided::Short));
        plan.video[1].group += 1;
        assert_eq!(Division::of(&film, &plan, 15).undivided, Some(Undivided::CutApart));
        plan.video[1].group -= 1;
        plan.video[0].hardware = Some(Hardware::Vaapi);
        let division = Division::of(&film, &plan, 15);
        assert_eq!((division.chunks.len(), division.undivided), (1, Some(Undivided::Accelerated)));
    }

    proptest! {
        #[test]
        fn chunks_are_whole_groups_that_follow_each_other_to_the_end(
            frames in 0..3_000_000_u64, group in 1..2_000_u64, wanted in 1..100_000_u64,
        ) {
            let chunks = partition(frames, length(frames, group, wanted));
            let (last, others) = chunks.split_last().unwrap();
            prop_assert!(chunks.len() as u64 <= CHUNKS_MAX);
            prop_assert_eq!((chunks[0].first, last.frames), (0, None));
            for (chunk, next) in others.iter().zip(&chunks[1..]) {
                let length = chunk.frames.unwrap();
                prop_assert!(length > 0 && length.is_multiple_of(group));
                prop_assert_eq!((chunk.first + length, chunk.number + 1), (next.first, next.number));
                // The last is no stub, and no chunk is longer than two.
                let rest = frames - last.first;
                prop_assert!(rest >= length && rest < 2 * length, "{} after chunks of {}", rest, length);
            }
        }
    }

    #[test]
    fn a_short_film_is_one_chunk() {
        let whole = vec![Chunk { number: 0, first: 0, frames: None }];
        for frames in [0, 1, 749, 1499] {
            assert_eq!(partition(frames, length(frames, 50, 750)), whole, "{frames}");
        }
        assert_eq!(partition(1500, length(1500, 50, 750)).len(), 2);
        assert_eq!(length(0, 50, 10), 50, "a chunk has a group at least");
    }
}
