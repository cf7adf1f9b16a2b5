//! Reading a whole track file from chunks, with memory bounded by its longest fragment.

use super::{FragmentHeader, TrackInit};
use crate::{Error, Mp4Box, boxes::BoxHeader, limits};

/// Reads a single-track fragmented file: push bytes as they come, take parts as they complete.
#[derive(Debug, Default)]
pub struct TrackReader {
    /// Bytes that were pushed, of which the first `read` are done with.
    buffer: Vec<u8>,
    read: usize,
    /// Where the unread bytes begin in the file.
    position: u64,
    /// Bytes of a box of no interest that are still to come.
    skip: u64,
    init: Option<TrackInit>,
    /// A `moof` whose `mdat` is awaited, and where it stood.
    pending: Option<(FragmentHeader, u64)>,
}

/// A complete piece of a track file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrackPart {
    /// The `moov`, which comes first and once.
    Init {
        /// What it says.
        init: Box<TrackInit>,
        /// Bytes from the start of the file to the end of the `moov`.
        size: u64,
    },
    /// A `moof` with its `mdat`.
    Fragment {
        /// Samples and times.
        header: FragmentHeader,
        /// Where the `moof` begins in the file.
        offset: u64,
        /// Bytes from there to the end of the `mdat`.
        size: u64,
        /// The samples' bytes, `header.data_size` of them.
        data: Vec<u8>,
    },
}

impl TrackReader {
    /// A reader at the start of a file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the file's next bytes. Take all parts before adding more, and memory stays bounded.
    pub fn push(&mut self, mut bytes: &[u8]) {
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        self.skip -= skipped as u64;
        self.position += skipped as u64;
        bytes = &bytes[skipped..];
        self.buffer.drain(..self.read);
        self.read = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next complete part, or `None` until more bytes are pushed.
    pub fn next_part(&mut self) -> Result<Option<TrackPart>, Error> {
        while let Some(header) = BoxHeader::parse(self.unread())? {
            let limit = match &header.kind.0 {
                b"moov" | b"moof" => limits::MAX_HEADER_BOX,
                b"mdat" => limits::MAX_MEDIA_BOX,
                _ => {
                    self.skip_box(&header);
                    continue;
                }
            };
            Error::check_limit("bytes of a box", header.size, limit)?;
            // Within the limit just checked, so it fits.
            let size = header.size as usize;
            if self.unread().len() < size {
                return Ok(None);
            }
            if let Some(part) = self.read_box(&header, size)? {
                return Ok(Some(part));
            }
        }
        Ok(None)
    }

    /// To be called at the end of the file: errors when a box or fragment is incomplete, or when there was no `moov`.
    pub fn finish(self) -> Result<(), Error> {
        match self {
            Self { pending: Some(_), .. } => Err(Error::UnexpectedEnd("a fragment")),
            Self { skip: 1.., .. } => Err(Error::UnexpectedEnd("a box")),
            reader if !reader.unread().is_empty() => Err(Error::UnexpectedEnd("a box")),
            Self { init: None, .. } => Err(Error::Missing { parent: b"file".into(), child: b"moov".into() }),
            Self { .. } => Ok(()),
        }
    }

    fn skip_box(&mut self, header: &BoxHeader) {
        let here = usize::try_from(header.size).unwrap_or(usize::MAX).min(self.unread().len());
        self.skip = header.size - here as u64;
        self.consume(here);
    }

    fn unread(&self) -> &[u8] {
        &self.buffer[self.read..]
    }

    fn consume(&mut self, count: usize) {
        self.read += count;
        self.position += count as u64;
    }

    fn read_box(&mut self, header: &BoxHeader, size: usize) -> Result<Option<TrackPart>, Error> {
        let start = self.position;
        let bytes = &self.buffer[self.read..self.read + size];
        let found = Mp4Box { kind: header.kind, bytes, payload: &bytes[header.header..] };
        match (&header.kind.0, &self.init, self.pending.take()) {
            (b"moov", None, None) => {
                let init = TrackInit::parse_moov(&found)?;
                self.init = Some(init.clone());
                self.consume(size);
                Ok(Some(TrackPart::Init { init: Box::new(init), size: start + size as u64 }))
            }
            (b"moof", Some(init), None) => {
                self.pending = Some((FragmentHeader::parse(&found, start, init)?, start));
                self.consume(size);
                Ok(None)
            }
            (b"mdat", Some(_), Some((fragment, offset))) => {
                let data = sample_bytes(&fragment, offset, start, header.header, bytes)?.to_vec();
                self.consume(size);
                Ok(Some(TrackPart::Fragment { header: fragment, offset, size: self.position - offset, data }))
            }
            _ => Err(Error::Misplaced(header.kind)),
        }
    }
}

/// The bytes of a fragment's samples within its `mdat`.
fn sample_bytes<'a>(
    fragment: &FragmentHeader,
    moof_at: u64,
    mdat_at: u64,
    mdat_header: usize,
    mdat: &'a [u8],
) -> Result<&'a [u8], Error> {
    let within = |error| Error::invalid(b"trun", error);
    let start = (moof_at.checked_add(fragment.data_offset))
        .and_then(|start| start.checked_sub(mdat_at))
        .filter(|start| *start >= mdat_header as u64)
        .ok_or_else(|| within("samples must lie in the mdat after the moof"))?;
    let end = start.checked_add(fragment.data_size).and_then(|end| usize::try_from(end).ok());
    let range = usize::try_from(start).ok().zip(end);
    range
        .and_then(|(start, end)| mdat.get(start..end))
        .ok_or_else(|| within("samples must lie in the mdat after the moof"))
}
