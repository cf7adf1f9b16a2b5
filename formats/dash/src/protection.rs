//! How protected content is announced (ISO/IEC 23009-1 §5.8.4.1, ISO/IEC 23001-7 §11.2, DASH-IF IOP part 6).

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    Error,
    xml::{Tag, Xml},
};

/// The protection of an adaptation set's samples: the scheme, and each system that has licences for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentProtection {
    /// The scheme's four-character code, `cbcs`.
    pub scheme: [u8; 4],
    /// The default key id.
    pub key_id: [u8; 16],
    /// The systems, one element each, in the order of preference.
    pub systems: Vec<DrmSystem>,
}

/// What one digital rights management system needs to ask for a licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrmSystem {
    /// Its system id, such as [`DrmSystem::WIDEVINE`].
    pub id: [u8; 16],
    /// Its name and version, for readers.
    pub name: Option<String>,
    /// A whole `pssh` box (`cenc:pssh`).
    pub pssh: Option<Vec<u8>>,
    /// PlayReady's object, little-endian header included (`mspr:pro`); other systems have none.
    pub playready_object: Option<Vec<u8>>,
    /// Where its licences come from (`dashif:Laurl`).
    pub license_url: Option<String>,
}

impl DrmSystem {
    /// W3C's common system, which ClearKey uses.
    pub const COMMON: [u8; 16] = 0x1077efec_c0b2_4d02_ace3_3c1e52e2fb4b_u128.to_be_bytes();
    /// Widevine.
    pub const WIDEVINE: [u8; 16] = 0xedef8ba9_79d6_4ace_a3c8_27dcd51d21ed_u128.to_be_bytes();
    /// PlayReady.
    pub const PLAYREADY: [u8; 16] = 0x9a04f079_9840_4286_ab92_e65be0885f95_u128.to_be_bytes();
    /// FairPlay Streaming.
    pub const FAIRPLAY: [u8; 16] = 0x94ce86fb_07ff_4f43_adb8_93d2fa968ca2_u128.to_be_bytes();

    /// A system that is known by its id alone.
    pub fn of(id: [u8; 16]) -> Self {
        Self { id, name: None, pssh: None, playready_object: None, license_url: None }
    }

    /// ClearKey: a `pssh` box of the common system, and where keys come from.
    pub fn clear_key(common_pssh: Vec<u8>, license_url: Option<String>) -> Self {
        let name = Some("ClearKey1.0".to_owned());
        Self { name, pssh: Some(common_pssh), license_url, ..Self::of(Self::COMMON) }
    }

    fn write(&self, xml: &mut Xml) -> Result<(), Error> {
        let mut tag = Tag::new("ContentProtection").plain("schemeIdUri", format_args!("urn:uuid:{}", uuid(&self.id)));
        if let Some(name) = &self.name {
            tag = tag.text("value", name)?;
        }
        if self.pssh.is_none() && self.playready_object.is_none() && self.license_url.is_none() {
            xml.empty(tag);
            return Ok(());
        }
        xml.element(tag, |xml| {
            if let Some(pssh) = &self.pssh {
                xml.leaf(Tag::new("cenc:pssh"), &STANDARD.encode(pssh))?;
            }
            if let Some(object) = &self.playready_object {
                xml.leaf(Tag::new("mspr:pro"), &STANDARD.encode(object))?;
            }
            match &self.license_url {
                Some(url) => xml.leaf(Tag::new("dashif:Laurl").plain("licenseType", "EME-1.0"), url),
                None => Ok(()),
            }
        })
    }
}

impl ContentProtection {
    pub(crate) fn write(&self, xml: &mut Xml) -> Result<(), Error> {
        let tag = Tag::new("ContentProtection").plain("schemeIdUri", "urn:mpeg:dash:mp4protection:2011");
        let tag = tag.text("value", &self.scheme.escape_ascii().to_string())?;
        xml.empty(tag.plain("cenc:default_KID", uuid(&self.key_id)));
        self.systems.iter().try_for_each(|system| system.write(xml))
    }

    pub(crate) fn has_playready(&self) -> bool {
        self.systems.iter().any(|system| system.playready_object.is_some())
    }
}

/// The text form of a key id or system id.
fn uuid(bytes: &[u8; 16]) -> String {
    let hex = format!("{:032x}", u128::from_be_bytes(*bytes));
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
