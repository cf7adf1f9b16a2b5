//! A disk that can be filled: a tmpfs of its own.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::temp_dir;

/// A small disk, unmounted with its value. Declare it before whatever lives on it.
pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// A disk of `megabytes`; `None`, said on standard error, where this process may not mount one.
    pub fn mount(megabytes: u32) -> Option<Self> {
        let folder = temp_dir();
        let size = format!("size={megabytes}m,mode=0700");
        match mount(&["-t", "tmpfs", "-o", &size, "tmpfs"], folder.path()) {
            true => Some(Self { folder }),
            false => {
                eprintln!("SKIPPED: a disk cannot be mounted here (it takes root, as in CI)");
                None
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes all the room there is.
    pub fn fill(&self) {
        let mut filler = File::create(self.filler()).expect("an empty file still fits");
        let piece = vec![0u8; 64 * 1024];
        for size in [piece.len(), 1] {
            loop {
                match filler.write(&piece[..size]) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("filling the disk: {error}"),
                }
            }
        }
    }

    /// Takes the room but for `bytes`.
    pub fn fill_but(&self, bytes: u64) {
        self.fill();
        let filler = File::options().write(true).open(self.filler()).expect("the filler is there");
        let size = filler.metadata().expect("the filler can be looked at").len();
        filler.set_len(size.saturating_sub(bytes)).expect("a file can be cut");
    }

    /// Gives the room back.
    pub fn free(&self) {
        fs::remove_file(self.filler()).expect("the filler can be removed");
    }

    /// Lets nobody write any more; nobody may have a file open for writing.
    pub fn make_read_only(&self) {
        assert!(mount(&["-o", "remount,ro"], self.path()), "remounting {}", self.path().display());
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whatever still has a file open there is about to end.
        let unmounted = Command::new("umount").arg("-l").arg(self.path()).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} is still mounted", self.path().display());
        }
    }
}

fn mount(arguments: &[&str], folder: &Path) -> bool {
    let mut command = Command::new("mount");
    command.args(arguments).arg(folder).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
