//! Where a track's bytes stand in its input: runs of samples that lie one after the other.

use std::iter::Peekable;

use tessera_isobmff::{MovieSample, Segment};

/// Bytes of one segment that lie in one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// Where they begin in the input.
    pub(crate) offset: u64,
    pub(crate) length: usize,
    /// The segment is complete with them.
    pub(crate) completes: bool,
}

/// The runs of a track, in decode order.
pub(crate) struct Runs<S: Iterator<Item = MovieSample>> {
    samples: Peekable<S>,
    /// Samples of each segment to come, and those of this one.
    counts: std::vec::IntoIter<u32>,
    left: u32,
}

impl<S: Iterator<Item = MovieSample>> Runs<S> {
    pub(crate) fn new(samples: S, segments: &[Segment]) -> Self {
        let counts: Vec<_> = segments.iter().map(Segment::sample_count).collect();
        Self { samples: samples.peekable(), counts: counts.into_iter(), left: 0 }
    }
}

impl<S: Iterator<Item = MovieSample>> Iterator for Runs<S> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        if self.left == 0 {
            self.left = self.counts.next()?;
        }
        let offset = self.samples.peek()?.offset;
        let mut end = offset;
        while let Some(sample) = self.samples.next_if(|sample| self.left > 0 && sample.offset == end) {
            end = end.saturating_add(u64::from(sample.size));
            self.left -= 1;
        }
        // A segment is far smaller than an address space.
        Some(Run { offset, length: (end - offset) as usize, completes: self.left == 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_end_where_bytes_or_segments_do() {
        let sample =
            |offset, size| MovieSample { offset, size, decode_time: 0, duration: 1, composition_offset: 0, sync: true };
        let samples = [sample(100, 10), sample(110, 5), sample(200, 7), sample(207, 3), sample(210, 4)];
        let mut runs = Runs { samples: samples.into_iter().peekable(), counts: vec![3, 1, 1].into_iter(), left: 0 };
        let run = |offset, length, completes| Some(Run { offset, length, completes });
        assert_eq!(runs.next(), run(100, 15, false));
        assert_eq!(runs.next(), run(200, 7, true));
        assert_eq!(runs.next(), run(207, 3, true));
        assert_eq!(runs.next(), run(210, 4, true));
        assert_eq!(runs.next(), None);
    }
}
