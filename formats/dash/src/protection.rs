//! How protected content is announced (ISO/IEC 23009-1 §5.8.4.1, ISO/IEC 23001-7 §11.2, DASH-IF IOP part 6).

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    Error,
    xml::{Tag, Xml},
};

/// W3C common system, which ClearKey uses.
const COMMON_SYSTEM: &str = "urn:uuid:1077efec-c0b2-4d02-ace3-3c1e52e2fb4b";

/// The protection of an adaptation set's samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentProtection {
    /// The scheme's four-character code, `cbcs`.
    pub scheme: [u8; 4],
    /// The default key id.
    pub key_id: [u8; 16],
    /// A whole `pssh` box of the W3C common system.
    pub common_pssh: Vec<u8>,
    /// Where ClearKey licences come from.
    pub license_url: Option<String>,
}

impl ContentProtection {
    pub(crate) fn write(&self, xml: &mut Xml) -> Result<(), Error> {
        let tag = Tag::new("ContentProtection").plain("schemeIdUri", "urn:mpeg:dash:mp4protection:2011");
        let tag = tag.text("value", &self.scheme.escape_ascii().to_string())?;
        xml.empty(tag.plain("cenc:default_KID", uuid(&self.key_id)));
        let tag = Tag::new("ContentProtection").plain("schemeIdUri", COMMON_SYSTEM);
        xml.element(tag.plain("value", "ClearKey1.0"), |xml| {
            xml.leaf(Tag::new("cenc:pssh"), &STANDARD.encode(&self.common_pssh))?;
            match &self.license_url {
                Some(url) => xml.leaf(Tag::new("dashif:Laurl").plain("licenseType", "EME-1.0"), url),
                None => Ok(()),
            }
        })
    }
}

/// The text form of a key id, grouped as a UUID.
fn uuid(bytes: &[u8; 16]) -> String {
    let hex = format!("{:032x}", u128::from_be_bytes(*bytes));
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
