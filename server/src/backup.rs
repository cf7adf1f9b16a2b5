//! `tessera backup`: all modules' data at one instant, and the blobs that it names, while a server runs.
//!
//! Not in it: secrets (`tessera keys export`), and what a restart makes anew. The server has no part in it: the instant
//! is fenced in the data itself (`tessera_store::Snapshot`), and blobs are pinned by a lock that the kernel frees.

pub(crate) mod disk;
pub(crate) mod manifest;
pub(crate) mod postgres;
pub(crate) mod target;

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use serde_json::json;
use tessera_runtime::{blobs::Pin, directory::TENANTS, secrets::Secrets};
use tessera_store::{Engine, Snapshot, SnapshotError, StoreConfig};
use tessera_types::SystemClock;

use crate::{
    cli::Backup,
    error::CommandError,
    output::{say, tell},
    progress::Progress,
    rings,
    schema::{self, MODULES},
    settings,
};
use manifest::{Entry, KeyUse, Manifest, ModuleVersion};
use target::{Partial, Target, files_below, is_blob, relative};

/// What `tessera doctor` reads of the last backup.
pub(crate) const LAST: &str = "last-backup.json";

/// Makes a backup and says what is in it.
pub(crate) async fn run(config: Option<&Path>, args: Backup) -> Result<(), CommandError> {
    let root = settings::of_data(config, args.data.as_deref())?;
    root.expect_whole()?;
    let store = root.store.in_folder(&root.data);
    if !root.data.is_dir() {
        return Err(SnapshotError::NoData(root.data).into());
    }
    schema::refuse_older(&schema::check(&store, &root.data).await?)?;
    let began = Instant::now();
    let target = Target::open(&args.to, &root.data)?;
    let mut progress = Progress::begin("backup");
    let blobs = root.blobs.folder(&root.data);
    let made = make(&store, (&root.data, blobs.as_deref()), &target, &mut progress).await;
    let (path, manifest, copied) = match made {
        Ok(made) => made,
        Err(error) => {
            progress.failed();
            return Err(error);
        }
    };
    progress.done(&format!("{} MB, {copied} new blobs of {}", manifest.bytes() >> 20, manifest.blobs.len()));
    let pruned = args.keep.map_or(Ok(0), |keep| target.prune(keep.get()))?;
    let summary = json!({
        "backup": path, "instant": manifest.instant, "bytes": manifest.bytes(), "files": manifest.files.len(),
        "blobs": manifest.blobs.len(), "blobs_copied": copied, "tenants": manifest.tenants, "keys": manifest.keys,
        "fence_ms": manifest.fence_ms, "seconds": began.elapsed().as_secs_f64(), "removed": pruned,
    });
    note(&root.data, &target::absolute(&args.to)?, &manifest, &summary)?;
    match args.json {
        true => tell(&summary.to_string()),
        false => told(&path, &manifest, (pruned, blobs.is_some())),
    }
    Ok(())
}

fn told(path: &Path, manifest: &Manifest, (pruned, has_blobs): (usize, bool)) {
    tell(&path.display().to_string());
    say(&format!("All data of {}; writes waited {} ms for it.", manifest.instant, manifest.fence_ms));
    if pruned > 0 {
        say(&format!("Removed older backups: {pruned}."));
    }
    for key in manifest.keys.iter().filter(|key| key.fingerprint.is_none()) {
        say(&format!(
            "warning: {} secrets are sealed under the {} key {}, which is not there.",
            key.sealed, key.ring, key.id
        ));
    }
    if !has_blobs {
        say("Films are not in it: they are in a bucket, which keeps older versions of its own (docs/backup.md).");
    }
    say("Keys are not in it: keep an export of them apart (tessera keys export).");
}

/// Leaves what `tessera doctor` says of the last backup.
fn note(data: &Path, to: &Path, manifest: &Manifest, summary: &serde_json::Value) -> Result<(), CommandError> {
    let note = json!({
        "time": manifest.instant, "to": to, "backup": summary["backup"], "bytes": summary["bytes"],
        "seconds": summary["seconds"],
    });
    disk::replace(&data.join(LAST), format!("{note:#}\n").as_bytes())
}

