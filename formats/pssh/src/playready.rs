//! PlayReady Objects and Headers (Microsoft, PlayReady Header Specification).

mod header;
mod object;

use aes::{
    Aes128, Block,
    cipher::{BlockCipherEncrypt, KeyInit},
};

pub use header::{PlayReadyHeader, PlayReadyKey};
pub use object::PlayReadyObject;

use crate::KeyId;

/// A key id as PlayReady writes it: a GUID, whose first three numbers are little-endian.
pub(crate) fn guid(key_id: KeyId) -> KeyId {
    let [a, b, c, d, e, f, g, h, rest @ ..] = key_id;
    let mut guid = [d, c, b, a, f, e, h, g, 0, 0, 0, 0, 0, 0, 0, 0];
    guid[8..].copy_from_slice(&rest);
    guid
}

/// The checksum of a key: the first eight bytes of its key id, as a GUID, encrypted with it (AES-128 ECB). A client sees
/// by it that a licence holds the right key.
pub fn checksum(key_id: KeyId, key: &[u8; 16]) -> [u8; 8] {
    let mut block = Block::from(guid(key_id));
    Aes128::new(key.into()).encrypt_block(&mut block);
    let mut checksum = [0; 8];
    checksum.copy_from_slice(&block[..8]);
    checksum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_are_their_own_inverse() {
        let key_id = 0x00112233_4455_6677_8899_aabbccddeeff_u128.to_be_bytes();
        assert_eq!(guid(key_id), 0x33221100_5544_7766_8899_aabbccddeeff_u128.to_be_bytes());
        assert_eq!(guid(guid(key_id)), key_id);
    }
}
