//! Indexing a clear track file with its subsample maps.

use tessera_isobmff::{FragmentHeader, SubsampleMap, TrackIndex, TrackIndexBuilder, TrackInit, TrackPart, TrackReader};

use crate::{
    Error,
    codec::{Subsampler, subsampler},
};

/// Indexes a track file from its bytes, in chunks of any size, with memory bounded by its longest fragment.
///
/// ```no_run
/// # fn chunks() -> Vec<Vec<u8>> { Vec::new() }
/// let mut indexer = tessera_cenc::TrackIndexer::new();
/// for chunk in chunks() {
///     indexer.push(&chunk)?;
/// }
/// let index = indexer.finish()?;
/// # Ok::<(), tessera_cenc::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct TrackIndexer {
    reader: TrackReader,
    track: Option<Track>,
}

#[derive(Debug)]
struct Track {
    builder: TrackIndexBuilder,
    /// `None` for audio, which is protected as full samples.
    subsampler: Option<Box<dyn Subsampler>>,
}

impl TrackIndexer {
    /// At the start of a file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the file's next bytes; chunks of about a megabyte are a good size. Costs milliseconds of computing a chunk:
    /// not for a thread that must not block.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.reader.push(bytes);
        while let Some(part) = self.reader.next_part()? {
            match part {
                TrackPart::Init { init, size } => self.track = Some(Track::new(*init, size)?),
                TrackPart::Fragment { header, offset, size, data } => {
                    if let Some(track) = &mut self.track {
                        track.push(&header, offset, size, &data)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The index, after the file's last byte. Errors when the file is cut short or has no fragment.
    pub fn finish(self) -> Result<TrackIndex, Error> {
        self.reader.finish()?;
        let missing = tessera_isobmff::Error::UnexpectedEnd("the init segment");
        Ok(self.track.ok_or(missing)?.builder.finish()?)
    }
}

impl Track {
    fn new(init: TrackInit, size: u64) -> Result<Self, Error> {
        let subsampler = subsampler(&init)?;
        Ok(Self { builder: TrackIndexBuilder::new(init, size), subsampler })
    }

    fn push(&mut self, header: &FragmentHeader, offset: u64, size: u64, data: &[u8]) -> Result<(), Error> {
        let mut map = SubsampleMap::default();
        if let Some(subsampler) = &mut self.subsampler {
            let mut rest = data;
            for (number, sample) in header.samples.iter().enumerate() {
                // The reader gives as much data as the samples have.
                let (bytes, after) = rest.split_at((sample.size as usize).min(rest.len()));
                let subsamples = subsampler.subsamples(bytes).map_err(|source| Error::Sample {
                    sample: number,
                    fragment: offset,
                    source,
                })?;
                map.push(&subsamples)?;
                rest = after;
            }
        }
        Ok(self.builder.push(header, offset, size, map)?)
    }
}
