//! NAL units, which AVC and HEVC samples are made of: how they lie in a sample, and the bits in them.

mod bits;

pub(crate) use bits::BitReader;
use tessera_isobmff::{Subsample, SubsampleRuns};

use crate::CodecError;

/// Divides a sample of NAL units, each behind its length. `clear_length` says how many bytes of a NAL unit, from its
/// first on, stay clear.
pub(crate) fn divide(
    sample: &[u8],
    length_size: usize,
    mut clear_length: impl FnMut(&[u8]) -> Result<usize, CodecError>,
) -> Result<Vec<Subsample>, CodecError> {
    let mut runs = SubsampleRuns::default();
    let mut rest = sample;
    while !rest.is_empty() {
        let (nal, after) = split(rest, length_size)?;
        let clear = clear_length(nal)?;
        runs.clear((length_size + clear) as u64);
        // A NAL unit's length has at most 32 bits.
        runs.protected((nal.len() - clear) as u32);
        rest = after;
    }
    Ok(runs.finish())
}

fn split(rest: &[u8], length_size: usize) -> Result<(&[u8], &[u8]), CodecError> {
    let too_long = |length| CodecError::NalLength { length, left: rest.len() };
    let (length, after) = rest.split_at_checked(length_size).ok_or_else(|| too_long(0))?;
    let length = length.iter().fold(0u64, |length, byte| length << 8 | u64::from(*byte));
    let in_memory = usize::try_from(length).ok();
    in_memory.and_then(|length| after.split_at_checked(length)).ok_or_else(|| too_long(length))
}