async fn make(
    store: &StoreConfig,
    (data, blobs): (&Path, Option<&Path>),
    target: &Target,
    progress: &mut Progress,
) -> Result<(PathBuf, Manifest, usize), CommandError> {
    let blobs = blobs.filter(|folder| folder.is_dir());
    // Before the instant: what is deleted after it may be in the backup.
    let _pin = blobs.map(pin).transpose()?;
    progress.at(0, "fencing");
    let mut snapshot = Snapshot::take(store, MODULES, &SystemClock).await?;
    let fence_ms = u64::try_from(snapshot.fenced().as_millis()).unwrap_or(u64::MAX);
    let mut manifest = Manifest::new(snapshot.taken(), store.engine(), fence_ms);
    describe(&mut snapshot, data, &mut manifest).await?;
    let folders: Vec<(String, String)> = snapshot.all("media", tessera_media::BLOB_FOLDERS).await?;
    let partial = target.begin(snapshot.taken())?;
    manifest.files = databases(snapshot, store, &partial, progress).await?;
    let copied = blobs.map_or(Ok(0), |blobs| {
        tokio::task::block_in_place(|| copy_blobs(blobs, &folders, &partial, &mut manifest.blobs, progress))
    })?;
    progress.at(99, "writing the manifest");
    let path = partial.complete(&manifest)?;
    Ok((path, manifest, copied))
}

fn pin(blobs: &Path) -> Result<Pin, CommandError> {
    let taken = Pin::take(blobs).map_err(disk::failed("pinning the blobs in", blobs))?;
    taken.ok_or_else(|| CommandError::new("another backup of this data is being made: let it end"))
}

/// What the manifest says besides the files.
async fn describe(snapshot: &mut Snapshot, data: &Path, manifest: &mut Manifest) -> Result<(), CommandError> {
    let version = |v: tessera_store::SchemaVersion| ModuleVersion {
        module: v.module,
        version: v.version,
        written_by: v.written_by,
    };
    manifest.modules = snapshot.versions().await?.into_iter().map(version).collect();
    let tenants: Vec<(String,)> = snapshot.all("platform", TENANTS).await?;
    manifest.tenants = tenants.into_iter().map(|(tenant,)| tenant).collect();
    let secrets = Secrets::open(data).map_err(|e| CommandError::caused("opening the secrets", e))?;
    for ring in rings::ALL {
        let stored = secrets.stored(ring.name).map_err(|e| CommandError::caused("reading a secret", e))?;
        for (id, sealed) in rings::sealed_under(snapshot, ring).await? {
            let keys = stored.as_ref().map(|stored| stored.keys()).unwrap_or_default();
            let key = keys.iter().find(|key| key.id == id);
            let fingerprint = key.map(|key| key.fingerprint());
            manifest.keys.push(KeyUse { ring: ring.name.into(), id, fingerprint, sealed });
        }
    }
    Ok(())
}

async fn databases(
    snapshot: Snapshot,
    store: &StoreConfig,
    partial: &Partial<'_>,
    progress: &mut Progress,
) -> Result<Vec<Entry>, CommandError> {
    let names = match (snapshot.engine(), store) {
        (Engine::Postgres, StoreConfig::Postgres { url, .. }) => {
            progress.at(5, "pg_dump");
            postgres::dump(url, &snapshot, partial.folder()).await?
        }
        _ => {
            let (count, mut done) = (MODULES.len(), 0);
            let each = |module: &str| {
                progress.at(u8::try_from(done * 40 / count).unwrap_or(40), &format!("copying {module}"));
                done += 1;
            };
            snapshot.copy(partial.folder(), each)?
        }
    };
    names.iter().map(|name| partial.entry(name)).collect()
}

/// Takes the blobs below `folders`, rows of tenant and folder; answers how many no earlier backup had.
fn copy_blobs(
    root: &Path,
    folders: &[(String, String)],
    partial: &Partial<'_>,
    entries: &mut Vec<Entry>,
    progress: &mut Progress,
) -> Result<usize, CommandError> {
    progress.at(40, "copying blobs");
    let mut copied = 0;
    for (at, (tenant, folder)) in folders.iter().enumerate() {
        for file in files_below(&root.join(tenant).join(folder))? {
            let path = relative(root, &file);
            if !is_blob(&path) {
                continue;
            }
            let (entry, new) = partial.blob(&file, &path, |_| ())?;
            copied += usize::from(new);
            entries.push(entry);
        }
        progress.at(40 + u8::try_from((at + 1) * 58 / folders.len()).unwrap_or(58), "copying blobs");
    }
    Ok(copied)
}

impl From<SnapshotError> for CommandError {
    fn from(error: SnapshotError) -> Self {
        Self::caused("reading the data", error)
    }
}
