//! `[delivery.drm]` of `tessera.toml`: how protected assets are encrypted, and which DRM systems are told of it.

use std::collections::BTreeSet;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use tessera_isobmff::TrackKind;

/// What a FairPlay key request names, until something else is configured.
const SKD: &str = "skd://{key_id}";

/// Settings of how protected assets leave the origin.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Signalling {
    /// The systems that manifests and init segments name: `clearkey`, `widevine`, `playready`, `fairplay`. Only ClearKey has
    /// a licence server here. Default `["clearkey"]`.
    pub systems: BTreeSet<System>,
    /// Which tracks of an asset share a content key: `asset` is one for all, `track_type` one for video and one for sound,
    /// `resolution` one for sound and one each for video of up to 576, up to 1088, and more pixels on its shorter side.
    /// Default `asset`.
    pub keys: KeyDivision,
    /// The scheme of HLS playlists that name none, `cbcs` or `cenc`. Apple's players play `cbcs` alone. Default `cbcs`.
    pub hls_scheme: Encryption,
    /// The scheme of DASH descriptions that name none, `cbcs` or `cenc`. Default `cbcs`.
    pub dash_scheme: Encryption,
    /// Whom the content belongs to at the Widevine licence service. Default: empty, not said.
    pub widevine_provider: String,
    /// Where Widevine licences come from, as DASH descriptions say it. Default: empty, not said.
    pub widevine_licence_url: String,
    /// Where PlayReady licences come from, in DASH descriptions and in PlayReady's own header. Default: empty, not said.
    pub playready_licence_url: String,
    /// What a FairPlay key request is about; `{key_id}` is the key id in hexadecimal. Default `skd://{key_id}`.
    #[serde(deserialize_with = "skd")]
    pub fairplay_uri: String,
}

/// A DRM system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum System {
    /// W3C ClearKey.
    ClearKey,
    /// Google's.
    Widevine,
    /// Microsoft's.
    PlayReady,
    /// Apple's, for HLS under `cbcs`.
    FairPlay,
}

/// Which tracks of an asset share a content key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyDivision {
    /// All of them.
    Asset,
    /// All video, and all sound.
    TrackType,
    /// Video of a class of resolutions, and all sound.
    Resolution,
}

/// A protection scheme (ISO/IEC 23001-7 §10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// AES-CBC with a pattern (§10.4).
    Cbcs,
    /// AES-CTR (§10.1).
    Cenc,
}

impl Default for Signalling {
    fn default() -> Self {
        Self {
            systems: [System::ClearKey].into(),
            keys: KeyDivision::Asset,
            hls_scheme: Encryption::Cbcs,
            dash_scheme: Encryption::Cbcs,
            widevine_provider: String::new(),
            widevine_licence_url: String::new(),
            playready_licence_url: String::new(),
            fairplay_uri: SKD.into(),
        }
    }
}

impl Signalling {
    /// Names what of these settings the bytes of protected media depend on: init segments hold what systems are told, and
    /// keys encrypt. Nothing for the default.
    pub(crate) fn fingerprint(&self) -> Option<String> {
        let plain = Self::default();
        let of = |settings: &Self| {
            let told = (&settings.widevine_provider, &settings.playready_licence_url);
            format!("{:?}\n{:?}\n{told:?}", settings.systems, settings.keys)
        };
        let ours = of(self);
        let digest = Sha256::digest(&ours);
        (ours != of(&plain)).then(|| digest[..4].iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl Encryption {
    /// Its name in paths and settings.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cbcs => "cbcs",
            Self::Cenc => "cenc",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Cbcs, Self::Cenc].into_iter().find(|scheme| scheme.name() == name)
    }
}

impl KeyDivision {
    /// The label of the content key of a track; none for the one key that an asset always had. A key serves one scheme, as
    /// PlayReady wants it: both at once would encrypt the same samples twice.
    pub(crate) fn label(self, encryption: Encryption, kind: &TrackKind) -> Option<String> {
        let class = match (self, kind) {
            (Self::Asset, _) => None,
            (Self::TrackType | Self::Resolution, TrackKind::Audio(_)) => Some("audio"),
            (Self::TrackType, TrackKind::Video(_)) => Some("video"),
            (Self::Resolution, TrackKind::Video(format)) => Some(resolution(format.width.min(format.height))),
        };
        match (encryption, class) {
            (Encryption::Cbcs, class) => class.map(str::to_owned),
            (Encryption::Cenc, None) => Some("cenc".into()),
            (Encryption::Cenc, Some(class)) => Some(format!("cenc-{class}")),
        }
    }
}

/// The class of video with so many pixels on its shorter side.
fn resolution(pixels: u16) -> &'static str {
    match pixels {
        0..=576 => "sd",
        577..=1088 => "hd",
        1089.. => "uhd",
    }
}

/// A setting that is empty where nothing is to be said.
pub(crate) fn said(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn skd<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let uri = String::deserialize(deserializer)?;
    match uri.starts_with("skd://") {
        true => Ok(uri),
        false => Err(serde::de::Error::custom(format!("a FairPlay URI begins with skd://, got {uri:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use tessera_isobmff::{AudioFormat, VideoFormat};

    use super::*;

    fn video(width: u16, height: u16) -> TrackKind {
        TrackKind::Video(VideoFormat { width, height })
    }

    #[test]
    fn keys_are_divided_as_configured_and_never_shared_by_schemes() {
        let sound = TrackKind::Audio(AudioFormat { sample_rate: 48_000, channels: 2 });
        for (division, kind, cbcs, cenc) in [
            (KeyDivision::Asset, sound, None, "cenc"),
            (KeyDivision::Asset, video(1280, 720), None, "cenc"),
            (KeyDivision::TrackType, sound, Some("audio"), "cenc-audio"),
            (KeyDivision::TrackType, video(1280, 720), Some("video"), "cenc-video"),
            (KeyDivision::Resolution, sound, Some("audio"), "cenc-audio"),
            (KeyDivision::Resolution, video(720, 576), Some("sd"), "cenc-sd"),
            (KeyDivision::Resolution, video(360, 640), Some("sd"), "cenc-sd"),
            (KeyDivision::Resolution, video(1920, 1080), Some("hd"), "cenc-hd"),
            (KeyDivision::Resolution, video(3840, 2160), Some("uhd"), "cenc-uhd"),
        ] {
            assert_eq!(division.label(Encryption::Cbcs, &kind).as_deref(), cbcs, "{division:?} {kind:?}");
            assert_eq!(division.label(Encryption::Cenc, &kind).as_deref(), Some(cenc), "{division:?} {kind:?}");
        }
    }

    #[test]
    fn whatever_changes_bytes_changes_the_name() {
        let with = |settings: &str| serde_json::from_str::<Signalling>(settings).unwrap().fingerprint();
        assert_eq!(with(r#"{"dash_scheme": "cenc", "fairplay_uri": "skd://x"}"#), None, "manifests alone");
        let named = [
            r#"{"systems": ["clearkey", "widevine"]}"#,
            r#"{"systems": []}"#,
            r#"{"keys": "resolution"}"#,
            r#"{"widevine_provider": "me"}"#,
            r#"{"playready_licence_url": "https://pr.example"}"#,
        ];
        let names: BTreeSet<_> = named.into_iter().map(|settings| with(settings).unwrap()).collect();
        assert_eq!(names.len(), named.len());
        assert!(serde_json::from_str::<Signalling>(r#"{"fairplay_uri": "https://x"}"#).is_err());
    }
}
