//! `tessera doctor`: what an operator would otherwise ask, looked at from outside. It changes nothing, and runs beside a
//! server as well as without one.

mod folder;
mod machine;
mod network;
mod report;
mod setup;
mod stores;
mod work;

use std::{path::Path, process::ExitCode};

use tessera_store::{DataFolder, FolderError, StoreConfig};
use tessera_types::{Clock, SystemClock, Timestamp};

use crate::{cli::Doctor, config::Root, error::CommandError, output::tell, settings};
use report::Report;

/// What the looks stand on.
struct Patient<'a> {
    root: &'a Root,
    store: StoreConfig,
    /// The process that has the data folder open.
    server: Option<String>,
    now: Timestamp,
    deep: bool,
}

/// Looks, prints what was found, and fails when something will not work.
pub(crate) async fn run(config: Option<&Path>, args: &Doctor) -> Result<ExitCode, CommandError> {
    let mut report = Report::default();
    match settings::load(config, &args.place) {
        Ok(root) => {
            // Held while there is no server, so that none starts in the middle of a look.
            let (held, server) = match root.data.is_dir().then(|| DataFolder::open(&root.data)) {
                Some(Err(FolderError::InUse { process, .. })) => (None, Some(process)),
                Some(Err(error)) => {
                    report.group("Data").bad("folder", error.to_string(), "then run this again");
                    (None, None)
                }
                Some(Ok(folder)) => (Some(folder), None),
                None => (None, None),
            };
            let store = root.store.in_folder(&root.data);
            let patient = Patient { root: &root, store, server, now: SystemClock.now(), deep: args.deep };
            look(&patient, config, &mut report).await;
            drop(held);
        }
        Err(error) => {
            report.group("Setup").bad("configuration", error.to_string(), "mend that first, then run this again")
        }
    }
    tell(report.render(args.json).trim_end());
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn look(patient: &Patient<'_>, config: Option<&Path>, report: &mut Report) {
    report.about(&patient.root.data, patient.server.as_deref());
    setup::look(patient, config, report.group("Setup"));
    machine::look(patient, report.group("Machine"));
    network::look(patient, report.group("Network")).await;
    folder::look(patient, report.group("Data"));
    if matches!(patient.store, StoreConfig::Sqlite { .. }) && !patient.root.data.is_dir() {
        return; // nothing was stored yet
    }
    if stores::look(patient, report.group("Stores")).await {
        work::look(patient, report.group("Work")).await;
    }
}

impl Patient<'_> {
    /// How long ago something was, for people.
    fn ago(&self, then: Timestamp) -> String {
        report::duration(self.now.since(then))
    }
}
