//! Encrypting the data of a media segment.

use tessera_isobmff::{IvPrefix, Protection, Sample, Scheme, Segment, TrackIndex};

use crate::{CbcsCipher, CencCipher, Error, Pattern};

/// A key made ready for the segments of a track, or under `cbcs` of all tracks.
#[derive(Debug, Clone)]
pub struct SegmentCipher {
    scheme: Scheme,
    cipher: Cipher,
}

#[derive(Debug, Clone)]
enum Cipher {
    Cbcs(CbcsCipher),
    Cenc(CencCipher, IvPrefix),
}

#[derive(Clone, Copy)]
enum Direction {
    Encrypt,
    Decrypt,
}

impl SegmentCipher {
    /// Expands `key` for the scheme and IVs of `protection`.
    pub fn new(key: &[u8; 16], protection: &Protection) -> Self {
        let cipher = match protection.scheme {
            Scheme::Cbcs { iv } => Cipher::Cbcs(CbcsCipher::new(key, &iv)),
            Scheme::Cenc { iv_prefix } => Cipher::Cenc(CencCipher::new(key), iv_prefix),
        };
        Self { scheme: protection.scheme, cipher }
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
        for (number, sample) in (segment.first_sample()..).zip(segment.samples(index)) {
            let (bytes, rest) = data.split_at_mut(sample.size as usize);
            self.sample(number, &sample, index.kind.is_video(), bytes, direction);
            data = rest;
        }
        Ok(())
    }

    fn sample(&self, number: u32, sample: &Sample<'_>, video: bool, bytes: &mut [u8], direction: Direction) {
        let pattern = if video { Pattern::OneInTen } else { Pattern::Full };
        match (&self.cipher, direction) {
            (Cipher::Cbcs(cbcs), Direction::Encrypt) => {
                self.ranges(sample, video, bytes, |range| cbcs.encrypt(range, pattern));
            }
            (Cipher::Cbcs(cbcs), Direction::Decrypt) => {
                self.ranges(sample, video, bytes, |range| cbcs.decrypt(range, pattern));
            }
            (Cipher::Cenc(cenc, iv_prefix), Direction::Encrypt | Direction::Decrypt) => {
                let mut stream = cenc.sample(&iv_prefix.sample_iv(number));
                self.ranges(sample, video, bytes, |range| stream.apply(range));
            }
        }
    }

    /// Calls `change` for each protected range of a sample.
    fn ranges(&self, sample: &Sample<'_>, video: bool, mut bytes: &mut [u8], mut change: impl FnMut(&mut [u8])) {
        if !video {
            return change(bytes);
        }
        for subsample in self.scheme.subsamples(sample.subsamples).iter() {
            let (_, rest) = bytes.split_at_mut(usize::from(subsample.clear));
            let (protected, rest) = rest.split_at_mut(subsample.protected as usize);
            change(protected);
            bytes = rest;
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
