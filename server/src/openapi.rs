//! `tessera openapi`: the documents and the operation table. `tessera asyncapi`: the document of events.

use tessera_contracts::{ALL, asyncapi_document, find};

use crate::{error::CommandError, output::tell};

/// Prints a contract's OpenAPI 3.1 document, or with no contract the table of all operations.
pub(crate) fn run(contract: Option<&str>) -> Result<(), CommandError> {
    match contract {
        Some(name) => tell(&document(name)?),
        None => table().iter().for_each(|line| tell(line)),
    }
    Ok(())
}

/// Prints the AsyncAPI 3.0 document of every module's events.
pub(crate) fn events() -> Result<(), CommandError> {
    let text = serde_json::to_string_pretty(&asyncapi_document());
    tell(&text.map_err(|e| CommandError::caused("writing the document", e))?);
    Ok(())
}

fn document(name: &str) -> Result<String, CommandError> {
    let entry = find(name).ok_or_else(|| CommandError::new(format!("there is no contract {name:?}; {}", known())))?;
    serde_json::to_string_pretty(&(entry.document)()).map_err(|e| CommandError::caused("writing the document", e))
}

/// Names of all contracts, for messages.
pub(crate) fn known() -> String {
    let names: Vec<&str> = ALL.iter().map(|entry| entry.info.name).collect();
    format!("known are {}", names.join(", "))
}

fn table() -> Vec<String> {
    let head = format!("{:<22} {:<24} {:<6} {:<58} {}", "CONTRACT", "OPERATION", "METHOD", "PATH", "ACCESS");
    let rows = ALL.iter().flat_map(|entry| {
        entry.info.operations.iter().map(|op| {
            let path = format!("/{}{}", entry.info.mount, op.path);
            format!("{:<22} {:<24} {:<6} {:<58} {}", op.contract, op.name, op.method.name(), path, op.access.describe())
        })
    });
    std::iter::once(head).chain(rows).collect()
}
