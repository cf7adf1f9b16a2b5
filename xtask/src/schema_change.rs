//! Whether a schema still holds what it held, for those who ask and for those who read the answer.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::compatibility::{members, readable, schemas, texts};

/// Which way a value travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// In a request: what was let in must be let in.
    Asked,
    /// In an answer or event: what was always there must be there, and nothing of another type.
    Answered,
}

/// Two documents under comparison, and what was found.
pub(crate) struct Comparison<'d> {
    pub(crate) old: &'d Value,
    pub(crate) new: &'d Value,
    pub(crate) seen: BTreeSet<(Way, String, String)>,
    pub(crate) found: Vec<String>,
}

/// One of the forms that a schema allows, by what tells it from the others.
struct Form<'v> {
    kind: &'static str,
    name: String,
    schema: &'v Value,
}

impl<'d> Comparison<'d> {
    /// Compares where there was something; a schema that is gone is one that anything may come from.
    pub(crate) fn pair(&mut self, place: &str, way: Way, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (Some(old), Some(new)) => self.schema(place, way, old, new),
            (Some(_), None) => self.found.push(format!("{place} is gone")),
            (None, _) => {}
        }
    }

    /// Components that no operation leads to are held to both ways.
    pub(crate) fn unreached(&mut self) {
        for (place, old) in schemas(self.old) {
            let seen = self.seen.iter().any(|(_, name, _)| *name == format!("#{place}"));
            match self.new.pointer(&place) {
                _ if seen => {}
                None => self.found.push(format!("{} is gone", readable(&place))),
                Some(new) => {
                    self.schema(&readable(&place), Way::Asked, old, new);
                    self.schema(&readable(&place), Way::Answered, old, new);
                }
            }
        }
    }

    pub(crate) fn schema(&mut self, place: &str, way: Way, old: &Value, new: &Value) {
        let (old_name, new_name) = (reference(old), reference(new));
        let first = old_name
            .is_none_or(|name| self.seen.insert((way, name.to_owned(), new_name.unwrap_or_default().to_owned())));
        let (was, now) = (resolved(self.old, old), resolved(self.new, new));
        match (old_name, new_name) {
            (Some(_), Some(_)) if !first => {} // the same two were compared where they were met before
            (Some(name), Some(_)) => self.forms(&readable(name), way, was, now),
            // A component in place of what stood there itself, or the other way round, is a matter of the field.
            _ => self.forms(place, way, was, now),
        }
    }

    fn forms(&mut self, place: &str, way: Way, old: &Value, new: &Value) {
        let (was, now) = (forms(self.old, old), forms(self.new, new));
        let same =
            |form: &Form<'_>, list: &[Form<'_>]| list.iter().position(|f| f.kind == form.kind && f.name == form.name);
        if let ([one], [other]) = (&was[..], &now[..])
            && (one.kind != other.kind || one.name != other.name)
        {
            let change = format!("{place}: {} is {} and was {} {}", other.kind, other.name, one.kind, one.name);
            return self.found.push(change);
        }
        for form in &was {
            match same(form, &now) {
                Some(index) => self.form(place, way, form.schema, now[index].schema),
                None if form.kind == "type" && way == Way::Answered => {}
                None if form.kind == "value" && now.iter().any(|f| f.name == "string") => {}
                None => self.found.push(format!("{place}: {} {} is gone", form.kind, form.name)),
            }
        }
        // A new value or tag is met by a client's unknown case; a new type is not.
        for form in now.iter().filter(|form| form.kind == "type" && way == Way::Answered && same(form, &was).is_none())
        {
            self.found.push(format!("{place}: type {} is new", form.name));
        }
    }

    fn form(&mut self, place: &str, way: Way, old: &Value, new: &Value) {
        for (field, was) in members(old.get("properties")) {
            self.pair(&format!("{place}.{field}"), way, Some(was), new["properties"].get(field));
        }
        let (was, now) = (texts(old.get("required")), texts(new.get("required")));
        match way {
            Way::Asked => {
                self.found.extend(now.difference(&was).map(|field| format!("{place}.{field} is required now")))
            }
            Way::Answered => {
                self.found.extend(was.difference(&now).map(|field| format!("{place}.{field} may be absent now")));
            }
        }
        for inner in ["items", "additionalProperties"] {
            if let (Some(was @ Value::Object(_)), Some(now @ Value::Object(_))) = (old.get(inner), new.get(inner)) {
                self.schema(&format!("{place}[]"), way, was, now);
            }
        }
        if old.get("format") != new.get("format") && (way == Way::Asked || old.get("format").is_some()) {
            self.found.push(format!("{place}: format is {} and was {}", new["format"], old["format"]));
        }
        if way == Way::Asked {
            self.limits(place, old, new);
        }
    }

    fn limits(&mut self, place: &str, old: &Value, new: &Value) {
        let number = |of: &Value, key: &str| of.get(key).and_then(Value::as_f64);
        for (key, rises) in [
            ("minimum", true),
            ("minLength", true),
            ("minItems", true),
            ("maximum", false),
            ("maxLength", false),
            ("maxItems", false),
        ] {
            let tighter = match (number(old, key), number(new, key)) {
                (Some(was), Some(now)) => (rises && now > was) || (!rises && now < was),
                (was, now) => was.is_none() && now.is_some(),
            };
            if tighter {
                self.found.push(format!("{place}: {key} is {}", new[key]));
            }
        }
        if new.get("pattern").is_some() && old.get("pattern") != new.get("pattern") {
            self.found.push(format!("{place}: pattern is {}", new["pattern"]));
        }
    }
}

fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref").and_then(Value::as_str)
}

pub(crate) fn resolved<'v>(document: &'v Value, schema: &'v Value) -> &'v Value {
    reference(schema).and_then(|name| document.pointer(name.strip_prefix('#')?)).unwrap_or(schema)
}

/// The forms a schema allows: entries of `anyOf` and `oneOf`, values of an enum, types of a list of types.
fn forms<'v>(document: &'v Value, schema: &'v Value) -> Vec<Form<'v>> {
    if let Some(list) = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(key)?.as_array()) {
        return list.iter().flat_map(|entry| forms(document, resolved(document, entry))).collect();
    }
    let form = |kind, name: String| Form { kind, name, schema };
    if let Some(only) = schema.get("const") {
        return vec![form("value", text(only))];
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.iter().map(|value| form("value", text(value))).collect();
    }
    let tag = members(schema.get("properties")).find_map(|(name, property)| Some((name, property.get("const")?)));
    if let Some((name, value)) = tag {
        return vec![form("tag", format!("{name}={}", text(value)))];
    }
    match schema.get("type") {
        Some(types) => texts(Some(types)).into_iter().map(|name| form("type", name)).collect(),
        None => vec![form("type", "any".into())],
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
