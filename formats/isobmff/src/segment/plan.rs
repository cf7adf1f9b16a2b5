//! Where segments begin.

use super::{SamplePosition, Segment};
use crate::{Edit, Fragment, Sample, TrackIndex};

/// Sample flag `sample_is_non_sync_sample` (ISO/IEC 14496-12 §8.8.3.1).
const NON_SYNC: u32 = 0x1_0000;

/// Segments of whole fragments, about `target` ticks each.
pub(super) fn whole_fragments(index: &TrackIndex, target: u64) -> Vec<Segment> {
    let mut plan = Plan::new(index.edit);
    let mut begun = 0;
    for (number, fragment) in (0..).zip(index.fragments()) {
        let elapsed = fragment.base_decode_time().saturating_sub(begun);
        // Nearest: with this fragment the segment would pass the target by more than it falls short of it now.
        let full = elapsed.saturating_add(fragment.duration() / 2) >= target;
        if plan.is_empty() || (full && starts_with_sync(fragment)) {
            plan.begin(SamplePosition { fragment: number, sample: 0 }, fragment.base_decode_time());
            begun = fragment.base_decode_time();
        }
        add_samples(&mut plan, fragment);
    }
    plan.finish()
}

/// Segments that start at the sample nearest to each of `boundaries`, whose times are in `timescale`.
pub(super) fn aligned(index: &TrackIndex, boundaries: &[Segment], timescale: u32) -> Vec<Segment> {
    let mut plan = Plan::new(index.edit);
    let mut boundaries = Boundaries::new(boundaries, timescale, index);
    for (number, fragment) in (0..).zip(index.fragments()) {
        let mut decode_time = fragment.base_decode_time();
        for (position, sample) in (0..).zip(fragment.samples()) {
            let start = presented(decode_time, 0, index.edit);
            let passed = boundaries.pass(start, i128::from(sample.duration));
            if plan.is_empty() || passed {
                plan.begin(SamplePosition { fragment: number, sample: position }, decode_time);
            }
            plan.add(&sample, decode_time);
            decode_time += u64::from(sample.duration);
        }
    }
    plan.finish()
}

fn starts_with_sync(fragment: &Fragment) -> bool {
    fragment.samples().next().is_some_and(|sample| sample.flags & NON_SYNC == 0)
}

fn add_samples(plan: &mut Plan, fragment: &Fragment) {
    let mut decode_time = fragment.base_decode_time();
    for sample in fragment.samples() {
        plan.add(&sample, decode_time);
        decode_time += u64::from(sample.duration);
    }
}

fn presented(decode_time: u64, composition_offset: i32, edit: Edit) -> i128 {
    i128::from(decode_time) + i128::from(composition_offset) - i128::from(edit.skip) + i128::from(edit.delay)
}

/// Where another track's segments start, and then on at their average duration: each is passed once.
struct Boundaries<'a> {
    rest: std::slice::Iter<'a, Segment>,
    /// In the other track's timescale.
    next: i128,
    /// Past the other track's end.
    in_tail: bool,
    /// Where the other track ends, and the average duration of its segments.
    other_end: i128,
    average: i128,
    /// Where this track ends, in its own timescale.
    end: i128,
    /// Ticks a second, theirs and ours.
    theirs: i128,
    ours: i128,
}

impl<'a> Boundaries<'a> {
    fn new(segments: &'a [Segment], theirs: u32, index: &TrackIndex) -> Self {
        let total: u128 = segments.iter().map(|segment| u128::from(segment.duration)).sum();
        let average = total / segments.len().max(1) as u128;
        let end = index.fragments().last().map_or(0, |last| presented(last.end_decode_time(), 0, index.edit));
        let mut boundaries = Self {
            rest: segments.iter(),
            next: 0,
            in_tail: false,
            other_end: segments.last().map_or(0, |last| i128::from(last.start) + i128::from(last.duration)),
            average: i128::try_from(average).unwrap_or(i128::MAX),
            end,
            theirs: theirs.into(),
            ours: index.timescale.into(),
        };
        // The first start is no boundary.
        boundaries.rest.next();
        boundaries.advance(0);
        boundaries
    }

    /// To the boundary after this one. In the tail it is later than `passed`, in the other track's timescale.
    fn advance(&mut self, passed: i128) {
        let regular = self.next + self.average.max(1);
        self.next = match self.rest.next() {
            Some(segment) => i128::from(segment.start),
            None if !self.in_tail => self.other_end,
            None if regular > passed => regular,
            None => passed + self.average.max(1),
        };
        self.in_tail |= self.rest.len() == 0 && self.next >= self.other_end;
    }

    /// True when a sample at `start` is the nearest to a boundary, or the first after one.
    fn pass(&mut self, start: i128, duration: i128) -> bool {
        let middle = (2 * start + duration) * self.theirs;
        let mut passed = false;
        while middle >= 2 * self.next * self.ours {
            passed |= !self.in_tail || self.is_worth_a_segment();
            self.advance(middle / (2 * self.ours));
        }
        passed
    }

    /// True when at least half a segment follows: a little more sound than picture belongs to the last segment.
    fn is_worth_a_segment(&self) -> bool {
        self.average > 0 && 2 * (self.end * self.theirs - self.next * self.ours) >= self.average * self.ours
    }
}

/// Segments being put together.
struct Plan {
    edit: Edit,
    segments: Vec<Segment>,
    /// Earliest presentation time of each segment, and the latest end of all.
    starts: Vec<i128>,
    end: i128,
}

impl Plan {
    fn new(edit: Edit) -> Self {
        Self { edit, segments: Vec::new(), starts: Vec::new(), end: 0 }
    }

    fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    fn begin(&mut self, first: SamplePosition, decode_time: u64) {
        let number = u32::try_from(self.segments.len() + 1).unwrap_or(u32::MAX);
        // A track has fewer samples than 32 bits count (`limits::MAX_TRACK_SAMPLES`).
        let first_number = self.segments.last().map_or(0, |last| last.first_number.saturating_add(last.count));
        let (start, duration, data_size, count) = (0, 0, 0, 0);
        self.segments.push(Segment { number, start, duration, decode_time, data_size, first, first_number, count });
        self.starts.push(i128::MAX);
    }

    fn add(&mut self, sample: &Sample<'_>, decode_time: u64) {
        let time = presented(decode_time, sample.composition_offset, self.edit);
        if let (Some(segment), Some(start)) = (self.segments.last_mut(), self.starts.last_mut()) {
            segment.data_size += u64::from(sample.size);
            segment.count += 1;
            *start = time.min(*start);
            self.end = self.end.max(time + i128::from(sample.duration));
        }
    }

    fn finish(mut self) -> Vec<Segment> {
        let mut end = clamp(self.end);
        for (segment, start) in self.segments.iter_mut().zip(&self.starts).rev() {
            segment.start = clamp(*start).min(end);
            segment.duration = end - segment.start;
            end = segment.start;
        }
        self.segments
    }
}

fn clamp(time: i128) -> u64 {
    u64::try_from(time.max(0)).unwrap_or(u64::MAX)
}
