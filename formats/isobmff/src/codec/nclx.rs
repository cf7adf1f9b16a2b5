//! Colours of a video track, `colr` of type `nclx` (ISO/IEC 14496-12 §12.1.5, code points of ISO/IEC 23091-2).

use crate::{Boxes, Error, SampleEntry};

/// How colours are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour {
    /// Primaries, transfer characteristics, matrix coefficients.
    pub(super) description: [u16; 3],
    pub(super) full_range: bool,
}

impl Colour {
    pub(super) const BT709: Self = Self { description: [1, 1, 1], full_range: false };
}

/// What the first `colr` of type `nclx` among the boxes of a visual sample entry says. Profiles of the ICC are other types.
pub(super) fn colour(boxes: &Boxes<'_>) -> Result<Option<Colour>, Error> {
    for found in boxes.clone() {
        let found = found?;
        let mut cursor = found.cursor();
        if found.kind == b"colr" && &cursor.array()? == b"nclx" {
            let description = [cursor.u16()?, cursor.u16()?, cursor.u16()?];
            return Ok(Some(Colour { description, full_range: cursor.u8()? & 0x80 != 0 }));
        }
    }
    Ok(None)
}

impl SampleEntry {
    /// The colours of a video entry as code points of ISO/IEC 23091-2, where it says them: primaries, transfer characteristics
    /// (16 for PQ, 18 for HLG), matrix coefficients. `None` for sound, and for what cannot be read.
    pub fn colour(&self) -> Option<[u16; 3]> {
        let boxes = matches!(&self.format.0, b"avc1" | b"hvc1" | b"av01").then(|| self.visual_boxes().ok())??;
        Some(colour(&boxes).ok()??.description)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_video_entry_says_its_colours_and_nothing_else_does() {
        let entry = |format: &[u8; 4], fields: usize, colr: &[u8]| {
            let size = u32::try_from(8 + colr.len()).unwrap().to_be_bytes();
            let body = [vec![0; fields].as_slice(), &size, b"colr", colr].concat();
            SampleEntry { format: format.into(), body }
        };
        let pq = b"nclx\0\x09\0\x10\0\x09\0";
        assert_eq!(entry(b"hvc1", 78, pq).colour(), Some([9, 16, 9]));
        assert_eq!(entry(b"av01", 78, b"prof....").colour(), None);
        assert_eq!(entry(b"avc1", 78, b"nclx\0").colour(), None, "cut short");
        assert_eq!(entry(b"mp4a", 28, pq).colour(), None);
    }
}
