//! The message that a type is, read from its schema when it is first asked for.

use std::{collections::BTreeMap, sync::Arc};

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value};

use super::Numbers;

/// What an enum's value is called that this version does not know, and what travels as 0.
pub(super) const UNKNOWN: &str = "unknown";

/// A message: its fields by number.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    pub(super) name: String,
    pub(super) docs: String,
    /// The first is number 1.
    pub(super) fields: Vec<Field>,
}

/// A field.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) docs: String,
    pub(super) kind: Kind,
    pub(super) presence: Presence,
}

/// What a field, or each entry of its list, is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Text,
    Bool,
    Uint32,
    Int32,
    Uint64,
    Int64,
    Double,
    /// `google.protobuf.Timestamp`, to the microsecond.
    Instant,
    Enum(Arc<Enumeration>),
    Message(Arc<Shape>),
}

/// An enum: the value after `unknown` is number 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Enumeration {
    pub(super) name: String,
    pub(super) docs: String,
    /// Names with what they mean.
    pub(super) values: Vec<(String, String)>,
}

/// What a field says when it is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Nothing, of a scalar: it is the default of its kind.
    Implicit,
    /// That it is not there.
    Explicit,
    /// A list: that it is empty.
    Repeated,
    /// A list that may also not be there: a message around it.
    Listed,
}

impl Kind {
    /// Whether a list of it travels as one record of many (proto3, "Packed Repeated Fields").
    pub(super) fn is_packed(&self) -> bool {
        !matches!(self, Kind::Text | Kind::Instant | Kind::Message(_))
    }

    /// Whether it says by itself whether it is there.
    pub(super) fn is_message(&self) -> bool {
        matches!(self, Kind::Instant | Kind::Message(_))
    }
}

impl Shape {
    /// Of a type. Panics where it has no form as a message, or `numbers` does not have exactly its fields.
    pub(crate) fn of<T: JsonSchema>(numbers: Numbers) -> Self {
        let settings = SchemaSettings::draft2020_12().for_serialize();
        let root = settings.into_generator().into_root_schema_for::<T>().to_value();
        let name = T::schema_name().into_owned();
        Reader { root: &root, numbers }.message(&name, &root, 0)
    }
}

/// The longest chain of messages within messages.
const DEEPEST: usize = 8;

struct Reader<'r> {
    root: &'r Value,
    numbers: Numbers,
}

