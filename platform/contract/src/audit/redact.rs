//! A request as the trail keeps it: without secrets, and of bounded size.

use serde_json::{Map, Value, json};

use super::AuditTarget;

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";
/// A record's request as JSON, at most so many bytes; a larger one keeps the names of its fields alone.
pub const REQUEST_BYTES: usize = 4096;

/// Characters of one text.
const TEXT: usize = 256;
/// Entries of one list, fields of one object.
const ENTRIES: usize = 32;
const DEPTH: usize = 6;
const TARGETS: usize = 16;

/// A field whose name has one of these in it holds what opens a door or pays a bill, even if its type does not say so
/// ([`tessera_types::Sensitive`]).
const SECRET: &[&str] = &["secret", "password", "token", "card", "security_code", "credential", "cookie", "private"];

/// The request's fields, fit to be kept.
pub(super) fn request(request: Value) -> Value {
    let kept = fit(request, 0);
    match kept.to_string().len() <= REQUEST_BYTES {
        true => kept,
        false => {
            let fields: Vec<String> = kept.as_object().into_iter().flat_map(|fields| fields.keys().cloned()).collect();
            json!({"too_long": true, "fields": fields})
        }
    }
}

fn fit(value: Value, depth: usize) -> Value {
    match value {
        Value::Object(_) | Value::Array(_) if depth >= DEPTH => "…".into(),
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(_, value)| !value.is_null()).take(ENTRIES);
            Value::Object(fields.map(|(name, value)| field(name, value, depth)).collect::<Map<_, _>>())
        }
        Value::Array(list) => {
            let more = list.len().saturating_sub(ENTRIES);
            let mut kept: Vec<Value> = list.into_iter().take(ENTRIES).map(|entry| fit(entry, depth + 1)).collect();
            kept.extend((more > 0).then(|| format!("… and {more} more").into()));
            kept.into()
        }
        Value::String(text) => cut(text).into(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

fn field(name: String, value: Value, depth: usize) -> (String, Value) {
    let plain = name.to_ascii_lowercase();
    match SECRET.iter().any(|word| plain.contains(word)) {
        true => (cut(name), REDACTED.into()),
        false => (cut(name), fit(value, depth + 1)),
    }
}

/// U+0000 is no text that a store takes.
fn cut(text: String) -> String {
    let text = if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text };
    match text.char_indices().nth(TEXT) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// Adds what `value` names under `field`.
pub(super) fn add_target(targets: &mut Vec<AuditTarget>, field: &str, value: &Value) {
    let Some(id) = value.as_str().filter(|id| !id.is_empty()) else { return };
    let target = AuditTarget { field: field.to_owned(), id: cut(id.to_owned()) };
    if targets.len() < TARGETS && !targets.contains(&target) {
        targets.push(target);
    }
}

/// Adds every `…_id` of an object and of the objects in it.
pub(super) fn ids(targets: &mut Vec<AuditTarget>, value: &Value) {
    let Some(fields) = value.as_object() else { return };
    for (name, value) in fields {
        if name.ends_with("_id") {
            add_target(targets, name, value);
        }
    }
    let nested = fields.values().filter_map(Value::as_object);
    for (name, value) in nested.flatten().filter(|(name, _)| name.ends_with("_id")) {
        add_target(targets, name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_however_deep() {
        let kept = request(json!({
            "name": "Ada", "payment_token": "tok_1", "card_number": "4242", "note": null,
            "inner": {"Client_Secret": {"a": 1}, "list": [{"password": "x", "y": 1}]},
        }));
        let expected = json!({
            "name": "Ada", "payment_token": REDACTED, "card_number": REDACTED,
            "inner": {"Client_Secret": REDACTED, "list": [{"password": REDACTED, "y": 1}]},
        });
        assert_eq!(kept, expected);
    }

    #[test]
    fn a_request_of_any_size_and_depth_is_kept_within_the_bound() {
        let mut deep = json!("bottom");
        (0..100).for_each(|_| deep = json!({"down": deep.take()}));
        let wide: Map<String, Value> = (0..200).map(|n| (format!("field{n}"), "é".repeat(2000).into())).collect();
        for (what, large) in [
            ("deep", deep),
            ("wide", Value::Object(wide)),
            ("list", json!({"list": vec!["x"; 10_000]})),
            ("text", json!({"text": "ü".repeat(100_000)})),
            ("names", Value::Object(Map::from_iter([("n".repeat(100_000), json!(1))]))),
        ] {
            let kept = request(large);
            assert!(kept.to_string().len() <= REQUEST_BYTES + ENTRIES * TEXT * 4, "{what}: {}", kept.to_string().len());
            assert!(kept.is_object(), "{what}");
        }
    }

    #[test]
    fn targets_are_the_ids_of_the_request_and_of_what_it_holds() {
        let mut targets = Vec::new();
        ids(&mut targets, &json!({"title_id": "ttl_1", "name": "x", "key": {"key_id": "key_1"}, "other_id": 7}));
        let found: Vec<_> = targets.iter().map(|target| (target.field.as_str(), target.id.as_str())).collect();
        assert_eq!(found, [("title_id", "ttl_1"), ("key_id", "key_1")]);
        (0..50).for_each(|n| add_target(&mut targets, "x_id", &json!(format!("x{n}"))));
        assert_eq!(targets.len(), TARGETS);
    }
}
