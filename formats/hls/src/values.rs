//! Attribute lists and values as they are read (RFC 8216bis §4.2).

use crate::ByteRange;

/// The most attributes in one list: the standard defines fewer than thirty for any tag, and the rest are a tag's own.
const MAX_ATTRIBUTES: usize = 256;

/// One attribute of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attribute<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: Value<'a>,
}

/// A value, without its quotation marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Quoted(&'a str),
    Bare(&'a str),
}

/// The attributes of one tag.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AttributeList<'a>(pub(crate) Vec<Attribute<'a>>);

impl<'a> AttributeList<'a> {
    /// Reads a list; the error says what is wrong with it.
    pub(crate) fn parse(text: &'a str) -> Result<Self, &'static str> {
        let mut list = Vec::new();
        let mut rest = text;
        loop {
            let (name, after) = rest.split_once('=').ok_or("an attribute is NAME=value")?;
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-') {
                return Err("an attribute's name is of the letters A to Z, digits and hyphens, with no blanks");
            }
            let (value, after) = Value::parse(after)?;
            if list.len() == MAX_ATTRIBUTES {
                return Err("a list of hundreds of attributes is not read");
            }
            list.push(Attribute { name, value });
            if after.is_empty() {
                return Ok(Self(list));
            }
            rest = after.strip_prefix(',').ok_or("a comma or the line's end follows a quoted value")?;
        }
    }

    /// The text of an attribute, the first of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|attribute| attribute.name == name).map(|attribute| attribute.value.text())
    }

    pub(crate) fn is_yes(&self, name: &str) -> bool {
        self.get(name) == Some("YES")
    }
}

impl<'a> Value<'a> {
    fn parse(text: &'a str) -> Result<(Self, &'a str), &'static str> {
        if let Some(quoted) = text.strip_prefix('"') {
            let (value, rest) = quoted.split_once('"').ok_or("a quoted value ends with a quotation mark")?;
            return Ok((Self::Quoted(value), rest));
        }
        let end = text.find(',').unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        match value.is_empty() || value.contains(|c: char| c == '"' || c.is_whitespace()) {
            true => Err("a value without quotation marks is not empty and holds neither them nor blanks"),
            false => Ok((Self::Bare(value), rest)),
        }
    }

    pub(crate) fn text(self) -> &'a str {
        match self {
            Self::Quoted(text) | Self::Bare(text) => text,
        }
    }
}

/// A decimal integer of at most 64 bits.
pub(crate) fn integer(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// A decimal number in millionths; digits behind the sixth are rounded.
pub(crate) fn millionths(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() && fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { integer(whole)? };
    let digit = |place: usize| u64::from(fraction.as_bytes().get(place).map_or(0, |digit| digit - b'0'));
    let fraction = (0..6).fold(0, |value, place| value * 10 + digit(place)) + u64::from(digit(6) >= 5);
    whole.checked_mul(1_000_000)?.checked_add(fraction)
}

/// A decimal number with or without a minus sign, in millionths.
pub(crate) fn signed_millionths(text: &str) -> Option<i64> {
    match text.strip_prefix('-') {
        Some(text) => i64::try_from(millionths(text)?).ok().map(|value| -value),
        None => i64::try_from(millionths(text)?).ok(),
    }
}

/// `0x` and hexadecimal digits that make sixteen bytes.
pub(crate) fn sixteen_bytes(text: &str) -> Option<[u8; 16]> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    let hexadecimal = digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if hexadecimal { u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes) } else { None }
}

/// Two integers with an `x` between them.
pub(crate) fn resolution(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once('x')?;
    Some((u32::try_from(integer(width)?).ok()?, u32::try_from(integer(height)?).ok()?))
}

/// `length` or `length@offset`; a range without an offset follows the one before it.
pub(crate) fn byte_range(text: &str) -> Option<(u64, Option<u64>)> {
    match text.split_once('@') {
        Some((length, offset)) => {
            let (length, offset) = (integer(length)?, integer(offset)?);
            length.checked_add(offset).map(|_| (length, Some(offset)))
        }
        None => integer(text).map(|length| (length, None)),
    }
}

/// A range whose offset may be that of the end of `before`, the range before it and its file.
pub(crate) fn resolved_range(text: &str, uri: &str, before: Option<(&str, ByteRange)>) -> Option<ByteRange> {
    let (length, offset) = byte_range(text)?;
    let follows =
        || before.filter(|(file, _)| *file == uri).and_then(|(_, range)| range.offset.checked_add(range.length));
    let offset = offset.or_else(follows)?;
    offset.checked_add(length).map(|_| ByteRange { offset, length })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_outside_quotation_marks() {
        let list = AttributeList::parse("A=1,B-2=\"x,y=z\",C=\"\"").unwrap();
        assert_eq!((list.get("A"), list.get("B-2"), list.get("C")), (Some("1"), Some("x,y=z"), Some("")));
        assert_eq!(list.0[0].value, Value::Bare("1"));
        for broken in ["", "A", "A=", "A=1,", "a=1", "A=1, B=2", "A=\"1", "A=\"1\"2", "A=1\"", "=1", "A=1,,B=2"] {
            assert!(AttributeList::parse(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn numbers_are_bounded_and_exact() {
        for (text, value) in [
            ("9", Some(9_000_000)),
            ("9.009", Some(9_009_000)),
            ("1.9999995", Some(2_000_000)),
            (".5", Some(500_000)),
            ("5.", Some(5_000_000)),
            (".", None),
            ("", None),
            ("+1", None),
            ("1e3", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(millionths(text), value, "{text}");
        }
        assert_eq!(signed_millionths("-1.5"), Some(-1_500_000));
        assert_eq!(integer("-1"), None);
        assert_eq!(byte_range("5@18446744073709551615"), None);
        assert_eq!(byte_range("5@7"), Some((5, Some(7))));
        assert_eq!(sixteen_bytes("0x00"), None);
        assert_eq!(resolution("1280x720"), Some((1280, 720)));
    }
}
