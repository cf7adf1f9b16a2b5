//! Each kind of break, made at each place of the real frozen documents: the check names what was broken.

use serde_json::{Value, json};
use tessera_contracts::{ALL, events_document};

use crate::compatibility::breaking;

/// What is done to a document, and what the check has to say.
struct Break {
    changed: Value,
    named: String,
}

fn documents() -> Vec<(&'static str, Value)> {
    ALL.iter().map(|entry| (entry.info.name, (entry.document)())).collect()
}

/// Every break of one kind in every document is named.
fn each_is_named(kind: &str, breaks: impl Fn(&Value) -> Vec<Break>) {
    let mut made = 0;
    for (contract, document) in documents() {
        for Break { changed, named } in breaks(&document) {
            let found = breaking(&document, &changed);
            assert!(
                found.iter().any(|line| line.contains(&named)),
                "{contract}: {kind}: nobody names {named}: {found:?}"
            );
            made += 1;
        }
    }
    assert!(made > 10, "{made} breaks: {kind}");
}

/// The document with something else at a pointer; nothing there when `None`.
fn with(document: &Value, at: &[&str], value: Option<Value>) -> Value {
    let mut changed = document.clone();
    let (last, path) = at.split_last().expect("a place");
    let parent = path.iter().fold(&mut changed, |value, key| &mut value[*key]);
    let parent = parent.as_object_mut().expect("an object");
    match value {
        Some(value) => drop(parent.insert((*last).to_owned(), value)),
        None => drop(parent.remove(*last)),
    }
    changed
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Path, method and what the document says of it.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    fields(&document["paths"])
        .flat_map(|(path, methods)| fields(methods).map(move |(method, operation)| (&**path, &**method, operation)))
        .collect()
}

/// Where an operation's body has its schema.
const BODY: [&str; 4] = ["requestBody", "content", "application/json", "schema"];

/// Component, field and its schema.
fn properties(document: &Value) -> Vec<(&str, &str, &Value)> {
    fields(&document["components"]["schemas"])
        .flat_map(|(name, schema)| {
            fields(&schema["properties"]).map(move |(field, property)| (&**name, &**field, property))
        })
        .collect()
}

#[test]
fn an_operation_that_is_gone() {
    each_is_named("an operation is gone", |document| {
        let gone = |(path, method, _): (&str, &str, &Value)| Break {
            changed: with(document, &["paths", path, method], None),
            named: format!("{} {path} is gone", method.to_uppercase()),
        };
        operations(document).into_iter().map(gone).collect()
    });
}

#[test]
fn a_status_that_is_gone() {
    each_is_named("a status is gone", |document| {
        let all = operations(document).into_iter();
        let statuses = all.flat_map(|(path, method, operation)| {
            fields(&operation["responses"]).map(move |(status, _)| (path, method, status))
        });
        let gone = statuses.map(|(path, method, status)| Break {
            changed: with(document, &["paths", path, method, "responses", status], None),
            named: format!("{} {path}: status {status} is gone", method.to_uppercase()),
        });
        gone.collect()
    });
}

#[test]
fn a_field_that_is_gone() {
    each_is_named("a field is gone", |document| {
        let gone = |(component, field, _): (&str, &str, &Value)| Break {
            changed: with(document, &["components", "schemas", component, "properties", field], None),
            named: format!("{component}.{field} is gone"),
        };
        properties(document).into_iter().map(gone).collect()
    });
}

#[test]
fn a_field_of_another_type() {
    each_is_named("a type is another", |document| {
        let other = |(component, field, property): (&str, &str, &Value)| {
            let kind = if property["type"].to_string().contains("boolean") { "integer" } else { "boolean" };
            let at = ["components", "schemas", component, "properties", field];
            let changed = with(document, &at, Some(json!({"type": kind})));
            Break { changed, named: format!("{component}.{field}: ") }
        };
        let fixed = properties(document).into_iter().filter(|(.., property)| property.as_object().is_some());
        fixed.map(other).collect()
    });
}

