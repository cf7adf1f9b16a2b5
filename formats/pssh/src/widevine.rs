//! `WidevinePsshData`, a Protocol Buffers message written by hand: nine fields do not want a compiler.

use crate::{Error, KeyId, Pssh, Scheme, SystemId, cursor::Cursor, limits};

const ALGORITHM: u64 = 1;
const KEY_IDS: u64 = 2;
const PROVIDER: u64 = 3;
const CONTENT_ID: u64 = 4;
const POLICY: u64 = 6;
const PROTECTION_SCHEME: u64 = 9;

/// Wire types (Protocol Buffers Encoding, "Message Structure").
const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const LENGTH: u64 = 2;
const FIXED_32: u64 = 5;

/// What a Widevine `pssh` box holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WidevineData {
    /// Older packagers' way to say that content is encrypted: 1 for AES-CTR.
    pub algorithm: Option<u64>,
    /// The keys that a licence is wanted for.
    pub key_ids: Vec<KeyId>,
    /// Whom the content belongs to at the licence service.
    pub provider: Option<String>,
    /// The content at the licence service, in bytes of its own meaning.
    pub content_id: Vec<u8>,
    /// A policy registered at the licence service.
    pub policy: Option<String>,
    /// The scheme's four-character code as a number; absent, it is `cenc`.
    pub protection_scheme: Option<u32>,
}

impl WidevineData {
    /// The scheme, when it is one of ours.
    pub fn scheme(&self) -> Option<Scheme> {
        self.protection_scheme.map_or(Some(Scheme::Cenc), |code| Scheme::from_code(code.to_be_bytes()))
    }

    /// The message as bytes, fields in the order of their numbers.
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Some(algorithm) = self.algorithm {
            number(&mut bytes, ALGORITHM, algorithm);
        }
        self.key_ids.iter().for_each(|key_id| text(&mut bytes, KEY_IDS, key_id));
        if let Some(provider) = &self.provider {
            text(&mut bytes, PROVIDER, provider.as_bytes());
        }
        if !self.content_id.is_empty() {
            text(&mut bytes, CONTENT_ID, &self.content_id);
        }
        if let Some(policy) = &self.policy {
            text(&mut bytes, POLICY, policy.as_bytes());
        }
        if let Some(scheme) = self.protection_scheme {
            number(&mut bytes, PROTECTION_SCHEME, u64::from(scheme));
        }
        bytes
    }

    /// The message in a Widevine box. [`Error::OtherSystem`] when the box is not Widevine's; further as [`Self::read`].
    pub fn of(pssh: &Pssh) -> Result<Self, Error> {
        Self::read(pssh.data_of(SystemId::WIDEVINE)?)
    }

    /// Reads a message; fields that are not named here are passed over. Errors when it is no message, a key id is not of
    /// 16 bytes, a text is not UTF-8, or [`limits`] are exceeded.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        Error::check_limit("bytes of WidevinePsshData", bytes.len(), limits::MAX_BOX)?;
        let mut cursor = Cursor::new(bytes);
        let mut data = Self::default();
        while !cursor.is_empty() {
            let tag = cursor.varint("tag of WidevinePsshData")?;
            data.field(tag >> 3, tag & 7, &mut cursor)?;
        }
        Ok(data)
    }

    fn field(&mut self, field: u64, wire: u64, cursor: &mut Cursor<'_>) -> Result<(), Error> {
        match (field, wire) {
            (ALGORITHM, VARINT) => self.algorithm = Some(cursor.varint("algorithm")?),
            (PROTECTION_SCHEME, VARINT) => {
                let code = cursor.varint("protection_scheme")?;
                let code = u32::try_from(code).map_err(|_| Error::invalid("protection_scheme", "it has 32 bits"))?;
                self.protection_scheme = Some(code);
            }
            (KEY_IDS, LENGTH) => {
                Error::check_limit("key ids", self.key_ids.len() + 1, limits::MAX_KEY_IDS)?;
                let key_id = delimited("key_ids", cursor)?;
                let key_id = key_id.try_into().map_err(|_| Error::invalid("key_ids", "a key id has 16 bytes"))?;
                self.key_ids.push(key_id);
            }
            (PROVIDER, LENGTH) => self.provider = Some(string("provider", cursor)?),
            (CONTENT_ID, LENGTH) => self.content_id = delimited("content_id", cursor)?.to_vec(),
            (POLICY, LENGTH) => self.policy = Some(string("policy", cursor)?),
            (0, _) => return Err(Error::invalid("tag of WidevinePsshData", "fields are numbered from 1")),
            (_, VARINT) => drop(cursor.varint("unknown field")?),
            (_, FIXED_64) => drop(cursor.take("unknown field", 8)?),
            (_, LENGTH) => drop(delimited("unknown field", cursor)?),
            (_, FIXED_32) => drop(cursor.take("unknown field", 4)?),
            _ => return Err(Error::invalid("tag of WidevinePsshData", "it has a wire type that is not in use")),
        }
        Ok(())
    }
}

fn delimited<'a>(field: &'static str, cursor: &mut Cursor<'a>) -> Result<&'a [u8], Error> {
    let length = usize::try_from(cursor.varint(field)?).unwrap_or(usize::MAX);
    cursor.take(field, length)
}

fn string(field: &'static str, cursor: &mut Cursor<'_>) -> Result<String, Error> {
    let bytes = delimited(field, cursor)?.to_vec();
    String::from_utf8(bytes).map_err(|_| Error::invalid(field, "a text is UTF-8"))
}

fn varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn number(bytes: &mut Vec<u8>, field: u64, value: u64) {
    varint(bytes, field << 3 | VARINT);
    varint(bytes, value);
}

fn text(bytes: &mut Vec<u8>, field: u64, text: &[u8]) {
    varint(bytes, field << 3 | LENGTH);
    varint(bytes, text.len() as u64);
    bytes.extend(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_are_passed_over() {
        // Fields 8, 10, 11 and 13, one of each wire type, then a provider.
        let bytes = b"\x42\x01x\x50\xac\x02\x5d1234\x6912345678\x1a\x02me";
        assert_eq!(WidevineData::read(bytes).unwrap().provider.as_deref(), Some("me"));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for (what, bytes) in [
            ("a key id of three bytes", b"\x12\x03abc".as_slice()),
            ("a length past the end", b"\x12\x10abc"),
            ("a length of 64 bits", b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
            ("a number of 70 bits", b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
            ("a number without an end", b"\x08\xff"),
            ("a scheme of 40 bits", b"\x48\xff\xff\xff\xff\xff\x01"),
            ("a provider that is no text", b"\x1a\x01\xff"),
            ("a group", b"\x0b"),
            ("field 0", b"\x00\x00"),
        ] {
            assert!(WidevineData::read(bytes).is_err(), "{what}");
        }
    }

    #[test]
    fn a_message_without_a_scheme_is_cenc() {
        assert_eq!(WidevineData::default().scheme(), Some(Scheme::Cenc));
        let other = WidevineData { protection_scheme: Some(u32::from_be_bytes(*b"cens")), ..Default::default() };
        assert_eq!(other.scheme(), None);
    }
}
