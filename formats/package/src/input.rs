//! Input files, read by positioned reads only: a file that shrinks meanwhile is an error, never a signal.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use tessera_isobmff::{Movie, MovieReader};

use crate::Error;

/// An opened movie.
pub(crate) struct Input {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
    pub(crate) size: u64,
    pub(crate) movie: Movie,
}

impl Input {
    /// Opens a file and reads its movie, without the media.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let unreadable = |source| Error::Read { path: path.to_owned(), source };
        let file = File::open(path).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        let unfit = |source| Error::Input { path: path.to_owned(), source };
        let mut reader = MovieReader::new(size);
        let mut bytes = Vec::new();
        while let Some(range) = reader.wanted() {
            bytes.resize((range.end - range.start) as usize, 0);
            read_at(&file, path, size, &mut bytes, range.start)?;
            reader.give(&bytes).map_err(unfit)?;
        }
        Ok(Self { path: path.to_owned(), movie: reader.finish().map_err(unfit)?, file, size })
    }

    /// Fills `bytes` from `offset` on.
    pub(crate) fn read(&self, bytes: &mut [u8], offset: u64) -> Result<(), Error> {
        read_at(&self.file, &self.path, self.size, bytes, offset)
    }
}

fn read_at(file: &File, path: &Path, size: u64, bytes: &mut [u8], offset: u64) -> Result<(), Error> {
    file.read_exact_at(bytes, offset).map_err(|source| match source.kind() {
        io::ErrorKind::UnexpectedEof => Error::CutShort { path: path.to_owned(), size },
        _ => Error::Read { path: path.to_owned(), source },
    })
}
