//! The frozen documents: what a released contract promises, as files beside it.

use std::{fs, path::Path};

use serde_json::Value;
use tessera_contract::proto_document;
use tessera_contracts::{ALL, asyncapi_document, events_document};

use crate::{compatibility, proto};

struct Frozen {
    file: String,
    now: Form,
}

/// What a frozen file holds.
enum Form {
    Json(Value),
    Proto(String),
}

impl Form {
    /// What in `frozen` this would break, a name each; `None` where there is nothing frozen that can be read.
    fn breaks(&self, frozen: &str) -> Option<Vec<String>> {
        match self {
            Form::Json(now) => Some(compatibility::breaking(&serde_json::from_str(frozen).ok()?, now)),
            Form::Proto(now) => Some(proto::breaking(frozen, now)),
        }
    }

    fn is(&self, frozen: &str) -> bool {
        match self {
            Form::Json(now) => serde_json::from_str::<Value>(frozen).is_ok_and(|frozen| frozen == *now),
            Form::Proto(now) => frozen == now,
        }
    }

    fn text(&self) -> String {
        match self {
            Form::Json(now) => serde_json::to_string_pretty(now).expect("a document is plain JSON") + "\n",
            Form::Proto(now) => now.clone(),
        }
    }
}

fn documents() -> Vec<Frozen> {
    let apis = ALL.iter().map(|entry| Frozen {
        file: format!("contracts/{}/v1/{}", entry.module, entry.file_name()),
        now: Form::Json((entry.document)()),
    });
    let protos = ALL.iter().filter_map(|entry| {
        let file = format!("contracts/{}/v1/{}.proto", entry.module, entry.info.name);
        Some(Frozen { file, now: Form::Proto(proto_document(entry.info)?) })
    });
    let mut modules: Vec<&str> = ALL.iter().map(|entry| entry.module).collect();
    modules.dedup();
    let events = modules.into_iter().filter_map(|module| {
        let now = Form::Json(events_document(module)?);
        Some(Frozen { file: format!("contracts/{module}/v1/events.json"), now })
    });
    let topics = Frozen { file: "contracts/asyncapi.json".into(), now: Form::Json(asyncapi_document()) };
    apis.chain(protos).chain(events).chain([topics]).collect()
}

/// What differs between the contracts as written and as frozen.
pub(crate) fn check(root: &Path) -> Vec<String> {
    let mut findings = Vec::new();
    for Frozen { file, now } in documents() {
        let frozen = fs::read_to_string(root.join(&file)).unwrap_or_default();
        let Some(breaking) = now.breaks(&frozen).filter(|_| !frozen.is_empty()) else {
            findings.push(format!("{file}: not there; run `cargo xtask contracts freeze`"));
            continue;
        };
        findings.extend(breaking.iter().map(|change| format!("{file}: breaks callers: {change}")));
        if breaking.is_empty() && !now.is(&frozen) {
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
        let changes = fs::read_to_string(&path).ok().and_then(|frozen| now.breaks(&frozen)).unwrap_or_default();
        if !changes.is_empty() && !breaking {
            refused.extend(changes.iter().map(|change| format!("{file}: would break callers: {change}")));
            continue;
        }
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, now.text()));
        if let Err(error) = written {
            refused.push(format!("{file}: cannot be written: {error}"));
        }
    }
    refused
}
