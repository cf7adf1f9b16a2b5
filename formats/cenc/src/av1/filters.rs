//! Loop filter, directional enhancement and restoration (AV1 Bitstream & Decoding Process Specification §5.9.11, §5.9.19,
//! §5.9.20), read for their length alone.

use tessera_isobmff::Av1SequenceHeader;

use crate::{CodecError, bits::BitReader};

/// `TOTAL_REFS_PER_FRAME` and the two modes: each may change its delta.
const DELTAS: usize = 8 + 2;

/// Passes over all of them. `lossless` is `CodedLossless`, and `all_lossless` the same of a picture that is not scaled.
pub(super) fn skip(
    bits: &mut BitReader<'_>,
    sequence: &Av1SequenceHeader,
    (lossless, all_lossless): (bool, bool),
    intra_block_copy: bool,
) -> Result<(), CodecError> {
    if !lossless && !intra_block_copy {
        loop_filter(bits, sequence.color.monochrome)?;
        if sequence.cdef {
            directional(bits, sequence.color.monochrome)?;
        }
    }
    if !all_lossless && !intra_block_copy && sequence.restoration {
        restoration(bits, sequence)?;
    }
    Ok(())
}

fn loop_filter(bits: &mut BitReader<'_>, monochrome: bool) -> Result<(), CodecError> {
    let levels = bits.bits(12)?;
    if !monochrome && levels != 0 {
        bits.skip(12)?;
    }
    bits.skip(3)?;
    if bits.flag()? && bits.flag()? {
        for _ in 0..DELTAS {
            if bits.flag()? {
                bits.skip(7)?;
            }
        }
    }
    Ok(())
}

/// `cdef_params`.
fn directional(bits: &mut BitReader<'_>, monochrome: bool) -> Result<(), CodecError> {
    bits.skip(2)?;
    let count = 1 << bits.bits(2)?;
    bits.skip(count * if monochrome { 6 } else { 12 })
}

/// `lr_params`.
fn restoration(bits: &mut BitReader<'_>, sequence: &Av1SequenceHeader) -> Result<(), CodecError> {
    let luma = bits.bits(2)? != 0;
    let chroma = !sequence.color.monochrome && bits.bits(4)? != 0;
    if luma || chroma {
        let shifted = bits.flag()?;
        if shifted && !sequence.superblocks_of_128 {
            bits.flag()?;
        }
        if chroma && sequence.color.subsampling == (true, true) {
            bits.flag()?;
        }
    }
    Ok(())
}
