//! A request and its answer as a file has them.

use std::{fs, path::PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tessera_contract::OperationInfo;
use tessera_contracts::{ALL, Entry};

use crate::project;

/// A recorded request and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// Its place among all of the release, whatever file it is in.
    pub at: usize,
    /// The contract.
    pub contract: String,
    /// The operation's name.
    pub operation: String,
    /// Who asked: `visitor`, `viewer`, `staff`, `operator`, or a module such as `service:playback`.
    pub caller: String,
    /// Asked again until the answer was this one: it waited for an event.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub awaited: bool,
    /// What was asked.
    pub asked: Asked,
    /// What came back.
    pub answered: Answered,
}

/// A request, without the credential: that is the caller's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// `GET`.
    pub method: String,
    /// With mount and query.
    pub path: String,
    /// `Idempotency-Key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The body; `null` without one.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub body: Value,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The media type, without parameters.
    pub content_type: String,
    /// `ETag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The body.
    pub body: Value,
}

impl Exchange {
    /// The contract's entry and the operation, as they are today.
    ///
    /// # Panics
    /// There is no such operation any more.
    pub fn operation(&self) -> (&'static Entry, &'static OperationInfo) {
        find(&self.contract, &self.operation)
    }

    /// As findings name it.
    pub fn name(&self) -> String {
        format!("{}.{} ({} at {})", self.contract, self.operation, self.caller, self.at)
    }
}

/// An operation of today.
pub(super) fn find(contract: &str, operation: &str) -> (&'static Entry, &'static OperationInfo) {
    let entry = ALL.iter().find(|entry| entry.info.name == contract);
    let entry = entry.unwrap_or_else(|| panic!("there is no contract {contract}"));
    let found = entry.info.operations.iter().find(|info| info.name == operation);
    (entry, found.unwrap_or_else(|| panic!("{contract} has no operation {operation}")))
}

/// What one file has: the exchanges of a module's contracts with a release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// The release that answered.
    pub release: String,
    /// In the order in which they were made.
    pub exchanges: Vec<Exchange>,
}

impl Recording {
    /// All that is recorded of a release, in order.
    ///
    /// # Panics
    /// A file cannot be read, or there is none.
    pub fn of(release: &str) -> Vec<Exchange> {
        let files = modules().into_iter().map(|module| file(module, release)).filter(|file| file.exists());
        let recordings = files.map(|file| {
            let text = fs::read_to_string(&file).expect("a file of the tree can be read");
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
        });
        let mut all: Vec<Exchange> = recordings.flat_map(|recording: Recording| recording.exchanges).collect();
        assert!(!all.is_empty(), "nothing is recorded of {release}: CONTRIBUTING.md says how");
        all.sort_by_key(|exchange| exchange.at);
        all
    }

    /// Writes what a release answered, a file for each module. Answers their names.
    ///
    /// # Panics
    /// A file cannot be written.
    pub fn keep(release: &str, exchanges: &[Exchange]) -> Vec<PathBuf> {
        let mut written = Vec::new();
        for module in modules() {
            let of_module = exchanges.iter().filter(|exchange| exchange.operation().0.module == module);
            let recording = Self { release: release.to_owned(), exchanges: of_module.cloned().collect() };
            if recording.exchanges.is_empty() {
                continue;
            }
            let file = file(module, release);
            let text = serde_json::to_string_pretty(&recording).expect("a recording is plain JSON") + "\n";
            fs::create_dir_all(file.parent().expect("it is in a folder")).expect("a folder can be made");
            fs::write(&file, text).expect("a file can be written");
            written.push(file);
        }
        written
    }
}

fn modules() -> Vec<&'static str> {
    let mut modules: Vec<&str> = ALL.iter().map(|entry| entry.module).collect();
    modules.dedup();
    modules
}

fn file(module: &str, release: &str) -> PathBuf {
    project().join(format!("contracts/{module}/v1/recorded/{release}.json"))
}
