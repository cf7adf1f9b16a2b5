//! How a player gets the key (RFC 8216bis §4.4.4.4; for the DRM systems, Apple's "Using content protection systems with
//! HLS" and each system's own registry entry).

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    Error,
    attributes::{Attributes, hexadecimal},
};

/// A key for the samples of fragmented MP4. One segment may have several, one a format, that lead to the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// How samples are encrypted.
    pub method: Method,
    /// What the URI leads to.
    pub format: KeyFormat,
    /// Where the key, licence or key id is; its meaning is the format's.
    pub uri: String,
    /// The key id, for players that want it before the init segment.
    pub key_id: Option<[u8; 16]>,
    /// The IV. Fragmented MP4 says it in `tenc`; `identity` players may want it here too.
    pub iv: Option<[u8; 16]>,
}

/// `METHOD`. Clear segments have no keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The `cbcs` scheme.
    SampleAes,
    /// The `cenc` scheme, which Apple's players do not play.
    SampleAesCtr,
}

/// `KEYFORMAT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFormat {
    /// The key itself, 16 bytes.
    Identity,
    /// W3C ClearKey through Encrypted Media Extensions.
    ClearKey,
    /// Widevine: the URI holds a `pssh` box.
    Widevine,
    /// PlayReady: the URI holds a PlayReady Object.
    PlayReady,
    /// FairPlay Streaming: the URI, `skd://…`, is what the key request is about.
    FairPlay,
}

const WIDEVINE_URI: &str = "data:text/plain;base64,";
const PLAYREADY_URI: &str = "data:text/plain;charset=UTF-16;base64,";

impl Method {
    pub(crate) const ALL: [Self; 2] = [Self::SampleAes, Self::SampleAesCtr];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SampleAes => "SAMPLE-AES",
            Self::SampleAesCtr => "SAMPLE-AES-CTR",
        }
    }
}

impl KeyFormat {
    pub(crate) const ALL: [Self; 5] = [Self::Identity, Self::ClearKey, Self::Widevine, Self::PlayReady, Self::FairPlay];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::ClearKey => "org.w3.clearkey",
            Self::Widevine => "urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed",
            Self::PlayReady => "com.microsoft.playready",
            Self::FairPlay => "com.apple.streamingkeydelivery",
        }
    }
}

impl Key {
    /// A Widevine key: `pssh` is a whole box.
    pub fn widevine(method: Method, key_id: [u8; 16], pssh: &[u8]) -> Self {
        let uri = format!("{WIDEVINE_URI}{}", STANDARD.encode(pssh));
        Self { method, format: KeyFormat::Widevine, uri, key_id: Some(key_id), iv: None }
    }

    /// A PlayReady key: `object` is a PlayReady Object, without a box around it.
    pub fn playready(method: Method, object: &[u8]) -> Self {
        let uri = format!("{PLAYREADY_URI}{}", STANDARD.encode(object));
        Self { method, format: KeyFormat::PlayReady, uri, key_id: None, iv: None }
    }

    /// A FairPlay key, for `cbcs` alone. Its IV comes with the key.
    pub fn fairplay(uri: impl Into<String>) -> Self {
        Self { method: Method::SampleAes, format: KeyFormat::FairPlay, uri: uri.into(), key_id: None, iv: None }
    }

    /// The line of this key, `EXT-X-KEY` or `EXT-X-SESSION-KEY`.
    pub(crate) fn line(&self, tag: &str) -> Result<String, Error> {
        self.check()?;
        let mut line = Attributes::of(tag).plain("METHOD", self.method.name()).uri(&self.uri)?;
        if let Some(key_id) = &self.key_id {
            line = line.plain("KEYID", hexadecimal(key_id));
        }
        if let Some(iv) = &self.iv {
            line = line.plain("IV", hexadecimal(iv));
        }
        Ok(line.quoted("KEYFORMAT", self.format.name())?.quoted("KEYFORMATVERSIONS", "1")?.line())
    }

    fn check(&self) -> Result<(), Error> {
        let broken = |rule| Err(Error::Key { format: self.format.name(), rule });
        match (self.format, self.method) {
            (_, Method::SampleAesCtr) if self.iv.is_some() => broken("SAMPLE-AES-CTR has no IV in the playlist"),
            (KeyFormat::FairPlay, Method::SampleAesCtr) => broken("FairPlay decrypts SAMPLE-AES alone"),
            (KeyFormat::FairPlay, _) if self.iv.is_some() => broken("the IV comes with the key, not in the playlist"),
            (KeyFormat::FairPlay, _) if !self.uri.starts_with("skd://") => broken("the URI begins with skd://"),
            _ => Ok(()),
        }
    }
}
