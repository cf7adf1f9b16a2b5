//! Global motion (AV1 Bitstream & Decoding Process Specification §5.9.24 to §5.9.28), read for its length alone: that does
//! not depend on the motion of the frames before.

use super::references::PER_FRAME;
use crate::{CodecError, bits::BitReader};

/// Bits of a parameter without its sign: of rotation and zoom, of a translation beside them, and of one alone.
const ALPHA: u32 = 12;
const TRANSLATION: u32 = 12;
const TRANSLATION_ONLY: u32 = 9;

/// Passes over the motion of each reference.
pub(super) fn skip(bits: &mut BitReader<'_>, high_precision: bool) -> Result<(), CodecError> {
    (0..PER_FRAME).try_for_each(|_| reference(bits, high_precision))
}

fn reference(bits: &mut BitReader<'_>, high_precision: bool) -> Result<(), CodecError> {
    if !bits.flag()? {
        return Ok(());
    }
    let rotation_and_zoom = bits.flag()?;
    if !rotation_and_zoom && bits.flag()? {
        let width = TRANSLATION_ONLY - u32::from(!high_precision);
        return (0..2).try_for_each(|_| parameter(bits, width));
    }
    let shape = if rotation_and_zoom { 2 } else { 4 };
    (0..shape).try_for_each(|_| parameter(bits, ALPHA))?;
    (0..2).try_for_each(|_| parameter(bits, TRANSLATION))
}

/// `decode_signed_subexp_with_ref` of a value from `-2^width` to `2^width`.
fn parameter(bits: &mut BitReader<'_>, width: u32) -> Result<(), CodecError> {
    let count = (2 << width) + 1;
    let mut passed = 0;
    // The first two ranges are equally long, and each after them is twice as long.
    for range in 0u32.. {
        let width = 3 + range.saturating_sub(1);
        if count <= passed + (3 << width) {
            break;
        }
        if !bits.flag()? {
            return bits.skip(width);
        }
        passed += 1 << width;
    }
    bits.below(count - passed).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits that a parameter takes which begins with these, zeros after them.
    fn length(width: u32, ones: usize) -> u32 {
        let bytes: Vec<_> =
            (0..8).map(|byte| (0..8).fold(0, |b, bit| b << 1 | u8::from(byte * 8 + bit < ones))).collect();
        let mut bits = BitReader::new("test", &bytes);
        parameter(&mut bits, width).unwrap();
        let mut left = 0;
        while bits.flag().is_ok() {
            left += 1;
        }
        64 - left
    }

    #[test]
    fn ranges_of_a_parameter_grow() {
        // One bit a range, then as many as it takes: 8, 8, 16, 32, and so on of 8193 values.
        for (ones, bits) in [(0, 1 + 3), (1, 2 + 3), (2, 3 + 4), (3, 4 + 5), (9, 10 + 11)] {
            assert_eq!(length(12, ones), bits, "{ones} more ranges");
        }
        // The 4097 that are left then are one range.
        assert_eq!(length(12, 10), 10 + 12);
    }
}
