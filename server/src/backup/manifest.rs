//! What a backup is made of: `manifest.json`, written last, and its own checksum beside it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tessera_types::Timestamp;

use super::{
    disk::{self, sha256},
    target::is_blob,
};
use crate::{error::CommandError, schema::MODULES};

/// The form of the manifest that this program writes, and the latest that it reads.
const FORMAT: u32 = 1;
const FILE: &str = "manifest.json";
const CHECKSUM: &str = "manifest.json.sha256";

/// What a backup holds.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    format: u32,
    /// The one instant that all modules' data is of.
    pub(crate) instant: Timestamp,
    /// The version of tessera that made it.
    pub(crate) made_by: String,
    /// `sqlite` or `postgres`.
    pub(crate) engine: String,
    /// How long writes waited for it, in milliseconds.
    pub(crate) fence_ms: u64,
    pub(crate) modules: Vec<ModuleVersion>,
    pub(crate) tenants: Vec<String>,
    /// The keys without which some of the data cannot be read. They are not in the backup.
    pub(crate) keys: Vec<KeyUse>,
    /// The databases, beside the manifest.
    pub(crate) files: Vec<Entry>,
    /// The blobs, below `blobs` beside the backup's own folder.
    pub(crate) blobs: Vec<Entry>,
}

/// How far a module's schema had come.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ModuleVersion {
    pub(crate) module: String,
    pub(crate) version: i64,
    pub(crate) written_by: String,
}

/// A key that data is sealed under.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct KeyUse {
    /// The secret's name, such as `drm-master`.
    pub(crate) ring: String,
    pub(crate) id: String,
    /// Tells the key from another of the same id; `None` when it was not there.
    pub(crate) fingerprint: Option<String>,
    /// How much is sealed under it.
    pub(crate) sealed: i64,
}

/// A file, by its path with `/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

impl Manifest {
    /// Of nothing yet.
    pub(crate) fn new(instant: Timestamp, engine: &str, fence_ms: u64) -> Self {
        Self {
            format: FORMAT,
            instant,
            made_by: env!("CARGO_PKG_VERSION").into(),
            engine: engine.into(),
            fence_ms,
            modules: vec![],
            tenants: vec![],
            keys: vec![],
            files: vec![],
            blobs: vec![],
        }
    }

    /// Writes it into the backup's folder, on disk when this returns.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), CommandError> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| CommandError::caused("writing the manifest", e))?;
        let checksum = format!("{}  {FILE}\n", sha256(&text));
        disk::write_new(&folder.join(FILE), &text)?;
        disk::write_new(&folder.join(CHECKSUM), checksum.as_bytes())
    }

    /// Reads the manifest of the backup in `folder`. Refuses one that is damaged, or newer than this program.
    pub(crate) fn read(folder: &Path) -> Result<Self, CommandError> {
        let path = folder.join(FILE);
        let read =
            |path: &Path| fs::read(path).map_err(|e| CommandError::caused(format!("reading {}", path.display()), e));
        let (text, checksum) = (read(&path)?, read(&folder.join(CHECKSUM))?);
        let damaged = || CommandError::new(format!("{} is damaged: use another backup", path.display()));
        if checksum != format!("{}  {FILE}\n", sha256(&text)).as_bytes() {
            return Err(damaged());
        }
        #[derive(Deserialize)]
        struct Form {
            format: u32,
            made_by: String,
        }
        let form: Form = serde_json::from_slice(&text).map_err(|_| damaged())?;
        if form.format > FORMAT {
            return Err(newer(&form.made_by, "it is written in a form that this one does not know"));
        }
        let manifest: Self = serde_json::from_slice(&text).map_err(|_| damaged())?;
        // A name never leads out of the backup or out of the data folder.
        let inside = manifest.files.iter().all(|file| is_blob(&file.path) && !file.path.contains('/'))
            && manifest.blobs.iter().all(|blob| is_blob(&blob.path));
        if inside { Ok(manifest) } else { Err(damaged()) }
    }

    /// Refuses data that a later program has written.
    pub(crate) fn refuse_newer(&self) -> Result<(), CommandError> {
        let unknown = |found: &&ModuleVersion| {
            let known = MODULES.iter().find(|module| module.name == found.module);
            let latest = known.and_then(|module| module.migrations.last()).map(tessera_store::Migration::version);
            latest.is_none_or(|latest| found.version > latest)
        };
        let newer_ones: Vec<String> = self
            .modules
            .iter()
            .filter(unknown)
            .map(|found| format!("{} version {} of tessera {}", found.module, found.version, found.written_by))
            .collect();
        match newer_ones.is_empty() {
            true => Ok(()),
            false => Err(newer(&self.made_by, &format!("it holds {}", newer_ones.join(", ")))),
        }
    }

    /// Bytes of all files and blobs.
    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().chain(&self.blobs).map(|entry| entry.bytes).sum()
    }
}

fn newer(made_by: &str, why: &str) -> CommandError {
    CommandError::new(format!(
        "the backup was made by tessera {made_by} and cannot be restored by this tessera {}: {why}; restore it with tessera \
         {made_by} or later",
        env!("CARGO_PKG_VERSION")
    ))
}

/// The backups in the folder `of`, oldest first. What was cut off is none.
pub(crate) fn all(of: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let listing = |e| CommandError::caused(format!("reading {}", of.display()), e);
    let mut found = Vec::new();
    for entry in fs::read_dir(of).map_err(listing)? {
        let path = entry.map_err(listing)?.path();
        let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.join(CHECKSUM).exists() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The backup that `from` names: itself, or the latest in it.
pub(crate) fn latest(from: &Path) -> Result<PathBuf, CommandError> {
    if from.join(CHECKSUM).exists() {
        return Ok(from.to_owned());
    }
    all(from)?.pop().ok_or_else(|| {
        CommandError::new(format!(
            "there is no whole backup in {}: what begins with .partial was cut off and cannot be used",
            from.display()
        ))
    })
}
