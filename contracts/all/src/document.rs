//! The document of a module's events.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use tessera_contract::CloudEvent;

use crate::ALL;

/// The events of a module: for each type the JSON Schema of its `data`, and the envelope's. `None` when it has none.
pub fn events_document(module: &str) -> Option<Value> {
    let contracts = ALL.iter().filter(|entry| entry.module == module);
    let events: Vec<_> = contracts.flat_map(|entry| entry.info.events).collect();
    if events.is_empty() {
        return None;
    }
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let types: Map<String, Value> =
        events.iter().map(|event| (event.kind.to_owned(), (event.schema)(&mut generator).to_value())).collect();
    let envelope = generator.subschema_for::<CloudEvent>();
    Some(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("Events of Tessera {module}"),
        "description": "CloudEvents 1.0 in structured JSON mode; the schema of `data` by `type`.",
        "envelope": envelope,
        "types": types,
        "$defs": generator.take_definitions(true),
    }))
}
