//! Files of a backup: copied whole and checksummed, on disk before their name stands for them.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use sha2::{Digest, Sha256};

use crate::error::CommandError;

/// Bytes read at a time.
const PIECE: usize = 1 << 20;

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What was being done with which file.
pub(crate) fn failed(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> CommandError {
    let doing = format!("{doing} {}", path.display());
    move |error| match error.kind() {
        io::ErrorKind::StorageFull => CommandError::new(format!("{doing}: the disk is full: free some space")),
        _ => CommandError::caused(doing, error),
    }
}

/// A folder for its owner alone, with those above it.
pub(crate) fn make_folder(path: &Path) -> Result<(), CommandError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("making the folder", path))
}

/// A new file for its owner alone.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Writes a file, on disk when this returns.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let write = || {
        let mut file = create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(failed("writing", path))
}

/// Puts `bytes` in place of the file, whole or not at all.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let beside = path.with_extension("new");
    write_new(&beside, bytes)?;
    fs::rename(&beside, path).map_err(failed("writing", path))?;
    path.parent().map_or(Ok(()), flush)
}

/// Copies a file; answers its size and checksum. The copy is on disk when this returns.
pub(crate) fn copy(from: &Path, to: &Path, mut each: impl FnMut(u64)) -> Result<(u64, String), CommandError> {
    let mut source = File::open(from).map_err(failed("reading", from))?;
    let mut target = create(to).map_err(failed("writing", to))?;
    let summed = pieces(&mut source, from, |piece| {
        each(piece.len() as u64);
        target.write_all(piece).map_err(failed("writing", to))
    })?;
    target.sync_all().map_err(failed("writing", to))?;
    Ok(summed)
}

/// Size and checksum of a file.
pub(crate) fn sum(path: &Path, mut each: impl FnMut(u64)) -> Result<(u64, String), CommandError> {
    let mut file = File::open(path).map_err(failed("reading", path))?;
    pieces(&mut file, path, |piece| {
        each(piece.len() as u64);
        Ok(())
    })
}

fn pieces(
    file: &mut File,
    path: &Path,
    mut each: impl FnMut(&[u8]) -> Result<(), CommandError>,
) -> Result<(u64, String), CommandError> {
    let (mut piece, mut bytes, mut digest) = (vec![0; PIECE], 0, Sha256::new());
    loop {
        let read = file.read(&mut piece).map_err(failed("reading", path))?;
        if read == 0 {
            return Ok((bytes, hex(&digest.finalize())));
        }
        digest.update(&piece[..read]);
        each(&piece[..read])?;
        bytes += read as u64;
    }
}

/// Makes a folder's names last.
pub(crate) fn flush(folder: &Path) -> Result<(), CommandError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("writing", folder))
}
