//! `tessera keys`: the secrets of a data folder: what is under which key, new keys, an export of all.
//!
//! A key is replaced while no server runs on the data, so that none goes on sealing under the old one. The new key is
//! written first; then what is sealed is sealed anew, in pieces that each stand by themselves. Cut off anywhere,
//! everything opens, for both keys are there, and the same command does the rest.

mod export;
pub(crate) mod passphrase;

use std::path::Path;

use serde_json::json;
use tessera_runtime::secrets::{Secrets, StoredRing};
use tessera_store::{DataFolder, Snapshot, SnapshotError};
use tessera_types::{Clock, SystemClock};

use crate::{
    cli::{Keys, KeysAt},
    config::Root,
    deployment::Deployment,
    error::CommandError,
    output::{say, tell},
    rings::{self, Purpose, Ring},
    schema::{self, MODULES},
    settings,
};

/// Does what was asked.
pub(crate) async fn run(config: Option<&Path>, command: Keys) -> Result<(), CommandError> {
    match command {
        Keys::List { at, json } => list(&root(config, &at)?, json).await,
        Keys::Rotate { ring, at } => rotate(&root(config, &at)?, ring).await,
        Keys::Retire { ring, id, now, at } => retire(&root(config, &at)?, ring, &id, now).await,
        Keys::Export { to, passphrase_file, at } => {
            export::export(&secrets(&root(config, &at)?)?, &to, passphrase_file.as_deref())
        }
        Keys::Import { from, passphrase_file, at } => {
            let root = root(config, &at)?;
            let data = DataFolder::open(&root.data).map_err(in_use)?;
            let secrets = Secrets::open(data.path()).map_err(|e| CommandError::caused("opening the secrets", e))?;
            export::import(&secrets, &from, passphrase_file.as_deref())
        }
    }
}

fn root(config: Option<&Path>, at: &KeysAt) -> Result<Root, CommandError> {
    settings::of_data(config, at.data.as_deref())
}

/// The secrets of a data folder that is there.
fn secrets(root: &Root) -> Result<Secrets, CommandError> {
    if !root.data.join("secrets").is_dir() {
        let none = format!("there are no secrets in {}: is this the data folder?", root.data.display());
        return Err(CommandError::new(none));
    }
    Secrets::open(&root.data).map_err(|e| CommandError::caused("opening the secrets", e))
}

fn in_use(error: tessera_store::FolderError) -> CommandError {
    match error {
        tessera_store::FolderError::InUse { .. } => {
            CommandError::new(format!("{error}. Keys are replaced while no server runs"))
        }
        error => CommandError::new(error.to_string()),
    }
}

/// What is sealed under each key of `ring` just now. A data folder that was never used has nothing sealed.
async fn sealed(root: &Root, ring: &Ring) -> Result<Vec<(String, i64)>, CommandError> {
    let store = root.store.in_folder(&root.data);
    match Snapshot::take(&store, MODULES, &SystemClock).await {
        Ok(mut snapshot) => rings::sealed_under(&mut snapshot, ring).await,
        Err(SnapshotError::NoData(_)) => Ok(vec![]),
        Err(error) => Err(error.into()),
    }
}

fn stored(secrets: &Secrets, ring: &Ring) -> Result<Option<StoredRing>, CommandError> {
    secrets.stored(ring.name).map_err(|e| CommandError::caused("reading a secret", e))
}

fn existing(secrets: &Secrets, ring: &Ring) -> Result<StoredRing, CommandError> {
    let missing = || CommandError::new(format!("there is no {} yet: the first start makes it", ring.name));
    stored(secrets, ring)?.ok_or_else(missing)
}

/// Prints every key: which is in use, since when the others are not, and how much is sealed under each.
async fn list(root: &Root, as_json: bool) -> Result<(), CommandError> {
    let (secrets, mut listed) = (secrets(root)?, Vec::new());
    schema::refuse_older(&schema::check(&root.store.in_folder(&root.data), &root.data).await?)?;
    for ring in rings::ALL {
        let Some(stored) = stored(&secrets, ring)? else { continue };
        let sealed = sealed(root, ring).await?;
        let seals = !matches!(ring.purpose, Purpose::Signs);
        for key in stored.keys() {
            let count = seals.then(|| sealed.iter().find(|(id, _)| *id == key.id).map_or(0, |(_, count)| *count));
            listed.push(json!({
                "ring": ring.name, "id": key.id, "in_use": key.id == stored.current().id, "made": key.made,
                "replaced": stored.replaced_at(&key.id), "fingerprint": key.fingerprint(), "sealed": count,
            }));
        }
        for (id, count) in sealed.iter().filter(|(id, _)| stored.keys().iter().all(|key| key.id != *id)) {
            say(&format!("BAD: {count} secrets are sealed under the {} key {id}, which is not there.", ring.name));
        }
    }
    if as_json {
        tell(&json!({ "keys": listed }).to_string());
        return Ok(());
    }
    for key in &listed {
        let text = |name: &str| key[name].as_str().unwrap_or_default().to_owned();
        let state = match key["in_use"] == true {
            true => "in use".to_owned(),
            false => format!("replaced {}", text("replaced")),
        };
        let seals = key["sealed"].as_i64().map_or_else(|| "signs".to_owned(), |count| format!("{count} under it"));
        tell(&format!("{:<16} {:<4} {:<38} {seals:<16} {}", text("ring"), text("id"), state, text("fingerprint")));
    }
    Ok(())
}

