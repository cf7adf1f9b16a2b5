//! Where samples stand in the file, and whether that is media and nobody else's.

use super::problem::{COPY_AGAIN, Problems, WRITE_AGAIN};
use crate::limits;

/// Bytes of the file from `start` to `end`, which the box at `described_at` says to be samples of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Extent {
    start: u64,
    end: u64,
    track_id: u32,
    described_at: u64,
}

/// Samples of the whole file, those that follow each other taken together.
#[derive(Debug, Default)]
pub(super) struct Extents {
    samples: Vec<Extent>,
    /// Contents of `mdat` boxes, in order.
    media: Vec<(u64, u64)>,
}

impl Extents {
    /// Notes the content of an `mdat`.
    pub(super) fn media(&mut self, start: u64, end: u64) {
        self.media.push((start, end));
    }

    /// Notes samples. Only the first [`limits::MAX_INSPECTED_RUNS`] runs of them are checked.
    pub(super) fn samples(&mut self, (start, end): (u64, u64), track_id: u32, described_at: u64) {
        let full = self.samples.len() >= limits::MAX_INSPECTED_RUNS;
        match self.samples.last_mut() {
            Some(last) if last.end == start && last.track_id == track_id && last.described_at == described_at => {
                last.end = end;
            }
            _ if start < end && !full => {
                self.samples.push(Extent { start, end, track_id, described_at });
            }
            _ => {}
        }
    }

    /// Says which samples are not in the media of a file of this size, and which lie over each other.
    pub(super) fn check(mut self, size: u64, problems: &mut Problems) {
        for extent in &self.samples {
            let Extent { start, end, track_id, described_at } = *extent;
            let media = self.media.partition_point(|(_, end)| *end <= start);
            if end > size {
                let problem =
                    format!("samples of track {track_id} at bytes {start} to {end}, past the end of the file");
                problems.add(described_at, b"file", problem, COPY_AGAIN);
            } else if self.media.get(media).is_none_or(|(from, to)| start < *from || end > *to) {
                let problem =
                    format!("samples of track {track_id} at bytes {start} to {end}, which are not in one 'mdat'");
                problems.add(described_at, b"file", problem, WRITE_AGAIN);
            }
        }
        self.samples.sort_unstable();
        for pair in self.samples.windows(2) {
            let [first, second] = pair else { continue };
            if second.start < first.end {
                let problem = format!(
                    "samples of tracks {} and {} lie over each other from byte {} on",
                    first.track_id, second.track_id, second.start
                );
                problems.add(second.described_at, b"file", problem, WRITE_AGAIN);
            }
        }
    }
}
