//! Bits of headers that have no emulation prevention (AV1 Bitstream & Decoding Process Specification §4.10).

use crate::CodecError;

/// Reads bits, the highest of a byte first.
pub(crate) struct BitReader<'a> {
    structure: &'static str,
    bytes: &'a [u8],
    /// In bits.
    position: usize,
}

impl<'a> BitReader<'a> {
    /// Reads `bytes`; `structure` names them in errors.
    pub(crate) fn new(structure: &'static str, bytes: &'a [u8]) -> Self {
        Self { structure, bytes, position: 0 }
    }

    /// Bytes that hold what was read, the partly read one included.
    pub(crate) fn bytes_read(&self) -> usize {
        self.position.div_ceil(8)
    }

    /// One bit, `f(1)`.
    pub(crate) fn flag(&mut self) -> Result<bool, CodecError> {
        let byte = self.bytes.get(self.position / 8).ok_or(CodecError::Truncated(self.structure))?;
        let bit = byte >> (7 - self.position % 8) & 1;
        self.position += 1;
        Ok(bit == 1)
    }

    /// At most 32 bits, `f(n)`.
    pub(crate) fn bits(&mut self, count: u32) -> Result<u32, CodecError> {
        (0..count).try_fold(0, |value, _| Ok(value << 1 | u32::from(self.flag()?)))
    }

    /// Passes over bits whose values do not matter.
    pub(crate) fn skip(&mut self, count: u32) -> Result<(), CodecError> {
        (0..count).try_for_each(|_| self.flag().map(|_| ()))
    }

    /// At most 31 bits with a sign, `su(n)`.
    pub(crate) fn signed(&mut self, count: u32) -> Result<i32, CodecError> {
        let value = i64::from(self.bits(count)?);
        let sign = 1 << (count - 1);
        // Within 31 bits and a sign.
        Ok((if value & sign == 0 { value } else { value - 2 * sign }) as i32)
    }

    /// A value below `limit`, which is at least 1, in as few bits as it takes, `ns(n)`.
    pub(crate) fn below(&mut self, limit: u32) -> Result<u32, CodecError> {
        let width = u32::BITS - limit.leading_zeros();
        let short = (1 << width) - limit;
        let value = self.bits(width - 1)?;
        if value < short { Ok(value) } else { Ok((value << 1) - short + self.bits(1)?) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_signed_values_and_values_below_a_limit() {
        let mut bits = BitReader::new("test", &[0b1000_0000, 0b0111_1111, 0b1111_1110]);
        assert_eq!(bits.signed(7), Ok(-64));
        assert_eq!(bits.signed(9), Ok(127));
        assert_eq!(bits.signed(7), Ok(-1));
        assert_eq!(bits.bytes_read(), 3);
        // Of five values, three take two bits.
        let mut bits = BitReader::new("test", &[0b0001_1011, 0b1110_0000]);
        let values: Vec<_> = (0..4).map(|_| bits.below(5).unwrap()).collect();
        assert_eq!(values, [0, 1, 2, 4]);
        let mut bits = BitReader::new("test", &[]);
        assert_eq!(bits.below(1), Ok(0));
        assert_eq!(bits.flag(), Err(CodecError::Truncated("test")));
    }
}
