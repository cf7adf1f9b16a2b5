//! Pictures of a brand: which kind, how large, and that they are what they say. Nothing is decoded here.

use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use tessera_contract::Failure;
use tessera_contract_tenancy::{PictureUse, TenancyError};

use crate::svg;

/// Bytes of a picture at most.
const LARGEST: usize = 256 * 1024;
/// Pixels of a side at most.
const LONGEST_SIDE: u32 = 4096;

/// A picture that may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) media_type: &'static str,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// SHA-256 of the content, in hexadecimal: part of its address.
    pub(crate) digest: String,
    pub(crate) content: Vec<u8>,
}

impl Picture {
    /// Reads what was sent for `purpose`.
    pub(crate) fn sent(purpose: PictureUse, data: &str) -> Result<Self, TenancyError> {
        let content = BASE64_STANDARD.decode(data.trim());
        let content = content.map_err(|_| Failure::invalid("data", "data is the file in base64 (RFC 4648 §4)"))?;
        if content.is_empty() || content.len() > LARGEST {
            return Err(refused(format!("it has {} bytes; 1 to {LARGEST} are taken", content.len())));
        }
        let (media_type, (width, height)) = look(&content)?;
        if !(1..=LONGEST_SIDE).contains(&width) || !(1..=LONGEST_SIDE).contains(&height) {
            return Err(refused(format!("it is {width} by {height}; sides of 1 to {LONGEST_SIDE} are taken")));
        }
        if purpose == PictureUse::Favicon && width != height {
            return Err(refused(format!("a favicon is a square; this is {width} by {height}")));
        }
        let digest = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { media_type, width, height, digest, content })
    }
}

pub(crate) fn refused(why: impl Into<String>) -> TenancyError {
    TenancyError::PictureRefused(format!("the picture is not taken: {}", why.into()))
}

/// The kind of picture and its size, by its first bytes; a file's name says nothing.
fn look(bytes: &[u8]) -> Result<(&'static str, (u32, u32)), TenancyError> {
    let damaged = |kind: &str| refused(format!("it begins like a {kind} and is not a whole one"));
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Ok(("image/png", png(bytes).ok_or_else(|| damaged("PNG"))?));
    }
    if bytes.starts_with(b"\xff\xd8\xff") {
        return Ok(("image/jpeg", jpeg(bytes).ok_or_else(|| damaged("JPEG"))?));
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Ok(("image/webp", webp(bytes).ok_or_else(|| damaged("WebP"))?));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if text.trim_start_matches('\u{feff}').trim_start().starts_with('<') => {
            let size = svg::check(text).map_err(|why| refused(format!("as an SVG, {why}")))?;
            Ok(("image/svg+xml", size))
        }
        _ => Err(refused("it is no PNG, JPEG, WebP or SVG")),
    }
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn be16(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?).into())
}

fn le(bytes: &[u8], at: usize, count: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + count)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

/// PNG (third edition) §11.2.1: IHDR is the first chunk; §11.2.5: IEND the last.
fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    let whole = bytes.get(12..16)? == b"IHDR" && bytes.ends_with(b"IEND\xae\x42\x60\x82");
    whole.then_some((be32(bytes, 16)?, be32(bytes, 20)?))
}

/// ITU-T T.81 §B.2.2: the frame header, behind whatever segments come before it.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    while at + 4 <= bytes.len() {
        if bytes[at] != 0xff {
            return None;
        }
        let marker = bytes[at + 1];
        match marker {
            0xff => at += 1,
            0xc0..=0xcf if ![0xc4, 0xc8, 0xcc].contains(&marker) => {
                return Some((be16(bytes, at + 7)?, be16(bytes, at + 5)?));
            }
            _ => at += 2 + usize::try_from(be16(bytes, at + 2)?).ok()?.max(2),
        }
    }
    None
}

/// RFC 9649 §2.5 to §2.7: lossy, lossless or extended.
fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    if usize::try_from(le(bytes, 4, 4)?).ok()? + 8 > bytes.len() {
        return None;
    }
    match bytes.get(12..16)? {
        b"VP8 " => Some((le(bytes, 26, 2)? & 0x3fff, le(bytes, 28, 2)? & 0x3fff)),
        b"VP8L" => {
            let sizes = le(bytes, 21, 4)?;
            Some(((sizes & 0x3fff) + 1, (sizes >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => Some((le(bytes, 24, 3)? + 1, le(bytes, 27, 3)? + 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x40\0\0\0\x50\x08\x02\0\0\0abcdrestIEND\xae\x42\x60\x82";

    fn sent(purpose: PictureUse, bytes: &[u8]) -> Result<Picture, TenancyError> {
        Picture::sent(purpose, &BASE64_STANDARD.encode(bytes))
    }

    #[test]
    fn each_kind_is_known_by_its_bytes_and_measured() {
        let jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xc0\0\x11\x08\0\x20\0\x40\x03rest";
        let lossy = b"RIFF\x16\0\0\0WEBPVP8 \x0a\0\0\0\0\0\0\x9d\x01\x2a\x40\0\x20\0";
        let lossless = b"RIFF\x11\0\0\0WEBPVP8L\x05\0\0\0\x2f\x3f\xc0\x07\0";
        let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 64 32\"><path d=\"M0 0h9v9z\"/></svg>";
        for (bytes, kind, size) in [
            (PNG, "image/png", (320, 80)),
            (&jpeg[..], "image/jpeg", (64, 32)),
            (&lossy[..], "image/webp", (64, 32)),
            (&lossless[..], "image/webp", (64, 32)),
            (&svg[..], "image/svg+xml", (64, 32)),
        ] {
            let picture = sent(PictureUse::Logo, bytes).expect(kind);
            assert_eq!((picture.media_type, (picture.width, picture.height)), (kind, size));
        }
    }

    #[test]
    fn what_is_not_a_picture_or_too_large_is_refused() {
        let mut endless = PNG.to_vec();
        endless[16..20].copy_from_slice(&100_000_u32.to_be_bytes());
        for (what, bytes) in [
            ("nothing", &b""[..]),
            ("a GIF", b"GIF89a"),
            ("a script", b"<script>alert(1)</script>"),
            ("a PNG cut short", &PNG[..20]),
            ("a JPEG without a frame", b"\xff\xd8\xff\xe0\0\x02"),
            ("a JPEG that goes nowhere", b"\xff\xd8\xff\xe0\0\0\0\0\0\0"),
            ("a WebP that is shorter than it says", b"RIFF\xff\0\0\0WEBPVP8L"),
            ("sides without measure", &endless),
            ("too many bytes", &vec![b'<'; LARGEST + 1]),
        ] {
            assert!(matches!(sent(PictureUse::Logo, bytes), Err(TenancyError::PictureRefused(_))), "{what}");
        }
        assert!(sent(PictureUse::Favicon, PNG).is_err(), "a favicon is a square");
        assert!(Picture::sent(PictureUse::Logo, "not base64!").is_err());
    }
}
