//! The frozen documents: what a released contract promises, as files beside it.

use std::{fs, path::Path};

use serde_json::Value;
use tessera_contracts::{ALL, asyncapi_document, events_document};

use crate::compatibility;

struct Frozen {
    file: String,
    now: Value,
}

fn documents() -> Vec<Frozen> {
    let apis = ALL.iter().map(|entry| Frozen {
        file: format!("contracts/{}/v1/{}", entry.module, entry.file_name()),
        now: (entry.document)(),
    });
    let mut modules: Vec<&str> = ALL.iter().map(|entry| entry.module).collect();
    modules.dedup();
    let events = modules.into_iter().filter_map(|module| {
        Some(Frozen { file: format!("contracts/{module}/v1/events.json"), now: events_document(module)? })
    });
    let topics = Frozen { file: "contracts/asyncapi.json".into(), now: asyncapi_document() };
    apis.chain(events).chain([topics]).collect()
}

/// What differs between the contracts as written and as frozen.
pub(crate) fn check(root: &Path) -> Vec<String> {
    let mut findings = Vec::new();
    for Frozen { file, now } in documents() {
        let Some(frozen) = read(&root.join(&file)) else {
            findings.push(format!("{file}: not there; run `cargo xtask contracts freeze`"));
            continue;
        };
        let breaking = compatibility::breaking(&frozen, &now);
        findings.extend(breaking.iter().map(|change| format!("{file}: breaks callers: {change}")));
        if breaking.is_empty() && frozen != now {
            findings.push(format!("{file}: differs in a way that breaks nobody; run `cargo xtask contracts freeze`"));
        }
    }
    findings
}

/// Writes the documents; answers what it refused to write.
pub(crate) fn freeze(root: &Path, breaking: bool) -> Vec<String> {
    let mut refused = Vec::new();
    for Frozen { file, now } in documents() {
        let path = root.join(&file);
        let changes = read(&path).map(|frozen| compatibility::breaking(&frozen, &now)).unwrap_or_default();
        if !changes.is_empty() && !breaking {
            refused.extend(changes.iter().map(|change| format!("{file}: would break callers: {change}")));
            continue;
        }
        let text = serde_json::to_string_pretty(&now).expect("a document is plain JSON") + "\n";
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, text));
        if let Err(error) = written {
            refused.push(format!("{file}: cannot be written: {error}"));
        }
    }
    refused
}

fn read(path: &Path) -> Option<Value> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}
