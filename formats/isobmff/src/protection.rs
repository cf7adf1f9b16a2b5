//! How a track is signalled as protected (ISO/IEC 23001-7).

use std::borrow::Cow;

use crate::{Subsample, index::whole_blocks};

/// A protection scheme (ISO/IEC 23001-7 §10) with its initialisation vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// AES-CBC with a pattern (§10.4): what Apple, Widevine and PlayReady all play.
    Cbcs {
        /// The constant IV of every subsample.
        iv: [u8; 16],
    },
    /// AES-CTR (§10.1): older Widevine and PlayReady devices, and never Apple.
    Cenc {
        /// What keeps the counters of this track apart from those of other tracks.
        iv_prefix: IvPrefix,
    },
}

/// The upper half of the 8-byte IV of each sample under `cenc`; the lower half is the sample's number in its track file,
/// counted from 0, whichever segment it is served in.
///
/// The IV is the upper half of the counter block, and the lower half counts the blocks of one sample (ISO/IEC 23001-7
/// §9.2, §9.3). So no counter is ever used twice under a key, as long as **no two track files that share the key share a
/// prefix**: the track's number within the asset will do. A file that is encoded anew, or whose subsample map changes,
/// is another track file: it takes another prefix or another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IvPrefix(pub [u8; 4]);

/// Scheme and key id of a protected track. The key itself is `tessera-cenc`'s.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Protection {
    /// The scheme.
    pub scheme: Scheme,
    /// The default key id, as in the license request.
    pub key_id: [u8; 16],
}

impl Scheme {
    /// The scheme's four-character code: `cbcs` or `cenc`.
    pub fn code(self) -> &'static [u8; 4] {
        match self {
            Self::Cbcs { .. } => b"cbcs",
            Self::Cenc { .. } => b"cenc",
        }
    }

    /// What `senc` says of a sample, from its coded data as the index has it. Under `cenc` protected ranges are whole
    /// blocks of 16 bytes, and what is left over joins the clear bytes before them; under `cbcs` they are the coded data.
    pub fn subsamples(self, coded: &[Subsample]) -> Cow<'_, [Subsample]> {
        match self {
            Self::Cbcs { .. } => Cow::Borrowed(coded),
            Self::Cenc { .. } => Cow::Owned(whole_blocks(coded)),
        }
    }
}

impl IvPrefix {
    /// The IV of the sample of this number in its track file.
    pub fn sample_iv(self, number: u32) -> [u8; 8] {
        let [a, b, c, d] = self.0;
        let [e, f, g, h] = number.to_be_bytes();
        [a, b, c, d, e, f, g, h]
    }
}
