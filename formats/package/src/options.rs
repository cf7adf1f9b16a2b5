//! What to package, into what, and with which key.

use std::path::PathBuf;

use tessera_isobmff::{IvPrefix, Protection, Scheme};
use tessera_pssh::Pssh;

use crate::Error;

/// One packaging job.
#[derive(Debug, Clone)]
pub struct Options {
    /// MP4 files, progressive or fragmented. Every video and audio track of each is packaged; video tracks are
    /// renditions of one picture, and audio is cut as the first of them.
    pub inputs: Vec<PathBuf>,
    /// The folder for the outputs, which is made when it does not exist.
    pub output: PathBuf,
    /// How long segments should be, in seconds: video is cut at the sync samples nearest to it.
    pub segment_duration: u32,
    /// How samples are encrypted; clear without.
    pub encryption: Option<Encryption>,
    /// Existing outputs are replaced.
    pub overwrite: bool,
}

/// How samples are encrypted (ISO/IEC 23001-7 §10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cipher {
    /// AES-CBC with a pattern and this constant IV, which is public: what Apple, Widevine and PlayReady all play.
    Cbcs {
        /// In init segments.
        iv: [u8; 16],
    },
    /// AES-CTR, for older devices. Each track's counters begin with its number in the output, so **a key that packages
    /// another movie too uses counters twice**: take a key a movie.
    Cenc,
}

/// A content key and how it is used.
#[derive(Clone)]
pub struct Encryption {
    /// The scheme.
    pub cipher: Cipher,
    /// Which key it is: public, in manifests and init segments.
    pub key_id: [u8; 16],
    /// The key itself, which stands in no output.
    pub key: [u8; 16],
    /// Where a ClearKey licence is asked for; said in the manifests.
    pub license_url: Option<String>,
}

impl std::fmt::Debug for Encryption {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encryption").finish_non_exhaustive()
    }
}

impl Encryption {
    /// The box of the common system, as init segments and descriptions hold it.
    pub(crate) fn pssh(&self) -> Vec<u8> {
        Pssh::common(&[self.key_id]).write().expect("one key id is far below the limits of a box")
    }

    /// `cbcs` with a key id and a key of 32 hexadecimal digits each. The IV is the key id unless it is set after: it is
    /// public and constant, and outputs stay the same from run to run. Errors when they are not hexadecimal.
    pub fn cbcs(key_id: &str, key: &str) -> Result<Self, Error> {
        let key_id = hexadecimal("key id", key_id)?;
        let key = hexadecimal("key", key)?;
        Ok(Self { cipher: Cipher::Cbcs { iv: key_id }, key_id, key, license_url: None })
    }

    /// `cenc`, likewise.
    pub fn cenc(key_id: &str, key: &str) -> Result<Self, Error> {
        Ok(Self { cipher: Cipher::Cenc, ..Self::cbcs(key_id, key)? })
    }

    /// `cbcs` with this constant IV, 32 hexadecimal digits. Errors when it is not hexadecimal.
    pub fn with_iv(self, iv: &str) -> Result<Self, Error> {
        Ok(Self { cipher: Cipher::Cbcs { iv: hexadecimal("IV", iv)? }, ..self })
    }

    /// How the track of this place in the output is signalled.
    pub(crate) fn protection(&self, track: usize) -> Protection {
        let scheme = match self.cipher {
            Cipher::Cbcs { iv } => Scheme::Cbcs { iv },
            // No movie has as many tracks as 32 bits count.
            Cipher::Cenc => Scheme::Cenc { iv_prefix: IvPrefix((track as u32).to_be_bytes()) },
        };
        Protection { scheme, key_id: self.key_id }
    }
}

fn hexadecimal(what: &'static str, text: &str) -> Result<[u8; 16], Error> {
    let digits = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok().filter(|_| digits);
    number.map(u128::to_be_bytes).ok_or(Error::NotHexadecimal(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_32_hexadecimal_digits() {
        let id = "0123456789abcdefABCDEF0123456789";
        let encryption = Encryption::cbcs(id, id).unwrap();
        assert_eq!(encryption.key[..4], [1, 0x23, 0x45, 0x67]);
        assert!(!format!("{encryption:?}").contains("35"), "the key is not shown");
        for bad in [
            "",
            "0",
            "+123456789abcdefABCDEF0123456789",
            "0123456789abcdefABCDEF01234567890",
            "0x23456789abcdefABCDEF0123456789",
        ] {
            assert!(matches!(Encryption::cbcs(id, bad), Err(Error::NotHexadecimal("key"))), "{bad}");
            assert!(matches!(Encryption::cbcs(bad, id), Err(Error::NotHexadecimal("key id"))), "{bad}");
        }
    }
}
