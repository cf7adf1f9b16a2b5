//! Whether a document still serves the callers of an older one.
//!
//! A caller is broken when an operation, parameter, field or code that it may rely on is gone, when a request must say more
//! than before or may say less ([`Way::Asked`]), and when an answer leaves out what was always there, holds a type that
//! it never held, or never again says a word that it said ([`Way::Answered`]). A new value of an enum in an answer breaks
//! nobody: clients keep an unknown case.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::schema_change::{Comparison, Way, resolved};

/// Every change from `old` to `new` that breaks a caller, by the name of what changed.
pub(crate) fn breaking(old: &Value, new: &Value) -> Vec<String> {
    let mut comparison = Comparison { old, new, seen: BTreeSet::new(), found: Vec::new() };
    operations(&mut comparison);
    for kind in ["envelope", "types"] {
        events(&mut comparison, kind);
    }
    comparison.unreached();
    let mut named = BTreeSet::new();
    comparison.found.into_iter().filter(|change| named.insert(change.clone())).collect()
}

fn events(comparison: &mut Comparison<'_>, part: &str) {
    let (old, new) = (comparison.old.get(part), comparison.new.get(part));
    if part == "envelope" {
        return comparison.pair("event", Way::Answered, old, new);
    }
    for (kind, was) in members(old) {
        match new.and_then(|types| types.get(kind)) {
            None => comparison.found.push(format!("event {kind} is gone")),
            Some(now) => comparison.schema(kind, Way::Answered, was, now),
        }
    }
}

fn operations(comparison: &mut Comparison<'_>) {
    let (old, new) = (comparison.old, comparison.new);
    for (path, methods) in members(old.get("paths")) {
        for (method, operation) in members(Some(methods)) {
            let name = format!("{} {path}", method.to_uppercase());
            match new["paths"].get(path).and_then(|methods| methods.get(method)) {
                None => comparison.found.push(format!("{name} is gone")),
                Some(now) => operation_changes(&name, operation, now, comparison),
            }
        }
    }
}

fn operation_changes(name: &str, old: &Value, new: &Value, comparison: &mut Comparison<'_>) {
    if old["x-tessera-access"] != new["x-tessera-access"] {
        let change = format!("{name}: access is {} and was {}", new["x-tessera-access"], old["x-tessera-access"]);
        comparison.found.push(change);
    }
    parameter_changes(name, old, new, comparison);
    let body = "/requestBody/content/application~1json/schema";
    let (was, now) = (old.pointer(body), new.pointer(body));
    comparison.pair(&format!("{name}: body"), Way::Asked, was, now);
    if let (None, Some(now)) = (was, now) {
        let needed = texts(resolved(comparison.new, now).get("required"));
        comparison.found.extend(needed.iter().map(|field| format!("{name}: body.{field} is required now")));
    }
    for status in names(old.get("responses")).difference(&names(new.get("responses"))) {
        comparison.found.push(format!("{name}: status {status} is gone"));
    }
    for (status, answer) in members(old.get("responses")) {
        let now = &new["responses"][status];
        let codes = |of: &Value| texts(of.get("x-tessera-codes"));
        for code in codes(answer).difference(&codes(now)) {
            comparison.found.push(format!("{name}: error code {code} is gone"));
        }
        for header in names(answer.get("headers")).difference(&names(now.get("headers"))) {
            comparison.found.push(format!("{name}: header {header} is gone"));
        }
        for (media, content) in members(answer.get("content")) {
            let (was, is) = (content.get("schema"), now["content"][media].get("schema"));
            comparison.pair(&format!("{name}: {status}"), Way::Answered, was, is);
        }
    }
}

fn parameter_changes(name: &str, old: &Value, new: &Value, comparison: &mut Comparison<'_>) {
    let list = |of: &'_ Value| of["parameters"].as_array().cloned().unwrap_or_default();
    let find = |list: &[Value], name: &Value| list.iter().find(|p| p["name"] == *name).cloned();
    let (before, after) = (list(old), list(new));
    for parameter in &before {
        let at = format!("{name}: {}", parameter["name"]);
        match find(&after, &parameter["name"]) {
            None => comparison.found.push(format!("{name}: parameter {} is gone", parameter["name"])),
            Some(now) if now["in"] != parameter["in"] => {
                comparison.found.push(format!("{at} travels in {} and did in {}", now["in"], parameter["in"]));
            }
            Some(now) => comparison.schema(&at, Way::Asked, &parameter["schema"], &now["schema"]),
        }
    }
    for parameter in after.iter().filter(|p| p["required"] == true) {
        if find(&before, &parameter["name"]).is_none_or(|was| was["required"] != true) {
            comparison.found.push(format!("{name}: parameter {} is required now", parameter["name"]));
        }
    }
}

