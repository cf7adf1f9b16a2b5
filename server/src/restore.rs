//! `tessera restore`: a backup back into an empty data folder.
//!
//! Everything is verified before anything is written. A restore that was cut off leaves a mark, and no server starts on
//! what it left.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::json;
use tessera_faults::reached;
use tessera_runtime::secrets::Secrets;
use tessera_store::{DataFolder, StoreConfig};

use crate::{
    backup::{
        disk::{self, failed},
        manifest::{self, Entry, Manifest},
        postgres, target,
    },
    cli::Restore,
    error::CommandError,
    output::{say, tell},
    progress::Progress,
    schema::{self, MODULES},
    settings,
};

/// Stands in the data folder from the first byte of a restore to its last.
const MARK: &str = "restoring";
/// What may be in an empty data folder: its lock, and the keys, which are imported first.
const EMPTY: &[&str] = &["lock", "secrets"];

/// Refuses a data folder whose restore was cut off.
pub(crate) fn refuse_half(data: &Path) -> Result<(), CommandError> {
    match data.join(MARK).exists() {
        true => Err(CommandError::new(format!(
            "a restore into {} was cut off, and what is there is not whole: run the same `tessera restore` again",
            data.display()
        ))),
        false => Ok(()),
    }
}

/// Restores, or with `dry_run` verifies the backup alone.
pub(crate) async fn run(config: Option<&Path>, args: Restore) -> Result<(), CommandError> {
    let backup = manifest::latest(&args.from)?;
    let manifest = Manifest::read(&backup)?;
    manifest.refuse_newer()?;
    let mut progress = Progress::begin("restore");
    tokio::task::block_in_place(|| verify(&backup, &manifest, &mut progress))?;
    if args.dry_run {
        progress.done("every file is as it was written");
        report(&backup, &manifest, args.json);
        return Ok(());
    }
    let root = settings::of_data(config, args.data.as_deref())?;
    root.expect_whole()?;
    let store = root.store.in_folder(&root.data);
    if store.engine() != manifest.engine {
        let other = format!(
            "the backup is of {} and the configuration says {}: restore it with `store` set to the same engine",
            manifest.engine,
            store.engine()
        );
        return Err(CommandError::new(other));
    }
    let blobs = root.blobs.folder(&root.data);
    let Some(blobs) = blobs.or_else(|| manifest.blobs.is_empty().then(PathBuf::new)) else {
        return Err(CommandError::new(
            "the backup has films, and the configuration puts them into a bucket: restore without [blobs.s3], then copy the \
             folder `blobs` to the bucket as it is",
        ));
    };
    let data = empty_folder(&root.data)?;
    have_keys(data.path(), &manifest)?;
    if let StoreConfig::Postgres { .. } = store {
        empty_database(&store).await?;
    }
    disk::write_new(&data.path().join(MARK), backup.display().to_string().as_bytes())?;
    disk::flush(data.path())?;
    tokio::task::block_in_place(|| copy(&backup, &manifest, (data.path(), &blobs), &mut progress))?;
    if let StoreConfig::Postgres { url, .. } = &store {
        progress.at(90, "pg_restore");
        postgres::restore(url, &backup).await?;
    }
    disk::flush(data.path())?;
    reached("restore.before", "end");
    fs::remove_file(data.path().join(MARK)).map_err(failed("ending the restore in", data.path()))?;
    disk::flush(data.path())?;
    progress.done(&format!("{} MB", manifest.bytes() >> 20));
    report(&backup, &manifest, args.json);
    if !args.json {
        say(&format!(
            "Restored into {}. What was done after {} is not in it; docs/backup.md says what to look after.",
            data.path().display(),
            manifest.instant
        ));
    }
    Ok(())
}

fn report(backup: &Path, manifest: &Manifest, as_json: bool) {
    if as_json {
        let summary = json!({
            "backup": backup, "instant": manifest.instant, "made_by": manifest.made_by, "bytes": manifest.bytes(),
            "blobs": manifest.blobs.len(), "tenants": manifest.tenants, "keys": manifest.keys,
        });
        return tell(&summary.to_string());
    }
    tell(&format!("{}  of {}, by tessera {}", backup.display(), manifest.instant, manifest.made_by));
    tell(&format!("  tenants  {}", manifest.tenants.join(", ")));
    tell(&format!("  data     {} MB, {} blobs", manifest.bytes() >> 20, manifest.blobs.len()));
    for key in &manifest.keys {
        let fingerprint = key.fingerprint.as_deref().unwrap_or("unknown");
        tell(&format!("  needs    {} key {} (fingerprint {fingerprint})", key.ring, key.id));
    }
}

/// Every file of the backup, with where it is.
fn files(backup: &Path, manifest: &Manifest) -> Vec<(PathBuf, Entry)> {
    let beside = manifest.files.iter().map(|entry| (backup.join(&entry.path), entry.clone()));
    let blobs = manifest.blobs.iter().map(|entry| (target::blob_path(backup, &entry.path), entry.clone()));
    beside.chain(blobs).collect()
}

