//! How a player gets the key (RFC 8216bis §4.4.4.4).

use crate::{
    Error,
    attributes::{Attributes, hexadecimal},
};

/// A key for `cbcs` samples, METHOD=SAMPLE-AES. One segment may have several, one a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// What the URI leads to.
    pub format: KeyFormat,
    /// Where the key, licence or key id is; its meaning is the format's.
    pub uri: String,
    /// The key id, for players that want it before the init segment.
    pub key_id: Option<[u8; 16]>,
    /// The IV. Fragmented MP4 says it in `tenc`; `identity` players may want it here too.
    pub iv: Option<[u8; 16]>,
}

/// `KEYFORMAT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFormat {
    /// The key itself, 16 bytes.
    Identity,
    /// W3C ClearKey through Encrypted Media Extensions.
    ClearKey,
}

impl KeyFormat {
    fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::ClearKey => "org.w3.clearkey",
        }
    }
}

impl Key {
    /// The line of this key, `EXT-X-KEY` or `EXT-X-SESSION-KEY`.
    pub(crate) fn line(&self, tag: &str) -> Result<String, Error> {
        let mut line = Attributes::of(tag).plain("METHOD", "SAMPLE-AES").uri(&self.uri)?;
        if let Some(key_id) = &self.key_id {
            line = line.plain("KEYID", hexadecimal(key_id));
        }
        if let Some(iv) = &self.iv {
            line = line.plain("IV", hexadecimal(iv));
        }
        Ok(line.quoted("KEYFORMAT", self.format.name())?.quoted("KEYFORMATVERSIONS", "1")?.line())
    }
}
