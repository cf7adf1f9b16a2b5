//! The folder that backups go to: a folder for each, named by its instant, and the blobs, which they share.

use std::{
    collections::{BTreeSet, HashMap},
    fs::{self, File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use tessera_faults::reached;
use tessera_runtime::blobs::BlobKey;
use tessera_types::Timestamp;

use super::{
    disk::{self, failed},
    manifest::{self, Entry, Manifest},
};
use crate::error::CommandError;

const BLOBS: &str = "blobs";
const PARTIAL: &str = ".partial-";

/// The folder, with its lock.
pub(crate) struct Target {
    folder: PathBuf,
    _lock: File,
    /// Blobs that whole backups have, by path.
    known: HashMap<String, Entry>,
}

impl Target {
    /// Opens it, makes it when it is not there, and clears what a backup that was cut off has left.
    pub(crate) fn open(folder: &Path, data: &Path) -> Result<Self, CommandError> {
        disk::make_folder(folder)?;
        let folder = absolute(folder)?;
        if folder.starts_with(absolute(data)?) {
            let within = format!("{} is within the data folder: a backup belongs on another disk", folder.display());
            return Err(CommandError::new(within));
        }
        let lock = lock(&folder)?;
        let mut known = HashMap::new();
        for backup in manifest::all(&folder)? {
            known.extend(Manifest::read(&backup)?.blobs.into_iter().map(|blob| (blob.path.clone(), blob)));
        }
        for entry in fs::read_dir(&folder).map_err(failed("reading", &folder))? {
            let path = entry.map_err(failed("reading", &folder))?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PARTIAL)) {
                fs::remove_dir_all(&path).map_err(failed("clearing", &path))?;
            }
        }
        disk::make_folder(&folder.join(BLOBS))?;
        Ok(Self { folder, _lock: lock, known })
    }

    /// Begins a backup of `instant`.
    pub(crate) fn begin(&self, instant: Timestamp) -> Result<Partial<'_>, CommandError> {
        let second = Timestamp::from_micros(instant.as_seconds() * 1_000_000).to_string();
        let plain: String = second.chars().filter(|c| *c != ':' && *c != '-').collect();
        let free = |name: &String| !self.folder.join(name).exists();
        let name = std::iter::once(plain.clone()).chain((2..).map(|n| format!("{plain}-{n}"))).find(free);
        let name = name.expect("an endless supply of names has a free one");
        let folder = self.folder.join(format!("{PARTIAL}{name}"));
        disk::make_folder(&folder)?;
        Ok(Partial { target: self, folder, name })
    }

    /// Removes all backups but the latest `keep`, and the blobs that none of those has. Answers how many backups went.
    pub(crate) fn prune(&self, keep: usize) -> Result<usize, CommandError> {
        let mut backups = manifest::all(&self.folder)?;
        let old: Vec<PathBuf> = backups.drain(..backups.len().saturating_sub(keep)).collect();
        if old.is_empty() {
            return Ok(0);
        }
        let mut needed = BTreeSet::new();
        for backup in &backups {
            needed.extend(Manifest::read(backup)?.blobs.into_iter().map(|blob| blob.path));
        }
        for backup in &old {
            // Renamed first: what is removed half is no backup any more.
            let name = backup.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let doomed = self.folder.join(format!("{PARTIAL}{name}"));
            fs::rename(backup, &doomed).map_err(failed("removing", backup))?;
            disk::flush(&self.folder)?;
            fs::remove_dir_all(&doomed).map_err(failed("removing", backup))?;
        }
        let root = self.folder.join(BLOBS);
        for path in files_below(&root)? {
            if !needed.contains(&relative(&root, &path)) {
                fs::remove_file(&path).map_err(failed("removing", &path))?;
            }
        }
        Ok(old.len())
    }
}

