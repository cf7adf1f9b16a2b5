//! Output files: written under a temporary name, renamed when whole, removed when not.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use crate::Error;

/// How much is handed to the system at once: the pages that it takes for 64 KiB are ones it had lately. Those for some
/// megabytes are large ones out of store, which were measured at up to five times the cost on a virtual machine.
const WRITE: usize = 64 << 10;

/// A file that is being written.
pub(crate) struct Output {
    path: PathBuf,
    partial: PathBuf,
    file: File,
    size: u64,
    renamed: bool,
}

/// Makes the folder, and errors when one of these outputs exists already.
pub(crate) fn prepare<'a>(folder: &Path, names: impl Iterator<Item = &'a str>, overwrite: bool) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
    let mut paths = names.map(|name| folder.join(name));
    match paths.find(|path| !overwrite && path.exists()) {
        Some(path) => Err(Error::Exists(path)),
        None => Ok(()),
    }
}

impl Output {
    /// Begins a file of this name in a folder. With `overwrite`, what a killed run left of it is replaced.
    pub(crate) fn begin(folder: &Path, name: &str, overwrite: bool) -> Result<Self, Error> {
        let partial = folder.join(format!(".{name}.partial"));
        let mut options = File::options();
        options.write(true).create(true).truncate(true).create_new(!overwrite);
        let file = options.open(&partial).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => Error::InProgress(partial.clone()),
            _ => failed(&partial, source),
        })?;
        Ok(Self { path: folder.join(name), partial, file, size: 0, renamed: false })
    }

    /// Adds bytes at the end.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut parts = bytes.chunks(WRITE);
        parts.try_for_each(|part| self.file.write_all(part)).map_err(|source| failed(&self.path, source))?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Replaces bytes that were written before.
    pub(crate) fn replace(&self, bytes: &[u8], offset: u64) -> Result<(), Error> {
        self.file.write_all_at(bytes, offset).map_err(|source| failed(&self.path, source))
    }

    /// How many bytes were written.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Gives the whole file its name.
    pub(crate) fn finish(mut self) -> Result<PathBuf, Error> {
        fs::rename(&self.partial, &self.path).map_err(|source| failed(&self.path, source))?;
        self.renamed = true;
        Ok(self.path.clone())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.renamed {
            // What cannot be removed is replaced or named by the next run.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

fn failed(path: &Path, source: io::Error) -> Error {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full { path, source },
        _ => Error::Write { path, source },
    }
}
