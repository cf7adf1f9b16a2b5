//! From cues to samples.

use std::ops::Range;

use super::{TextSample, TextSegment, boxes::put};
use crate::{
    Cue, Error, Track,
    limits::{MAX_AT_ONCE, MAX_SAMPLE_BYTES, MAX_SEGMENTS, MAX_TIME},
    time::timestamp,
};

/// A walk through the cues in order, segment after segment.
struct Sweep<'a> {
    cues: &'a [Cue],
    /// The first cue that has not begun yet.
    next: usize,
    /// What is shown now, by number.
    shown: Vec<usize>,
    bytes: usize,
}

impl Track {
    /// Segments of `segment_duration`, from 0 to `duration`, both in milliseconds; the last may be shorter. Cues are cut
    /// at both. Errors when one of them is zero, when more cues are shown at once than [`MAX_AT_ONCE`], or when the
    /// samples would pass [`MAX_SAMPLE_BYTES`].
    pub fn segments(&self, segment_duration: u32, duration: u64) -> Result<Vec<TextSegment>, Error> {
        let step = u64::from(segment_duration);
        if step == 0 || duration == 0 {
            return Err(Error::Zero("the duration of segments"));
        }
        Error::check_limit("milliseconds of the duration", duration, MAX_TIME)?;
        Error::check_limit("segments", duration.div_ceil(step), MAX_SEGMENTS)?;
        let mut sweep = Sweep::new(self.cues());
        let starts = (0..duration.div_ceil(step)).map(|number| number * step);
        starts.map(|start| sweep.segment(start..duration.min(start + step))).collect()
    }

    /// One segment: what is shown within `range`, in milliseconds, as [`Track::segments`] would have it. Errors as it
    /// does, and when the range is empty or longer than 32 bits can say.
    pub fn segment(&self, range: Range<u64>) -> Result<TextSegment, Error> {
        if range.is_empty() {
            return Err(Error::Zero("the duration of segments"));
        }
        Error::check_limit("milliseconds of a segment", range.end - range.start, u32::MAX.into())?;
        Sweep::new(self.cues()).segment(range)
    }
}

impl<'a> Sweep<'a> {
    fn new(cues: &'a [Cue]) -> Self {
        Self { cues, next: 0, shown: Vec::new(), bytes: 0 }
    }

    /// The samples of the next segment. Its range is not empty and no longer than 32 bits can say.
    fn segment(&mut self, range: Range<u64>) -> Result<TextSegment, Error> {
        let mut samples = Vec::new();
        let mut now = range.start;
        while now < range.end {
            self.advance(now)?;
            let ends = self.shown.iter().map(|number| self.cues[*number].end());
            let begins = self.cues.get(self.next).map(Cue::start);
            let until = ends.chain(begins).fold(range.end, u64::min);
            let data = self.sample(now..until);
            self.bytes += data.len();
            Error::check_limit("bytes of samples", self.bytes as u64, MAX_SAMPLE_BYTES as u64)?;
            samples.push(TextSample { duration: (until - now) as u32, data });
            now = until;
        }
        Ok(TextSegment { start: range.start, samples })
    }

    /// Takes in what has begun by `now`, and drops what is over.
    fn advance(&mut self, now: u64) -> Result<(), Error> {
        self.shown.retain(|number| self.cues[*number].end() > now);
        while let Some(cue) = self.cues.get(self.next).filter(|cue| cue.start() <= now) {
            if cue.end() > now {
                self.shown.push(self.next);
                Error::check_limit("cues shown at once", self.shown.len() as u64, MAX_AT_ONCE as u64)?;
            }
            self.next += 1;
        }
        Ok(())
    }

    fn sample(&self, range: Range<u64>) -> Vec<u8> {
        let mut data = Vec::new();
        if self.shown.is_empty() {
            put(&mut data, b"vtte", &[]);
        }
        for number in &self.shown {
            put(&mut data, b"vttc", &cue_boxes(*number, &self.cues[*number], &range));
        }
        data
    }
}

/// The content of a `vttc` box in the order of ISO/IEC 14496-30 §7.4. A cue that other samples hold too names its source,
/// by which they are found to be one, and one with times inside names the sample's own time.
fn cue_boxes(number: usize, cue: &Cue, sample: &Range<u64>) -> Vec<u8> {
    let mut boxes = Vec::new();
    if (cue.start(), cue.end()) != (sample.start, sample.end) {
        // A track has at most 2^17 cues.
        put(&mut boxes, b"vsid", &(number as u32).to_be_bytes());
    }
    if let Some(id) = cue.id() {
        put(&mut boxes, b"iden", id.as_bytes());
    }
    if cue.text().has_times() {
        put(&mut boxes, b"ctim", timestamp(sample.start).as_bytes());
    }
    if !cue.settings().as_str().is_empty() {
        put(&mut boxes, b"sttg", cue.settings().as_str().as_bytes());
    }
    put(&mut boxes, b"payl", cue.text().as_str().as_bytes());
    boxes
}
