//! How a track says that its samples are encrypted (ISO/IEC 14496-12 §8.12, ISO/IEC 23001-7 §8.2).

use serde::Serialize;

use super::fields::hex;
use crate::{Error, FourCc, Mp4Box, SampleEntry};

/// What `sinf` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InspectedProtection {
    /// The scheme, such as `cbcs` or `cenc`.
    pub scheme: String,
    /// `default_KID`, in hexadecimal digits.
    pub key_id: String,
    /// Bytes of the IV of each sample; 0 when all have the constant one.
    pub iv_size: u8,
    /// The constant IV, in hexadecimal digits.
    pub constant_iv: Option<String>,
    /// Blocks that are encrypted and that are skipped, as `1:9`; absent when all are encrypted.
    pub pattern: Option<String>,
}

/// What a sample entry was before it was protected.
pub(super) struct Unprotected {
    pub(super) entry: SampleEntry,
    /// `None` for an entry that is clear.
    pub(super) protection: Option<InspectedProtection>,
}

impl Unprotected {
    /// Reads the `sinf` of an `encv` or `enca` entry; others are what they are.
    pub(super) fn of(entry: &Mp4Box<'_>) -> Result<Self, Error> {
        let fields = match &entry.kind.0 {
            b"encv" => 78,
            b"enca" => 28,
            _ => {
                let entry = SampleEntry { format: entry.kind, body: entry.payload.to_vec() };
                return Ok(Self { entry, protection: None });
            }
        };
        let mut cursor = entry.cursor();
        cursor.take(fields)?;
        let boxes = crate::Boxes::new(entry.kind, cursor.rest());
        let sinf = boxes.only(b"sinf")?.children();
        let format = FourCc(sinf.only(b"frma")?.cursor().array()?);
        let mut schm = sinf.only(b"schm")?.cursor();
        schm.version_flags()?;
        let scheme = FourCc(schm.array()?).to_string();
        let tenc = sinf.only(b"schi")?.children().only(b"tenc")?;
        let protection = InspectedProtection::parse(scheme, &tenc)?;
        let entry = SampleEntry { format, body: entry.payload.to_vec() };
        Ok(Self { entry, protection: Some(protection) })
    }
}

impl InspectedProtection {
    fn parse(scheme: String, tenc: &Mp4Box<'_>) -> Result<Self, Error> {
        let mut cursor = tenc.cursor();
        let (version, _) = cursor.version_flags()?;
        let [_, pattern, protected, iv_size] = cursor.array()?;
        let key_id = hex(&cursor.array::<16>()?);
        let mut constant_iv = None;
        if protected == 1 && iv_size == 0 {
            let size = usize::from(cursor.u8()?);
            constant_iv = Some(hex(cursor.take(size)?));
        }
        let pattern = (version > 0 && pattern != 0).then(|| format!("{}:{}", pattern >> 4, pattern & 0xf));
        Ok(Self { scheme, key_id, iv_size, constant_iv, pattern })
    }
}
