//! Whether a document still serves the callers of an older one.
//!
//! A caller is broken when an operation, parameter, field, code or enum value that it may rely on is gone, when a request must
//! say more than before, or when a type is another.

use std::collections::BTreeSet;

use serde_json::Value;

/// Every change from `old` to `new` that breaks a caller, by the name of what changed.
pub(crate) fn breaking(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    operations(old, new, &mut found);
    for (place, old_schema) in schemas(old) {
        match new.pointer(&place) {
            None => found.push(format!("{} is gone", readable(&place))),
            Some(new_schema) => schema(&readable(&place), old_schema, new_schema, &mut found),
        }
    }
    for kind in names(old.get("types")).difference(&names(new.get("types"))) {
        found.push(format!("event {kind} is gone"));
    }
    found
}

fn operations(old: &Value, new: &Value, found: &mut Vec<String>) {
    for (path, methods) in members(old.get("paths")) {
        for (method, operation) in members(Some(methods)) {
            let name = format!("{} {path}", method.to_uppercase());
            match new["paths"].get(path).and_then(|methods| methods.get(method)) {
                None => found.push(format!("{name} is gone")),
                Some(now) => operation_changes(&name, operation, now, found),
            }
        }
    }
}

fn operation_changes(name: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    if old["x-tessera-access"] != new["x-tessera-access"] {
        found.push(format!("{name}: access is {} and was {}", new["x-tessera-access"], old["x-tessera-access"]));
    }
    let parameters = |of: &Value| of["parameters"].as_array().cloned().unwrap_or_default();
    let find = |list: &[Value], name: &Value| list.iter().find(|p| p["name"] == *name).cloned();
    let (before, after) = (parameters(old), parameters(new));
    for parameter in &before {
        match find(&after, &parameter["name"]) {
            None => found.push(format!("{name}: parameter {} is gone", parameter["name"])),
            Some(now) => schema(&format!("{name}: {}", parameter["name"]), &parameter["schema"], &now["schema"], found),
        }
    }
    for parameter in after.iter().filter(|p| p["required"] == true) {
        if find(&before, &parameter["name"]).is_none_or(|was| was["required"] != true) {
            found.push(format!("{name}: parameter {} is required now", parameter["name"]));
        }
    }
    let body = "/requestBody/content/application~1json/schema";
    if let (Some(was), Some(now)) = (old.pointer(body), new.pointer(body)) {
        schema(&format!("{name}: body"), was, now, found);
        for field in texts(now.get("required")).difference(&texts(was.get("required"))) {
            found.push(format!("{name}: body field {field} is required now"));
        }
    }
    for status in names(old.get("responses")).difference(&names(new.get("responses"))) {
        found.push(format!("{name}: status {status} is gone"));
    }
    for (status, answer) in members(old.get("responses")) {
        let codes = |of: &Value| texts(of.get("x-tessera-codes"));
        for code in codes(answer).difference(&codes(&new["responses"][status])) {
            found.push(format!("{name}: error code {code} is gone"));
        }
    }
}

fn schema(place: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    for key in ["type", "$ref", "format", "const"] {
        let widened = key == "type" && texts(old.get(key)).is_subset(&texts(new.get(key)));
        if old.get(key).is_some() && old.get(key) != new.get(key) && !widened {
            found.push(format!("{place}: {key} is {} and was {}", new[key], old[key]));
        }
    }
    for value in texts(old.get("enum")).difference(&texts(new.get("enum"))) {
        found.push(format!("{place}: value {value} is gone"));
    }
    for (field, was) in members(old.get("properties")) {
        match new["properties"].get(field) {
            None => found.push(format!("{place}.{field} is gone")),
            Some(now) => schema(&format!("{place}.{field}"), was, now, found),
        }
    }
    // What an answer always had may be relied on; a request type that asks for more is found at its operation.
    if !place.ends_with("Input") && !place.contains(": ") {
        for field in texts(old.get("required")).difference(&texts(new.get("required"))) {
            found.push(format!("{place}.{field} may be absent now"));
        }
    }
    if let (Some(was), Some(now)) = (old.get("items"), new.get("items")) {
        schema(&format!("{place}[]"), was, now, found);
    }
}

fn schemas(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    let shared = members(document.pointer("/components/schemas"));
    let shared = shared.map(|(name, schema)| (format!("/components/schemas/{name}"), schema));
    shared.chain(members(document.get("$defs")).map(|(name, schema)| (format!("/$defs/{name}"), schema)))
}

fn readable(pointer: &str) -> String {
    pointer.rsplit('/').next().unwrap_or(pointer).to_owned()
}

fn members(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

fn names(value: Option<&Value>) -> BTreeSet<String> {
    members(value).map(|(name, _)| name.clone()).collect()
}

/// The texts of a list, or the one text.
fn texts(value: Option<&Value>) -> BTreeSet<String> {
    match value {
        Some(Value::Array(list)) => {
            list.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect()
        }
        Some(Value::String(text)) => BTreeSet::from([text.clone()]),
        _ => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Value {
        json!({
            "paths": {"/v1/things/{id}": {"get": {
                "x-tessera-access": "public",
                "parameters": [{"name": "id", "required": true, "schema": {"type": "string"}}],
                "responses": {"200": {}, "404": {"x-tessera-codes": ["thing_not_found"]}},
            }}},
            "components": {"schemas": {"Thing": {
                "type": "object", "required": ["id"],
                "properties": {"id": {"type": "string"}, "state": {"type": "string", "enum": ["on", "off"]}},
            }}},
        })
    }

    #[test]
    fn additions_break_nobody() {
        let mut new = document();
        new["paths"]["/v1/others"] = json!({"get": {}});
        new["components"]["schemas"]["Thing"]["properties"]["colour"] = json!({"type": "string"});
        new["components"]["schemas"]["Thing"]["properties"]["state"]["enum"] = json!(["on", "off", "dim"]);
        assert_eq!(breaking(&document(), &new), Vec::<String>::new());
    }

    #[test]
    fn every_kind_of_break_is_named() {
        let thing = "/components/schemas/Thing";
        for (pointer, value, named) in [
            ("/paths", json!({}), "GET /v1/things/{id} is gone"),
            ("/paths/~1v1~1things~1{id}/get/x-tessera-access", json!("service"), "access"),
            ("/paths/~1v1~1things~1{id}/get/parameters", json!([]), "parameter \"id\" is gone"),
            ("/paths/~1v1~1things~1{id}/get/responses/404/x-tessera-codes", json!([]), "error code thing_not_found"),
            (&format!("{thing}/properties/id/type"), json!("integer"), "Thing.id: type"),
            (&format!("{thing}/properties"), json!({"id": {"type": "string"}}), "Thing.state is gone"),
            (&format!("{thing}/properties/state/enum"), json!(["on"]), "value off is gone"),
            (&format!("{thing}/required"), json!([]), "Thing.id may be absent now"),
        ] {
            let mut new = document();
            *new.pointer_mut(pointer).unwrap() = value;
            let found = breaking(&document(), &new);
            assert!(found.iter().any(|change| change.contains(named)), "{pointer}: {found:?}");
        }
    }
}
