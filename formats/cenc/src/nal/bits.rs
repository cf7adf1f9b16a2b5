//! Bits of a NAL unit, emulation prevention removed (ITU-T H.264 §7.4.1, §9.1; ITU-T H.265 §7.4.2, §9.2).

use crate::CodecError;

/// Reads bits and keeps count of the bytes they came from, emulation prevention bytes included.
pub(crate) struct BitReader<'a> {
    structure: &'static str,
    bytes: &'a [u8],
    /// Bytes read so far.
    position: usize,
    /// Zero bytes right before `position`.
    zeros: u8,
    current: u8,
    /// Unread bits of `current`.
    left: u8,
}

impl<'a> BitReader<'a> {
    /// Reads `bytes`, which follow the header of a NAL unit; `structure` names them in errors.
    pub(crate) fn new(structure: &'static str, bytes: &'a [u8]) -> Self {
        Self { structure, bytes, position: 0, zeros: 0, current: 0, left: 0 }
    }

    /// Bytes that hold what was read, the partly read one and the emulation prevention bytes before it included.
    pub(crate) fn bytes_read(&self) -> usize {
        self.position
    }

    fn byte(&mut self) -> Result<u8, CodecError> {
        let byte = *self.bytes.get(self.position).ok_or(CodecError::Truncated(self.structure))?;
        self.position += 1;
        Ok(byte)
    }

    fn refill(&mut self) -> Result<(), CodecError> {
        let mut byte = self.byte()?;
        if byte == 3 && self.zeros >= 2 {
            self.zeros = 0;
            byte = self.byte()?;
        }
        self.zeros = if byte == 0 { self.zeros.saturating_add(1) } else { 0 };
        (self.current, self.left) = (byte, 8);
        Ok(())
    }

    /// One bit, `u(1)`.
    pub(crate) fn flag(&mut self) -> Result<bool, CodecError> {
        if self.left == 0 {
            self.refill()?;
        }
        self.left -= 1;
        Ok(self.current >> self.left & 1 == 1)
    }

    /// At most 32 bits, `u(n)`.
    pub(crate) fn bits(&mut self, count: u32) -> Result<u32, CodecError> {
        (0..count).try_fold(0, |value, _| Ok(value << 1 | u32::from(self.flag()?)))
    }

    /// An Exp-Golomb code, `ue(v)`.
    pub(crate) fn ue(&mut self) -> Result<u32, CodecError> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros == 32 {
                return Err(CodecError::OutOfRange { element: "an Exp-Golomb code", value: u32::MAX });
            }
        }
        Ok((1 << zeros) - 1 + self.bits(zeros)?)
    }

    /// An Exp-Golomb code of at most `limit`; `element` names it in errors.
    pub(crate) fn ue_up_to(&mut self, element: &'static str, limit: u32) -> Result<u32, CodecError> {
        match self.ue()? {
            value if value > limit => Err(CodecError::OutOfRange { element, value }),
            value => Ok(value),
        }
    }

    /// A signed Exp-Golomb code, `se(v)`.
    pub(crate) fn se(&mut self) -> Result<i64, CodecError> {
        let code = i64::from(self.ue()?);
        Ok(if code % 2 == 1 { (code + 1) / 2 } else { -(code / 2) })
    }

    /// Passes over signed codes whose values do not matter.
    pub(crate) fn skip_se(&mut self, count: u32) -> Result<(), CodecError> {
        (0..count).try_for_each(|_| self.se().map(|_| ()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_exp_golomb_codes() {
        // 1 010 011 00100 00101 0001000, as in ITU-T H.264 table 9-2.
        let mut bits = BitReader::new("test", &[0b1010_0110, 0b0100_0010, 0b1000_1000]);
        let codes: Vec<_> = (0..6).map(|_| bits.ue().unwrap()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 7]);
        let mut bits = BitReader::new("test", &[0b1010_0110, 0b0100_0010, 0b1000_1000]);
        let codes: Vec<_> = (0..6).map(|_| bits.se().unwrap()).collect();
        assert_eq!(codes, [0, 1, -1, 2, -2, 4]);
    }

    #[test]
    fn counts_emulation_prevention_bytes_only_once_they_are_passed() {
        let mut bits = BitReader::new("test", &[0xff, 0, 0, 3, 1, 0, 0, 3]);
        assert_eq!(bits.bits(24), Ok(0xff_0000));
        assert_eq!(bits.bytes_read(), 3);
        assert_eq!(bits.bits(1), Ok(0));
        assert_eq!(bits.bytes_read(), 5);
        assert_eq!(bits.bits(23), Ok(0x01_0000));
        assert_eq!(bits.flag(), Err(CodecError::Truncated("test")));
    }

    #[test]
    fn refuses_endless_codes() {
        assert!(matches!(BitReader::new("test", &[0; 5]).ue(), Err(CodecError::OutOfRange { .. })));
        let longest = [0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(BitReader::new("test", &longest[..]).ue(), Ok(0xffff_fffe));
    }
}
