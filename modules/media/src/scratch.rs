//! Scratch folders: a fresh one for every attempt, gone with its value.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
};

use rustix::process::geteuid;

use crate::{child::NOBODY, encode::OUT};

/// One attempt's folder: the source, which the child may read, and `out`, where it may write.
pub(crate) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes a folder called `name` below `root`. Waits for the disk.
    pub(crate) fn make(root: &Path, name: &str) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let path = root.join(name);
        fs::create_dir(&path)?;
        let scratch = Self { path };
        // The child stands in this folder already when it becomes nobody: the folders above may stay closed to it.
        fs::set_permissions(&scratch.path, Permissions::from_mode(0o711))?;
        let out = scratch.out();
        fs::create_dir(&out)?;
        fs::set_permissions(&out, Permissions::from_mode(0o700))?;
        if geteuid().is_root() {
            chown(&out, Some(NOBODY), Some(NOBODY))?;
        }
        Ok(scratch)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the child writes.
    pub(crate) fn out(&self) -> PathBuf {
        self.path.join(OUT)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "removing a scratch folder");
        }
    }
}

/// Removes what a process that was killed has left below `root`. Waits for the disk.
pub(crate) fn clear(root: &Path) -> io::Result<()> {
    fs::create_dir_all(root)?;
    for entry in fs::read_dir(root)? {
        fs::remove_dir_all(entry?.path())?;
    }
    Ok(())
}
