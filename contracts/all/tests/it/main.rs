//! What holds for the document of every contract, and for all of them together.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tessera_contracts::{ALL, events_document};

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// The targets of every `$ref` in `value`.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|child| references(child, found));
        }
        Value::Array(list) => list.iter().for_each(|child| references(child, found)),
        _ => {}
    }
}

/// The names of the components that `value` reaches.
fn reached(value: &Value, document: &Value) -> BTreeSet<String> {
    let (mut all, mut next) = (BTreeSet::new(), BTreeSet::new());
    references(value, &mut next);
    while let Some(target) = next.pop_first() {
        if all.insert(target.clone()) {
            references(document.pointer(target.strip_prefix('#').unwrap()).unwrap_or(&Value::Null), &mut next);
        }
    }
    all
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_reached() {
    for entry in ALL {
        let document = (entry.document)();
        for target in reached(&document, &document) {
            assert!(document.pointer(target.strip_prefix('#').unwrap()).is_some(), "{}: {target}", entry.info.name);
        }
        let used = reached(&document["paths"], &document);
        for name in document["components"]["schemas"].as_object().unwrap().keys() {
            let target = format!("#/components/schemas/{name}");
            assert!(used.contains(&target), "{}: nothing uses {name}", entry.info.name);
        }
    }
    let modules: BTreeSet<_> = ALL.iter().map(|entry| entry.module).collect();
    for (module, document) in modules.into_iter().filter_map(|module| Some((module, events_document(module)?))) {
        for target in reached(&document, &document) {
            assert!(document.pointer(target.strip_prefix('#').unwrap()).is_some(), "events of {module}: {target}");
        }
    }
}

#[test]
fn every_operation_of_the_table_stands_in_the_document_under_an_id_of_its_own() {
    for entry in ALL {
        let document = (entry.document)();
        let ids: BTreeSet<_> = operations(&document).map(|(_, _, op)| op["operationId"].as_str().unwrap()).collect();
        let table: BTreeSet<_> = entry.info.operations.iter().map(|operation| operation.name).collect();
        assert_eq!(ids, table, "{}", entry.info.name);
        assert_eq!(operations(&document).count(), entry.info.operations.len(), "{}", entry.info.name);
        for operation in entry.info.operations {
            assert_eq!(operation.contract, entry.info.name);
        }
    }
}

#[test]
fn path_parameters_are_declared_and_scalar_and_parameters_are_given_once() {
    for entry in ALL {
        let document = (entry.document)();
        for (path, method, operation) in operations(&document) {
            let at = format!("{}: {method} {path}", entry.info.name);
            let parameters = operation["parameters"].as_array().unwrap();
            let in_path = parameters.iter().filter(|p| p["in"] == "path").map(|p| p["name"].as_str().unwrap());
            let named = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
            assert_eq!(in_path.collect::<BTreeSet<_>>(), named.collect::<BTreeSet<_>>(), "{at}");
            let unique: BTreeSet<_> = parameters.iter().map(|p| (p["in"].as_str(), p["name"].as_str())).collect();
            assert_eq!(unique.len(), parameters.len(), "{at}");
            for parameter in parameters {
                assert!(parameter["in"] != "path" || parameter["required"] == true, "{at}: {parameter}");
                assert!(parameter["schema"]["type"] != "object", "{at}: {parameter}");
            }
            let has_body = ["post", "put", "patch"].contains(&method);
            assert_eq!(operation["requestBody"].is_object(), has_body, "{at}");
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{at}");
        }
    }
}

#[test]
fn a_request_is_never_a_resource() {
    for entry in ALL {
        let document = (entry.document)();
        for (path, method, operation) in operations(&document) {
            if let Some(body) = operation.pointer("/requestBody/content/application~1json/schema") {
                assert!(body["$ref"].is_null(), "{}: {method} {path} takes {body}", entry.info.name);
                assert_eq!(body["additionalProperties"], false, "{}: {method} {path}", entry.info.name);
            }
        }
    }
}

#[test]
fn contracts_that_share_a_mount_share_no_route() {
    let mut routes = BTreeMap::new();
    for entry in ALL {
        for operation in entry.info.operations {
            let shape: Vec<&str> =
                operation.path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect();
            let route = (entry.info.mount, operation.method.name(), shape.join("/"));
            if let Some(other) = routes.insert(route.clone(), entry.info.name) {
                panic!("{other} and {} both have {route:?}", entry.info.name);
            }
        }
    }
    let names: BTreeSet<_> = ALL.iter().map(|entry| entry.info.name).collect();
    assert_eq!(names.len(), ALL.len(), "a contract's name is the audience of signed contexts");
}

#[test]
fn a_code_means_one_status_and_no_contract_takes_a_shared_one() {
    for entry in ALL {
        let mut codes = BTreeSet::new();
        for error in entry.info.errors {
            assert!(codes.insert(error.code), "{}: {} twice", entry.info.name, error.code);
            assert!((400..600).contains(&error.status), "{}: {error:?}", entry.info.name);
            assert!(!error.meaning.is_empty(), "{}: {} says nothing", entry.info.name, error.code);
            let shared = tessera_contract::FailureKind::from_code(error.code);
            assert_eq!(shared, None, "{}: {} is a failure of any operation", entry.info.name, error.code);
        }
    }
}
