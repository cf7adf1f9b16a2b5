//! One description of a presentation's protection, and the boxes that follow from it.

use crate::{Error, KeyId, PlayReadyHeader, PlayReadyKey, PlayReadyObject, Pssh, SystemId, WidevineData};

/// A protection scheme (ISO/IEC 23001-7 §10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// AES-CTR (§10.1).
    Cenc,
    /// AES-CBC with a pattern and a constant IV (§10.4).
    Cbcs,
}

impl Scheme {
    /// The scheme's four-character code.
    pub fn code(self) -> [u8; 4] {
        match self {
            Self::Cenc => *b"cenc",
            Self::Cbcs => *b"cbcs",
        }
    }

    pub(crate) fn from_code(code: [u8; 4]) -> Option<Self> {
        [Self::Cenc, Self::Cbcs].into_iter().find(|scheme| scheme.code() == code)
    }
}

/// What protects a track, and what each DRM system is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// How the media is protected.
    pub scheme: Scheme,
    /// The track's own key.
    pub key: ContentKey,
    /// Key ids of the whole presentation in the order to be written, the track's own included where it shall be; empty
    /// for the track's own alone. With all of them, a client may ask for one licence. PlayReady is told the track's own.
    pub key_ids: Vec<KeyId>,
    /// A box of the W3C common system.
    pub common: bool,
    /// A box for Widevine.
    pub widevine: Option<Widevine>,
    /// A box for PlayReady.
    pub playready: Option<PlayReady>,
    /// FairPlay Streaming.
    pub fairplay: Option<FairPlay>,
}

/// A content key as far as signalling knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentKey {
    /// Its id.
    pub id: KeyId,
    /// Its [`checksum`](crate::checksum), which a PlayReady header for `cenc` should hold.
    pub checksum: Option<[u8; 8]>,
}

/// What Widevine is told besides scheme and key ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Widevine {
    /// Whom the content belongs to at the licence service.
    pub provider: Option<String>,
    /// The content at the licence service; empty for none.
    pub content_id: Vec<u8>,
}

/// What PlayReady is told besides scheme and key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlayReady {
    /// Where the client gets its licence, when the player does not know better.
    pub licence_url: Option<String>,
}

/// What FairPlay Streaming is told. It reads playlists, so there is a box only where one is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FairPlay {
    /// What the key request is about: `skd://…`.
    pub uri: String,
    /// Write a box with the key ids and no data, for players that look for one.
    pub write_box: bool,
}

impl Protection {
    /// The boxes, in the order of their system ids. Errors when a text or object cannot be written.
    pub fn boxes(&self) -> Result<Vec<Pssh>, Error> {
        let mut boxes = Vec::new();
        if self.common {
            boxes.push(Pssh::common(self.key_ids()));
        }
        if self.fairplay.as_ref().is_some_and(|fairplay| fairplay.write_box) {
            boxes.push(Pssh { system: SystemId::FAIRPLAY, ..Pssh::common(self.key_ids()) });
        }
        if let Some(object) = self.playready_object()? {
            boxes.push(Pssh { system: SystemId::PLAYREADY, key_ids: None, data: object.write()? });
        }
        if let Some(data) = self.widevine_data() {
            boxes.push(Pssh { system: SystemId::WIDEVINE, key_ids: None, data: data.write() });
        }
        Ok(boxes)
    }

    /// What Widevine is told, when it is.
    pub fn widevine_data(&self) -> Option<WidevineData> {
        self.widevine.as_ref().map(|widevine| WidevineData {
            algorithm: None,
            key_ids: self.key_ids().to_vec(),
            provider: widevine.provider.clone(),
            content_id: widevine.content_id.clone(),
            policy: None,
            protection_scheme: Some(u32::from_be_bytes(self.scheme.code())),
        })
    }

    /// What PlayReady is told, when it is: for the box, for `mspr:pro` and for an HLS key.
    pub fn playready_object(&self) -> Result<Option<PlayReadyObject>, Error> {
        let header = self.playready.as_ref().map(|playready| PlayReadyHeader {
            scheme: self.scheme,
            keys: vec![PlayReadyKey { id: self.key.id, checksum: self.key.checksum }],
            licence_url: playready.licence_url.clone(),
        });
        header.as_ref().map(PlayReadyObject::new).transpose()
    }

    fn key_ids(&self) -> &[KeyId] {
        if self.key_ids.is_empty() { std::slice::from_ref(&self.key.id) } else { &self.key_ids }
    }
}
