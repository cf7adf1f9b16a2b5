//! The `cbcs` scheme: AES-128 CBC with a pattern and a constant IV (ISO/IEC 23001-7 §9.6, §10.4).

use aes::{
    Aes128, Block,
    cipher::{
        BlockCipherDecrypt, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, KeyInit,
        consts::U16,
    },
};

const BLOCK: usize = 16;

/// Which whole blocks of a protected range are encrypted. What is left of a block at the end stays clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// One block, then nine clear ones: video.
    OneInTen,
    /// All of them: audio.
    Full,
}

/// One content key with its constant IV, expanded once and used for many samples.
#[derive(Clone)]
pub struct CbcsCipher {
    aes: Aes128,
    iv: [u8; BLOCK],
}

impl std::fmt::Debug for CbcsCipher {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CbcsCipher").finish_non_exhaustive()
    }
}

impl CbcsCipher {
    /// Expands a key.
    pub fn new(key: &[u8; 16], iv: &[u8; 16]) -> Self {
        Self { aes: Aes128::new(key.into()), iv: *iv }
    }

    /// Encrypts one protected range in place. The IV starts over with each range; CBC chains over skipped blocks.
    pub fn encrypt(&self, range: &mut [u8], pattern: Pattern) {
        self.aes.encrypt_with_backend(EncryptRange { range, pattern, chain: self.iv });
    }

    /// Undoes [`CbcsCipher::encrypt`].
    pub fn decrypt(&self, range: &mut [u8], pattern: Pattern) {
        let mut chain = self.iv;
        for_each_block(range, pattern, |block| {
            let mut work = Block::from(*block);
            self.aes.decrypt_block(&mut work);
            xor(&mut work, &chain);
            chain = *block;
            *block = work.into();
        });
    }
}

/// One range as a closure of the cipher, so that the whole loop is compiled for the processor's AES instructions. Asking
/// for them block by block was measured at two to four times the cost.
struct EncryptRange<'a> {
    range: &'a mut [u8],
    pattern: Pattern,
    chain: [u8; BLOCK],
}

impl BlockSizeUser for EncryptRange<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for EncryptRange<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let mut chain = Block::from(self.chain);
        for_each_block(self.range, self.pattern, |block| {
            xor(&mut chain, block);
            backend.encrypt_block((&mut chain).into());
            *block = chain.into();
        });
    }
}

#[inline(always)]
fn xor(block: &mut Block, with: &[u8; BLOCK]) {
    block.iter_mut().zip(with).for_each(|(byte, with)| *byte ^= with);
}

/// Calls `change` for every block of `range` that `pattern` encrypts.
#[inline(always)]
fn for_each_block(range: &mut [u8], pattern: Pattern, mut change: impl FnMut(&mut [u8; BLOCK])) {
    let stride = match pattern {
        Pattern::OneInTen => 10 * BLOCK,
        Pattern::Full => BLOCK,
    };
    range.chunks_mut(stride).filter_map(|chunk| chunk.first_chunk_mut()).for_each(&mut change);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST SP 800-38A F.2.1, CBC-AES128, first two blocks.
    const KEY: [u8; 16] = 0x2b7e1516_28aed2a6_abf71588_09cf4f3c_u128.to_be_bytes();
    const IV: [u8; 16] = 0x00010203_04050607_08090a0b_0c0d0e0f_u128.to_be_bytes();
    const PLAIN: [[u8; 16]; 2] = [
        0x6bc1bee2_2e409f96_e93d7e11_7393172a_u128.to_be_bytes(),
        0xae2d8a57_1e03ac9c_9eb76fac_45af8e51_u128.to_be_bytes(),
    ];
    const CIPHER: [[u8; 16]; 2] = [
        0x7649abac_8119b246_cee98e9b_12e9197d_u128.to_be_bytes(),
        0x5086cb9b_507219ee_95db113a_917678b2_u128.to_be_bytes(),
    ];

    #[test]
    fn full_samples_are_plain_cbc_with_a_clear_tail() {
        let mut data = [PLAIN.concat(), vec![1; 15]].concat();
        CbcsCipher::new(&KEY, &IV).encrypt(&mut data, Pattern::Full);
        assert_eq!(data, [CIPHER.concat(), vec![1; 15]].concat());
    }

    #[test]
    fn video_encrypts_one_block_in_ten_and_chains_over_the_rest() {
        let skipped = vec![7; 9 * 16];
        let mut data = [PLAIN[0].to_vec(), skipped.clone(), PLAIN[1].to_vec(), vec![8; 5]].concat();
        let clear = data.clone();
        let cipher = CbcsCipher::new(&KEY, &IV);
        cipher.encrypt(&mut data, Pattern::OneInTen);
        assert_eq!(data, [CIPHER[0].to_vec(), skipped, CIPHER[1].to_vec(), vec![8; 5]].concat());
        cipher.decrypt(&mut data, Pattern::OneInTen);
        assert_eq!(data, clear);
    }

    #[test]
    fn less_than_a_block_stays_clear() {
        let mut data = [9; 15];
        CbcsCipher::new(&KEY, &IV).encrypt(&mut data, Pattern::OneInTen);
        assert_eq!(data, [9; 15]);
    }
}
