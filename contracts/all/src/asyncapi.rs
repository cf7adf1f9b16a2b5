//! The document of what is told by events, for whoever follows topics: AsyncAPI 3.0.

use std::collections::BTreeMap;

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use tessera_contract::{CloudEvent, EventInfo, OperationRecorded};

use crate::{ALL, is_recorded};

/// Where the schemas stand in the document.
const SCHEMAS: &str = "/components/schemas";

/// The AsyncAPI 3.0.0 document of every module's topic: a channel a module, a message an event type, in the structured mode
/// of the Kafka protocol binding of CloudEvents.
pub fn asyncapi_document() -> Value {
    let settings = SchemaSettings::draft07().for_serialize();
    let mut generator = settings.with(|settings| settings.definitions_path = SCHEMAS.into()).into_generator();
    let (mut channels, mut operations, mut messages) = (Map::new(), Map::new(), Map::new());
    for (module, events) in modules() {
        let references: Map<String, Value> = events
            .iter()
            .map(|event| (event.kind.to_owned(), reference(&format!("/components/messages/{}", event.kind))))
            .collect();
        channels.insert(module.into(), channel(module, &references));
        operations.insert(format!("{module}.tells"), operation(module, references.keys()));
        messages.extend(events.iter().map(|event| (event.kind.to_owned(), message(module, event, &mut generator))));
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tessera events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What Tessera's modules tell, over a broker that speaks Kafka's protocol. Delivery is at least \
                once, and in order for one subject; `id` is the same at each delivery. The same envelopes are the bodies \
                of webhooks. A deployment may have another prefix than `tessera` before the topics' names.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": generator.take_definitions(true)},
    })
}

/// What staff did: in the log of the module in which they did it, for the audit.
const RECORDED: EventInfo = EventInfo::of::<OperationRecorded>();

/// Modules that tell something, with all that they tell.
fn modules() -> BTreeMap<&'static str, Vec<&'static EventInfo>> {
    let mut modules: BTreeMap<&str, Vec<&EventInfo>> = BTreeMap::new();
    for entry in ALL {
        let events = modules.entry(entry.module).or_default();
        events.extend(entry.info.events.iter().filter(|event| event.kind != RECORDED.kind));
    }
    for (module, events) in &mut modules {
        events.extend(is_recorded(module).then_some(&RECORDED));
    }
    modules.retain(|_, events| !events.is_empty());
    modules
}

/// The types of all events that tell of a module's own things, sorted.
pub fn event_types() -> Vec<&'static str> {
    let kinds = modules().into_values().flatten().map(|event| event.kind).filter(|kind| *kind != RECORDED.kind);
    let mut types: Vec<&str> = kinds.collect();
    types.sort_unstable();
    types
}

/// Whether a module tells of things of its own.
pub fn tells(module: &str) -> bool {
    modules().get(module).is_some_and(|events| events.iter().any(|event| event.kind != RECORDED.kind))
}

fn reference(to: &str) -> Value {
    json!({"$ref": format!("#{to}")})
}

fn channel(module: &str, messages: &Map<String, Value>) -> Value {
    let topic = format!("tessera.{module}");
    json!({
        "address": topic,
        "title": format!("What {module} tells"),
        "messages": messages,
        "bindings": {"kafka": {"topic": topic, "bindingVersion": "0.5.0"}},
    })
}

fn operation<'k>(module: &str, kinds: impl Iterator<Item = &'k String>) -> Value {
    let channel = format!("/channels/{module}");
    let messages: Vec<Value> = kinds.map(|kind| reference(&format!("{channel}/messages/{kind}"))).collect();
    json!({
        "action": "send",
        "channel": reference(&channel),
        "summary": format!("Tell what happened in {module}."),
        "messages": messages,
    })
}

fn message(module: &str, event: &EventInfo, generator: &mut SchemaGenerator) -> Value {
    let data = (event.schema)(generator).to_value();
    let described = data["$ref"].as_str().and_then(|target| target.rsplit('/').next());
    let summary = described
        .and_then(|name| generator.definitions().get(name)?.get("description")?.as_str())
        .unwrap_or(event.kind)
        .to_owned();
    let source = match event.kind == RECORDED.kind {
        true => json!({"type": "string", "description": "The module in which it was done."}),
        false => json!({"const": format!("/tessera/{module}")}),
    };
    json!({
        "name": event.kind,
        "title": described.unwrap_or(event.kind),
        "summary": summary,
        "contentType": "application/cloudevents+json",
        "headers": {
            "type": "object",
            "properties": {
                "content-type": {"type": "string", "const": "application/cloudevents+json; charset=UTF-8"},
                "tessera-position": {
                    "type": "string",
                    "description": "Where the event stands in its module's outbox: it grows within a partition, and a \
                        record that does not is one that comes again.",
                },
            },
            "required": ["content-type", "tessera-position"],
        },
        "payload": {
            "allOf": [
                generator.subschema_for::<CloudEvent>().to_value(),
                {
                    "type": "object",
                    "properties": {
                        "type": {"const": event.kind},
                        "source": source,
                        "data": data,
                    },
                },
            ],
        },
        "bindings": {
            "kafka": {"key": {"type": "string", "description": "`tenant/subject`"}, "bindingVersion": "0.5.0"},
        },
    })
}
