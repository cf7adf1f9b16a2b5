//! What to package, into what, and with which key.

use std::path::PathBuf;

use tessera_isobmff::{Protection, Scheme};

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

/// A content key and how it is used.
#[derive(Clone)]
pub struct Encryption {
    /// The scheme.
    pub scheme: Scheme,
    /// Which key it is: public, in manifests and init segments.
    pub key_id: [u8; 16],
    /// The key itself, which stands in no output.
    pub key: [u8; 16],
    /// The constant IV of `cbcs`: public, in init segments.
    pub iv: [u8; 16],
    /// Where a ClearKey licence is asked for; said in the manifests.
    pub license_url: Option<String>,
}

impl std::fmt::Debug for Encryption {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encryption").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

impl Encryption {
    /// `cbcs` with a key id and a key of 32 hexadecimal digits each. The IV is the key id unless it is set after: it is
    /// public and constant, and outputs stay the same from run to run. Errors when they are not hexadecimal.
    pub fn cbcs(key_id: &str, key: &str) -> Result<Self, Error> {
        let key_id = hexadecimal("key id", key_id)?;
        let key = hexadecimal("key", key)?;
        Ok(Self { scheme: Scheme::Cbcs, key_id, key, iv: key_id, license_url: None })
    }

    /// With this constant IV, 32 hexadecimal digits. Errors when it is not hexadecimal.
    pub fn with_iv(self, iv: &str) -> Result<Self, Error> {
        Ok(Self { iv: hexadecimal("IV", iv)?, ..self })
    }

    /// How tracks are signalled.
    pub(crate) fn protection(&self) -> Protection {
        Protection { scheme: self.scheme, key_id: self.key_id, iv: self.iv }
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