/// Refuses a secret that is kept for good.
fn replaceable(ring: &Ring) -> Result<(), CommandError> {
    match ring.purpose {
        Purpose::Proves { module, .. } => Err(CommandError::new(format!(
            "{} proves all that {module} has recorded from the first record on, and would prove none of it with another key: it \
             is not replaced",
            ring.name
        ))),
        Purpose::Seals { .. } | Purpose::Signs => Ok(()),
    }
}

/// Puts a fresh key in use, and seals under it what was sealed under older ones.
async fn rotate(root: &Root, ring: Ring) -> Result<(), CommandError> {
    replaceable(&ring)?;
    let data = DataFolder::open(&root.data).map_err(in_use)?;
    schema::refuse_older(&schema::check(&root.store.in_folder(&root.data), &root.data).await?)?;
    let secrets = secrets(root)?;
    let ring_was = existing(&secrets, &ring)?;
    let current = ring_was.current().id.clone();
    let unfinished = sealed(root, &ring).await?.iter().any(|(id, _)| *id != current);
    let id = match unfinished {
        true => {
            say(&format!("Going on with the change to {} key {current}, which was cut off.", ring.name));
            current
        }
        false => {
            let rotated = ring_was.rotated(SystemClock.now());
            secrets.replace(ring.name, &rotated).map_err(|e| CommandError::caused("replacing a secret", e))?;
            rotated.current().id.clone()
        }
    };
    if let Purpose::Seals { module, .. } = ring.purpose {
        let deployment = Deployment::open(root, data.path(), std::sync::Arc::new(SystemClock)).await?;
        let sealed = match module {
            "media" => deployment.media.rewrap().await,
            "drm" => deployment.drm.rewrap().await,
            "webhooks" => deployment.webhooks.rewrap().await,
            _ => deployment.identity.rewrap().await,
        };
        for store in deployment.stores() {
            store.close().await;
        }
        let sealed = sealed.map_err(|e| CommandError::caused("sealing under the new key", e))?;
        say(&format!("Sealed under the new key: {sealed}."));
    }
    tell(&id);
    say(&format!(
        "{} key {id} is in use. Export the keys now (tessera keys export): older exports lack it.",
        ring.name
    ));
    Ok(())
}

/// Takes a key away that nothing needs any more.
async fn retire(root: &Root, ring: Ring, id: &str, at_once: bool) -> Result<(), CommandError> {
    let _data = DataFolder::open(&root.data).map_err(in_use)?;
    schema::refuse_older(&schema::check(&root.store.in_folder(&root.data), &root.data).await?)?;
    let secrets = secrets(root)?;
    let stored = existing(&secrets, &ring)?;
    if !stored.keys().iter().any(|key| key.id == id) {
        return Err(CommandError::new(format!("there is no {} key {id}: tessera keys list", ring.name)));
    }
    if stored.current().id == id {
        let current = format!("{0} key {id} is in use: replace it first with tessera keys rotate {0}", ring.name);
        return Err(CommandError::new(current));
    }
    let left = sealed(root, &ring).await?.into_iter().find(|(under, count)| under == id && *count > 0);
    if let Some((_, count)) = left {
        return Err(CommandError::new(format!(
            "{count} secrets are sealed under {0} key {id}, and would be lost: tessera keys rotate {0} goes on sealing them \
             under the key in use",
            ring.name
        )));
    }
    let needed_until = stored.replaced_at(id).map(|replaced| replaced.plus(rings::outlives(&ring, root)));
    if let Some(until) = needed_until.filter(|until| !at_once && *until > SystemClock.now()) {
        return Err(CommandError::new(format!(
            "what {} key {id} has made is good until {until}: retire it then, or with --now to end it at once",
            ring.name
        )));
    }
    secrets.replace(ring.name, &stored.without(id)).map_err(|e| CommandError::caused("retiring a key", e))?;
    say(&format!(
        "{} key {id} is gone from here. A backup that was made while it was in use needs it: keep the export that has it.",
        ring.name
    ));
    Ok(())
}
