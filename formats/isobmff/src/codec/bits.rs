//! Bits of a codec configuration.

use crate::{Error, FourCc};

/// Reads bits from the front of a box, the highest first.
pub(super) struct Bits<'a> {
    in_box: FourCc,
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(in_box: &[u8; 4], bytes: &'a [u8]) -> Self {
        Self { in_box: in_box.into(), bytes, position: 0 }
    }

    /// One bit.
    pub(super) fn flag(&mut self) -> Result<bool, Error> {
        Ok(self.read(1)? == 1)
    }

    /// At most 32 bits.
    pub(super) fn read(&mut self, count: usize) -> Result<u32, Error> {
        let mut value = 0;
        for _ in 0..count {
            let truncated = Error::Truncated { in_box: self.in_box, wanted: 1, left: 0 };
            let byte = self.bytes.get(self.position / 8).ok_or(truncated)?;
            value = value << 1 | u32::from(byte >> (7 - self.position % 8) & 1);
            self.position += 1;
        }
        Ok(value)
    }
}