/// Reads everything and compares it with the manifest; names all that is damaged or missing.
fn verify(backup: &Path, manifest: &Manifest, progress: &mut Progress) -> Result<(), CommandError> {
    let all = manifest.bytes().max(1);
    let (mut read, mut damaged) = (0, Vec::new());
    for (path, entry) in files(backup, manifest) {
        let each = |bytes: u64| {
            read += bytes;
            progress.at(u8::try_from(read.saturating_mul(50) / all).unwrap_or(50).min(50), "verifying");
        };
        match disk::sum(&path, each) {
            Ok((bytes, sha256)) if (bytes, &sha256) == (entry.bytes, &entry.sha256) => {}
            Ok((bytes, _)) if bytes != entry.bytes => {
                damaged.push(format!("{}: {bytes} bytes instead of {}", path.display(), entry.bytes));
            }
            Ok(_) => damaged.push(format!("{}: its checksum is another one", path.display())),
            Err(error) => damaged.push(error.to_string()),
        }
    }
    match damaged.len() {
        0 => Ok(()),
        count => Err(CommandError::new(format!(
            "the backup is damaged and was not restored; use another one. Files that are not as they were written, {count} \
             in all:\n  {}",
            damaged[..count.min(20)].join("\n  ")
        ))),
    }
}

/// The data folder, locked, and with nothing in it but keys, or what a restore that was cut off has left.
fn empty_folder(path: &Path) -> Result<DataFolder, CommandError> {
    let data = DataFolder::open(path).map_err(|e| CommandError::new(e.to_string()))?;
    if data.path().join(MARK).exists() {
        return Ok(data);
    }
    let entries = fs::read_dir(data.path()).map_err(failed("reading", data.path()))?;
    for entry in entries {
        let name = entry.map_err(failed("reading", data.path()))?.file_name();
        if !EMPTY.iter().any(|allowed| name == *allowed) {
            return Err(CommandError::new(format!(
                "{} is not empty: there is {}; restore into a new folder, and nothing is overwritten",
                data.path().display(),
                name.to_string_lossy()
            )));
        }
    }
    Ok(data)
}

/// That the keys which the data is sealed under are there.
fn have_keys(data: &Path, manifest: &Manifest) -> Result<(), CommandError> {
    let secrets = Secrets::open(data).map_err(|e| CommandError::caused("opening the secrets", e))?;
    let mut missing = Vec::new();
    for needed in &manifest.keys {
        let stored = secrets.stored(&needed.ring).map_err(|e| CommandError::caused("reading a secret", e))?;
        let key = stored.iter().flat_map(|stored| stored.keys()).find(|key| key.id == needed.id);
        let fits = key.is_some_and(|key| needed.fingerprint.as_ref().is_none_or(|of| *of == key.fingerprint()));
        if !fits {
            let fingerprint = needed.fingerprint.as_deref().unwrap_or("unknown");
            missing.push(format!("{} key {} (fingerprint {fingerprint})", needed.ring, needed.id));
        }
    }
    match missing.is_empty() {
        true => Ok(()),
        false => Err(CommandError::new(format!(
            "the data cannot be read without these keys, and they are not in {0}/secrets:\n  {1}\nBring them first: tessera \
             keys import --from EXPORT --data {0}",
            data.display(),
            missing.join("\n  ")
        ))),
    }
}

/// That the database has none of our schemas, and has the roles that the dump's rights are given to.
async fn empty_database(store: &StoreConfig) -> Result<(), CommandError> {
    let plans = tessera_store::plan(store, MODULES).await;
    for plan in plans {
        plan.steps.map_err(|error| CommandError::new(schema::sentence(&error)))?;
        if plan.exists {
            return Err(CommandError::new(format!(
                "the database has a schema {} already: restore into an empty database, and nothing is overwritten",
                plan.module.name
            )));
        }
    }
    let made = tessera_store::prepare_roles(store, MODULES).await;
    made.map_err(|error| CommandError::new(schema::sentence(&error)))
}

/// Copies everything, checksummed once more on its way.
fn copy(
    backup: &Path,
    manifest: &Manifest,
    (data, blobs): (&Path, &Path),
    progress: &mut Progress,
) -> Result<(), CommandError> {
    let (all, mut copied) = (manifest.bytes().max(1), 0);
    let from_blobs =
        manifest.blobs.iter().map(|entry| (target::blob_path(backup, &entry.path), blobs.join(&entry.path), entry));
    let databases = manifest.files.iter().filter(|entry| entry.path != postgres::FILE);
    let databases = databases.map(|entry| (backup.join(&entry.path), data.join(&entry.path), entry));
    let mut folders = std::collections::BTreeSet::new();
    for (from, to, entry) in from_blobs.chain(databases) {
        if let Some(folder) = to.parent() {
            disk::make_folder(folder)?;
            let ours = |above: &&Path| above.starts_with(data) || above.starts_with(blobs);
            folders.extend(folder.ancestors().take_while(ours).map(Path::to_owned));
        }
        let each = |bytes: u64| {
            copied += bytes;
            let percent = 50 + copied.saturating_mul(40) / all;
            progress.at(u8::try_from(percent).unwrap_or(90).min(90), "copying");
        };
        let (_, sha256) = disk::copy(&from, &to, each)?;
        if sha256 != entry.sha256 {
            let changed = format!("{} changed while it was restored: run the restore again", from.display());
            return Err(CommandError::new(changed));
        }
    }
    folders.iter().try_for_each(|folder| disk::flush(folder))
}
