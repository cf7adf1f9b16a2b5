//! Walking the boxes of a container (ISO/IEC 14496-12 §4.2).

use crate::{Error, FourCc, cursor::Cursor};

/// One box within its container.
#[derive(Debug, Clone, Copy)]
pub struct Mp4Box<'a> {
    /// Its type.
    pub kind: FourCc,
    /// Header and payload.
    pub bytes: &'a [u8],
    /// What follows the header.
    pub payload: &'a [u8],
}

/// The boxes of a container, in order. After an error there are no more.
#[derive(Debug, Clone)]
pub struct Boxes<'a> {
    parent: FourCc,
    rest: &'a [u8],
}

/// Type, header length and total size, as far as the first bytes tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BoxHeader {
    pub(crate) kind: FourCc,
    pub(crate) header: usize,
    pub(crate) size: u64,
}

impl BoxHeader {
    /// Reads a header; `None` when more bytes are needed. "To the end of the file" (size 0) is refused: a fragmented
    /// track has no use for it, and it would leave the size unchecked.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Self>, Error> {
        let Some((&[a, b, c, d, k0, k1, k2, k3], rest)) = bytes.split_first_chunk::<8>() else { return Ok(None) };
        let kind = FourCc([k0, k1, k2, k3]);
        let small = u32::from_be_bytes([a, b, c, d]);
        if small != 1 {
            return Self::checked(kind, 8, u64::from(small)).map(Some);
        }
        match rest.first_chunk::<8>() {
            Some(large) => Self::checked(kind, 16, u64::from_be_bytes(*large)).map(Some),
            None => Ok(None),
        }
    }

    fn checked(kind: FourCc, header: usize, size: u64) -> Result<Self, Error> {
        if size < header as u64 { Err(Error::BoxSize { kind, size }) } else { Ok(Self { kind, header, size }) }
    }
}

impl<'a> Boxes<'a> {
    /// The boxes in `payload`, which is the content of `parent`.
    pub fn new(parent: impl Into<FourCc>, payload: &'a [u8]) -> Self {
        Self { parent: parent.into(), rest: payload }
    }

    /// The only box of a type. Errors when there is none, when there are two, or when the container is malformed.
    pub fn only(&self, kind: &[u8; 4]) -> Result<Mp4Box<'a>, Error> {
        self.optional(kind)?.ok_or(Error::Missing { parent: self.parent, child: kind.into() })
    }

    /// The box of a type, if there is one. Errors when there are two, or when the container is malformed.
    pub fn optional(&self, kind: &[u8; 4]) -> Result<Option<Mp4Box<'a>>, Error> {
        let mut found = None;
        for item in self.clone() {
            let item = item?;
            if item.kind == kind && found.replace(item).is_some() {
                return Err(Error::Repeated { parent: self.parent, child: kind.into() });
            }
        }
        Ok(found)
    }

    fn read(&mut self) -> Result<Mp4Box<'a>, Error> {
        let truncated = Error::Truncated { in_box: self.parent, wanted: 8, left: self.rest.len() };
        let header = BoxHeader::parse(self.rest)?.ok_or(truncated)?;
        let size = usize::try_from(header.size).ok();
        let Some((bytes, rest)) = size.and_then(|size| self.rest.split_at_checked(size)) else {
            return Err(Error::BoxSize { kind: header.kind, size: header.size });
        };
        self.rest = rest;
        Ok(Mp4Box { kind: header.kind, bytes, payload: &bytes[header.header..] })
    }
}

impl<'a> Iterator for Boxes<'a> {
    type Item = Result<Mp4Box<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let item = self.read();
        if item.is_err() {
            self.rest = &[];
        }
        Some(item)
    }
}

impl<'a> Mp4Box<'a> {
    /// Its children, for a box that holds nothing but boxes.
    pub fn children(&self) -> Boxes<'a> {
        Boxes::new(self.kind, self.payload)
    }

    pub(crate) fn cursor(&self) -> Cursor<'a> {
        Cursor::new(self.kind, self.payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
        let size = u32::try_from(8 + payload.len()).unwrap();
        [&size.to_be_bytes(), kind.as_slice(), payload].concat()
    }

    #[test]
    fn walks_small_and_large_headers() {
        let large = [&1u32.to_be_bytes(), b"mdat".as_slice(), &18u64.to_be_bytes(), b"xy"].concat();
        let file = [sample(b"free", b"abc"), large].concat();
        let boxes: Vec<_> = Boxes::new(b"file", &file).collect::<Result<_, _>>().unwrap();
        assert_eq!(
            boxes.iter().map(|b| (b.kind.0, b.payload)).collect::<Vec<_>>(),
            [(*b"free", b"abc".as_slice()), (*b"mdat", b"xy".as_slice())]
        );
    }

    #[test]
    fn refuses_sizes_that_do_not_fit_and_stops() {
        for size in [0u32, 2, 7, 9, u32::MAX] {
            let mut file = sample(b"free", b"");
            file[..4].copy_from_slice(&size.to_be_bytes());
            let items: Vec<_> = Boxes::new(b"file", &file).collect();
            assert!(matches!(items.as_slice(), [Err(Error::BoxSize { .. })]), "size {size}: {items:?}");
        }
        let items: Vec<_> = Boxes::new(b"file", b"\0\0\0").collect();
        assert!(matches!(items.as_slice(), [Err(Error::Truncated { .. })]));
    }

    #[test]
    fn finds_the_only_child_and_refuses_two() {
        let twice = [sample(b"trak", b""), sample(b"trak", b"")].concat();
        let boxes = Boxes::new(b"moov", &twice);
        assert!(matches!(boxes.only(b"trak"), Err(Error::Repeated { .. })));
        assert!(matches!(boxes.only(b"mvhd"), Err(Error::Missing { .. })));
        assert!(boxes.optional(b"udta").unwrap().is_none());
    }
}
