//! The box itself (ISO/IEC 23001-7 §8.1).

use crate::{Error, KeyId, SystemId, cursor::Cursor, limits};

/// Size, type, version with flags, and system id.
const HEADER: usize = 4 + 4 + 4 + 16;

/// One `pssh` box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pssh {
    /// Whose data it is.
    pub system: SystemId,
    /// Key ids that need no knowledge of the system: `Some` makes a version 1 box, `None` a version 0 box.
    pub key_ids: Option<Vec<KeyId>>,
    /// What the system wants.
    pub data: Vec<u8>,
}

impl Pssh {
    /// The box of the W3C common system: key ids and no data (W3C "cenc" Initialization Data Format §4).
    pub fn common(key_ids: &[KeyId]) -> Self {
        Self { system: SystemId::COMMON, key_ids: Some(key_ids.to_vec()), data: Vec::new() }
    }

    /// The whole box as bytes. [`Error::Limit`] when it exceeds [`limits`].
    pub fn write(&self) -> Result<Vec<u8>, Error> {
        let key_ids = self.key_ids.as_deref();
        Error::check_limit("key ids", key_ids.map_or(0, <[_]>::len), limits::MAX_KEY_IDS)?;
        Error::check_limit("bytes of data", self.data.len(), limits::MAX_BOX)?;
        let size = HEADER + key_ids.map_or(0, |ids| 4 + 16 * ids.len()) + 4 + self.data.len();
        Error::check_limit("bytes of a box", size, limits::MAX_BOX)?;
        let mut bytes = Vec::with_capacity(size);
        bytes.extend(word(size));
        bytes.extend(b"pssh");
        bytes.extend([u8::from(key_ids.is_some()), 0, 0, 0]);
        bytes.extend(self.system.0);
        if let Some(key_ids) = key_ids {
            bytes.extend(word(key_ids.len()));
            bytes.extend(key_ids.as_flattened());
        }
        bytes.extend(word(self.data.len()));
        bytes.extend(&self.data);
        Ok(bytes)
    }

    /// The only box in `bytes`. Errors when there is none or another, and as [`Self::read_all`] does.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        let boxes = Self::read_all(bytes)?;
        let [only] = <[Self; 1]>::try_from(boxes).map_err(|_| Error::invalid("pssh", "exactly one box is wanted"))?;
        Ok(only)
    }

    /// The boxes that stand one behind another in `bytes`, as in a licence request's initialization data. Errors when
    /// they do not fit, are no `pssh` boxes of version 0 or 1, or exceed [`limits`].
    pub fn read_all(bytes: &[u8]) -> Result<Vec<Self>, Error> {
        let mut cursor = Cursor::new(bytes);
        let mut boxes = Vec::new();
        while !cursor.is_empty() {
            Error::check_limit("pssh boxes", boxes.len() + 1, limits::MAX_BOXES)?;
            let size = cursor.u32_be("size of pssh")? as usize;
            Error::check_limit("bytes of a box", size, limits::MAX_BOX)?;
            let rest = size.checked_sub(4).ok_or(Error::invalid("size of pssh", "it counts its own four bytes"))?;
            boxes.push(Self::body(Cursor::new(cursor.take("pssh", rest)?))?);
        }
        Ok(boxes)
    }

    fn body(mut cursor: Cursor<'_>) -> Result<Self, Error> {
        if cursor.array("type of pssh")? != *b"pssh" {
            return Err(Error::invalid("type of pssh", "only pssh boxes may stand here"));
        }
        let [version, _flags @ ..] = cursor.array::<4>("version of pssh")?;
        let system = SystemId(cursor.array("SystemID of pssh")?);
        let key_ids = match version {
            0 => None,
            1 => Some(key_ids(&mut cursor)?),
            _ => return Err(Error::invalid("version of pssh", "versions 0 and 1 are defined")),
        };
        let size = cursor.u32_be("DataSize of pssh")? as usize;
        let data = cursor.take("Data of pssh", size)?.to_vec();
        match cursor.is_empty() {
            true => Ok(Self { system, key_ids, data }),
            false => Err(Error::invalid("DataSize of pssh", "the data ends where the box ends")),
        }
    }

    /// The data, when the box is `wanted`'s.
    pub(crate) fn data_of(&self, wanted: SystemId) -> Result<&[u8], Error> {
        match self.system == wanted {
            true => Ok(&self.data),
            false => Err(Error::OtherSystem { wanted, got: self.system }),
        }
    }
}

fn key_ids(cursor: &mut Cursor<'_>) -> Result<Vec<KeyId>, Error> {
    let count = cursor.u32_be("KID_count of pssh")? as usize;
    Error::check_limit("key ids", count, limits::MAX_KEY_IDS)?;
    let bytes = cursor.take("KIDs of pssh", 16 * count)?;
    Ok(bytes.as_chunks().0.to_vec())
}

/// A length as it is written; the limits keep it far below 32 bits.
fn word(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("a length within the limits fits 32 bits").to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_one_holds_key_ids_and_no_data() {
        let bytes = Pssh::common(&[[7; 16], [9; 16]]).write().unwrap();
        assert_eq!(bytes.len(), 8 + 4 + 16 + 4 + 32 + 4);
        assert_eq!(bytes[..12], *b"\0\0\0\x44pssh\x01\0\0\0");
        assert_eq!(bytes[28..32], [0, 0, 0, 2]);
        assert_eq!(bytes[48..64], [9; 16]);
        assert_eq!(bytes[64..], [0; 4]);
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let whole = Pssh { system: SystemId::WIDEVINE, key_ids: None, data: vec![1, 2, 3] }.write().unwrap();
        let changed = |at: usize, to: u8| {
            let mut bytes = whole.clone();
            bytes[at] = to;
            Pssh::read_all(&bytes)
        };
        for (what, at, to) in [
            ("box shorter than its size field", 3, 3),
            ("box longer than the bytes", 3, 36),
            ("box ends in the data", 3, 34),
            ("box of a gigabyte", 0, 0x40),
            ("another type", 4, b'x'),
            ("version 2", 8, 2),
            ("data longer than the box", 31, 4),
            ("data shorter than the box", 31, 2),
        ] {
            assert!(changed(at, to).is_err(), "{what}");
        }
        assert_eq!(changed(8, 0).unwrap().len(), 1, "unchanged");
    }

    #[test]
    fn limits_hold_when_written() {
        let many = Pssh::common(&vec![[0; 16]; limits::MAX_KEY_IDS + 1]);
        assert!(matches!(many.write(), Err(Error::Limit { what: "key ids", .. })));
        let long = Pssh { system: SystemId::COMMON, key_ids: None, data: vec![0; limits::MAX_BOX] };
        assert!(matches!(long.write(), Err(Error::Limit { what: "bytes of a box", .. })));
    }
}
