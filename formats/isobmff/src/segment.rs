//! Dividing a track into media segments.

mod plan;
#[cfg(test)]
mod plan_tests;

use std::ops::Range;

use crate::{Bandwidth, Error, Sample, TrackIndex};

/// A media segment: consecutive samples of one track.
///
/// Times are in the track's timescale. `start` and `duration` are presentation time, with the edit list applied and
/// never before zero; they follow each other without gap, and are what `EXTINF` and `SegmentTimeline` declare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Counted from 1: `$Number$`.
    pub number: u32,
    /// When its first picture is shown or its first sound heard.
    pub start: u64,
    /// Until the next segment starts.
    pub duration: u64,
    /// Decode time of its first sample, as `tfdt` has it.
    pub decode_time: u64,
    /// Bytes of its samples.
    pub data_size: u64,
    first: SamplePosition,
    first_number: u32,
    count: u32,
}

/// A sample by its fragment and its place in there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct SamplePosition {
    fragment: u32,
    sample: u32,
}

impl Segment {
    /// How many samples it has.
    pub fn sample_count(&self) -> u32 {
        self.count
    }

    /// The number in the track file of its first sample, counted from 0.
    pub fn first_sample(&self) -> u32 {
        self.first_number
    }

    /// Its samples in decode order. Ends early on an index other than the one it was planned on.
    pub fn samples<'a>(&self, index: &'a TrackIndex) -> impl Iterator<Item = Sample<'a>> {
        let fragments = index.fragments().iter().skip(self.first.fragment as usize);
        fragments.flat_map(|f| f.samples()).skip(self.first.sample as usize).take(self.count as usize)
    }

    /// Where its samples' bytes stand in the track file: read in this order and joined, they are the segment's data.
    pub fn data_ranges(&self, index: &TrackIndex) -> Vec<Range<u64>> {
        let mut ranges = Vec::<Range<u64>>::new();
        let mut wanted = self.data_size;
        let fragments = index.fragments().iter().skip(self.first.fragment as usize);
        for (position, fragment) in fragments.enumerate() {
            let all = fragment.data_range();
            let skipped = if position == 0 { self.bytes_before(fragment) } else { 0 };
            let start = all.start.saturating_add(skipped).min(all.end);
            let length = wanted.min(all.end - start);
            if length > 0 {
                ranges.push(start..start + length);
                wanted -= length;
            }
            if wanted == 0 {
                break;
            }
        }
        ranges
    }

    /// The samples that hold the bytes `range` of its data, and how many of its bytes stand before them: a part that is read
    /// and protected by itself, to the same bytes. It keeps the number, and no times of its own: it is not to be served
    /// as a segment.
    pub fn covering(&self, index: &TrackIndex, range: Range<u64>) -> (Self, u64) {
        let mut part = Self { count: 0, data_size: 0, ..self.clone() };
        let (mut at, mut before) = (0u64, 0);
        for (number, (position, sample)) in (self.first_number..).zip(self.positions(index)) {
            let end = at.saturating_add(u64::from(sample.size));
            if at >= range.end {
                break;
            }
            if end > range.start {
                if part.count == 0 {
                    (part.first, part.first_number, before) = (position, number, at);
                }
                part.count += 1;
                part.data_size += u64::from(sample.size);
            }
            at = end;
        }
        (part, before)
    }

    /// Its samples, each with its place in the index.
    fn positions<'a>(&self, index: &'a TrackIndex) -> impl Iterator<Item = (SamplePosition, Sample<'a>)> {
        let first = self.first;
        let fragments = (first.fragment..).zip(index.fragments().iter().skip(first.fragment as usize));
        let samples = fragments.flat_map(move |(fragment, of)| {
            let skipped = if fragment == first.fragment { first.sample } else { 0 };
            let places = (0..).map(move |sample| SamplePosition { fragment, sample });
            places.zip(of.samples()).skip(skipped as usize)
        });
        samples.take(self.count as usize)
    }

    fn bytes_before(&self, fragment: &crate::Fragment) -> u64 {
        fragment.samples().take(self.first.sample as usize).map(|sample| u64::from(sample.size)).sum()
    }
}

impl TrackIndex {
    /// Divides a track into segments of whole fragments, each as near to `target` seconds as its fragments allow and
    /// beginning with a sync sample. For video, whose fragments are groups of pictures, and for audio without video.
    pub fn segments(&self, target: u32) -> Vec<Segment> {
        plan::whole_fragments(self, u64::from(target) * u64::from(self.timescale))
    }

    /// Divides a track at the samples nearest to where the segments of another track start: for audio beside video.
    ///
    /// Starts and durations are this track's own, so they differ from the other's by up to half a sample. Where this
    /// track goes on for longer, so do its segments.
    pub fn segments_aligned_to(&self, other: &TrackIndex, segments: &[Segment]) -> Vec<Segment> {
        plan::aligned(self, segments, other.timescale)
    }

    /// The bit rates of `segments` as they are served, headers included. Errors as [`TrackIndex::segment_size`] does.
    pub fn bandwidth_of(
        &self,
        segments: &[Segment],
        protection: Option<&crate::Protection>,
    ) -> Result<Bandwidth, Error> {
        let measured = segments.iter().map(|s| Ok((self.segment_size(s, protection)?, s.duration)));
        Ok(Bandwidth::measure(&measured.collect::<Result<Vec<_>, Error>>()?, self.timescale))
    }
}
