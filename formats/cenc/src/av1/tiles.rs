//! How a frame is divided into tiles, and a tile group into them (AV1 Bitstream & Decoding Process Specification §5.9.15,
//! §5.11.1).

use tessera_isobmff::SubsampleRuns;

use crate::{CodecError, bits::BitReader};

const MAX_TILE_WIDTH: u32 = 4096;
const MAX_TILE_AREA: u32 = 4096 * 2304;
/// The most tiles beside each other, and above each other.
const MAX_TILES: u32 = 64;

/// The tiles of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tiles {
    count: u32,
    /// Bits of a tile's number.
    number_bits: u32,
    /// Bytes of a tile's size, 1 to 4.
    size_bytes: usize,
}

/// A frame's size in superblocks, and how large they are.
struct Superblocks {
    columns: u32,
    rows: u32,
    /// Bits of a superblock's width in pixels.
    width_bits: u32,
}

impl Tiles {
    /// Reads `tile_info` of a frame of this width and height in pixels.
    pub(super) fn parse(
        bits: &mut BitReader<'_>,
        (width, height): (u32, u32),
        superblocks_of_128: bool,
    ) -> Result<Self, CodecError> {
        let width_bits = if superblocks_of_128 { 7 } else { 6 };
        // Frames are whole blocks of eight pixels.
        let count = |pixels: u32| pixels.next_multiple_of(8).div_ceil(1 << width_bits).max(1);
        let superblocks = Superblocks { columns: count(width), rows: count(height), width_bits };
        let (columns, rows) = if bits.flag()? { superblocks.uniform(bits)? } else { superblocks.explicit(bits)? };
        let number_bits = columns.bits + rows.bits;
        let mut size_bytes = 0;
        if number_bits > 0 {
            // The tile that probabilities are taken from.
            bits.skip(number_bits)?;
            size_bytes = bits.bits(2)? as usize + 1;
        }
        Ok(Self { count: columns.count * rows.count, number_bits, size_bytes })
    }

    /// Divides a tile group. True when it ends with the frame's last tile.
    pub(super) fn divide(&self, group: &[u8], runs: &mut SubsampleRuns) -> Result<bool, CodecError> {
        let mut bits = BitReader::new("a tile group", group);
        let (mut first, mut last) = (0, self.count - 1);
        if self.count > 1 && bits.flag()? {
            (first, last) = (bits.bits(self.number_bits)?, bits.bits(self.number_bits)?);
        }
        if first > last || last >= self.count {
            return Err(CodecError::OutOfRange { element: "tg_end", value: last });
        }
        runs.clear(bits.bytes_read() as u64);
        let mut rest = &group[bits.bytes_read()..];
        for _ in first..last {
            let (size, after) = rest.split_at_checked(self.size_bytes).ok_or(CodecError::Truncated("a tile group"))?;
            let size = size.iter().rev().fold(0u64, |size, byte| size << 8 | u64::from(*byte)) + 1;
            let unfit = CodecError::TileSize { size, left: after.len() };
            let tile = usize::try_from(size).ok().and_then(|size| after.split_at_checked(size));
            let (tile, after) = tile.ok_or(unfit)?;
            runs.clear(self.size_bytes as u64);
            push(tile, runs)?;
            rest = after;
        }
        push(rest, runs)?;
        Ok(last == self.count - 1)
    }
}

fn push(tile: &[u8], runs: &mut SubsampleRuns) -> Result<(), CodecError> {
    let size = u32::try_from(tile.len()).map_err(|_| CodecError::TileSize { size: tile.len() as u64, left: 0 })?;
    runs.protected(size);
    Ok(())
}

/// Tiles in one direction.
struct Division {
    count: u32,
    /// Bits of a tile's place.
    bits: u32,
}

impl Superblocks {
    /// The fewest tiles that a frame of this size has, as a power of two: columns, and all.
    fn fewest(&self) -> (u32, u32) {
        let columns = log2(MAX_TILE_WIDTH >> self.width_bits, self.columns);
        let all = log2(MAX_TILE_AREA >> (2 * self.width_bits), self.columns * self.rows);
        (columns, all.max(columns))
    }

    fn uniform(&self, bits: &mut BitReader<'_>) -> Result<(Division, Division), CodecError> {
        let (fewest_columns, fewest) = self.fewest();
        let columns = uniform(bits, self.columns, fewest_columns)?;
        let rows = uniform(bits, self.rows, fewest.saturating_sub(columns.bits))?;
        Ok((columns, rows))
    }