fn lock(folder: &Path) -> Result<File, CommandError> {
    let path = folder.join(".lock");
    let mut options = OpenOptions::new();
    let lock = options.write(true).create(true).truncate(false).mode(0o600).open(&path);
    let lock = lock.map_err(failed("opening", &path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(CommandError::new(format!("another backup is being made in {}: let it end", folder.display())))
        }
        Err(TryLockError::Error(error)) => Err(failed("locking", &path)(error)),
    }
}

/// A backup that is being made: nobody takes it for one before [`Partial::complete`].
pub(crate) struct Partial<'t> {
    target: &'t Target,
    folder: PathBuf,
    name: String,
}

impl Partial<'_> {
    /// Where its databases go.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The checksum of a database that is there.
    pub(crate) fn entry(&self, name: &str) -> Result<Entry, CommandError> {
        let (bytes, sha256) = disk::sum(&self.folder.join(name), |_| ())?;
        Ok(Entry { path: name.to_owned(), bytes, sha256 })
    }

    /// Takes the blob at `from` under `path`, unless an earlier backup has it; whether it was copied.
    pub(crate) fn blob(&self, from: &Path, path: &str, each: impl FnMut(u64)) -> Result<(Entry, bool), CommandError> {
        let size = |path: &Path| fs::metadata(path).map(|metadata| metadata.len());
        let to = self.target.folder.join(BLOBS).join(path);
        let bytes = size(from).map_err(failed("reading", from))?;
        if let Some(known) = self.target.known.get(path).filter(|known| known.bytes == bytes)
            && size(&to).is_ok_and(|there| there == bytes)
        {
            return Ok((known.clone(), false));
        }
        let beside = self.folder.join("blob.new");
        let (bytes, sha256) = disk::copy(from, &beside, each)?;
        if let Some(parent) = to.parent() {
            disk::make_folder(parent)?;
        }
        fs::rename(&beside, &to).map_err(failed("writing", &to))?;
        Ok((Entry { path: path.to_owned(), bytes, sha256 }, true))
    }

    /// Makes it a backup: everything is on disk, the manifest last, and then it gets its name.
    pub(crate) fn complete(self, manifest: &Manifest) -> Result<PathBuf, CommandError> {
        let root = self.target.folder.join(BLOBS);
        let mut folders = BTreeSet::from([root.clone()]);
        for blob in &manifest.blobs {
            let below = |path: &&Path| path.starts_with(&root);
            folders.extend(root.join(&blob.path).ancestors().skip(1).take_while(below).map(Path::to_owned));
        }
        folders.iter().try_for_each(|folder| disk::flush(folder))?;
        reached("backup.before", "manifest");
        manifest.write(&self.folder)?;
        disk::flush(&self.folder)?;
        let path = self.target.folder.join(&self.name);
        fs::rename(&self.folder, &path).map_err(failed("naming", &path))?;
        disk::flush(&self.target.folder)?;
        Ok(path)
    }
}

/// Where a blob of a backup in `folder` is.
pub(crate) fn blob_path(backup: &Path, blob: &str) -> PathBuf {
    backup.parent().unwrap_or(Path::new(".")).join(BLOBS).join(blob)
}

/// All files below a folder, at any depth; none when it is not there.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let (mut found, mut waiting) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = waiting.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            entries => entries.map_err(failed("reading", &folder))?,
        };
        for entry in entries {
            let entry = entry.map_err(failed("reading", &folder))?;
            let kind = entry.file_type().map_err(failed("looking at", &entry.path()))?;
            if kind.is_dir() {
                waiting.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// A file's path below `root`, with `/`.
pub(crate) fn relative(root: &Path, path: &Path) -> String {
    let parts = path.strip_prefix(root).unwrap_or(path).components();
    parts.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect::<Vec<_>>().join("/")
}

/// The path without links and dots.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, CommandError> {
    fs::canonicalize(path).map_err(failed("looking at", path))
}

/// Whether it is a blob's name, and not what a put that is under way writes beside.
pub(crate) fn is_blob(path: &str) -> bool {
    path.parse::<BlobKey>().is_ok()
}
