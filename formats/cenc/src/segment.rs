//! Encrypting the data of a media segment.

use tessera_isobmff::{Protection, Sample, Scheme, Segment, TrackIndex};

use crate::{CbcsCipher, Error, Pattern};

/// A key made ready for the segments of its tracks.
#[derive(Debug, Clone)]
pub struct SegmentCipher {
    cbcs: CbcsCipher,
}

#[derive(Clone, Copy)]
enum Direction {
    Encrypt,
    Decrypt,
}

impl SegmentCipher {
    /// Expands `key` for the scheme and IV of `protection`.
    pub fn new(key: &[u8; 16], protection: &Protection) -> Self {
        match protection.scheme {
            Scheme::Cbcs => Self { cbcs: CbcsCipher::new(key, &protection.iv) },
        }
    }

    /// Encrypts the data of `segment` in place: the joined bytes of [`Segment::data_ranges`]. It keeps its size.
    ///
    /// Errors when `data` has another size, or when video has no subsample map; then nothing was changed.
    pub fn encrypt(&self, index: &TrackIndex, segment: &Segment, data: &mut [u8]) -> Result<(), Error> {
        self.apply(index, segment, data, Direction::Encrypt)
    }

    /// Undoes [`SegmentCipher::encrypt`], with the same errors.
    pub fn decrypt(&self, index: &TrackIndex, segment: &Segment, data: &mut [u8]) -> Result<(), Error> {
        self.apply(index, segment, data, Direction::Decrypt)
    }

    fn apply(
        &self,
        index: &TrackIndex,
        segment: &Segment,
        mut data: &mut [u8],
        direction: Direction,
    ) -> Result<(), Error> {
        check(index, segment, data.len() as u64)?;
        for sample in segment.samples(index) {
            let (bytes, rest) = data.split_at_mut(sample.size as usize);
            self.sample(&sample, index.kind.is_video(), bytes, direction);
            data = rest;
        }
        Ok(())
    }

    fn sample(&self, sample: &Sample<'_>, video: bool, mut bytes: &mut [u8], direction: Direction) {
        if !video {
            return self.range(bytes, Pattern::Full, direction);
        }
        for subsample in sample.subsamples {
            let (_, rest) = bytes.split_at_mut(usize::from(subsample.clear));
            let (protected, rest) = rest.split_at_mut(subsample.protected as usize);
            self.range(protected, Pattern::OneInTen, direction);
            bytes = rest;
        }
    }

    fn range(&self, bytes: &mut [u8], pattern: Pattern, direction: Direction) {
        match direction {
            Direction::Encrypt => self.cbcs.encrypt(bytes, pattern),
            Direction::Decrypt => self.cbcs.decrypt(bytes, pattern),
        }
    }
}

/// Checks all that could go wrong, so that nothing is half encrypted. An index's subsamples add up to their samples
/// whenever there are any.
fn check(index: &TrackIndex, segment: &Segment, got: u64) -> Result<(), Error> {
    let expected: u64 = segment.samples(index).map(|sample| u64::from(sample.size)).sum();
    if expected != got {
        return Err(Error::DataSize { expected, got });
    }
    match index.kind.is_video() && segment.samples(index).any(|sample| sample.subsamples.is_empty()) {
        true => Err(Error::NoSubsamples(segment.number)),
        false => Ok(()),
    }
}
