//! The OpenAPI document of the notes.

use std::sync::Arc;

use serde_json::{Value, json};
use tessera_contract::Contract;

use crate::notes::{InMemory, Notes};

fn document() -> Value {
    <dyn Notes>::api(InMemory::with_notes() as Arc<dyn Notes>).document
}

#[test]
fn fields_stand_where_they_travel() {
    let document = document();
    let echo = &document["paths"]["/v1/echo/{word}"];
    let places: Vec<_> = echo["get"]["parameters"].as_array().unwrap().iter().map(|p| (&p["name"], &p["in"])).collect();
    assert!(places.contains(&(&json!("word"), &json!("path"))) && places.contains(&(&json!("tags"), &json!("query"))));
    assert_eq!(echo["post"]["parameters"].as_array().unwrap().len(), 1);
    let body = &echo["post"]["requestBody"]["content"]["application/json"]["schema"];
    assert!(body["properties"]["word"].is_null() && body["properties"]["tags"].is_object(), "{body}");
    assert_eq!(body["required"], json!(["tags", "places"]));
}

#[test]
fn an_operation_says_what_it_takes_and_answers() {
    let document = document();
    let create = &document["paths"]["/v1/notes"]["post"];
    assert_eq!(create["operationId"], "create_note");
    assert_eq!(create["summary"], "Create a note");
    assert_eq!(create["x-tessera-access"], "staff notes:write");
    assert_eq!(create["x-tessera-body-bytes"], 4096);
    assert_eq!(create["parameters"][0]["name"], "Idempotency-Key");
    assert!(create["responses"]["201"]["headers"]["ETag"].is_object() && create["responses"]["200"].is_null());
    let missing = &create["responses"]["404"];
    assert_eq!(missing["x-tessera-codes"], json!(["note_not_found", "not_found"]));
    assert_eq!(document["servers"], json!([{"url": "/notes"}]));
}

#[test]
fn a_type_that_reads_differently_from_how_it_writes_stands_there_twice_and_so_does_what_holds_it() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    assert!(schemas["EchoQuery"].is_object(), "the answer's form");
    let text = document.to_string();
    for target in text.split("\"$ref\":\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(target.strip_prefix('#').unwrap()).is_some(), "{target} leads nowhere");
    }
}
