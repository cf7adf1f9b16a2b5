//! A track's sync samples as a track of their own, for trick play.

use super::{Bandwidth, Fragment, TrackIndex};
use crate::Error;

impl TrackIndex {
    /// The index of a track that shows this one's sync samples alone, each until the next one: I-frames of video, for
    /// seeking fast. It describes the same file, whose other samples it passes over, so that its segments are read and
    /// protected as any track's. Under `cenc` it is another track: its samples are numbered anew, so it takes an
    /// [IV prefix](crate::IvPrefix) of its own.
    ///
    /// Errors when no sample is a sync sample, or one would last longer than 32 bits of ticks count.
    pub fn sync_samples(&self) -> Result<Self, Error> {
        let mut fragments = Vec::<Fragment>::new();
        for alone in self.fragments.iter().flat_map(Fragment::sync_samples) {
            if let Some(before) = fragments.last_mut() {
                before.end_at(alone.base_decode_time())?;
            }
            fragments.push(alone);
        }
        let end = self.fragments.last().map_or(0, Fragment::end_decode_time);
        let last = fragments.last_mut().ok_or_else(|| Error::invalid(b"trun", "no sample is a sync sample"))?;
        last.end_at(end)?;
        let measured: Vec<_> = fragments.iter().map(|f| (f.range().end - f.range().start, f.duration())).collect();
        let index = Self {
            version: self.version,
            kind: self.kind,
            codec: self.codec.clone(),
            timescale: self.timescale,
            language: self.language.clone(),
            edit: self.edit,
            sample_entry: self.sample_entry.clone(),
            init_size: self.init_size,
            bandwidth: Bandwidth::measure(&measured, self.timescale),
            fragments,
        };
        index.check().map(|()| index)
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Edit,
        test_track::{init, track, video},
    };

    #[test]
    fn each_sync_sample_lasts_until_the_next_and_is_where_it_was() {
        let whole = track(init(video(), 25, Edit { skip: 0, delay: 5 }), &[(50, 1), (25, 1), (25, 2)]);
        let alone = whole.sync_samples().unwrap();
        let fragments = alone.fragments();
        assert_eq!(fragments.iter().map(|f| f.duration()).collect::<Vec<_>>(), [50, 25, 50]);
        assert_eq!(alone.duration(), whole.duration());
        assert_eq!(alone.frame_rate(), Some((1, 2)));
        for (alone, of) in fragments.iter().zip(whole.fragments()) {
            let start = of.data_range().start;
            assert_eq!(alone.data_range(), start..start + 100);
            assert_eq!(alone.samples().next().unwrap().subsamples, of.samples().next().unwrap().subsamples);
        }
        let starts = |index: &crate::TrackIndex| index.segments(2).iter().map(|s| s.start).collect::<Vec<_>>();
        assert_eq!(starts(&alone), starts(&whole), "its segments begin where the track's do");
        let segment = &alone.segments(3)[0];
        assert_eq!(segment.data_ranges(&alone).len(), 2, "what lies between is not read");
        assert_eq!(segment.data_size, 200);
    }
}