    fn explicit(&self, bits: &mut BitReader<'_>) -> Result<(Division, Division), CodecError> {
        let (_, fewest) = self.fewest();
        let (columns, widest) = explicit(bits, self.columns, MAX_TILE_WIDTH >> self.width_bits)?;
        let all = self.columns * self.rows;
        let area = if fewest > 0 { all >> (fewest + 1) } else { all };
        let (rows, _) = explicit(bits, self.rows, (area / widest).max(1))?;
        Ok((columns, rows))
    }
}

/// Tiles of equal size: at least `2^fewest`, and twice as many for each bit that is set.
fn uniform(bits: &mut BitReader<'_>, superblocks: u32, fewest: u32) -> Result<Division, CodecError> {
    let most = log2(1, superblocks.min(MAX_TILES));
    let mut doublings = fewest;
    while doublings < most && bits.flag()? {
        doublings += 1;
    }
    let size = superblocks.div_ceil(1 << doublings);
    Ok(Division { count: superblocks.div_ceil(size), bits: doublings })
}

/// Tiles that say their sizes, of at most `most` superblocks each; and the largest of them.
fn explicit(bits: &mut BitReader<'_>, superblocks: u32, most: u32) -> Result<(Division, u32), CodecError> {
    let (mut count, mut start, mut largest) = (0, 0, 1);
    while start < superblocks {
        let size = bits.below(most.min(superblocks - start))? + 1;
        (count, start, largest) = (count + 1, start + size, largest.max(size));
        if count > MAX_TILES {
            return Err(CodecError::OutOfRange { element: "TileCols or TileRows", value: count });
        }
    }
    Ok((Division { count, bits: log2(1, count) }, largest))
}

/// The smallest `k` for which `size << k` is at least `target` (§5.9.16).
fn log2(size: u32, target: u32) -> u32 {
    target.div_ceil(size).next_power_of_two().trailing_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiles(count: u32, number_bits: u32, size_bytes: usize) -> Tiles {
        Tiles { count, number_bits, size_bytes }
    }

    #[test]
    fn reads_uniform_and_explicit_tiles() {
        for (bytes, size, large, expected) in [
            // One tile: nothing but the flag and two zeros.
            (&[0b1000_0000][..], (320, 192), false, tiles(1, 0, 0)),
            // Two columns and two rows of 512x288 in superblocks of 64; two bytes a size.
            (&[0b1101_0000, 0b1000_0000], (512, 288), false, tiles(4, 2, 2)),
            // 8192 pixels are two columns at least, and so large an area is four tiles.
            (&[0b1000_0000, 0], (8192, 4320), true, tiles(4, 2, 1)),
            // Explicit: five superblocks as 2 + 3 columns and 3 as 1 + 2 rows, each at most as many as are left.
            (&[0b0011_1010, 0b0110_0000], (320, 192), false, tiles(4, 2, 4)),
        ] {
            let mut bits = BitReader::new("test", bytes);
            assert_eq!(Tiles::parse(&mut bits, size, large), Ok(expected), "{bytes:02x?} of {size:?}");
        }
    }

    fn divide(tiles: Tiles, group: &[u8]) -> Result<(bool, Vec<(u16, u32)>), CodecError> {
        let mut runs = SubsampleRuns::default();
        let complete = tiles.divide(group, &mut runs)?;
        Ok((complete, runs.finish().iter().map(|s| (s.clear, s.protected)).collect()))
    }

    #[test]
    fn divides_groups_of_all_and_of_some_tiles() {
        let one = vec![7; 30];
        assert_eq!(divide(tiles(1, 0, 0), &one), Ok((true, vec![(0, 30)])));
        // All four: no numbers, three sizes of one byte, and the last takes the rest.
        let four = [&[0, 3][..], &[1; 4], &[0], &[2], &[1], &[3; 2], &[4; 9]].concat();
        assert_eq!(divide(tiles(4, 2, 1), &four), Ok((true, vec![(2, 4), (1, 1), (1, 2), (0, 9)])));
        // The second and third: the flag, and both numbers.
        let some = [&[0b1_01_10_000, 1, 0][..], &[5; 2], &[6; 3]].concat();
        assert_eq!(divide(tiles(4, 2, 2), &some), Ok((false, vec![(3, 2), (0, 3)])));
    }

    #[test]
    fn refuses_tiles_that_do_not_fit() {
        for (group, error) in [
            (&[0b1_10_01_000][..], CodecError::OutOfRange { element: "tg_end", value: 1 }),
            (&[0b1_00_11_000], CodecError::OutOfRange { element: "tg_end", value: 3 }),
            (&[0, 9, 1], CodecError::TileSize { size: 10, left: 1 }),
            (&[0], CodecError::Truncated("a tile group")),
            (&[], CodecError::Truncated("a tile group")),
        ] {
            assert_eq!(divide(tiles(3, 2, 1), group), Err(error), "{group:02x?}");
        }
    }
}
