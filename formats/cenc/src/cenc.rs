//! The `cenc` scheme: AES-128 in counter mode (ISO/IEC 23001-7 §9.2, §10.1).

use aes::Aes128Enc;
use ctr::{
    Ctr64BE, CtrCore,
    cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper},
};

/// One content key, expanded once and used for many samples.
#[derive(Clone)]
pub struct CencCipher {
    aes: Aes128Enc,
}

impl std::fmt::Debug for CencCipher {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CencCipher").finish_non_exhaustive()
    }
}

impl CencCipher {
    /// Expands a key.
    pub fn new(key: &[u8; 16]) -> Self {
        Self { aes: Aes128Enc::new(key.into()) }
    }

    /// The key stream of one sample: the IV is the upper half of its counter blocks, and the lower half counts from 0.
    pub fn sample(&self, iv: &[u8; 8]) -> KeyStream {
        let mut counter = [0; 16];
        counter[..8].copy_from_slice(iv);
        KeyStream(StreamCipherCoreWrapper::from_core(CtrCore::inner_iv_init(self.aes.clone(), &counter.into())))
    }
}

/// The key stream of one sample. It runs on from protected range to protected range.
pub struct KeyStream(Ctr64BE<Aes128Enc>);

impl KeyStream {
    /// Encrypts the next protected range in place, or decrypts it, which is the same.
    pub fn apply(&mut self, range: &mut [u8]) {
        self.0.apply_keystream(range);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 16] = 0x2b7e1516_28aed2a6_abf71588_09cf4f3c_u128.to_be_bytes();

    #[test]
    fn counters_run_on_over_ranges_and_start_with_the_iv() {
        use aes::{Aes128, Block, cipher::BlockCipherEncrypt};
        let iv = [1, 2, 3, 4, 5, 6, 7, 8];
        let block = |counter: u64| {
            let mut block: Block = [iv, counter.to_be_bytes()].concat().as_slice().try_into().unwrap();
            Aes128::new(&KEY.into()).encrypt_block(&mut block);
            block.to_vec()
        };
        let mut data = [0; 37];
        let mut stream = CencCipher::new(&KEY).sample(&iv);
        let (first, second) = data.split_at_mut(16);
        stream.apply(first);
        stream.apply(second);
        assert_eq!(data[..], [block(0), block(1), block(2)].concat()[..37]);
    }
}
