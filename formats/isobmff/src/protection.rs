//! How a track is signalled as protected (ISO/IEC 23001-7).

/// A protection scheme (ISO/IEC 23001-7 §10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// AES-CBC with a pattern and a constant IV (§10.4): what Apple, Widevine and PlayReady all play.
    Cbcs,
}

/// Scheme, key id and IV of a protected track. The key itself is `tessera-cenc`'s.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Protection {
    /// The scheme.
    pub scheme: Scheme,
    /// The default key id, as in the license request.
    pub key_id: [u8; 16],
    /// The constant IV of every subsample.
    pub iv: [u8; 16],
}

impl Scheme {
    /// The scheme's four-character code, `cbcs`.
    pub fn code(self) -> &'static [u8; 4] {
        match self {
            Self::Cbcs => b"cbcs",
        }
    }
}
