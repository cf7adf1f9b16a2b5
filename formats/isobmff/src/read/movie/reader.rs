//! Which bytes of a file make its movie, asked for one piece after the other.

use std::ops::Range;

use super::Movie;
use crate::{Error, Mp4Box, boxes::BoxHeader, limits};

/// The longest header of a box: size, type and large size.
const LONGEST_HEADER: u64 = 16;

/// Reads the movie of a file without its media: it says which bytes it wants, and the caller brings them.
///
/// ```
/// # fn read(file: &[u8]) -> Result<tessera_isobmff::Movie, tessera_isobmff::Error> {
/// let mut reader = tessera_isobmff::MovieReader::new(file.len() as u64);
/// while let Some(range) = reader.wanted() {
///     reader.give(&file[range.start as usize..range.end as usize])?;
/// }
/// reader.finish()
/// # }
/// ```
#[derive(Debug)]
pub struct MovieReader {
    size: u64,
    position: u64,
    boxes: u32,
    /// The box at `position`, once its header is known and its content is wanted.
    body: Option<BoxHeader>,
    movie: Option<Movie>,
    complete: bool,
}

impl MovieReader {
    /// At the start of a file of `size` bytes.
    pub fn new(size: u64) -> Self {
        Self { size, position: 0, boxes: 0, body: None, movie: None, complete: false }
    }

    /// The bytes that come next, within the file and at most [`limits::MAX_MOVIE_BOX`] of them; `None` at the end.
    pub fn wanted(&self) -> Option<Range<u64>> {
        let length = self.body.map_or(LONGEST_HEADER.min(self.size - self.position), |header| header.size);
        (!self.complete && self.position < self.size).then(|| self.position..self.position + length)
    }

    /// Takes the bytes that were wanted.
    pub fn give(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match self.body.take() {
            Some(header) => {
                self.read_box(&header, bytes)?;
                self.position += header.size;
                Ok(())
            }
            None => self.read_header(bytes),
        }
    }

    /// The movie. Errors when there is no `moov`.
    pub fn finish(self) -> Result<Movie, Error> {
        self.movie.ok_or(Error::Missing { parent: b"file".into(), child: b"moov".into() })
    }

    fn read_header(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.boxes += 1;
        Error::check_limit("boxes in a file", self.boxes.into(), limits::MAX_MOVIE_BOXES.into())?;
        // Media may go on to the end of the file (ISO/IEC 14496-12 §4.2).
        if bytes.starts_with(b"\0\0\0\0mdat") {
            self.complete = true;
            return Ok(());
        }
        let header = BoxHeader::parse(bytes)?.ok_or(Error::UnexpectedEnd("a box"))?;
        let limit = match &header.kind.0 {
            b"moov" => limits::MAX_MOVIE_BOX,
            b"moof" => limits::MAX_HEADER_BOX,
            // Media that is cut short is found out when its samples are read.
            _ => {
                self.position = self.position.saturating_add(header.size).min(self.size);
                return Ok(());
            }
        };
        Error::check_limit("bytes of a box", header.size, limit)?;
        if header.size > self.size - self.position {
            return Err(Error::UnexpectedEnd("a box"));
        }
        self.body = Some(header);
        Ok(())
    }

    fn read_box(&mut self, header: &BoxHeader, bytes: &[u8]) -> Result<(), Error> {
        let payload = bytes.get(header.header..).filter(|_| bytes.len() as u64 == header.size);
        let payload = payload.ok_or(Error::UnexpectedEnd("a box"))?;
        let found = Mp4Box { kind: header.kind, bytes, payload };
        match (&header.kind.0, &mut self.movie) {
            (b"moov", None) => {
                self.movie = Some(Movie::parse(&found)?);
                // Without `mvex` there are no fragments (§8.8.1).
                self.complete = found.children().optional(b"mvex")?.is_none();
                Ok(())
            }
            (b"moof", Some(movie)) => movie.add_fragment(&found, self.position, self.size),
            _ => Err(Error::Misplaced(header.kind)),
        }
    }
}