pub(crate) fn schemas(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    let shared = members(document.pointer("/components/schemas"));
    let shared = shared.map(|(name, schema)| (format!("/components/schemas/{name}"), schema));
    shared.chain(members(document.get("$defs")).map(|(name, schema)| (format!("/$defs/{name}"), schema)))
}

pub(crate) fn readable(pointer: &str) -> String {
    pointer.rsplit('/').next().unwrap_or(pointer).to_owned()
}

pub(crate) fn members(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

pub(crate) fn names(value: Option<&Value>) -> BTreeSet<String> {
    members(value).map(|(name, _)| name.clone()).collect()
}

/// The texts of a list, or the one text.
pub(crate) fn texts(value: Option<&Value>) -> BTreeSet<String> {
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

    /// A document whose one operation takes and answers `Thing`, and what changing `pointer` in it breaks.
    fn changed(pointer: &str, value: Value) -> Vec<String> {
        let reference = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}});
        let mut old = document();
        old["paths"] = json!({"/v1/asked": {"post": {"requestBody": {"content": reference}}}});
        old["components"]["schemas"]["Thing"]["properties"]["size"] = json!({"type": "integer", "maximum": 9});
        let mut answered = old.clone();
        answered["paths"] = json!({"/v1/answered": {"get": {"responses": {"200": {"content": reference}}}}});
        let changes = |old: &Value| {
            let mut new = old.clone();
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            new.pointer_mut(&format!("/components/schemas/Thing{parent}")).unwrap()[key] = value.clone();
            breaking(old, &new)
        };
        let named =
            |way: &str, found: Vec<String>| found.into_iter().map(move |f| format!("{way} {f}")).collect::<Vec<_>>();
        [named("asked", changes(&old)), named("answered", changes(&answered))].concat()
    }

    #[test]
    fn what_breaks_a_request_is_not_what_breaks_an_answer() {
        let nullable = json!({"anyOf": [{"type": "string"}, {"type": "null"}]});
        for (pointer, value, breaks) in [
            ("/required", json!([]), vec!["answered Thing.id may be absent now"]),
            ("/required", json!(["id", "state"]), vec!["asked Thing.state is required now"]),
            ("/properties/id/type", json!(["string", "null"]), vec!["answered Thing.id: type null is new"]),
            ("/properties/id", nullable, vec!["answered Thing.id: type null is new"]),
            ("/properties/state/enum", json!(["on", "off", "dim"]), vec![]),
            (
                "/properties/state/enum",
                json!(["on"]),
                vec!["asked Thing.state: value off is gone", "answered Thing.state: value off is gone"],
            ),
            ("/properties/state", json!({"oneOf": [{"const": "on"}, {"const": "off"}]}), vec![]),
            ("/properties/size/maximum", json!(8), vec!["asked Thing.size: maximum is 8"]),
            ("/properties/size/maximum", json!(10), vec![]),
            ("/properties/size/minimum", json!(1), vec!["asked Thing.size: minimum is 1"]),
            ("/properties/id/pattern", json!("^a"), vec!["asked Thing.id: pattern is \"^a\""]),
        ] {
            assert_eq!(changed(pointer, value.clone()), breaks, "{pointer} {value}");
        }
    }

    #[test]
    fn a_component_may_be_renamed_when_what_travels_stays() {
        let mut old = document();
        old["paths"] = json!({"/v1/asked": {"post": {"requestBody": {"content": {"application/json": {"schema": {
            "type": "object", "properties": {"thing": {"$ref": "#/components/schemas/Thing"}}}}}}}}});
        let mut new = old.clone();
        new["components"]["schemas"]["ThingInput"] = old["components"]["schemas"]["Thing"].clone();
        *new.pointer_mut(
            "/paths/~1v1~1asked/post/requestBody/content/application~1json/schema/properties/thing/$ref",
        )
        .unwrap() = json!("#/components/schemas/ThingInput");
        assert_eq!(breaking(&old, &new), Vec::<String>::new());
    }
}
