//! How a track is protected, and what of it players are told: boxes and manifests are written from one description.

use sha2::{Digest, Sha256};
use tessera_cenc::SegmentCipher;
use tessera_contract_drm::ContentKey;
use tessera_dash::{ContentProtection, DrmSystem};
use tessera_hls::{Key, KeyFormat, Method};
use tessera_isobmff::{IvPrefix, Protection, Scheme};
use tessera_pssh::{self as pssh, FairPlay, KeyId, PlayReady, Widevine};

use crate::signalling::{Encryption, Signalling, System, said};

/// A content key, as the DRM module gives it.
pub(crate) struct OpenKey {
    pub(crate) id: KeyId,
    key: [u8; 16],
    iv: [u8; 16],
}

impl OpenKey {
    /// `None` when it is not 32 hexadecimal digits each of key id, key and IV.
    pub(crate) fn of(key: &ContentKey) -> Option<Self> {
        let exact = |digits: &str| digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let bytes = |digits: &str| exact(digits).then(|| u128::from_str_radix(digits, 16).ok())?.map(u128::to_be_bytes);
        Some(Self { id: bytes(&key.key_id)?, key: bytes(&key.key)?, iv: bytes(&key.iv)? })
    }
}

/// How a track's segments are protected, with the key made ready.
pub(crate) struct Protected {
    pub(crate) signalled: Protection,
    pub(crate) cipher: SegmentCipher,
    told: pssh::Protection,
}

/// The counters of a track file under `cenc`: a blob's key is never used for other bytes, so neither are these.
pub(crate) fn iv_prefix(blob: &str, trick: bool) -> IvPrefix {
    let name = format!("tessera iv prefix 1\n{blob}\n{}", if trick { "sync samples" } else { "" });
    let digest = Sha256::digest(name);
    IvPrefix([digest[0], digest[1], digest[2], digest[3]])
}

impl Protected {
    /// A track under `key`, one of the presentation's `key_ids`.
    pub(crate) fn new(
        key: &OpenKey,
        key_ids: &[KeyId],
        encryption: Encryption,
        prefix: IvPrefix,
        settings: &Signalling,
    ) -> Self {
        let scheme = match encryption {
            Encryption::Cbcs => Scheme::Cbcs { iv: key.iv },
            Encryption::Cenc => Scheme::Cenc { iv_prefix: prefix },
        };
        let signalled = Protection { scheme, key_id: key.id };
        let cipher = SegmentCipher::new(&key.key, &signalled);
        let told = described(key, key_ids, encryption, settings);
        Self { signalled, cipher, told }
    }

    /// The boxes of an init segment. Errors when what is configured does not fit into one.
    pub(crate) fn boxes(&self) -> Result<Vec<Vec<u8>>, pssh::Error> {
        self.told.boxes()?.iter().map(pssh::Pssh::write).collect()
    }

    /// The keys of HLS playlists: with `identity`, by which some players fetch the bare key, or ClearKey's alone.
    pub(crate) fn hls_keys(&self, clearkey_url: &str, clearkey_alone: bool) -> Result<Vec<Key>, pssh::Error> {
        let method = match self.told.scheme {
            pssh::Scheme::Cbcs => Method::SampleAes,
            pssh::Scheme::Cenc => Method::SampleAesCtr,
        };
        let id = self.told.key.id;
        let mut keys = Vec::new();
        if self.told.common {
            let key = |format, uri| Key { method, format, uri, key_id: Some(id), iv: None };
            if !clearkey_alone {
                keys.push(key(KeyFormat::Identity, format!("{clearkey_url}/{}", hex(&id))));
            }
            keys.push(key(KeyFormat::ClearKey, clearkey_url.to_owned()));
        }
        if clearkey_alone {
            return Ok(keys);
        }
        for pssh in self.told.boxes()?.iter().filter(|pssh| pssh.system == pssh::SystemId::WIDEVINE) {
            keys.push(Key::widevine(method, id, &pssh.write()?));
        }
        if let Some(object) = self.told.playready_object()? {
            keys.push(Key::playready(method, &object.write()?));
        }
        if let Some(fairplay) = &self.told.fairplay {
            keys.push(Key::fairplay(fairplay.uri.clone()));
        }
        Ok(keys)
    }

    /// The elements of a DASH description.
    pub(crate) fn content_protection(
        &self,
        clearkey_url: &str,
        settings: &Signalling,
    ) -> Result<ContentProtection, pssh::Error> {
        let mut systems = Vec::new();
        for pssh in self.told.boxes()? {
            let bytes = pssh.write()?;
            systems.push(match pssh.system {
                pssh::SystemId::WIDEVINE => DrmSystem {
                    pssh: Some(bytes),
                    license_url: said(&settings.widevine_licence_url),
                    ..DrmSystem::of(DrmSystem::WIDEVINE)
                },
                pssh::SystemId::PLAYREADY => DrmSystem {
                    name: Some("MSPR 2.0".into()),
                    pssh: Some(bytes),
                    playready_object: Some(pssh.data),
                    license_url: said(&settings.playready_licence_url),
                    ..DrmSystem::of(DrmSystem::PLAYREADY)
                },
                _ => DrmSystem::clear_key(bytes, Some(clearkey_url.to_owned())),
            });
        }
        if self.told.fairplay.is_some() {
            systems.push(DrmSystem::of(DrmSystem::FAIRPLAY));
        }
        Ok(ContentProtection { scheme: *self.signalled.scheme.code(), key_id: self.signalled.key_id, systems })
    }
}

/// What every system is told of a track.
fn described(key: &OpenKey, key_ids: &[KeyId], encryption: Encryption, settings: &Signalling) -> pssh::Protection {
    let with = |system| settings.systems.contains(&system);
    let fairplay = FairPlay { uri: settings.fairplay_uri.replace("{key_id}", &hex(&key.id)), write_box: false };
    pssh::Protection {
        scheme: match encryption {
            Encryption::Cbcs => pssh::Scheme::Cbcs,
            Encryption::Cenc => pssh::Scheme::Cenc,
        },
        key: pssh::ContentKey { id: key.id, checksum: Some(pssh::checksum(key.id, &key.key)) },
        key_ids: key_ids.to_vec(),
        common: with(System::ClearKey),
        widevine: with(System::Widevine)
            .then(|| Widevine { provider: said(&settings.widevine_provider), content_id: Vec::new() }),
        playready: with(System::PlayReady).then(|| PlayReady { licence_url: said(&settings.playready_licence_url) }),
        fairplay: (with(System::FairPlay) && encryption == Encryption::Cbcs).then_some(fairplay),
    }
}

fn hex(id: &KeyId) -> String {
    format!("{:032x}", u128::from_be_bytes(*id))
}
