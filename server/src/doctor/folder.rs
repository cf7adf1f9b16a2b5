//! The data folder: whose it is, its disk, and what is in it.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use serde::Deserialize;
use tessera_runtime::disk::{free_bytes, is_read_only};
use tessera_types::Timestamp;

use super::{
    Patient,
    report::{Group, bytes, number},
};
use crate::run::SPARE;

/// A backup older than this is old.
const OLD_BACKUP_DAYS: u64 = 7;

pub(super) fn look(patient: &Patient<'_>, group: &mut Group) {
    let data = patient.root.data.as_path();
    match fs::metadata(data) {
        Err(_) => group.good("folder", format!("{} is not there yet; the first start makes it", data.display())),
        Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => group.note(
            "folder",
            format!("others may look into {}", data.display()),
            format!("chmod go= {}", data.display()),
        ),
        Ok(_) => group.good("folder", "for its owner alone"),
    }
    disk(patient, group);
    if data.is_dir() {
        if let Some(blobs) = patient.root.blobs.folder(data) {
            used(data, &blobs, group);
        }
        secrets(data, group);
        backup(patient, group);
    }
}

fn disk(patient: &Patient<'_>, group: &mut Group) {
    let data = patient.root.data.as_path();
    let there = data.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
    let (Ok(free), Ok(read_only)) = (free_bytes(there), is_read_only(there)) else {
        return group.note("disk", format!("{} cannot be looked at", there.display()), "check its permissions");
    };
    let spare = patient.root.media.built_in.spare_disk_bytes;
    if read_only {
        group.bad(
            "disk",
            "mounted read-only: reads go on, nothing is taken",
            "mount -o remount,rw, and see why it was",
        );
    } else if free < SPARE {
        let found = format!("full: {} free; what is bought or uploaded is refused", bytes(free));
        group.bad("disk", found, "free some space; everything goes on by itself then");
    } else if free < spare {
        let found = format!("{} free; uploads are refused below {}", bytes(free), bytes(spare));
        group.bad("disk", found, "free some space, or lower media.spare_disk_bytes");
    } else if free < spare.saturating_mul(5) {
        group.note("disk", format!("{} free", bytes(free)), format!("uploads are refused below {}", bytes(spare)));
    } else {
        group.good("disk", format!("{} free", bytes(free)));
    }
}

/// Who uses how much.
fn used(data: &Path, blobs: &Path, group: &mut Group) {
    let mut databases: Vec<(String, u64)> = Vec::new();
    let mut logs = 0;
    for entry in fs::read_dir(data).into_iter().flatten().flatten() {
        let (name, size) = (entry.file_name().to_string_lossy().into_owned(), size_below(&entry.path()));
        if let Some(module) = name.strip_suffix(".db") {
            databases.push((module.to_owned(), size));
        } else if name.ends_with(".db-wal") {
            logs += size;
        }
    }
    let mut tenants: Vec<(String, u64)> = Vec::new();
    for entry in fs::read_dir(blobs).into_iter().flatten().flatten() {
        tenants.push((entry.file_name().to_string_lossy().into_owned(), size_below(&entry.path())));
    }
    let scratch = size_below(&data.join("scratch"));
    let mut found = format!("films {}, databases {}", largest(&mut tenants), largest(&mut databases));
    if logs > 0 {
        found += &format!(", their logs {}", bytes(logs));
    }
    if scratch > 0 {
        found += &format!(", work under way {}", bytes(scratch));
    }
    group.good("used", found);
}

/// `21.0 MB (demo 20.1 MB, acme 0.9 MB, …)`
fn largest(parts: &mut [(String, u64)]) -> String {
    parts.sort_by_key(|(name, size)| (u64::MAX - size, name.clone()));
    let whole = bytes(parts.iter().map(|(_, size)| size).sum());
    let named: Vec<String> = parts.iter().take(3).map(|(name, size)| format!("{name} {}", bytes(*size))).collect();
    match named.is_empty() {
        true => whole,
        false => format!("{whole} ({}{})", named.join(", "), if parts.len() > 3 { ", …" } else { "" }),
    }
}

/// Bytes on the disk of a file, or of all that is below a folder. What goes away meanwhile counts for nothing.
fn size_below(path: &Path) -> u64 {
    let Ok(metadata) = fs::symlink_metadata(path) else { return 0 };
    let below = match metadata.is_dir() {
        true => fs::read_dir(path).into_iter().flatten().flatten().map(|entry| size_below(&entry.path())).sum(),
        false => 0,
    };
    below + metadata.blocks() * 512
}

fn secrets(data: &Path, group: &mut Group) {
    let folder = data.join("secrets");
    let exposed = |path: &Path| fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0);
    let Ok(entries) = fs::read_dir(&folder) else {
        return match folder.exists() {
            true => group.bad("secrets", format!("{} cannot be read", folder.display()), "run this as their owner"),
            false => group.good("secrets", "none yet; the first start makes them"),
        };
    };
    let files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    let open: Vec<String> = files.iter().filter(|path| exposed(path)).map(|path| path.display().to_string()).collect();
    match (exposed(&folder), open.is_empty()) {
        (false, true) => group.good("secrets", format!("{}, for their owner alone", number(files.len(), "file"))),
        (true, _) => group.bad(
            "secrets",
            format!("others may read {}", folder.display()),
            format!("chmod -R go= {0}; if somebody could have, replace them: tessera keys", folder.display()),
        ),
        (false, false) => group.bad(
            "secrets",
            format!("others may read {}", open.join(", ")),
            format!("chmod go= {}; if somebody could have, replace them: tessera keys", open.join(" ")),
        ),
    }
}

/// What `tessera backup` notes of the last one.
#[derive(Deserialize)]
struct LastBackup {
    time: Timestamp,
    to: String,
}

fn backup(patient: &Patient<'_>, group: &mut Group) {
    let remedy = "tessera backup --to FOLDER, every night; the keys apart: tessera keys export";
    let note = fs::read(patient.root.data.join(crate::backup::LAST)).ok();
    match note.map(|note| serde_json::from_slice::<LastBackup>(&note)) {
        None => group.note("backup", "none was made of this data", remedy),
        Some(Err(error)) => group.note("backup", format!("the note of the last one is unreadable: {error}"), remedy),
        Some(Ok(LastBackup { time, to })) => {
            let found = format!("{} ago, in {to}", patient.ago(time));
            match patient.now.since(time).as_secs() / 86_400 > OLD_BACKUP_DAYS {
                true => group.note("backup", found, remedy),
                false => group.good("backup", found),
            }
        }
    }
}
