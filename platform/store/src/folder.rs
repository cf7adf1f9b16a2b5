//! The data folder, and the lock that keeps a second process out.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// A data folder that this process alone uses, for as long as this value lives.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process has it.
    #[error("data folder {} is in use by process {process}: stop that process or choose another folder", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The other process's id, as it wrote it.
        process: String,
    },
    /// It cannot be made, read or written.
    #[error("data folder {} cannot be used: {hint}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What is wrong and what to do.
        hint: String,
        /// Why not.
        source: io::Error,
    },
}

impl FolderError {
    fn io(path: PathBuf, source: io::Error) -> Self {
        let hint = match source.kind() {
            io::ErrorKind::ReadOnlyFilesystem => {
                "its disk is mounted read-only; mount it for writing, or choose another folder with --data".into()
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "the disk is full; free some space, or choose another folder with --data".into()
            }
            io::ErrorKind::PermissionDenied => {
                "this user may not write there; run as the folder's owner, or choose another folder with --data".into()
            }
            _ => format!("{source}; check that it can be made and written"),
        };
        Self::Io { path, hint, source }
    }
}

impl DataFolder {
    /// Opens the folder, creating it readable by its owner alone, and locks it. The kernel frees the lock when the
    /// process ends, however it ends.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, FolderError> {
        let path = path.into();
        let io = |source| FolderError::io(path.clone(), source);
        DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(io)?;
        let path = fs::canonicalize(&path).map_err(io)?;
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut lock = options.open(path.join("lock")).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut process = String::new();
                // Only for the message: an unreadable id is an empty one.
                let _ = lock.read_to_string(&mut process);
                return Err(FolderError::InUse { path, process: process.trim().into() });
            }
            Err(TryLockError::Error(source)) => return Err(FolderError::io(path, source)),
        }
        let sign = |lock: &mut File| {
            lock.set_len(0)?;
            lock.rewind()?;
            writeln!(lock, "{}", std::process::id())
        };
        sign(&mut lock).map_err(|source| FolderError::io(path.clone(), source))?;
        Ok(Self { path, _lock: lock })
    }

    /// Where it is, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
