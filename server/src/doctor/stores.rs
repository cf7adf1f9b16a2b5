//! The databases and the films: engine, schema, damage.

use std::{fs, path::Path};

use tessera_media::{Inventory, take_inventory};
use tessera_runtime::blobs::Blobs;
use tessera_store::{Inspector, Module, StoreConfig, plan};

use super::{
    Patient,
    report::{Group, bytes, number},
};
use crate::schema::{MODULES, sentence};

/// Databases up to this size together are looked through every time; that takes about a second.
const QUICK: u64 = 500_000_000;
/// Damaged films that are told one by one.
const TOLD: usize = 10;
const RESTORE: &str = "stop the server and restore a backup (docs/backup.md)";

/// Whether the rest of them can be looked at: there is data, and it is of this version.
pub(super) async fn look(patient: &Patient<'_>, group: &mut Group) -> bool {
    let current = schema(patient, group).await;
    damage(patient, group).await;
    if current {
        films(patient, group).await;
    }
    current
}

/// Whether there is data, and all of it is as this version writes it.
async fn schema(patient: &Patient<'_>, group: &mut Group) -> bool {
    let plans = plan(&patient.store, MODULES).await;
    let mut waiting = 0;
    let mut sound = true;
    for plan in &plans {
        match &plan.steps {
            Ok(steps) if plan.exists => waiting += steps.len(),
            Ok(_) => {}
            Err(error) => {
                sound = false;
                group.bad("data", sentence(error), "nothing was changed");
            }
        }
    }
    let there = plans.iter().filter(|plan| plan.exists).count();
    if let Some(engine) = engine(patient).await.filter(|_| sound) {
        let found = format!("{engine}, {} at the schema of this version", number(there, "module"));
        match waiting {
            0 => group.good("databases", found),
            _ => group.note(
                "databases",
                format!("{engine}, older than this version: {}", number(waiting, "migration")),
                "the next start runs them; back up first, and try: tessera migrate --dry-run",
            ),
        }
    }
    sound && there > 0 && waiting == 0
}

async fn engine(patient: &Patient<'_>) -> Option<String> {
    let mut look = open(patient, MODULES[0]).await.ok()??;
    let engine = look.engine().await.ok();
    look.close().await;
    engine
}

pub(super) async fn open(
    patient: &Patient<'_>,
    module: &'static Module,
) -> Result<Option<Inspector>, tessera_store::OpenError> {
    Inspector::open(&patient.store, module, patient.server.is_some()).await
}

async fn damage(patient: &Patient<'_>, group: &mut Group) {
    if !matches!(patient.store, StoreConfig::Sqlite { .. }) {
        return; // the server looks after its own
    }
    let size: u64 = MODULES.iter().map(|module| database_bytes(&patient.root.data, module)).sum();
    if size == 0 {
        return; // nothing was stored yet
    }
    if size > QUICK && !patient.deep {
        return group
            .good("soundness", format!("{} of databases; tessera doctor --deep looks through them", bytes(size)));
    }
    let mut found = Vec::new();
    for module in MODULES {
        let file = format!("{}.db", module.name);
        match open(patient, module).await {
            Ok(None) => {}
            Ok(Some(mut look)) => {
                match look.damage(patient.deep) {
                    Ok(damage) => found.extend(damage.into_iter().map(|what| format!("{file}, {what}"))),
                    Err(failure) => found.push(format!("{file}: {failure}")),
                }
                look.close().await;
            }
            Err(error) => found.push(sentence(&error)),
        }
    }
    match found.is_empty() {
        true => {
            group.good("soundness", if patient.deep { "every page and index is sound" } else { "every page is sound" })
        }
        false => group.bad("soundness", found.join("\n"), RESTORE),
    }
}

fn database_bytes(data: &Path, module: &Module) -> u64 {
    fs::metadata(data.join(format!("{}.db", module.name))).map_or(0, |metadata| metadata.len())
}

async fn films(patient: &Patient<'_>, group: &mut Group) {
    let folder = patient.root.blobs(&patient.root.data);
    if !folder.is_dir() {
        return;
    }
    let looked = async {
        let blobs = Blobs::folder(&folder)?;
        let Some(mut look) = open(patient, &tessera_media::MODULE).await? else { return Ok(None) };
        let inventory = take_inventory(&mut look, &blobs, patient.deep).await;
        look.close().await;
        inventory.map(Some)
    };
    match looked.await {
        Ok(None) => {}
        Ok(Some(inventory)) => tell(&inventory, patient.deep, group),
        Err(failure) => {
            let failure: tessera_contract::Failure = failure;
            group.bad("films", failure.to_string(), RESTORE);
        }
    }
}

fn tell(inventory: &Inventory, deep: bool, group: &mut Group) {
    let Inventory { assets, unchecked, damaged } = inventory;
    let films = number(usize::try_from(*assets).unwrap_or(usize::MAX), "film");
    if damaged.is_empty() {
        return group.good(
            "films",
            match (deep, unchecked) {
                (false, _) => format!("{films}, every file there; tessera doctor --deep reads them"),
                (true, 0) => format!("{films}, every byte as it was stored"),
                (true, old) => format!("{films}, sound; {old} of them older than checksums, known by size alone"),
            },
        );
    }
    let mut lines: Vec<String> = damaged
        .iter()
        .take(TOLD)
        .map(|one| format!("{} of {}: {} is damaged, {}", one.asset, one.tenant, one.blob, one.what))
        .collect();
    if damaged.len() > TOLD {
        lines.push(format!("and {} more", damaged.len() - TOLD));
    }
    let remedy = "restore the files from a backup, or upload these films again; what is damaged is not served";
    group.bad("films", lines.join("\n"), remedy);
}
