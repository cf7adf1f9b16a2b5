//! A request that decodes, made from a document: for rules that follow from the operation table alone.

use serde_json::{Map, Value};

const DEPTH: usize = 8;

/// The least request that the document lets through: each required field with a value of its schema. `None` when a
/// schema asks for more than can be guessed, such as a pattern.
pub(super) fn request(operation: &Value, document: &Value) -> Option<Map<String, Value>> {
    let mut fields = Map::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let field = matches!(parameter["in"].as_str(), Some("path" | "query"));
        if field && parameter["required"] == true {
            fields.insert(parameter["name"].as_str()?.to_owned(), value(&parameter["schema"], document, DEPTH)?);
        }
    }
    if let Some(body) = operation.pointer("/requestBody/content/application~1json/schema") {
        fields.extend(value(body, document, DEPTH)?.as_object()?.clone());
    }
    Some(fields)
}

fn value(schema: &Value, document: &Value, depth: usize) -> Option<Value> {
    let deeper = depth.checked_sub(1)?;
    if let Some(target) = schema["$ref"].as_str() {
        return value(document.pointer(target.strip_prefix('#')?)?, document, deeper);
    }
    if let Some(only) = schema.get("const").or_else(|| schema["enum"].get(0)).or_else(|| schema.get("default")) {
        return Some(only.clone());
    }
    if let Some(first) = schema["oneOf"].get(0).or_else(|| schema["anyOf"].get(0)) {
        return value(first, document, deeper);
    }
    match schema["type"].as_str().or_else(|| schema["type"][0].as_str())? {
        "object" => object(schema, document, deeper),
        "array" => match schema["minItems"].as_u64() {
            None | Some(0) => Some(Value::Array(Vec::new())),
            Some(_) => Some(Value::Array(vec![value(&schema["items"], document, deeper)?])),
        },
        "string" => text(schema),
        "integer" | "number" => Some(schema.get("minimum").cloned().unwrap_or_else(|| 1.into())),
        "boolean" => Some(false.into()),
        _ => None,
    }
}

fn object(schema: &Value, document: &Value, depth: usize) -> Option<Value> {
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let fields = required.map(|name| Some((name.to_owned(), value(&schema["properties"][name], document, depth)?)));
    fields.collect::<Option<Map<_, _>>>().map(Value::Object)
}

fn text(schema: &Value) -> Option<Value> {
    let candidates =
        ["placeholder", "EUR", "en", "DE", "2030-01-01T00:00:00Z", "https://example.com/", "a@example.com"];
    // A schema that refuses all of these is one that nothing here can satisfy.
    let rules = jsonschema::options().should_validate_formats(true).build(schema).ok()?;
    candidates.into_iter().map(Value::from).find(|candidate| rules.is_valid(candidate))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn required_fields_are_there_and_others_are_not() {
        let document = json!({"components": {"schemas": {
            "Money": {"type": "object", "required": ["amount", "currency"], "properties": {
                "amount": {"type": "integer"}, "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
            }},
            "Loop": {"type": "object", "required": ["loop"], "properties": {"loop": {"$ref": "#/components/schemas/Loop"}}},
        }}});
        let operation = |body: Value| {
            json!({
                "parameters": [
                    {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}},
                    {"name": "Idempotency-Key", "in": "header", "required": true, "schema": {"type": "string"}},
                ],
                "requestBody": {"content": {"application/json": {"schema": body}}},
            })
        };
        let body = json!({"type": "object", "required": ["price", "kinds", "at"], "properties": {
            "price": {"$ref": "#/components/schemas/Money"}, "note": {"type": "string"},
            "kinds": {"type": "array", "items": {"type": "string"}}, "at": {"type": "string", "format": "date-time"},
        }});
        let expected = json!({"id": "placeholder", "price": {"amount": 1, "currency": "EUR"}, "kinds": [],
            "at": "2030-01-01T00:00:00Z"});
        assert_eq!(request(&operation(body), &document).map(Value::Object), Some(expected));
        assert_eq!(request(&operation(json!({"$ref": "#/components/schemas/Loop"})), &document), None);
    }
}
