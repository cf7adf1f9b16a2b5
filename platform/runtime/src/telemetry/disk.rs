//! How full the disk of the data folder is.

use std::path::Path;

/// Sets the gauges. What the system does not tell is left out.
pub(super) fn record(folder: &Path) {
    let Ok(disk) = rustix::fs::statvfs(folder) else { return };
    let bytes = |blocks: u64| blocks as f64 * disk.f_frsize as f64;
    metrics::gauge!("tessera_disk_size_bytes").set(bytes(disk.f_blocks));
    // What is left for those who are not root.
    metrics::gauge!("tessera_disk_free_bytes").set(bytes(disk.f_bavail));
}
