//! Colours of a video track, `colr` of type `nclx` (ISO/IEC 14496-12 §12.1.5, code points of ISO/IEC 23091-2).

use crate::{Boxes, Error};

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
