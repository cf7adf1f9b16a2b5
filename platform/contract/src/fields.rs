//! A request's fields: where each travels (path, query or body), and how text becomes the type that its schema names.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Failure, OperationInfo};

/// The field that carries the version an edit expects; over HTTP also `If-Match`.
pub(crate) const EXPECTED_VERSION: &str = "expected_version";

/// How a value that arrives as text becomes JSON.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Literal,
    TextList,
    LiteralList,
}

/// The fields of one operation's request.
pub(crate) struct Fields {
    kinds: BTreeMap<String, Kind>,
    in_path: Vec<&'static str>,
    /// Lists that a query has to have: over a query an empty list is no pair at all.
    lists: Vec<String>,
    has_body: bool,
}

/// Where a request's parts come from.
pub(crate) struct Parts<'a> {
    pub(crate) path: &'a [(String, String)],
    pub(crate) query: Option<&'a str>,
    pub(crate) body: &'a [u8],
    pub(crate) if_match: Option<&'a str>,
}

impl Fields {
    /// Reads the fields of `Req` from its schema. Panics, at start-up, when `Req` is not an object, when the path
    /// names a field that it lacks, and when a field is an object that would have to travel in a query.
    pub(crate) fn of<Req: JsonSchema>(info: &OperationInfo) -> Self {
        let settings = SchemaSettings::draft2020_12().for_deserialize().with(|s| s.inline_subschemas = true);
        let schema = settings.into_generator().into_root_schema_for::<Req>();
        let here = format!("{}.{}", info.contract, info.name);
        assert!(schema.get("type").is_some_and(|t| t == "object"), "{here}: a request is a struct with named fields");
        let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        let kinds: BTreeMap<String, Kind> = properties.iter().map(|(name, s)| (name.clone(), kind(s))).collect();
        let in_path: Vec<&'static str> = info.path_fields().collect();
        for name in &in_path {
            assert!(kinds.contains_key(*name), "{here}: the path names unknown field {name}");
        }
        let has_body = info.method.has_body();
        for (name, schema) in properties.iter().filter(|(name, _)| !has_body || in_path.contains(&name.as_str())) {
            assert!(is_flat(schema), "{here}: {name} is an object, which neither a path nor a query can carry");
        }
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let lists = required.filter_map(Value::as_str).filter(|name| kinds.get(*name).is_some_and(|k| k.is_list()));
        let lists = lists.filter(|_| !has_body).map(str::to_owned).collect();
        Self { kinds, in_path, lists, has_body }
    }

    /// Whether the request has this field.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.kinds.contains_key(name)
    }

    /// Brings path, query, body and `If-Match` together into one object.
    pub(crate) fn gather(&self, parts: &Parts<'_>) -> Result<Map<String, Value>, Failure> {
        let mut input = match self.has_body && !parts.body.is_empty() {
            true => serde_json::from_slice::<Map<String, Value>>(parts.body)
                .map_err(|e| Failure::invalid("body", format!("the body is not the JSON object expected: {e}")))?,
            false => Map::new(),
        };
        if let Some(name) = self.in_path.iter().find(|name| input.contains_key(**name)) {
            return Err(Failure::invalid(name, format!("{name} is in the path: leave it out of the body")));
        }
        for pair in parts.query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, text) = (plain(name)?, plain(text)?);
            if self.has_body {
                return Err(Failure::invalid(&name, format!("{name} goes in the body, not in the query")));
            }
            if self.in_path.contains(&name.as_str()) {
                return Err(Failure::invalid(&name, format!("{name} is in the path: leave it out of the query")));
            }
            self.insert(&mut input, name, text)?;
        }
        for name in self.lists.iter().filter(|name| !input.contains_key(*name)).collect::<Vec<_>>() {
            input.insert(name.clone(), Value::Array(Vec::new()));
        }
        for (name, text) in parts.path {
            input.insert(name.clone(), literal(self.kinds.get(name).copied(), text.clone()));
        }
        if let Some(tag) = parts.if_match.filter(|_| self.has(EXPECTED_VERSION)) {
            self.expect_version(&mut input, tag)?;
        }
        Ok(input)
    }

    fn insert(&self, input: &mut Map<String, Value>, name: String, text: String) -> Result<(), Failure> {
        let kind = self.kinds.get(&name).copied();
        let value = literal(kind, text);
        if !kind.is_some_and(Kind::is_list) {
            return match input.insert(name.clone(), value) {
                None => Ok(()),
                Some(_) => Err(Failure::invalid(&name, format!("{name} is given twice"))),
            };
        }
        if let Value::Array(list) = input.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
            list.push(value);
        }
        Ok(())
    }

    fn expect_version(&self, input: &mut Map<String, Value>, tag: &str) -> Result<(), Failure> {
        // Weak tags are taken too: proxies that compress weaken ours on the way.
        let strong = tag.trim();
        let strong = strong.strip_prefix("W/").unwrap_or(strong);
        let version = strong.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(strong);
        let number = version.parse::<i64>().map_err(|_| {
            Failure::invalid("If-Match", format!("If-Match takes the ETag of an answer, such as \"3\", got {tag}"))
        })?;
        match input.insert(EXPECTED_VERSION.into(), number.into()) {
            Some(other) if other != number && !other.is_null() => {
                Err(Failure::invalid(EXPECTED_VERSION, "If-Match and expected_version say different versions"))
            }
            _ => Ok(()),
        }
    }
}

