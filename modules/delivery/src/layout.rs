//! A track as one file: init segment, segment index and all segments, each where the sizes before it say.

use std::ops::Range;

use bytes::Bytes;

/// Where the parts of a track's file stand.
pub(crate) struct Layout {
    /// `ftyp` and `moov`.
    pub(crate) init: Bytes,
    /// `sidx`.
    index: Bytes,
    /// Where each segment ends.
    ends: Vec<u64>,
}

/// Something of the file that is made at once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Bytes that are there.
    Ready(Bytes),
    /// These bytes of the segment at this place.
    Segment { place: usize, range: Range<u64> },
}

impl Layout {
    /// Segments of these sizes stand behind `init` and `index`.
    pub(crate) fn new(init: Bytes, index: Bytes, sizes: &[u64]) -> Self {
        let mut at = (init.len() + index.len()) as u64;
        let ends = sizes.iter().map(|size| {
            at = at.saturating_add(*size);
            at
        });
        let ends = ends.collect();
        Self { init, index, ends }
    }

    /// Bytes of the whole file.
    pub(crate) fn size(&self) -> u64 {
        self.ends.last().copied().unwrap_or_else(|| self.segments_start())
    }

    /// The bytes of the init segment.
    pub(crate) fn init_range(&self) -> Range<u64> {
        0..self.init.len() as u64
    }

    /// The bytes of the segment index.
    pub(crate) fn index_range(&self) -> Range<u64> {
        self.init.len() as u64..self.segments_start()
    }

    /// The bytes of the segment at `place`; empty where there is none.
    pub(crate) fn segment_range(&self, place: usize) -> Range<u64> {
        let start = place.checked_sub(1).and_then(|before| self.ends.get(before).copied());
        let start = start.unwrap_or_else(|| self.segments_start());
        start..self.ends.get(place).copied().unwrap_or(start)
    }

    /// The part that the file's bytes `range` begin with, cut to them; none of an empty range, and none past the end.
    pub(crate) fn part(&self, range: &Range<u64>) -> Option<(Part, u64)> {
        let within = |whole: Range<u64>| (range.start - whole.start)..(range.end.min(whole.end) - whole.start);
        if range.is_empty() || range.start >= self.size() {
            return None;
        }
        for (bytes, whole) in [(&self.init, self.init_range()), (&self.index, self.index_range())] {
            if whole.contains(&range.start) {
                let within = within(whole.clone());
                return Some((Part::Ready(cut(bytes, &within)), within.end - within.start));
            }
        }
        let place = self.ends.partition_point(|end| *end <= range.start);
        let range = within(self.segment_range(place));
        let length = range.end - range.start;
        Some((Part::Segment { place, range }, length))
    }

    fn segments_start(&self) -> u64 {
        (self.init.len() + self.index.len()) as u64
    }
}

/// These of the bytes; the range lies within them.
pub(crate) fn cut(bytes: &Bytes, range: &Range<u64>) -> Bytes {
    let at = |position: u64| usize::try_from(position).unwrap_or(usize::MAX);
    bytes.slice(at(range.start)..at(range.end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The bytes of a file whose every byte tells which part it is of.
    fn whole(layout: &Layout) -> Vec<u8> {
        let segments = (0..layout.ends.len()).flat_map(|place| {
            let range = layout.segment_range(place);
            (0..range.end - range.start).map(move |at| (place as u64 * 31 + at) as u8)
        });
        layout.init.iter().chain(layout.index.iter()).copied().chain(segments).collect()
    }

    proptest! {
        #[test]
        fn parts_make_up_any_range(
            init in 1..20usize,
            index in 0..20usize,
            sizes in proptest::collection::vec(0..40u64, 0..8),
            (a, b) in (0..300u64, 0..300u64),
        ) {
            let bytes = |length: usize, from: u8| (0..length).map(|n| from + n as u8).collect::<Vec<u8>>();
            let layout = Layout::new(bytes(init, 100).into(), bytes(index, 200).into(), &sizes);
            let whole = whole(&layout);
            prop_assert_eq!(layout.size(), whole.len() as u64);
            let (mut rest, mut found) = (a.min(b)..a.max(b).min(layout.size()), Vec::new());
            let expected = whole.get(rest.start as usize..rest.end as usize).unwrap_or_default().to_vec();
            while let Some((part, length)) = layout.part(&rest) {
                prop_assert!(length > 0);
                match part {
                    Part::Ready(bytes) => found.extend(bytes),
                    Part::Segment { place, range } => found.extend(range.map(|at| (place as u64 * 31 + at) as u8)),
                }
                rest.start += length;
            }
            prop_assert_eq!(found, expected);
        }
    }
}
