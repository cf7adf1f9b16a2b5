//! The document of events against AsyncAPI's own schema, and against what is really sent.

use std::fs;

use serde_json::Value;
use tessera_testing::temp_dir;
use tessera_tests::{project, run};

fn document() -> Value {
    let folder = temp_dir();
    let printed = run(folder.path(), &["asyncapi"]);
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    serde_json::from_slice(&printed.stdout).expect("the document is JSON")
}

#[test]
fn the_document_of_events_is_what_asyncapi_says_one_is() {
    let schema = project().join("tests/browser/node_modules/@asyncapi/specs/schemas/3.0.0.json");
    let schema =
        fs::read_to_string(&schema).expect("AsyncAPI's schema is installed: npm --prefix tests/browser install");
    let schema: Value = serde_json::from_str(&schema).expect("it is JSON");
    let schema = jsonschema::validator_for(&schema).expect("it is a schema");
    let document = document();
    let wrong: Vec<String> = schema.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let mut altered = document;
    altered["channels"]["catalog"]["address"] = 7.into();
    assert!(!schema.is_valid(&altered), "the schema does not tell a number from an address");
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let document = document();
    let mut open = vec![&document];
    let mut references = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => open.extend(fields.values()),
            Value::Array(entries) => open.extend(entries),
            _ => {}
        }
        if let Some(target) = value["$ref"].as_str() {
            references += 1;
            assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
        }
    }
    assert!(references > 50, "{references}");
}
