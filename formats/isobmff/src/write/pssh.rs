//! The `pssh` box of the common system (ISO/IEC 23001-7 §8.1; W3C "cenc" Initialization Data Format, §4).

use super::sink::{Sink, to_u32};

/// W3C common system, which ClearKey uses: `1077efec-c0b2-4d02-ace3-3c1e52e2fb4b`.
const COMMON_SYSTEM: [u8; 16] =
    [0x10, 0x77, 0xef, 0xec, 0xc0, 0xb2, 0x4d, 0x02, 0xac, 0xe3, 0x3c, 0x1e, 0x52, 0xe2, 0xfb, 0x4b];

/// A whole version 1 `pssh` box of the W3C common system: just the key ids, no data. At most 65,536 of them are written.
pub fn common_pssh(key_ids: &[[u8; 16]]) -> Vec<u8> {
    let key_ids = &key_ids[..key_ids.len().min(1 << 16)];
    let mut sink = Sink::default();
    sink.full_box(b"pssh", 1, 0, |sink| {
        sink.put(&COMMON_SYSTEM);
        sink.u32(to_u32(key_ids.len()));
        key_ids.iter().for_each(|key_id| sink.put(key_id));
        sink.u32(0);
    });
    sink.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_version_one_with_key_ids_and_no_data() {
        let bytes = common_pssh(&[[7; 16], [9; 16]]);
        assert_eq!(bytes.len(), 8 + 4 + 16 + 4 + 32 + 4);
        assert_eq!(bytes[..12], *b"\0\0\0\x44pssh\x01\0\0\0");
        assert_eq!(bytes[28..32], [0, 0, 0, 2]);
        assert_eq!(bytes[48..64], [9; 16]);
        assert_eq!(bytes[64..], [0; 4]);
    }
}
