//! From a VP9 sample to its subsamples.

use tessera_isobmff::{Subsample, SubsampleRuns};

use super::frame::{Sizes, header_length};
use crate::CodecError;

/// The unit of AES, in bytes.
const BLOCK: usize = 16;

/// Divides the samples of one VP9 track, in decode order, into subsamples.
///
/// Each frame of a superframe is a subsample of its own: its uncompressed header stays clear, whole blocks follow that are
/// protected, and what is left of the last one stays clear, whatever the scheme. So does the index of the superframe.
#[derive(Debug, Clone, Default)]
pub struct Vp9Subsampler {
    sizes: Sizes,
}

impl Vp9Subsampler {
    /// Before the first sample.
    pub fn new() -> Self {
        Self::default()
    }

    /// The coded data of the next sample as subsamples, which add up to its size.
    pub fn subsamples(&mut self, sample: &[u8]) -> Result<Vec<Subsample>, CodecError> {
        let mut runs = SubsampleRuns::default();
        let mut rest = sample;
        for size in frame_sizes(sample)? {
            let unfit = CodecError::FrameSize { size: size as u64, left: rest.len() };
            let (frame, after) = rest.split_at_checked(size).ok_or(unfit)?;
            self.frame(frame, &mut runs)?;
            rest = after;
        }
        runs.clear(rest.len() as u64);
        Ok(runs.finish())
    }

    fn frame(&mut self, frame: &[u8], runs: &mut SubsampleRuns) -> Result<(), CodecError> {
        if frame.is_empty() {
            return Ok(());
        }
        let coded = frame.len() - header_length(frame, &mut self.sizes)?;
        let protected = coded / BLOCK * BLOCK;
        runs.clear((frame.len() - coded) as u64);
        let unfit = CodecError::FrameSize { size: frame.len() as u64, left: 0 };
        runs.protected(u32::try_from(protected).map_err(|_| unfit)?);
        runs.clear((coded - protected) as u64);
        Ok(())
    }
}

/// The sizes of the frames of a superframe, from the index at its end (Annex B); of anything else, all of it.
fn frame_sizes(sample: &[u8]) -> Result<Vec<usize>, CodecError> {
    let whole = vec![sample.len()];
    let Some(marker) = sample.last().filter(|marker| *marker >> 5 == 0b110) else { return Ok(whole) };
    let (width, count) = (usize::from(marker >> 3 & 3) + 1, usize::from(marker & 7) + 1);
    let index = sample.len().checked_sub(2 + width * count).map(|at| &sample[at..]);
    let Some(index) = index.filter(|index| index.first() == Some(marker)) else { return Ok(whole) };
    let sizes: Vec<usize> = index[1..index.len() - 1]
        .chunks(width)
        .map(|bytes| bytes.iter().rev().fold(0, |size, byte| size << 8 | usize::from(*byte)))
        .collect();
    let (sum, left) = (sizes.iter().sum::<usize>(), sample.len() - index.len());
    match sum > left {
        true => Err(CodecError::FrameSize { size: sum as u64, left }),
        false => Ok(sizes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_frames_of_a_superframe() {
        let superframe = [&[1; 300][..], &[2; 5], &[0b1100_1001, 0x2c, 1, 5, 0, 0b1100_1001]].concat();
        assert_eq!(frame_sizes(&superframe), Ok(vec![300, 5]));
        assert_eq!(frame_sizes(&[7; 40]), Ok(vec![40]));
        // A last byte that only looks like the end of an index.
        assert_eq!(frame_sizes(&[0b1100_0000]), Ok(vec![1]));
        assert_eq!(frame_sizes(&[9, 9, 9, 0b1100_0000]), Ok(vec![4]));
        let long = [0b1100_0000, 200, 0b1100_0000];
        assert_eq!(frame_sizes(&long), Err(CodecError::FrameSize { size: 200, left: 0 }));
    }

    #[test]
    fn a_frame_that_is_shown_again_stays_clear() {
        let found = Vp9Subsampler::new().subsamples(&[0b1000_1000]);
        assert_eq!(found, Ok(vec![Subsample { clear: 1, protected: 0 }]));
        assert_eq!(Vp9Subsampler::new().subsamples(&[]), Ok(vec![Subsample { clear: 0, protected: 0 }]));
        assert!(Vp9Subsampler::new().subsamples(&[0b0100_0000]).is_err());
    }
}