impl Kind {
    fn is_list(self) -> bool {
        matches!(self, Kind::TextList | Kind::LiteralList)
    }
}

/// Turns the gathered object into the request. `unknown` hears the path of every field that `Req` does not have.
pub(crate) fn typed<Req: DeserializeOwned>(
    input: Map<String, Value>,
    mut unknown: impl FnMut(String),
) -> Result<Req, Failure> {
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(Value::Object(input), &mut track);
    let outcome = serde_ignored::deserialize(tracked, |path| unknown(path.to_string()));
    outcome.map_err(|error: serde_json::Error| {
        let (path, message) = (track.path().to_string(), error.to_string());
        let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        let param = match (path.as_str(), missing) {
            (".", Some(field)) => field.to_owned(),
            (".", None) => "body".to_owned(),
            (parent, Some(field)) => format!("{parent}.{field}"),
            (path, None) => path.to_owned(),
        };
        let detail = match missing {
            Some(_) => format!("{param} is required"),
            None => format!("{param}: {message}"),
        };
        Failure::invalid(&param, detail)
    })
}

fn plain(text: &str) -> Result<String, Failure> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded.map(|t| t.into_owned()).map_err(|_| Failure::invalid("query", "the query is not percent-encoded UTF-8"))
}

fn kind(schema: &Value) -> Kind {
    if is(schema, &["array"]) {
        return match schema.get("items").map(kind) {
            Some(Kind::Literal) => Kind::LiteralList,
            _ => Kind::TextList,
        };
    }
    if is(schema, &["integer", "number", "boolean"]) {
        return Kind::Literal;
    }
    // Options, newtypes and enums stand one level deeper; a list or a number among them decides.
    alternatives(schema).map(kind).find(|k| *k != Kind::Text).unwrap_or(Kind::Text)
}

fn is(schema: &Value, names: &[&str]) -> bool {
    match schema.get("type") {
        Some(Value::String(one)) => names.contains(&one.as_str()),
        Some(Value::Array(many)) => many.iter().any(|t| t.as_str().is_some_and(|t| names.contains(&t))),
        _ => false,
    }
}

fn alternatives(schema: &Value) -> impl Iterator<Item = &Value> {
    ["anyOf", "oneOf", "allOf"].iter().filter_map(|key| schema.get(key)?.as_array()).flatten()
}

/// Whether a value of this schema has a form as text: a scalar, or a list of scalars.
fn is_flat(schema: &Value) -> bool {
    let entries = schema.get("items").is_none_or(|items| !is(items, &["array"]) && is_flat(items));
    !is(schema, &["object"]) && entries && alternatives(schema).all(is_flat)
}

fn literal(kind: Option<Kind>, text: String) -> Value {
    match kind {
        Some(Kind::Literal | Kind::LiteralList) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        Some(Kind::Text | Kind::TextList) | None => Value::String(text),
    }
}
