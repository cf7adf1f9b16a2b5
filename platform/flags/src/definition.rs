//! A file of flag definitions, as flagd has them (<https://flagd.dev/reference/flag-definitions/>): all of it is taken, or none.

use std::collections::{BTreeMap, BTreeSet};

use open_feature::{StructValue, Value};

use crate::{
    Finding, Findings,
    position::did_you_mean,
    raw::{self, Name, Raw, Shape},
    targeting::{Rules, Targeting},
};

/// Bytes of a file at most.
pub const MOST_BYTES: usize = 1 << 20;
/// Flags of a file at most.
pub const MOST_FLAGS: usize = 1_000;
/// Variants of a flag at most.
pub const MOST_VARIANTS: usize = 100;
/// Brackets within brackets at most.
pub const DEEPEST: usize = 64;
/// Characters of a flag's key, or of a variant's name, at most.
pub const LONGEST_NAME: usize = 128;
/// Findings that are told at most.
const MOST_FINDINGS: usize = 50;

/// Where flagd publishes what a file may say.
pub const SCHEMA: &str = "https://flagd.dev/schema/v0/flags.json";

const FILE: &[&str] = &["$schema", "flags", "$evaluators", "metadata"];
const FLAG: &[&str] = &["state", "variants", "defaultVariant", "targeting", "metadata"];

/// The flags of a file.
#[derive(Debug, Default)]
pub struct FlagSet {
    flags: BTreeMap<Box<str>, Flag>,
    /// What is allowed and yet hardly meant.
    pub warnings: Vec<Finding>,
}

/// A flag.
#[derive(Debug)]
pub struct Flag {
    /// Whether it says anything at all.
    pub enabled: bool,
    /// Its values by their names; all of one type.
    pub variants: BTreeMap<Box<str>, Value>,
    /// The variant of whom its rule gives none.
    pub default: Option<Box<str>>,
    /// Who gets which variant.
    pub(crate) targeting: Option<Targeting>,
    /// Where it stands in the file.
    pub line: usize,
}

impl Flag {
    /// What its values are: `boolean`, `number`, `string` or `object`.
    pub fn kind(&self) -> &'static str {
        self.variants.values().next().map_or("object", kind)
    }

    /// Whether a rule says who gets what.
    pub fn is_targeted(&self) -> bool {
        self.targeting.is_some()
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "boolean",
        Value::Int(_) | Value::Float(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) | Value::Struct(_) => "object",
    }
}

impl FlagSet {
    /// Reads a file's text.
    ///
    /// # Errors
    /// All that is wrong with it, up to a number, each with its line and column.
    pub fn parse(text: &str) -> Result<Self, Findings> {
        let mut reader = Reader { text, rules: Rules::default(), findings: Vec::new(), warnings: Vec::new() };
        let flags = reader.file();
        let Reader { mut findings, mut warnings, rules, .. } = reader;
        findings.extend(rules.findings);
        findings.sort_by_key(|finding| (finding.line, finding.column));
        findings.truncate(MOST_FINDINGS);
        warnings.truncate(MOST_FINDINGS);
        match findings.is_empty() {
            true => Ok(Self { flags, warnings }),
            false => Err(Findings(findings)),
        }
    }

    /// A flag.
    pub fn get(&self, key: &str) -> Option<&Flag> {
        self.flags.get(key)
    }

    /// All flags, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Flag)> {
        self.flags.iter().map(|(key, flag)| (&**key, flag))
    }
}

struct Reader<'t> {
    text: &'t str,
    rules: Rules<'t>,
    findings: Vec<Finding>,
    warnings: Vec<Finding>,
}

impl<'t> Reader<'t> {
    fn wrong(&mut self, part: &str, what: impl std::fmt::Display) {
        if self.findings.len() <= MOST_FINDINGS {
            self.findings.push(Finding::at(self.text, part, what));
        }
    }

