//! From bytes to text: UTF-8, UTF-16 and Windows-1252, of which Latin-1's letters are a part.

use std::borrow::Cow;

/// How many bytes are looked at to recognise UTF-16 that has no byte order mark.
const LOOKED_AT: usize = 1_024;

/// The characters of Windows-1252 from 0x80 to 0x9f; the rest are those of Unicode (WHATWG Encoding, index windows-1252).
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Text of a file whose encoding is not told. A byte order mark decides; then `WEBVTT`, for such a file is UTF-8, valid
/// or not; then zeros, which only UTF-16 has in every line end and digit; then whether it is valid UTF-8.
pub(crate) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [b'W', b'E', b'B', b'V', b'T', b'T', ..] => String::from_utf8_lossy(bytes),
        _ => without_mark(bytes),
    }
}

fn without_mark(bytes: &[u8]) -> Cow<'_, str> {
    let (pairs, _) = bytes[..bytes.len().min(LOOKED_AT)].as_chunks::<2>();
    let zeros = |at: usize| pairs.iter().filter(|pair| pair[at] == 0).count();
    let often = pairs.len().div_ceil(10).max(1);
    match (zeros(0), zeros(1)) {
        (0, zeros) if zeros >= often => return utf16(bytes, u16::from_le_bytes),
        (zeros, 0) if zeros >= often => return utf16(bytes, u16::from_be_bytes),
        _ => {}
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|byte| windows_1252(*byte)).collect()),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Cow<'static, str> {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    Cow::Owned(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

fn windows_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9f => WINDOWS_1252[usize::from(byte - 0x80)],
        byte => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "1\r\n00:00:01,000 --> 00:00:02,000\r\nÇa va – 日本\r\n";

    #[test]
    fn recognises_encodings() {
        let units = |to: fn(u16) -> [u8; 2]| TEXT.encode_utf16().flat_map(to).collect::<Vec<u8>>();
        let (little, big) = (units(u16::to_le_bytes), units(u16::to_be_bytes));
        let marked = |mark: &[u8], bytes: &[u8]| [mark, bytes].concat();
        for (name, bytes) in [
            ("UTF-8", TEXT.as_bytes().to_vec()),
            ("UTF-8 with a mark", marked(b"\xef\xbb\xbf", TEXT.as_bytes())),
            ("UTF-16LE", little.clone()),
            ("UTF-16LE with a mark", marked(b"\xff\xfe", &little)),
            ("UTF-16BE", big.clone()),
            ("UTF-16BE with a mark", marked(b"\xfe\xff", &big)),
        ] {
            assert_eq!(decode(&bytes), TEXT, "{name}");
        }
    }

    #[test]
    fn what_is_no_utf_8_is_windows_1252_unless_it_is_webvtt() {
        assert_eq!(decode(b"\x93\xc7a co\xfbte 5 \x80\x94 \x81"), "“Ça coûte 5 €” \u{81}");
        assert_eq!(decode(b"WEBVTT \xff"), "WEBVTT \u{fffd}");
        assert_eq!(decode(b"WEBVTT\n\0\n\0\n\0"), "WEBVTT\n\0\n\0\n\0");
        assert_eq!(decode(b""), "");
        assert_eq!(decode(b"\xff\xfe\x00\xd8a"), "\u{fffd}");
    }
}
