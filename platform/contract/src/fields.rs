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
    /// Reads the fields of `Req` from its schema. Panics, at start-up, when the path names a field that `Req` lacks.
    pub(crate) fn of<Req: JsonSchema>(info: &OperationInfo) -> Self {
        let settings = SchemaSettings::draft2020_12().for_deserialize().with(|s| s.inline_subschemas = true);
        let schema = settings.into_generator().into_root_schema_for::<Req>();
        let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        let kinds: BTreeMap<String, Kind> = properties.iter().map(|(name, s)| (name.clone(), kind(s))).collect();
        let in_path: Vec<&'static str> = info.path_fields().collect();
        for name in &in_path {
            assert!(kinds.contains_key(*name), "{}.{}: the path names unknown field {name}", info.contract, info.name);
        }
        Self { kinds, in_path, has_body: info.method.has_body() }
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
            self.insert(&mut input, name, text)?;
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
        if !matches!(kind, Some(Kind::TextList | Kind::LiteralList)) {
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
        let number = tag.trim().trim_start_matches("W/").trim_matches('"').parse::<i64>().map_err(|_| {
            Failure::invalid("If-Match", format!("If-Match takes the ETag of an answer, such as \"3\", got {tag}"))
        })?;
        match input.insert(EXPECTED_VERSION.into(), number.into()) {
            Some(other) if other != number => {
                Err(Failure::invalid(EXPECTED_VERSION, "If-Match and expected_version say different versions"))
            }
            _ => Ok(()),
        }
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
    let is = |schema: &Value, names: &[&str]| match schema.get("type") {
        Some(Value::String(one)) => names.contains(&one.as_str()),
        Some(Value::Array(many)) => many.iter().any(|t| t.as_str().is_some_and(|t| names.contains(&t))),
        _ => false,
    };
    let literal = ["integer", "number", "boolean"];
    if let Some(options) = schema.get("anyOf").and_then(Value::as_array) {
        return options.iter().map(kind).find(|k| *k != Kind::Text).unwrap_or(Kind::Text);
    }
    if is(schema, &["array"]) {
        return match schema.get("items").is_some_and(|items| is(items, &literal)) {
            true => Kind::LiteralList,
            false => Kind::TextList,
        };
    }
    if is(schema, &literal) { Kind::Literal } else { Kind::Text }
}

fn literal(kind: Option<Kind>, text: String) -> Value {
    match kind {
        Some(Kind::Literal | Kind::LiteralList) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        Some(Kind::Text | Kind::TextList) | None => Value::String(text),
    }
}