    fn file(&mut self) -> BTreeMap<Box<str>, Flag> {
        let text = self.text;
        if text.len() > MOST_BYTES {
            self.wrong(text, format!("a file has at most {MOST_BYTES} bytes, this one {}", text.len()));
            return BTreeMap::new();
        }
        if raw::depth(text) > DEEPEST {
            self.wrong(text, format!("brackets are at most {DEEPEST} deep"));
            return BTreeMap::new();
        }
        let whole: Raw<'t> = match serde_json::from_str(text) {
            Ok(whole) => whole,
            Err(error) => {
                self.findings.push(Finding::of_syntax(&error));
                return BTreeMap::new();
            }
        };
        let Some(members) = self.object(whole, "the file", FILE) else { return BTreeMap::new() };
        if let Some(evaluators) = members.get("$evaluators") {
            self.evaluators(evaluators);
        }
        match members.get("flags").copied().map(Shape::of) {
            Some(Shape::Object(flags)) => self.flags(flags),
            Some(other) => {
                self.wrong(
                    members["flags"].get(),
                    format!("\"flags\" is an object of flags by key, not {}", other.kind()),
                );
                BTreeMap::new()
            }
            None => {
                self.wrong(whole.get(), "\"flags\" is missing: an object of flags by key");
                BTreeMap::new()
            }
        }
    }

    /// The members of `raw`, which has no others than `known`.
    fn object(&mut self, raw: Raw<'t>, what: &str, known: &[&str]) -> Option<BTreeMap<String, Raw<'t>>> {
        let Shape::Object(members) = Shape::of(raw) else {
            self.wrong(raw.get(), format!("{what} is an object, not {}", Shape::of(raw).kind()));
            return None;
        };
        let mut found = BTreeMap::new();
        for (name, value) in members {
            if !known.contains(&&*name) {
                let meant = did_you_mean(&name, known.iter().copied());
                self.wrong(place(&name, value), format!("{what} has no {name:?}{meant}"));
            } else if found.insert(name.to_string(), value).is_some() {
                self.wrong(place(&name, value), format!("{what} has {name:?} twice"));
            }
        }
        Some(found)
    }

    fn evaluators(&mut self, evaluators: Raw<'t>) {
        let Shape::Object(members) = Shape::of(evaluators) else {
            self.wrong(evaluators.get(), "\"$evaluators\" is an object of rules by name");
            return;
        };
        for (name, rule) in members {
            if self.rules.shared.insert(name.to_string(), rule).is_some() {
                self.wrong(place(&name, rule), format!("the rule {name:?} is there twice"));
            }
        }
    }

    fn flags(&mut self, members: Vec<(Name<'t>, Raw<'t>)>) -> BTreeMap<Box<str>, Flag> {
        let mut flags = BTreeMap::new();
        if let Some((key, flag)) = members.get(MOST_FLAGS) {
            self.wrong(place(key, flag), format!("a file has at most {MOST_FLAGS} flags, this one {}", members.len()));
            return flags;
        }
        for (key, raw) in members {
            if key.is_empty() || key.chars().count() > LONGEST_NAME || key.chars().any(char::is_control) {
                self.wrong(place(&key, raw), format!("a flag's key has 1 to {LONGEST_NAME} characters"));
            } else if flags.contains_key(&*key) {
                self.wrong(place(&key, raw), format!("the flag {key:?} is there twice"));
            } else if let Some(flag) = self.flag(&key, place(&key, raw), raw) {
                flags.insert((&*key).into(), flag);
            }
            if self.findings.len() > MOST_FINDINGS {
                break;
            }
        }
        flags
    }

    fn flag(&mut self, key: &str, at: &str, raw: Raw<'t>) -> Option<Flag> {
        let members = self.object(raw, &format!("the flag {key:?}"), FLAG)?;
        let enabled = match members.get("state").copied().map(Shape::of) {
            Some(Shape::Text(state)) if state == "ENABLED" => true,
            Some(Shape::Text(state)) if state == "DISABLED" => false,
            _ => {
                let part = members.get("state").map_or(raw.get(), |state| state.get());
                self.wrong(part, format!("the \"state\" of {key:?} is \"ENABLED\" or \"DISABLED\""));
                return None;
            }
        };
        let variants = self.variants(key, raw, members.get("variants").copied())?;
        let default = match members.get("defaultVariant").map(|default| (default, Shape::of(default))) {
            None | Some((_, Shape::Null)) => None,
            Some((_, Shape::Text(name))) if variants.contains_key(&*name) => Some(name.into_boxed_str()),
            Some((part, shape)) => {
                let said = if let Shape::Text(name) = &shape { name.as_str() } else { "" };
                let meant = did_you_mean(said, variants.keys().map(|name| &**name));
                self.wrong(
                    part.get(),
                    format!("the \"defaultVariant\" of {key:?} is the name of one of its variants{meant}"),
                );
                return None;
            }
        };
        let targeting = match members.get("targeting") {
            Some(rule) => {
                let names: BTreeSet<&str> = variants.keys().map(|name| &**name).collect();
                self.rules.targeting(self.text, key, rule, &names)
            }
            None => None,
        };
        let flag = Flag { enabled, variants, default, targeting, line: Finding::at(self.text, at, "").line };
        self.unreachable(key, at, &flag);
        Some(flag)
    }

    fn variants(&mut self, key: &str, flag: Raw<'t>, raw: Option<Raw<'t>>) -> Option<BTreeMap<Box<str>, Value>> {
        let members = match raw.map(Shape::of) {
            Some(Shape::Object(members)) if (1..=MOST_VARIANTS).contains(&members.len()) => members,
            _ => {
                let part = raw.map_or(flag.get(), |raw| raw.get());
                self.wrong(
                    part,
                    format!("the \"variants\" of {key:?} are an object of 1 to {MOST_VARIANTS} values by name"),
                );
                return None;
            }
        };
        let mut variants: BTreeMap<Box<str>, Value> = BTreeMap::new();
        for (name, raw) in members {
            if name.is_empty() || name.chars().count() > LONGEST_NAME || variants.contains_key(&*name) {
                let what = format!("a variant of {key:?} has a name of 1 to {LONGEST_NAME} characters, and of its own");
                self.wrong(place(&name, raw), what);
                return None;
            }
            let value = serde_json::from_str(raw.get()).ok().and_then(value_of);
            let alike = |value: &Value| variants.values().next().is_none_or(|first| kind(first) == kind(value));
            match value {
                Some(value) if !matches!(value, Value::Array(_)) && alike(&value) => {
                    variants.insert((&*name).into(), value)
                }
                _ => {
                    let what = "its values are booleans, or texts, or numbers, or objects, and all of one kind";
                    self.wrong(raw.get(), format!("the variant {name:?} of {key:?} is not as the others: {what}"));
                    return None;
                }
            };
        }
        Some(variants)
    }

    /// Variants that nobody can get.
    fn unreachable(&mut self, key: &str, at: &str, flag: &Flag) {
        let reached = |name: &str| match &flag.targeting {
            Some(targeting) => targeting.may_give(name),
            None => false,
        };
        for name in flag.variants.keys().filter(|name| flag.default.as_ref() != Some(*name) && !reached(name)) {
            // Switches have both variants, for whoever turns them over by the default alone.
            if flag.targeting.is_some() || flag.kind() != "boolean" {
                self.warnings.push(Finding::at(self.text, at, format!("nobody gets the variant {name:?} of {key:?}")));
            }
        }
    }
}

