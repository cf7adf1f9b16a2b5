//! Where segments are and when they play (ISO/IEC 23009-1 §5.3.9.4, §5.3.9.6).

use crate::{
    Error,
    xml::{Tag, Xml},
};

/// How the segments of representations are addressed and timed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentTemplate {
    /// Units of the timeline in a second.
    pub timescale: u32,
    /// URI of the init segment; `$RepresentationID$` stands for the representation's id.
    pub initialization: String,
    /// URI of the segments, with `$Number$` (from 1) or `$Time$`.
    pub media: String,
    /// The segments in order.
    pub segments: Vec<TimelineSegment>,
}

/// One segment of a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimelineSegment {
    /// When it starts, in presentation time.
    pub start: u64,
    /// How long it plays.
    pub duration: u64,
}

/// Equal segments in a row: one `S` element.
struct Run {
    first: TimelineSegment,
    repeats: u64,
    end: u64,
}

impl SegmentTemplate {
    pub(crate) fn write(&self, xml: &mut Xml) -> Result<(), Error> {
        if self.timescale == 0 {
            return Err(Error::Zero("the timescale"));
        }
        if self.segments.is_empty() {
            return Err(Error::Empty("segment"));
        }
        if !self.media.contains("$Number") && !self.media.contains("$Time") {
            return Err(Error::NotTemplate(self.media.clone()));
        }
        let tag = Tag::new("SegmentTemplate").plain("timescale", self.timescale);
        let tag = tag.text("initialization", &self.initialization)?.text("media", &self.media)?.plain("startNumber", 1);
        xml.element(tag, |xml| {
            xml.element(Tag::new("SegmentTimeline"), |xml| {
                let mut end = None;
                for run in self.runs() {
                    // Without t, a segment starts where the one before it ends.
                    let start = (end != Some(run.first.start)).then_some(run.first.start);
                    let repeats = (run.repeats > 0).then_some(run.repeats);
                    let tag = Tag::new("S").optional("t", start).plain("d", run.first.duration);
                    xml.empty(tag.optional("r", repeats));
                    end = Some(run.end);
                }
                Ok(())
            })
        })
    }

    /// Whether all segments of both begin and end at the same times.
    pub(crate) fn is_aligned(&self, other: &Self) -> bool {
        let scaled = |ticks: u64, timescale: u32| u128::from(ticks) * u128::from(timescale);
        let equal = |first: u64, second: u64| scaled(first, other.timescale) == scaled(second, self.timescale);
        self.segments.len() == other.segments.len()
            && self
                .segments
                .iter()
                .zip(&other.segments)
                .all(|(first, second)| equal(first.start, second.start) && equal(first.duration, second.duration))
    }

    fn runs(&self) -> Vec<Run> {
        let mut runs = Vec::<Run>::new();
        for segment in &self.segments {
            let end = segment.start.saturating_add(segment.duration);
            match runs.last_mut() {
                Some(run) if run.end == segment.start && run.first.duration == segment.duration => {
                    run.repeats += 1;
                    run.end = end;
                }
                _ => runs.push(Run { first: *segment, repeats: 0, end }),
            }
        }
        runs
    }
}