impl Reader<'_> {
    fn listed(&self, name: &str) -> &'static [&'static str] {
        let found = self.numbers.iter().find(|(of, _)| *of == name);
        found.unwrap_or_else(|| panic!("{name} travels by gRPC and has no numbers")).1
    }

    fn message(&self, name: &str, schema: &Value, depth: usize) -> Shape {
        assert!(depth < DEEPEST, "{name} is a message within itself");
        let none = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let listed = self.listed(name);
        for field in properties.keys() {
            assert!(listed.contains(&field.as_str()), "{name}.{field} travels by gRPC and has no number");
        }
        let field = |field: &&str| {
            let schema = properties.get(*field).unwrap_or_else(|| panic!("{name} has a number for {field}, not there"));
            let is_required = required.contains(field);
            self.field(&format!("{name}.{field}"), field, schema, is_required, depth)
        };
        Shape { name: name.to_owned(), docs: docs(schema), fields: listed.iter().map(field).collect() }
    }

    fn field(&self, here: &str, name: &str, schema: &Value, required: bool, depth: usize) -> Field {
        let (inner, nullable) = without_null(schema);
        let may_lack = nullable || !required;
        let (kind, presence) = match self.resolved(&inner).1 {
            list if list["type"] == "array" => {
                let kind = self.kind(here, &list["items"], depth);
                (kind, if may_lack { Presence::Listed } else { Presence::Repeated })
            }
            _ => {
                let kind = self.kind(here, &inner, depth);
                let explicit = may_lack || kind.is_message();
                (kind, if explicit { Presence::Explicit } else { Presence::Implicit })
            }
        };
        Field { name: name.to_owned(), docs: docs(schema), kind, presence }
    }

    /// A schema with the name that it is defined under, if it is by one.
    fn resolved(&self, schema: &Value) -> (Option<String>, Value) {
        let Some(name) = schema["$ref"].as_str().and_then(|to| to.strip_prefix("#/$defs/")) else {
            return (None, schema.clone());
        };
        (Some(name.to_owned()), self.root["$defs"][name].clone())
    }

    fn kind(&self, here: &str, schema: &Value, depth: usize) -> Kind {
        let (name, schema) = self.resolved(schema);
        let name = || name.clone().unwrap_or_else(|| panic!("{here} has a type without a name"));
        if let Some(values) = values(&schema) {
            return Kind::Enum(Arc::new(self.enumeration(&name(), docs(&schema), &values)));
        }
        match (schema["type"].as_str().unwrap_or_default(), schema["format"].as_str().unwrap_or_default()) {
            ("object", _) => Kind::Message(Arc::new(self.message(&name(), &schema, depth + 1))),
            ("string", "date-time") => Kind::Instant,
            ("string", _) => Kind::Text,
            ("boolean", _) => Kind::Bool,
            ("integer", "uint8" | "uint16" | "uint32") => Kind::Uint32,
            ("integer", "int8" | "int16" | "int32") => Kind::Int32,
            ("integer", "uint64" | "uint") => Kind::Uint64,
            ("integer", _) => Kind::Int64,
            ("number", _) => Kind::Double,
            (other, _) => panic!("{here} is {other:?}, which has no form in Protocol Buffers here"),
        }
    }

    fn enumeration(&self, name: &str, docs: String, values: &BTreeMap<String, String>) -> Enumeration {
        let listed = self.listed(name);
        for value in values.keys().filter(|value| *value != UNKNOWN) {
            assert!(listed.contains(&value.as_str()), "{name} {value} travels by gRPC and has no number");
        }
        let value = |value: &&str| {
            let docs = values.get(*value).unwrap_or_else(|| panic!("{name} has a number for {value}, not there"));
            ((*value).to_owned(), docs.clone())
        };
        Enumeration { name: name.to_owned(), docs, values: listed.iter().map(value).collect() }
    }
}

fn docs(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().to_owned()
}

/// A schema without its `null`, and whether it had one.
fn without_null(schema: &Value) -> (Value, bool) {
    for several in ["anyOf", "oneOf"] {
        if let Some([one, other]) = schema[several].as_array().map(Vec::as_slice) {
            let null = |schema: &Value| schema["type"] == "null";
            match (null(one), null(other)) {
                (false, true) => return (one.clone(), true),
                (true, false) => return (other.clone(), true),
                _ => {}
            }
        }
    }
    let Some(kinds) = schema["type"].as_array() else { return (schema.clone(), false) };
    let mut left = kinds.iter().filter(|kind| *kind != "null");
    let mut schema = schema.clone();
    schema["type"] = left.next().cloned().unwrap_or_default();
    (schema, true)
}

/// An enum's values with what they mean; `None` of what is no enum.
fn values(schema: &Value) -> Option<BTreeMap<String, String>> {
    if let Some(listed) = schema["enum"].as_array() {
        return Some(listed.iter().filter_map(|value| Some((value.as_str()?.to_owned(), String::new()))).collect());
    }
    let of_one = |one: &Value| {
        if let Some(value) = one["const"].as_str() {
            return Some(vec![(value.to_owned(), docs(one))]);
        }
        let several = one["enum"].as_array()?.iter();
        Some(several.filter_map(|value| Some((value.as_str()?.to_owned(), docs(one)))).collect())
    };
    let found: Option<Vec<_>> = schema["oneOf"].as_array()?.iter().map(of_one).collect();
    Some(found?.into_iter().flatten().collect())
}
