//! The tree of boxes (ISO/IEC 14496-12 §4.2).

use serde::Serialize;

use super::{
    fields::{Fields, fields},
    problem::{COPY_AGAIN, Problems, WRITE_AGAIN},
};
use crate::FourCc;

/// The deepest box that is looked into: films are eight deep.
const MAX_DEPTH: usize = 16;

/// One box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InspectedBox {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it begins in the file.
    pub offset: u64,
    /// Its size as it says, in bytes, header included; of one that goes on to the end of the file, that.
    pub size: u64,
    /// What matters of its content.
    pub fields: Fields,
    /// The boxes in it.
    pub boxes: Vec<InspectedBox>,
}

/// Header fields of a box, whether they make sense or not.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawHeader {
    pub(super) kind: FourCc,
    /// Bytes of the header: 8 or 16.
    pub(super) length: usize,
    /// As it is written: 0 for "to the end".
    pub(super) size: u64,
}

impl RawHeader {
    /// The header at the front of `bytes`; `None` when they are too few.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (&[a, b, c, d, k0, k1, k2, k3], rest) = bytes.split_first_chunk::<8>()?;
        let kind = FourCc([k0, k1, k2, k3]);
        match u32::from_be_bytes([a, b, c, d]) {
            1 => Some(Self { kind, length: 16, size: u64::from_be_bytes(*rest.first_chunk::<8>()?) }),
            small => Some(Self { kind, length: 8, size: small.into() }),
        }
    }
}

/// Boxes on their way into a list that has an end.
#[derive(Debug)]
pub(super) struct Tree {
    /// How many may still be listed.
    pub(super) left: usize,
    pub(super) not_listed: u64,
}

impl Tree {
    /// Lists a box; its children come after it in the count.
    pub(super) fn list(
        &mut self,
        header: &RawHeader,
        (offset, size): (u64, u64),
        content: Option<&[u8]>,
        problems: &mut Problems,
    ) -> Option<InspectedBox> {
        self.node(header, (offset, size), content, FourCc(*b"file"), 0, problems)
    }

    fn node(
        &mut self,
        header: &RawHeader,
        (offset, size): (u64, u64),
        content: Option<&[u8]>,
        parent: FourCc,
        depth: usize,
        problems: &mut Problems,
    ) -> Option<InspectedBox> {
        let listed = self.left > 0;
        if listed {
            self.left -= 1;
        } else {
            self.not_listed += 1;
        }
        let content = content.unwrap_or_default();
        let fields = problems.noted(offset, header.kind, fields(header.kind, parent, content)).unwrap_or_default();
        let before = before_children(header.kind, parent, content);
        let boxes = match before.and_then(|before| content.get(before..).map(|rest| (before, rest))) {
            Some((before, rest)) if depth < MAX_DEPTH => {
                let start = offset + (header.length + before) as u64;
                self.children(header.kind, rest, start, depth + 1, problems)
            }
            _ => Vec::new(),
        };
        listed.then(|| InspectedBox { kind: header.kind.to_string(), offset, size, fields, boxes })
    }

    fn children(
        &mut self,
        parent: FourCc,
        mut rest: &[u8],
        mut offset: u64,
        depth: usize,
        problems: &mut Problems,
    ) -> Vec<InspectedBox> {
        let mut found = Vec::new();
        while !rest.is_empty() {
            let Some(header) = RawHeader::read(rest) else {
                // QuickTime ends user data with a zero.
                if !(parent == b"udta" && rest == [0; 4]) {
                    let problem = format!("{} bytes after the last box in it are no box", rest.len());
                    problems.add(offset, parent, problem, WRITE_AGAIN);
                }
                break;
            };
            let unfit = match header.size {
                0 => Some("its size is 0, which only the last box of a file may say".to_owned()),
                size if size < header.length as u64 => {
                    Some(format!("its size of {size} bytes is less than its header"))
                }
                size if size > rest.len() as u64 => {
                    Some(format!("its {size} bytes reach past the end of '{parent}', which has {} left", rest.len()))
                }
                _ => None,
            };
            if let Some(problem) = unfit {
                let remedy = if header.size > rest.len() as u64 { COPY_AGAIN } else { WRITE_AGAIN };
                problems.add(offset, header.kind, problem, remedy);
                found.extend(self.node(
                    &header,
                    (offset, header.size),
                    None,
                    parent,
                    MAX_DEPTH,
                    &mut Problems::default(),
                ));
                break;
            }
            let (whole, after) = rest.split_at(header.size as usize);
            let content = Some(&whole[header.length..]);
            found.extend(self.node(&header, (offset, header.size), content, parent, depth, problems));
            offset += header.size;
            rest = after;
        }
        found
    }
}

/// How many bytes stand before the boxes in a box; `None` for one that holds none.
fn before_children(kind: FourCc, parent: FourCc, content: &[u8]) -> Option<usize> {
    if parent == b"stsd" {
        return match &kind.0 {
            b"avc1" | b"avc3" | b"hvc1" | b"hev1" | b"av01" | b"vp08" | b"vp09" | b"dvh1" | b"dvhe" | b"mp4v"
            | b"encv" => Some(78),
            // QuickTime's own versions have more fields.
            b"mp4a" | b"ac-3" | b"ec-3" | b"ac-4" | b"Opus" | b"fLaC" | b"enca"
                if content.get(8..10) == Some(&[0, 0][..]) =>
            {
                Some(28)
            }
            b"wvtt" => Some(8),
            _ => None,
        };
    }
    match &kind.0 {
        b"moov" | b"trak" | b"mdia" | b"minf" | b"dinf" | b"stbl" | b"edts" | b"mvex" | b"moof" | b"traf" | b"mfra"
        | b"sinf" | b"schi" | b"udta" => Some(0),
        b"stsd" | b"dref" => Some(8),
        _ => None,
    }
}