/// Where a member's name stands, with its quote; its value, where the name has escapes.
fn place<'t>(name: &Name<'t>, value: Raw<'t>) -> &'t str {
    match name {
        Name::Borrowed(name) => name,
        Name::Owned(_) => value.get(),
    }
}

/// JSON as OpenFeature's value, which knows no null: what has none is left out.
fn value_of(json: serde_json::Value) -> Option<Value> {
    use serde_json::Value as Json;
    Some(match json {
        Json::Null => return None,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Int(number),
            None => Value::Float(number.as_f64()?),
        },
        Json::String(text) => Value::String(text),
        Json::Array(values) => Value::Array(values.into_iter().filter_map(value_of).collect()),
        Json::Object(members) => {
            let fields = members.into_iter().filter_map(|(name, value)| Some((name, value_of(value)?))).collect();
            Value::Struct(StructValue { fields })
        }
    })
}

/// OpenFeature's value as JSON.
pub fn json_of(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => Json::from(*value),
        Value::Float(value) => Json::from(*value),
        Value::String(text) => Json::String(text.clone()),
        Value::Array(values) => Json::Array(values.iter().map(json_of).collect()),
        Value::Struct(object) => {
            Json::Object(object.fields.iter().map(|(name, value)| (name.clone(), json_of(value))).collect())
        }
    }
}