#[test]
fn a_field_that_a_request_has_to_have_now() {
    each_is_named("a field is required", |document| {
        let all = operations(document).into_iter();
        let bodies = all.filter_map(|(path, method, operation)| {
            let schema = BODY.iter().try_fold(operation, |value, key| value.get(key))?;
            Some((path, method, schema.clone()))
        });
        let required = bodies.filter(|(.., schema)| schema["type"] == "object").map(|(path, method, mut schema)| {
            let mut list = schema["required"].as_array().cloned().unwrap_or_default();
            list.push("brand_new".into());
            schema["required"] = list.into();
            schema["properties"]["brand_new"] = json!({"type": "string"});
            let at = [&["paths", path, method], &BODY[..]].concat();
            Break {
                changed: with(document, &at, Some(schema)),
                named: format!("{} {path}: body.brand_new is required now", method.to_uppercase()),
            }
        });
        required.collect()
    });
}

#[test]
fn a_body_that_a_request_has_to_have_now() {
    each_is_named("a body is required", |document| {
        let all = operations(document).into_iter().filter(|(.., operation)| operation.get("requestBody").is_none());
        let body = json!({"content": {"application/json": {"schema": {
            "type": "object", "required": ["brand_new"], "properties": {"brand_new": {"type": "string"}},
        }}}});
        all.map(|(path, method, _)| Break {
            changed: with(document, &["paths", path, method, "requestBody"], Some(body.clone())),
            named: format!("{} {path}: body.brand_new is required now", method.to_uppercase()),
        })
        .collect()
    });
}

#[test]
fn a_word_of_an_enum_that_is_gone() {
    each_is_named("a value is gone", |document| {
        let schemas = fields(&document["components"]["schemas"]);
        let lists = schemas.flat_map(|(name, schema)| {
            ["enum", "oneOf"].into_iter().filter_map(move |key| Some((name, key, schema.get(key)?.as_array()?)))
        });
        let words = lists.filter_map(|(name, key, list)| {
            let last = list.last().filter(|_| list.len() > 1)?;
            let word = last.get("const").unwrap_or(last).as_str()?;
            let rest = list[..list.len() - 1].to_vec();
            let changed = with(document, &["components", "schemas", name, key], Some(rest.into()));
            Some(Break { changed, named: format!("value {word} is gone") })
        });
        words.collect()
    });
}

#[test]
fn an_error_that_is_gone() {
    each_is_named("a code is gone", |document| {
        let all = operations(document).into_iter().flat_map(|(path, method, operation)| {
            let codes = |(status, answer): (&'_ String, &'_ Value)| {
                Some((status.clone(), answer["x-tessera-codes"].as_array()?.clone()))
            };
            let answers: Vec<_> = fields(&operation["responses"]).filter_map(codes).collect();
            answers.into_iter().map(move |(status, codes)| (path, method, status, codes))
        });
        let gone = all.filter_map(|(path, method, status, codes)| {
            let (last, rest) = codes.split_last()?;
            let at = ["paths", path, method, "responses", &status, "x-tessera-codes"];
            Some(Break {
                changed: with(document, &at, Some(rest.to_vec().into())),
                named: format!("{} {path}: error code {} is gone", method.to_uppercase(), last.as_str()?),
            })
        });
        gone.collect()
    });
}

#[test]
fn an_event_or_a_field_of_one_that_is_gone() {
    let mut made = 0;
    for entry in ALL {
        let Some(document) = events_document(entry.module) else { continue };
        for (kind, _) in fields(&document["types"]) {
            let found = breaking(&document, &with(&document, &["types", kind], None));
            assert!(found.contains(&format!("event {kind} is gone")), "{found:?}");
            made += 1;
        }
        for (name, schema) in fields(&document["$defs"]) {
            for (field, _) in fields(&schema["properties"]) {
                let found = breaking(&document, &with(&document, &["$defs", name, "properties", field], None));
                assert!(found.contains(&format!("{name}.{field} is gone")), "{found:?}");
                made += 1;
            }
        }
    }
    assert!(made > 20, "{made} breaks of events");
}
