//! The PlayReady Header, `WRMHEADER` (PlayReady Header Specification §3).

use base64::{Engine, engine::general_purpose::STANDARD};
use quick_xml::{
    Reader,
    escape::{escape, unescape},
    events::{BytesStart, Event},
};

use super::guid;
use crate::{Error, KeyId, Scheme, limits};

const NAMESPACE: &str = "http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader";

/// What a header says. Its version follows from it: 4.0 for one `cenc` key, which every client reads, 4.2 for several
/// (PlayReady 3 and later), and 4.3 for `cbcs` (PlayReady 4 and later).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayReadyHeader {
    /// How the media is protected.
    pub scheme: Scheme,
    /// The keys that a licence is wanted for; at least one.
    pub keys: Vec<PlayReadyKey>,
    /// Where the client gets its licence, when the player does not know better: `LA_URL`.
    pub licence_url: Option<String>,
}

/// A key of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlayReadyKey {
    /// Its id, in the byte order of `tenc`.
    pub id: KeyId,
    /// Its [`checksum`](crate::checksum). Not written for `cbcs`, which has none.
    pub checksum: Option<[u8; 8]>,
}

impl PlayReadyHeader {
    /// The document, without white space between its elements as PlayReady wants it. Errors when there is no key, there
    /// are too many, or the URL is no text.
    pub fn write(&self) -> Result<String, Error> {
        Error::check_limit("key ids", self.keys.len(), limits::MAX_KEY_IDS)?;
        let (version, keys) = match (self.scheme, self.keys.as_slice()) {
            (_, []) => return Err(Error::NoKeys),
            (Scheme::Cenc, [key]) => ("4.0.0.0", key.elements()),
            (Scheme::Cenc, keys) => ("4.2.0.0", list(keys, "AESCTR", true)),
            (Scheme::Cbcs, keys) => ("4.3.0.0", list(keys, "AESCBC", false)),
        };
        let licence_url = self.licence_url.as_deref().map(licence_url).transpose()?.unwrap_or_default();
        let start = format!("<WRMHEADER xmlns=\"{NAMESPACE}\" version=\"{version}\"><DATA>");
        Ok(format!("{start}{keys}{licence_url}</DATA></WRMHEADER>"))
    }

    /// Reads a document of any version. Elements that are not named here are passed over. Errors when it is no XML, a
    /// key id or checksum is none, there are no keys, or [`limits`] are exceeded.
    pub fn read(document: &str) -> Result<Self, Error> {
        let mut reader = Reader::from_str(document);
        let mut read = Parts::default();
        loop {
            match reader.read_event().map_err(|_| not_xml())? {
                Event::Start(tag) => {
                    read.path.push(tag.name().as_ref().to_owned());
                    Error::check_limit("depth of a PlayReady Header", read.path.len(), 16)?;
                    read.element(&tag)?;
                }
                Event::Empty(tag) => {
                    read.path.push(tag.name().as_ref().to_owned());
                    read.element(&tag)?;
                    read.end()?;
                }
                Event::End(_) => read.end()?,
                Event::Text(text) => read.text.push_str(&text),
                Event::GeneralRef(entity) => read.reference(&entity)?,
                Event::Eof => return read.finish(),
                _ => {}
            }
        }
    }
}

impl PlayReadyKey {
    /// The elements of a version 4.0 header.
    fn elements(&self) -> String {
        let checksum = self.checksum.map(|sum| format!("<CHECKSUM>{}</CHECKSUM>", STANDARD.encode(sum)));
        format!(
            "<PROTECTINFO><KEYLEN>16</KEYLEN><ALGID>AESCTR</ALGID></PROTECTINFO><KID>{}</KID>{}",
            STANDARD.encode(guid(self.id)),
            checksum.unwrap_or_default()
        )
    }
}

