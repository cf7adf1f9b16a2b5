//! Film grain parameters (AV1 Bitstream & Decoding Process Specification §5.9.30), read for their length alone.

use tessera_isobmff::Av1SequenceHeader;

use super::frame::FrameType;
use crate::{CodecError, bits::BitReader};

/// Passes over the parameters of a frame that is or can be shown.
pub(super) fn skip(
    bits: &mut BitReader<'_>,
    sequence: &Av1SequenceHeader,
    frame_type: FrameType,
) -> Result<(), CodecError> {
    if !sequence.film_grain || !bits.flag()? {
        return Ok(());
    }
    // The seed.
    bits.skip(16)?;
    if frame_type == FrameType::Inter && !bits.flag()? {
        // The reference that has the parameters.
        return bits.skip(3);
    }
    let color = &sequence.color;
    let luma = points(bits)?;
    let from_luma = !color.monochrome && bits.flag()?;
    let none = color.monochrome || from_luma || (color.subsampling == (true, true) && luma == 0);
    let (blue, red) = if none { (0, 0) } else { (points(bits)?, points(bits)?) };
    bits.skip(2)?;
    let lag = bits.bits(2)?;
    let luma_coefficients = 2 * lag * (lag + 1);
    let chroma_coefficients = luma_coefficients + u32::from(luma > 0);
    bits.skip(if luma > 0 { 8 * luma_coefficients } else { 0 })?;
    for count in [blue, red] {
        bits.skip(if from_luma || count > 0 { 8 * chroma_coefficients } else { 0 })?;
    }
    bits.skip(4)?;
    for count in [blue, red] {
        bits.skip(if count > 0 { 8 + 8 + 9 } else { 0 })?;
    }
    bits.skip(2)
}

/// Passes over the points of a scaling function, and returns how many there are.
fn points(bits: &mut BitReader<'_>) -> Result<u32, CodecError> {
    let count = bits.bits(4)?;
    bits.skip(16 * count).map(|()| count)
}
