//! What matters of a box's content, a box a line.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::{Error, FourCc, cursor::Cursor};

/// Fields of a box by their names in the standard, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(pub Vec<(&'static str, Value)>);

/// A field's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A number, such as a count or a time.
    Number(i64),
    /// Anything else; codes and ids as they are usually written.
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Serialize for Fields {
    /// As a map.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u64> for Value {
    /// Numbers past `i64::MAX` are marks rather than counts, and so are shown as -1 is.
    fn from(number: u64) -> Self {
        Self::Number(number.cast_signed())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// Bytes in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn code(cursor: &mut Cursor<'_>) -> Result<Value, Error> {
    Ok(Value::Text(FourCc(cursor.array()?).to_string()))
}

/// The fields of a box of this type, in a box of that type. Errors when it is too short for them.
pub(super) fn fields(kind: FourCc, parent: FourCc, content: &[u8]) -> Result<Fields, Error> {
    let cursor = &mut Cursor::new(kind, content);
    // One that is not there is said of already.
    if content.is_empty() {
        return Ok(Fields::default());
    }
    if parent == b"stsd" {
        return sample_entry(cursor);
    }
    let fields = match &kind.0 {
        b"ftyp" | b"styp" => brands(cursor)?,
        b"mvhd" | b"mdhd" => times(cursor)?,
        b"tkhd" => track_header(cursor)?,
        b"hdlr" => {
            cursor.take(8)?;
            vec![("handler_type", code(cursor)?)]
        }
        b"stsz" | b"stz2" => {
            cursor.take(8)?;
            vec![("sample_count", cursor.u32()?.into())]
        }
        b"stts" | b"ctts" | b"stss" | b"stsc" | b"stco" | b"co64" | b"stsd" | b"dref" | b"elst" => {
            cursor.version_flags()?;
            vec![("entry_count", cursor.u32()?.into())]
        }
        b"colr" => vec![("colour_type", code(cursor)?)],
        b"mehd" | b"tfdt" => {
            let (version, _) = cursor.version_flags()?;
            let name = if kind == b"mehd" { "fragment_duration" } else { "baseMediaDecodeTime" };
            vec![(name, cursor.u32_or_u64(version)?.into())]
        }
        b"sidx" => segment_index(cursor)?,
        b"frma" => vec![("data_format", code(cursor)?)],
        b"schm" => {
            cursor.version_flags()?;
            vec![("scheme_type", code(cursor)?)]
        }
        b"tenc" => key(cursor)?,
        b"pssh" => system(cursor)?,
        _ => fragment(kind, cursor)?,
    };
    Ok(Fields(fields))
}

type Read = Result<Vec<(&'static str, Value)>, Error>;

fn brands(cursor: &mut Cursor<'_>) -> Read {
    let major = code(cursor)?;
    cursor.u32()?;
    let (brands, _) = cursor.rest().as_chunks::<4>();
    let brands: Vec<_> = brands.iter().take(16).map(|brand| FourCc(*brand).to_string()).collect();
    Ok(vec![("major_brand", major), ("compatible_brands", brands.join(" ").into())])
}

fn times(cursor: &mut Cursor<'_>) -> Read {
    let (version, _) = cursor.version_flags()?;
    cursor.take(if version == 0 { 8 } else { 16 })?;
    Ok(vec![("timescale", cursor.u32()?.into()), ("duration", cursor.u32_or_u64(version)?.into())])
}

fn track_header(cursor: &mut Cursor<'_>) -> Read {
    let (version, _) = cursor.version_flags()?;
    cursor.take(if version == 0 { 8 } else { 16 })?;
    let track_id = cursor.u32()?;
    cursor.take(if version == 0 { 8 + 52 } else { 12 + 52 })?;
    let (width, height) = (cursor.u32()? >> 16, cursor.u32()? >> 16);
    Ok(vec![("track_ID", track_id.into()), ("width", width.into()), ("height", height.into())])
}

/// The fields of a fragment's boxes.
fn fragment(kind: FourCc, cursor: &mut Cursor<'_>) -> Read {
    match &kind.0 {
        b"mfhd" => {
            cursor.version_flags()?;
            Ok(vec![("sequence_number", cursor.u32()?.into())])
        }
        b"trex" => {
            cursor.version_flags()?;
            Ok(vec![("track_ID", cursor.u32()?.into())])
        }
        b"tfhd" => {
            let (_, flags) = cursor.version_flags()?;
            Ok(vec![("track_ID", cursor.u32()?.into()), ("flags", format!("{flags:#08x}").into())])
        }
        b"trun" => {
            let (_, flags) = cursor.version_flags()?;
            let mut fields = vec![("sample_count", cursor.u32()?.into())];
            if flags & 1 != 0 {
                fields.push(("data_offset", Value::Number(cursor.u32()?.cast_signed().into())));
            }
            Ok(fields)
        }
        b"senc" => {
            cursor.version_flags()?;
            Ok(vec![("sample_count", cursor.u32()?.into())])
        }
        b"saiz" => {
            let (_, flags) = cursor.version_flags()?;
            cursor.take(if flags & 1 != 0 { 8 } else { 0 })?;
            let default = u32::from(cursor.u8()?);
            Ok(vec![("default_sample_info_size", default.into()), ("sample_count", cursor.u32()?.into())])
        }
        b"saio" => {
            let (version, flags) = cursor.version_flags()?;
            cursor.take(if flags & 1 != 0 { 8 } else { 0 })?;
            let count = cursor.u32()?;
            let mut fields = vec![("entry_count", count.into())];
            if count > 0 {
                fields.push(("offset", cursor.u32_or_u64(version)?.into()));
            }
            Ok(fields)
        }
        _ => Ok(Vec::new()),
    }
}

fn segment_index(cursor: &mut Cursor<'_>) -> Read {
    let (version, _) = cursor.version_flags()?;
    let (id, timescale) = (cursor.u32()?, cursor.u32()?);
    let earliest = cursor.u32_or_u64(version)?;
    cursor.u32_or_u64(version)?;
    cursor.u16()?;
    Ok(vec![
        ("reference_ID", id.into()),
        ("timescale", timescale.into()),
        ("earliest_presentation_time", earliest.into()),
        ("reference_count", u32::from(cursor.u16()?).into()),
    ])
}

fn key(cursor: &mut Cursor<'_>) -> Read {
    let (version, _) = cursor.version_flags()?;
    let [_, pattern, protected, iv_size] = cursor.array()?;
    let key_id = hex(&cursor.array::<16>()?);
    let mut fields = vec![
        ("default_isProtected", u32::from(protected).into()),
        ("default_Per_Sample_IV_Size", u32::from(iv_size).into()),
        ("default_KID", key_id.into()),
    ];
    if version > 0 {
        fields.push(("pattern", format!("{}:{}", pattern >> 4, pattern & 0xf).into()));
    }
    Ok(fields)
}

fn system(cursor: &mut Cursor<'_>) -> Read {
    let (version, _) = cursor.version_flags()?;
    let mut fields = vec![("SystemID", hex(&cursor.array::<16>()?).into())];
    if version > 0 {
        let count = cursor.u32()?;
        cursor.take((count as usize).saturating_mul(16))?;
        fields.push(("KID_count", count.into()));
    }
    let size = cursor.u32()?;
    cursor.take(size as usize)?;
    fields.push(("DataSize", size.into()));
    Ok(fields)
}

/// The fields that every sample entry begins with.
fn sample_entry(cursor: &mut Cursor<'_>) -> Result<Fields, Error> {
    cursor.take(6)?;
    Ok(Fields(vec![("data_reference_index", u32::from(cursor.u16()?).into())]))
}
