//! Quantisers of a frame and of its segments (AV1 Bitstream & Decoding Process Specification §5.9.12 to §5.9.18).

use crate::{CodecError, bits::BitReader};

/// Bits of each segmentation feature's value, and whether it has a sign.
const FEATURES: [(u32, bool); 8] =
    [(8, true), (6, true), (6, true), (6, true), (6, true), (3, false), (0, false), (0, false)];

/// What each segment adds to the frame's quantiser index, where it does: the one feature that headers depend on.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Segments([Option<i32>; 8]);

/// What later parts of the header depend on.
pub(super) struct Quantization {
    pub(super) segments: Segments,
    /// `CodedLossless`.
    pub(super) lossless: bool,
}

/// Reads all parameters of quantisers. `previous` are the segments of the primary reference frame, if there is one.
pub(super) fn parse(
    bits: &mut BitReader<'_>,
    (monochrome, separate_uv_delta_q): (bool, bool),
    previous: Option<Segments>,
    intra_block_copy: bool,
) -> Result<Quantization, CodecError> {
    let base = bits.bits(8)?;
    let mut deltas = delta(bits)? != 0;
    if !monochrome {
        let both = separate_uv_delta_q && bits.flag()?;
        for _ in 0..if both { 4 } else { 2 } {
            deltas |= delta(bits)? != 0;
        }
    }
    if bits.flag()? {
        bits.skip(if separate_uv_delta_q { 12 } else { 8 })?;
    }
    let segments = Segments::parse(bits, previous)?;
    skip_block_deltas(bits, base, intra_block_copy)?;
    let index = |segment: &Option<i32>| base.cast_signed() + segment.unwrap_or(0);
    let lossless = !deltas && segments.0.iter().all(|segment| index(segment) <= 0);
    Ok(Quantization { segments, lossless })
}

/// `read_delta_q`.
fn delta(bits: &mut BitReader<'_>) -> Result<i32, CodecError> {
    if bits.flag()? { bits.signed(7) } else { Ok(0) }
}

impl Segments {
    /// `segmentation_params`.
    fn parse(bits: &mut BitReader<'_>, previous: Option<Self>) -> Result<Self, CodecError> {
        if !bits.flag()? {
            return Ok(Self::default());
        }
        if let Some(previous) = previous {
            // The map, and whether it is predicted.
            if bits.flag()? {
                bits.flag()?;
            }
            if !bits.flag()? {
                return Ok(previous);
            }
        }
        let mut segments = Self::default();
        for segment in &mut segments.0 {
            for (feature, (width, signed)) in FEATURES.into_iter().enumerate() {
                if bits.flag()? {
                    let value = if signed { bits.signed(width + 1)? } else { bits.bits(width)?.cast_signed() };
                    *segment = if feature == 0 { Some(value) } else { *segment };
                }
            }
        }
        Ok(segments)
    }
}

/// `delta_q_params` and `delta_lf_params`.
fn skip_block_deltas(bits: &mut BitReader<'_>, base: u32, intra_block_copy: bool) -> Result<(), CodecError> {
    if base > 0 && bits.flag()? {
        bits.skip(2)?;
        if !intra_block_copy && bits.flag()? {
            bits.skip(3)?;
        }
    }
    Ok(())
}
