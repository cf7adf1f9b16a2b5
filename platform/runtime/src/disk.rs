//! Room on a disk, and errors that say there is none.

use std::{error::Error, io, path::Path};

use tessera_contract::Failure;
use tessera_store::EngineError;

/// Bytes that are free on the disk of `path`, to those without special rights. Waits for the disk.
///
/// # Errors
/// There is no such file or folder, or it cannot be looked at.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Whether the disk of `path` is mounted for reading alone. Waits for the disk.
///
/// # Errors
/// As [`free_bytes`].
pub fn is_read_only(path: &Path) -> io::Result<bool> {
    Ok(rustix::fs::statvfs(path)?.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY))
}

/// There is less room than is needed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} MB are free where {} MB are needed", .free >> 20, .wanted.div_ceil(1 << 20))]
pub struct NoRoom {
    /// Bytes that are free.
    pub free: u64,
    /// Bytes that are needed.
    pub wanted: u64,
}

/// Whether there are `wanted` bytes on the disk of `path`. Waits for the disk.
///
/// # Errors
/// [`tessera_contract::FailureKind::Unavailable`], for which [`is_full`] holds when it is for lack of room.
pub fn check_room(path: &Path, wanted: u64) -> Result<(), Failure> {
    let free =
        free_bytes(path).map_err(|e| Failure::unavailable(&format!("looking for room in {}", path.display()), e))?;
    match free >= wanted {
        true => Ok(()),
        false => {
            let lack = NoRoom { free, wanted };
            let detail = format!("the disk has no room: {lack}; free some space");
            Err(Failure::unavailable(&detail, lack))
        }
    }
}

/// Whether `error` comes, in the end, of a disk that is full: then trying again helps once there is room.
pub fn is_full(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let full = error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded));
        let lack = error.is::<NoRoom>();
        let store = error.downcast_ref::<EngineError>().is_some_and(EngineError::is_disk_full);
        if full || lack || store {
            return true;
        }
        next = error.source();
    }
    false
}

/// What a failure that may be one of the disk adds: what to do about it.
pub(crate) fn remedy(error: &(dyn Error + 'static)) -> &'static str {
    let mut next = Some(error);
    while let Some(error) = next {
        match error.downcast_ref::<io::Error>().map(io::Error::kind) {
            Some(io::ErrorKind::ReadOnlyFilesystem) => return ": the disk is mounted read-only: mount it for writing",
            Some(io::ErrorKind::PermissionDenied) => return ": this user may not: check the folder's owner",
            _ => next = error.source(),
        }
    }
    match is_full(error) {
        true => ": the disk is full: free some space",
        false => "",
    }
}

#[cfg(test)]
mod tests {
    use tessera_contract::FailureKind;

    use super::*;

    #[test]
    fn a_full_disk_is_known_however_deep_it_is_told() {
        let io = || io::Error::from(io::ErrorKind::StorageFull);
        assert!(is_full(&Failure::unavailable("storing", io())));
        assert!(is_full(&Failure::unavailable("storing", Failure::unavailable("writing", io()))));
        assert!(!is_full(&Failure::unavailable("storing", io::Error::from(io::ErrorKind::NotFound))));
        let lack = check_room(Path::new("/"), u64::MAX).unwrap_err();
        assert!(is_full(&lack) && lack.kind == FailureKind::Unavailable, "{lack}");
        assert!(lack.detail.contains("free some space"), "{lack}");
        assert!(check_room(Path::new("/"), 0).is_ok());
    }
}