/// The elements of a header of version 4.2 or 4.3; attributes stand in the order of the alphabet.
fn list(keys: &[PlayReadyKey], algorithm: &str, checksums: bool) -> String {
    let key = |key: &PlayReadyKey| {
        let checksum = key.checksum.filter(|_| checksums);
        let checksum = checksum.map(|sum| format!(" CHECKSUM=\"{}\"", STANDARD.encode(sum))).unwrap_or_default();
        format!("<KID ALGID=\"{algorithm}\"{checksum} VALUE=\"{}\"></KID>", STANDARD.encode(guid(key.id)))
    };
    format!("<PROTECTINFO><KIDS>{}</KIDS></PROTECTINFO>", keys.iter().map(key).collect::<String>())
}

fn licence_url(url: &str) -> Result<String, Error> {
    match url.chars().any(char::is_control) {
        true => Err(Error::NotText { field: "LA_URL", text: url.to_owned() }),
        false => Ok(format!("<LA_URL>{}</LA_URL>", escape(url))),
    }
}

fn not_xml() -> Error {
    Error::invalid("PlayReady Header", "it is well-formed XML")
}

fn bytes<const N: usize>(field: &'static str, text: &str) -> Result<[u8; N], Error> {
    let bytes = STANDARD.decode(text.trim()).map_err(|_| Error::invalid(field, "it is base64"))?;
    bytes.try_into().map_err(|_| Error::invalid(field, "it has its fixed length"))
}

/// A document on its way through the reader.
#[derive(Default)]
struct Parts {
    path: Vec<String>,
    text: String,
    keys: Vec<PlayReadyKey>,
    checksum: Option<[u8; 8]>,
    cbc: bool,
    licence_url: Option<String>,
}

impl Parts {
    /// A start tag: its attributes, where keys are attributes.
    fn element(&mut self, tag: &BytesStart<'_>) -> Result<(), Error> {
        self.text.clear();
        let (mut id, mut checksum) = (None, None);
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|_| not_xml())?;
            let value: &str = attribute.value.as_ref();
            match (tag.name().as_ref(), attribute.key.as_ref()) {
                ("KID", "VALUE") => id = Some(guid(bytes("KID", value)?)),
                ("KID", "CHECKSUM") => checksum = Some(bytes("CHECKSUM", value)?),
                ("KID", "ALGID") => self.cbc |= value == "AESCBC",
                _ => {}
            }
        }
        id.map_or(Ok(()), |id| self.key(PlayReadyKey { id, checksum }))
    }

    fn key(&mut self, key: PlayReadyKey) -> Result<(), Error> {
        Error::check_limit("key ids", self.keys.len() + 1, limits::MAX_KEY_IDS)?;
        self.keys.push(key);
        Ok(())
    }

    fn reference(&mut self, entity: &str) -> Result<(), Error> {
        self.text.push_str(&unescape(&format!("&{entity};")).map_err(|_| not_xml())?);
        Ok(())
    }

    /// An end tag: its text, where values are text.
    fn end(&mut self) -> Result<(), Error> {
        let name = self.path.pop().ok_or_else(not_xml)?;
        let text = std::mem::take(&mut self.text);
        match name.as_str() {
            "KID" if !text.trim().is_empty() => {
                self.key(PlayReadyKey { id: guid(bytes("KID", &text)?), checksum: None })?
            }
            "CHECKSUM" => self.checksum = Some(bytes("CHECKSUM", &text)?),
            "LA_URL" => self.licence_url = Some(text),
            _ => {}
        }
        Ok(())
    }

    fn finish(mut self) -> Result<PlayReadyHeader, Error> {
        if !self.path.is_empty() {
            return Err(not_xml());
        }
        match self.keys.as_mut_slice() {
            [] => return Err(Error::invalid("PlayReady Header", "it names a key")),
            [only] => only.checksum = only.checksum.or(self.checksum),
            _ => {}
        }
        let scheme = if self.cbc { Scheme::Cbcs } else { Scheme::Cenc };
        Ok(PlayReadyHeader { scheme, keys: self.keys, licence_url: self.licence_url })
    }
}
