//! Building an index, fragment after fragment.

use super::{Bandwidth, Fragment, SubsampleMap, TrackIndex, VERSION};
use crate::{Error, FragmentHeader, TrackInit, limits};

/// Builds a [`TrackIndex`] from the parts of a [`crate::TrackReader`].
#[derive(Debug)]
pub struct TrackIndexBuilder {
    index: TrackIndex,
    samples: usize,
}

impl TrackIndexBuilder {
    /// Begins with the init segment, whose `ftyp` and `moov` are `init_size` bytes.
    pub fn new(init: TrackInit, init_size: u64) -> Self {
        let index = TrackIndex {
            version: VERSION,
            kind: init.kind,
            codec: init.codec,
            timescale: init.timescale,
            language: init.language,
            edit: init.edit,
            sample_entry: init.sample_entry,
            init_size,
            bandwidth: Bandwidth::default(),
            fragments: Vec::new(),
        };
        Self { index, samples: 0 }
    }

    /// Adds the next fragment, `size` bytes at `offset` of the file, with the subsamples of its samples (an empty map for
    /// tracks that are protected as full samples). A gap between fragments lengthens the sample before it.
    ///
    /// Errors when decode times run backwards, the map does not fit the samples, or a limit is exceeded.
    pub fn push(
        &mut self,
        header: &FragmentHeader,
        offset: u64,
        size: u64,
        subsamples: SubsampleMap,
    ) -> Result<(), Error> {
        let fragment = Fragment::new(header, offset, size, subsamples)?;
        self.samples += fragment.sample_count();
        let fragments = &mut self.index.fragments;
        Error::check_limit("fragments in a track", fragments.len() as u64 + 1, limits::MAX_FRAGMENTS as u64)?;
        Error::check_limit("samples in a track", self.samples as u64, limits::MAX_TRACK_SAMPLES as u64)?;
        if let Some(previous) = fragments.last_mut() {
            previous.end_at(fragment.base_decode_time())?;
        }
        fragments.push(fragment);
        Ok(())
    }

    /// The finished index. Errors when there was no fragment.
    pub fn finish(mut self) -> Result<TrackIndex, Error> {
        if self.index.fragments.is_empty() {
            return Err(Error::Missing { parent: b"file".into(), child: b"moof".into() });
        }
        let fragments = self.index.fragments.iter();
        let measured: Vec<_> = fragments.map(|f| (f.range().end - f.range().start, f.duration())).collect();
        self.index.bandwidth = Bandwidth::measure(&measured, self.index.timescale);
        self.index.check()?;
        Ok(self.index)
    }
}
