//! Unknown fields within tagged enums. serde reads such an enum by setting the whole object aside first, so what it does
//! not use there is never told; the request's own schema is asked instead.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value};

/// The schema of a request that has tagged enums in it.
pub(crate) struct Variants(Value);

impl Variants {
    /// Of `Req`; `None` when it has no tagged enum, and then there is nothing to look at.
    pub(crate) fn of<Req: JsonSchema>() -> Option<Self> {
        let settings = SchemaSettings::draft2020_12().for_deserialize().with(|s| s.inline_subschemas = true);
        let schema = settings.into_generator().into_root_schema_for::<Req>().to_value();
        has_tagged(&schema).then_some(Self(schema))
    }

    /// The path of every field of `input` that its variant does not have.
    pub(crate) fn unknown(&self, input: &Map<String, Value>) -> Vec<String> {
        let mut found = Vec::new();
        for (name, value) in input {
            walk(&self.0["properties"][name.as_str()], value, name, &mut found);
        }
        found
    }
}

fn branches(schema: &Value) -> impl Iterator<Item = &Value> {
    ["oneOf", "anyOf"].into_iter().filter_map(|key| schema.get(key)?.as_array()).flatten()
}

/// The constants that tell one variant from another: `{"kind": "plan"}`.
fn tags(variant: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let properties = variant.get("properties").and_then(Value::as_object).into_iter().flatten();
    properties.filter_map(|(name, schema)| Some((name, schema.get("const")?)))
}

fn has_tagged(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => {
            branches(schema).any(|b| tags(b).next().is_some()) || members.values().any(has_tagged)
        }
        Value::Array(list) => list.iter().any(has_tagged),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn walk(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for branch in branches(schema) {
                let tagged = tags(branch).next().is_some();
                if tagged && !tags(branch).all(|(name, constant)| members.get(name) == Some(constant)) {
                    continue;
                }
                if tagged {
                    let known = |name: &&String| branch["properties"].get(name.as_str()).is_some();
                    found.extend(members.keys().filter(|name| !known(name)).map(|name| format!("{path}.{name}")));
                }
                walk(branch, value, path, found);
            }
            for (name, member) in members {
                let of_map = &schema["additionalProperties"];
                let schema = schema["properties"].get(name.as_str()).unwrap_or(of_map);
                walk(schema, member, &format!("{path}.{name}"), found);
            }
        }
        Value::Array(list) => {
            for (at, entry) in list.iter().enumerate() {
                walk(&schema["items"], entry, &format!("{path}.{at}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Deserialize, JsonSchema)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    #[expect(dead_code, reason = "only their schema is looked at")]
    enum Shape {
        Circle { radius: u32 },
        Label { text: String },
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Draw {
        name: String,
        shape: Shape,
        more: Option<Vec<Shape>>,
    }

    #[test]
    fn a_field_that_its_variant_lacks_is_named() {
        let variants = Variants::of::<Draw>().expect("there is a tagged enum in it");
        for (input, expected) in [
            (json!({"shape": {"kind": "circle", "radius": 1}}), vec![]),
            (json!({"shape": {"kind": "circle", "radius": 1, "text": "x"}}), vec!["shape.text"]),
            (json!({"more": [{"kind": "label", "text": "a"}, {"kind": "label", "txt": "b"}]}), vec!["more.1.txt"]),
            (json!({"more": null, "name": 7, "shape": "none"}), vec![]),
            (json!({"shape": {"kind": "square", "side": 1}}), vec![]),
        ] {
            let input = input.as_object().expect("an object");
            assert_eq!(variants.unknown(input), expected, "{input:?}");
        }
    }

    #[test]
    fn a_request_without_a_tagged_enum_is_not_looked_at() {
        #[derive(Deserialize, JsonSchema)]
        #[expect(dead_code, reason = "only its schema is looked at")]
        struct Plain {
            name: Option<String>,
        }
        assert!(Variants::of::<Plain>().is_none());
    }
}
