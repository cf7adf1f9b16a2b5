//! Open bitstream units in the low overhead format (AV1 Bitstream & Decoding Process Specification §5.3, §4.10.5).

/// One unit: its header's fields, and where its payload lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Av1Obu<'a> {
    /// `obu_type`, 0 to 15.
    pub kind: u8,
    /// `temporal_id` of the extension, 0 without one.
    pub temporal_id: u8,
    /// `spatial_id` of the extension, 0 without one.
    pub spatial_id: u8,
    /// Bytes of the header, its extension and the size field, 1 to 10 of them.
    pub header: usize,
    /// What follows them.
    pub payload: &'a [u8],
}

impl<'a> Av1Obu<'a> {
    /// `obu_type` of a sequence header.
    pub const SEQUENCE_HEADER: u8 = 1;
    /// `obu_type` of a frame header alone.
    pub const FRAME_HEADER: u8 = 3;
    /// `obu_type` of a tile group.
    pub const TILE_GROUP: u8 = 4;
    /// `obu_type` of a frame header with a tile group.
    pub const FRAME: u8 = 6;
    /// `obu_type` of a repeated frame header.
    pub const REDUNDANT_FRAME_HEADER: u8 = 7;
    /// `obu_type` of a tile list, which large scale tile decoding alone uses.
    pub const TILE_LIST: u8 = 8;

    /// The unit at the front of `bytes`, and what follows it. One without a size takes them all. `None` when it does not fit.
    pub fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (first, mut rest) = bytes.split_first()?;
        let mut extension = 0;
        if first & 0x04 != 0 {
            (extension, rest) = rest.split_first().map(|(extension, rest)| (*extension, rest))?;
        }
        let mut size = rest.len();
        if first & 0x02 != 0 {
            (size, rest) = leb128(rest)?;
        }
        let header = bytes.len() - rest.len();
        let (payload, after) = rest.split_at_checked(size)?;
        let kind = first >> 3 & 0xf;
        Some((Self { kind, temporal_id: extension >> 5, spatial_id: extension >> 3 & 3, header, payload }, after))
    }
}

/// A number of at most eight bytes with seven bits each, the lowest first, of at most 32 bits (§4.10.5).
fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0u64;
    for (place, byte) in bytes.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            let value = u32::try_from(value).ok()?;
            return Some((usize::try_from(value).ok()?, &bytes[place + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_units_with_and_without_size_and_extension() {
        let bytes = [0x0a, 2, 7, 8, 0x36, 0x48, 0x81, 0x00, 9, 0x30, 5];
        let (first, rest) = Av1Obu::split(&bytes).unwrap();
        assert_eq!((first.kind, first.header, first.payload), (1, 2, [7, 8].as_slice()));
        let (second, rest) = Av1Obu::split(rest).unwrap();
        assert_eq!((second.kind, second.temporal_id, second.spatial_id), (6, 2, 1));
        assert_eq!((second.header, second.payload), (4, [9].as_slice()));
        let (third, rest) = Av1Obu::split(rest).unwrap();
        assert_eq!((third.header, third.payload, rest), (1, [5].as_slice(), [].as_slice()));
    }

    #[test]
    fn refuses_sizes_that_do_not_fit() {
        for bytes in [
            &[][..],
            &[0x0a],
            &[0x0a, 1],
            &[0x0e],
            &[0x0a, 0x80],
            &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0],
        ] {
            assert!(Av1Obu::split(bytes).is_none(), "{bytes:02x?}");
        }
    }
}
