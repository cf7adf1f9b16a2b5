//! The PlayReady Object and its records (PlayReady Header Specification §2).

use crate::{Error, PlayReadyHeader, Pssh, SystemId, cursor::Cursor, limits};

/// The record that holds the header.
const HEADER_RECORD: u16 = 1;

/// A PlayReady Object: what stands in a `pssh` box, in DASH's `mspr:pro` and in the URI of an HLS key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayReadyObject {
    /// The header, a document in XML; [`PlayReadyHeader`] says what is in it.
    pub header: String,
}

impl PlayReadyObject {
    /// The object with this header.
    pub fn new(header: &PlayReadyHeader) -> Result<Self, Error> {
        Ok(Self { header: header.write()? })
    }

    /// The object as bytes, with one record. [`Error::Limit`] when it is longer than PlayReady takes.
    pub fn write(&self) -> Result<Vec<u8>, Error> {
        let header: Vec<u8> = self.header.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let size = 4 + 2 + 2 + 2 + header.len();
        Error::check_limit("bytes of a PlayReady Object", size, limits::MAX_PLAYREADY_OBJECT)?;
        let mut bytes = Vec::with_capacity(size);
        // The limit keeps both lengths below 16 bits.
        bytes.extend((size as u32).to_le_bytes());
        bytes.extend(1u16.to_le_bytes());
        bytes.extend(HEADER_RECORD.to_le_bytes());
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header);
        Ok(bytes)
    }

    /// The object in a PlayReady box. [`Error::OtherSystem`] when the box is not PlayReady's; further as [`Self::read`].
    pub fn of(pssh: &Pssh) -> Result<Self, Error> {
        Self::read(pssh.data_of(SystemId::PLAYREADY)?)
    }

    /// Reads an object; records that hold no header are passed over. Errors when lengths do not fit, the header is not
    /// UTF-16, there is none or there are two.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        Error::check_limit("bytes of a PlayReady Object", bytes.len(), limits::MAX_PLAYREADY_OBJECT)?;
        let mut cursor = Cursor::new(bytes);
        if cursor.u32_le("length of the PlayReady Object")? as usize != bytes.len() {
            return Err(Error::invalid("length of the PlayReady Object", "it is that of the whole object"));
        }
        let mut header = None;
        for _ in 0..cursor.u16_le("record count of the PlayReady Object")? {
            let kind = cursor.u16_le("record type")?;
            let length = cursor.u16_le("record length")?;
            let value = cursor.take("record value", usize::from(length))?;
            if kind == HEADER_RECORD && header.replace(utf16(value)?).is_some() {
                return Err(Error::invalid("PlayReady Object", "it has one header"));
            }
        }
        match (header, cursor.is_empty()) {
            (Some(header), true) => Ok(Self { header }),
            (None, _) => Err(Error::invalid("PlayReady Object", "it has a header")),
            (_, false) => Err(Error::invalid("PlayReady Object", "it ends with its last record")),
        }
    }
}

fn utf16(bytes: &[u8]) -> Result<String, Error> {
    let not_utf16 = Error::invalid("PlayReady Header", "it is UTF-16, little-endian");
    let (units, []) = bytes.as_chunks::<2>() else { return Err(not_utf16) };
    let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
    String::from_utf16(&units).map_err(|_| not_utf16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_records_are_passed_over_and_lengths_are_checked() {
        let store = b"\x03\0\x02\0ab";
        let header = b"\x01\0\x04\0<\0>\0";
        let object = |count: u8, records: &[&[u8]]| {
            let records = records.concat();
            let size = 6 + records.len() as u32;
            PlayReadyObject::read(&[&size.to_le_bytes(), [count, 0].as_slice(), &records].concat())
        };
        assert_eq!(object(2, &[store, header]).unwrap().header, "<>");
        for (what, refused) in [
            ("no header", object(1, &[store])),
            ("two headers", object(2, &[header, header])),
            ("a record more than counted", object(1, &[header, store])),
            ("a record less than counted", object(3, &[header, store])),
            ("half a character", object(1, &[b"\x01\0\x03\0<\0>"])),
            ("half a surrogate pair", object(1, &[b"\x01\0\x02\0\0\xd8"])),
        ] {
            assert!(refused.is_err(), "{what}");
        }
    }
}
