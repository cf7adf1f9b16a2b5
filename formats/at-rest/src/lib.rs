//! Track files at rest: AES-128 in counter mode (NIST SP 800-38A §6.5), seekable, as the media contract's `AtRest`
//! defines it.
//!
//! It owns the derivation of counter blocks and the checksums of what is stored, and nothing else: keys are media's, and
//! so is where they are kept. Whoever stores a track file and whoever serves it use this one crate.

mod checks;

use std::fmt;

use aes::Aes128;
use ctr::{
    Ctr64BE,
    cipher::{KeyIvInit, StreamCipher, StreamCipherSeek},
};
use sha2::{Digest, Sha256};

pub use checks::{BLOCK, BlobChecks, Checker, Damage};

/// The name of this derivation: `AtRest::scheme` in a descriptor.
pub const SCHEME: &str = "aes-128-ctr.sha256-blob-key";

/// The keystream of one blob, from its first byte on.
pub struct BlobCipher(Ctr64BE<Aes128>);

impl BlobCipher {
    /// For the blob with this key in the blob store, under its asset's `key`.
    ///
    /// The counter block of 16-byte block `n` is the first 8 bytes of SHA-256 of the blob's key, then `n` in 8 bytes,
    /// big-endian. A blob's key is never used for other bytes, or two of them would have one keystream.
    pub fn new(key: &[u8; 16], blob: &str) -> Self {
        let mut counter = [0; 16];
        counter[..8].copy_from_slice(&Sha256::digest(blob)[..8]);
        Self(Ctr64BE::new(&(*key).into(), &counter.into()))
    }

    /// The same keystream from byte `offset` of the blob on.
    #[must_use]
    pub fn at(mut self, offset: u64) -> Self {
        self.0.seek(offset);
        self
    }

    /// Encrypts, or decrypts, the blob's next bytes.
    pub fn apply(&mut self, bytes: &mut [u8]) {
        self.0.apply_keystream(bytes);
    }
}

impl fmt::Debug for BlobCipher {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobCipher").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use aes::cipher::{BlockCipherEncrypt, KeyInit};

    use super::*;

    const KEY: [u8; 16] = [3; 16];

    #[test]
    fn any_range_decrypts_by_itself() {
        let clear: Vec<u8> = (0..1000u32).map(|n| n as u8).collect();
        let mut stored = clear.clone();
        let mut writer = BlobCipher::new(&KEY, "assets/ast_1/v720.mp4");
        stored.chunks_mut(77).for_each(|chunk| writer.apply(chunk));
        assert_ne!(stored, clear);
        for range in [0..1, 15..17, 16..48, 333..1000] {
            let mut part = stored[range.clone()].to_vec();
            BlobCipher::new(&KEY, "assets/ast_1/v720.mp4").at(range.start as u64).apply(&mut part);
            assert_eq!(part, clear[range]);
        }
        BlobCipher::new(&KEY, "assets/ast_1/v480.mp4").apply(&mut stored);
        assert_ne!(stored, clear, "another blob has another keystream");
    }

    /// Built by hand from single blocks: the derivation is a promise to whatever was stored before.
    #[test]
    fn the_counter_block_is_the_blob_s_hash_and_a_block_number() {
        let mut block = [0; 16];
        block[..8].copy_from_slice(&Sha256::digest("a/b")[..8]);
        block[14..].copy_from_slice(&[1, 2]);
        let mut expected = block.into();
        Aes128::new(&KEY.into()).encrypt_block(&mut expected);
        let mut found = [0; 16];
        BlobCipher::new(&KEY, "a/b").at(0x102 * 16).apply(&mut found);
        assert_eq!(found.as_slice(), expected.as_slice());
    }
}
