//! The segment index of a track in one file (ISO/IEC 14496-12 §8.16.3).

use super::{init::TRACK_ID, sink::Sink};
use crate::{Error, Segment, TrackIndex};

/// Sample flag `sample_is_non_sync_sample` (ISO/IEC 14496-12 §8.8.3.1).
const NON_SYNC: u32 = 0x1_0000;
/// Header, version and flags, reference id, timescale, two 64-bit fields, reserved and count.
const FIXED: u64 = 8 + 4 + 4 + 4 + 16 + 4;
const REFERENCE: u64 = 12;
/// `starts_with_SAP` with `SAP_type` 1: the first sample can be decoded, and all after it in decode order.
const STARTS_WITH_SAP: u32 = 0x9000_0000;

impl TrackIndex {
    /// How long [`TrackIndex::segment_index`] is for so many segments, in bytes.
    pub fn segment_index_size(segments: usize) -> u64 {
        FIXED + REFERENCE * segments as u64
    }

    /// The `sidx` box that stands right before the first of `segments`, each with its size in bytes as it is written:
    /// times are presentation times, with the edit list applied.
    ///
    /// Errors when a size or duration does not fit its field, or when there are more segments than 65,535.
    pub fn segment_index(&self, segments: &[(Segment, u64)]) -> Result<Vec<u8>, Error> {
        let count = u16::try_from(segments.len()).map_err(|_| Error::Limit {
            what: "segments in a segment index",
            got: segments.len() as u64,
            limit: u16::MAX.into(),
        })?;
        let mut sink = Sink::default();
        let mut written = Ok(());
        sink.full_box(b"sidx", 1, 0, |sink| {
            sink.u32(TRACK_ID);
            sink.u32(self.timescale);
            sink.u64(segments.first().map_or(0, |(segment, _)| segment.start));
            // The first segment follows at once.
            sink.u64(0);
            sink.u16(0);
            sink.u16(count);
            written = segments.iter().try_for_each(|(segment, size)| self.reference(sink, segment, *size));
        });
        written.map(|()| sink.into_bytes())
    }

    fn reference(&self, sink: &mut Sink, segment: &Segment, size: u64) -> Result<(), Error> {
        let unfit = |rule| Error::invalid(b"sidx", rule);
        let size = u32::try_from(size).ok().filter(|size| *size < 1 << 31);
        sink.u32(size.ok_or_else(|| unfit("a segment has less than 2^31 bytes"))?);
        let duration = u32::try_from(segment.duration);
        sink.u32(duration.map_err(|_| unfit("a segment's duration has 32 bits"))?);
        let sync = segment.samples(self).next().is_some_and(|sample| sample.flags & NON_SYNC == 0);
        sink.u32(if sync { STARTS_WITH_SAP } else { 0 });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Boxes, Edit,
        test_track::{audio, init, track, video},
    };

    #[test]
    fn says_where_and_when_each_segment_is() {
        let index = track(init(video(), 25, Edit { skip: 0, delay: 5 }), &[(50, 1), (20, 1)]);
        let sized: Vec<_> = index.segments(2).into_iter().zip([9_000, 300]).collect();
        let bytes = index.segment_index(&sized).unwrap();
        assert_eq!(bytes.len() as u64, TrackIndex::segment_index_size(2));
        let payload = Boxes::new(b"file", &bytes).only(b"sidx").unwrap().payload;
        let words: Vec<_> = payload.chunks(4).map(|word| u32::from_be_bytes(word.try_into().unwrap())).collect();
        let fixed = [1 << 24, 1, 25, 0, 5, 0, 0, 2];
        let references = [9_000, 50, STARTS_WITH_SAP, 300, 20, STARTS_WITH_SAP];
        assert_eq!(words, [fixed.as_slice(), &references].concat());
    }

    #[test]
    fn what_does_not_fit_its_field_is_refused() {
        let index = track(init(audio(), 48_000, Edit::default()), &[(1, 1)]);
        let segment = index.segments(1).remove(0);
        let mut endless = segment.clone();
        endless.duration = 1 << 32;
        for segments in [vec![(segment.clone(), 1 << 31)], vec![(endless, 1)], vec![(segment, 1); 1 << 16]] {
            assert!(index.segment_index(&segments).is_err());
        }
    }
}
