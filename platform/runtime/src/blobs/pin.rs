//! Keeping blobs from being deleted while a backup copies them.
//!
//! A pin is a lock that the kernel frees with the process that holds it, whatever ends that. Whoever deletes has found in the
//! store that nothing names the blob any more, and then looks for a pin; a backup takes its pin before its snapshot. So
//! what is still deleted after the pin was taken is named by nothing in the snapshot either.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::{Duration, Instant},
};

/// Beside the tenants' folders; no tenant and no key begins with a dot.
const FILE: &str = ".pin";
/// How long whoever looks at the pin may hold up one who takes it.
const LOOKING: Duration = Duration::from_secs(2);

/// While it lives, no process deletes blobs of the folder.
#[derive(Debug)]
pub struct Pin {
    _lock: File,
}

impl Pin {
    /// Pins the blobs in the folder `blobs`; `None` when another backup has them pinned. Waits for the disk.
    ///
    /// # Errors
    /// The folder is not there or cannot be written.
    pub fn take(blobs: &Path) -> io::Result<Option<Self>> {
        let mut options = OpenOptions::new();
        let lock = options.write(true).create(true).truncate(false).mode(0o600).open(blobs.join(FILE))?;
        let began = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Some(Self { _lock: lock })),
                Err(TryLockError::WouldBlock) if began.elapsed() < LOOKING => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

/// Whether a pin is taken. What cannot be found out is no pin: a folder that is not there has nothing to copy.
pub(super) fn is_taken(blobs: &Path) -> bool {
    let lock = File::open(blobs.join(FILE));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}
