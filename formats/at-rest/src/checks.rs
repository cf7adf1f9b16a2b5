//! Checksums of a stored blob, a block at a time: what is read is what was stored.
//!
//! Counter mode decrypts whatever it is given, so that a disk that loses or turns bits would otherwise go unnoticed up
//! to a viewer's screen. CRC-32 (ISO/IEC/IEEE 8802-3 §3.2.9) finds what happens by accident; keeping others from
//! writing to the blob store is not its business.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Bytes of a block; the last one may be shorter.
pub const BLOCK: u64 = 64 * 1024;

/// The checksums of one blob as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobChecks {
    size: u64,
    crc32: Vec<u32>,
}

/// A blob is not what was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It is shorter.
    #[error("it ends before byte {0}")]
    Truncated(u64),
    /// Its bytes in the block that begins here have changed.
    #[error("its bytes from {0} on have changed")]
    Changed(u64),
}

impl BlobChecks {
    /// Bytes of the blob.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The first byte of the first block in which `found` differs; `None` when they are of the same bytes.
    pub fn first_difference(&self, found: &Self) -> Option<u64> {
        let same = self.crc32.iter().zip(&found.crc32).take_while(|(ours, theirs)| ours == theirs).count();
        (self != found).then_some((same as u64).saturating_mul(BLOCK))
    }

    /// The whole blocks that `range` of the blob is in: what has to be read to know that it is right.
    pub fn around(&self, range: Range<u64>) -> Range<u64> {
        let end = range.end.div_ceil(BLOCK).saturating_mul(BLOCK).min(self.size);
        range.start / BLOCK * BLOCK..end.max(range.end)
    }

    /// Whether `bytes` are those that were stored from `start` on, which begins a block; they end with a block or with
    /// the blob.
    ///
    /// # Errors
    /// They are not, and from where on.
    pub fn verify(&self, start: u64, bytes: &[u8]) -> Result<(), Damage> {
        let end = start.saturating_add(bytes.len() as u64);
        if end > self.size || (end < self.size && !end.is_multiple_of(BLOCK)) || !start.is_multiple_of(BLOCK) {
            return Err(Damage::Truncated(end.max(self.size)));
        }
        let first = usize::try_from(start / BLOCK).unwrap_or(usize::MAX);
        let mut sums = self.crc32.iter().skip(first);
        for (block, at) in bytes.chunks(BLOCK as usize).zip((start..).step_by(BLOCK as usize)) {
            if sums.next() != Some(&crc32fast::hash(block)) {
                return Err(Damage::Changed(at));
            }
        }
        Ok(())
    }
}

/// Makes the checksums of a blob while it is stored.
#[derive(Debug, Default)]
pub struct Checker {
    block: crc32fast::Hasher,
    size: u64,
    crc32: Vec<u32>,
}

impl Checker {
    /// The blob's next bytes, as stored.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = BLOCK - self.size % BLOCK;
            let (now, later) = bytes.split_at(bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX)));
            self.block.update(now);
            self.size += now.len() as u64;
            if self.size.is_multiple_of(BLOCK) {
                self.end_block();
            }
            bytes = later;
        }
    }

    /// The checksums of all that came.
    pub fn finish(mut self) -> BlobChecks {
        if !self.size.is_multiple_of(BLOCK) {
            self.end_block();
        }
        BlobChecks { size: self.size, crc32: self.crc32 }
    }

    fn end_block(&mut self) {
        self.crc32.push(std::mem::take(&mut self.block).finalize());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(size: u64) -> (Vec<u8>, BlobChecks) {
        let bytes: Vec<u8> = (0..size).map(|n| (n * 7 % 251) as u8).collect();
        let mut checker = Checker::default();
        bytes.chunks(10_007).for_each(|piece| checker.push(piece));
        (bytes, checker.finish())
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_found_where_it_is() {
        for size in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5] {
            let (mut bytes, checks) = blob(size);
            assert_eq!(checks.verify(0, &bytes), Ok(()), "{size} bytes");
            for at in [0, size / 2, size.saturating_sub(1)].into_iter().filter(|at| *at < size) {
                bytes[at as usize] ^= 1;
                assert_eq!(checks.verify(0, &bytes), Err(Damage::Changed(at / BLOCK * BLOCK)), "byte {at} of {size}");
                bytes[at as usize] ^= 1;
                // Whole blocks are right by themselves: whoever reads knows how many were asked for.
                let whole = at % BLOCK == 0;
                assert_eq!(checks.verify(0, &bytes[..at as usize]).is_ok(), whole, "{at} bytes of {size}");
            }
            bytes.push(0);
            assert!(checks.verify(0, &bytes).is_err(), "a byte more than {size}");
        }
    }

    #[test]
    fn a_range_is_verified_by_the_blocks_around_it() {
        let (bytes, checks) = blob(3 * BLOCK + 5);
        for range in [0..1, BLOCK..BLOCK + 1, BLOCK - 1..BLOCK + 1, 3 * BLOCK..3 * BLOCK + 5, 70_000..190_000] {
            let around = checks.around(range.clone());
            assert!(around.start <= range.start && around.end >= range.end, "{around:?} around {range:?}");
            assert!(around.end - around.start < range.end - range.start + 2 * BLOCK, "{around:?} around {range:?}");
            let part = &bytes[around.start as usize..around.end as usize];
            assert_eq!(checks.verify(around.start, part), Ok(()), "{range:?}");
        }
        assert!(checks.verify(1, &bytes[1..]).is_err(), "not at a block");
    }
}
