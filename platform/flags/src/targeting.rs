//! Who gets which variant: a rule in JsonLogic (<https://jsonlogic.com>) with flagd's own operations. Of JsonLogic it has what ends
//! in a time that the rule's own length bounds: no loops over lists. What a rule can give is known before it is ever asked.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use datalogic_rs::{Engine, Logic};
use serde_json::{Map, Value, json};

use crate::{
    Finding,
    operations::{self, Split},
    position::did_you_mean,
    raw::{Raw, Shape},
};

/// Parts of all rules of a file together at most, shared ones counted wherever they are used.
const MOST_PARTS: usize = 50_000;
/// Parts within parts of a rule at most, shared ones included.
const DEEPEST_RULE: usize = 100;
/// Wrong things of rules that are told at most.
const MOST_FINDINGS: usize = 50;

const OPERATORS: &[&str] = &[
    "var",
    "missing",
    "missing_some",
    "if",
    "==",
    "===",
    "!=",
    "!==",
    "!",
    "!!",
    "or",
    "and",
    ">",
    ">=",
    "<",
    "<=",
    "max",
    "min",
    "+",
    "-",
    "*",
    "/",
    "%",
    "in",
    "cat",
    "substr",
    "fractional",
    "starts_with",
    "ends_with",
    "sem_ver",
];
/// Those of them that never give a list.
const NO_LISTS: &[&str] = &["var", "cat", "substr"];
/// Those of flagd's that go through lists, which here no rule does.
const LOOPS: &[&str] = &["map", "filter", "reduce", "all", "none", "some", "merge"];

static ENGINE: LazyLock<Engine> = LazyLock::new(operations::engine);

/// A flag's rule.
pub(crate) struct Targeting {
    logic: Logic,
    gives: Gives,
}

impl std::fmt::Debug for Targeting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Targeting").field(&self.gives).finish()
    }
}

/// What a rule gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Given {
    /// A variant's name.
    Variant(String),
    /// No variant.
    Nothing,
}

impl Targeting {
    /// Whether it can give this variant.
    pub(crate) fn may_give(&self, variant: &str) -> bool {
        self.gives.anything || self.gives.variants.contains(variant)
    }

    /// What it gives for a context: what flagd calls the data.
    ///
    /// # Errors
    /// The rule cannot be carried out on it; says why.
    pub(crate) fn evaluate(&self, context: &Value) -> Result<Given, String> {
        let given = ENGINE.session().eval_into::<Value, _>(&self.logic, context).map_err(|error| error.to_string())?;
        Ok(match given {
            Value::Null => Given::Nothing,
            Value::String(name) => Given::Variant(name),
            Value::Bool(value) => Given::Variant(value.to_string()),
            Value::Number(number) => Given::Variant(number.to_string()),
            other => return Err(format!("its rule gives {other}, which is no variant's name")),
        })
    }

    /// As [`Self::evaluate`], with the shares that the subject fell into on the way.
    pub(crate) fn explain(&self, context: &Value) -> (Result<Given, String>, Vec<Split>) {
        operations::SPLITS.with(|splits| *splits.borrow_mut() = Some(Vec::new()));
        let given = self.evaluate(context);
        (given, operations::SPLITS.with(RefCell::take).unwrap_or_default())
    }
}

/// What a rule, or a part of one, can give.
#[derive(Debug, Clone, Default)]
struct Gives {
    variants: BTreeSet<String>,
    /// Known only when it is asked.
    anything: bool,
}

impl Gives {
    fn anything() -> Self {
        Self { anything: true, ..Self::default() }
    }

    fn variants<'v>(names: impl IntoIterator<Item = &'v str>) -> Self {
        Self { variants: names.into_iter().map(str::to_owned).collect(), anything: false }
    }

    fn and(mut self, other: Self) -> Self {
        self.variants.extend(other.variants);
        Self { anything: self.anything || other.anything, ..self }
    }
}

/// Reads the rules of a file.
#[derive(Default)]
pub(crate) struct Rules<'t> {
    /// Those that others refer to, by name.
    pub(crate) shared: BTreeMap<String, Raw<'t>>,
    pub(crate) findings: Vec<Finding>,
    parts: usize,
}

/// What a part of a rule stands in.
#[derive(Clone, Copy)]
struct At<'a> {
    text: &'a str,
    key: &'a str,
    variants: &'a BTreeSet<&'a str>,
    /// Whether what it gives is what the rule gives.
    result: bool,
    depth: usize,
}

impl At<'_> {
    fn within(self, result: bool) -> Self {
        Self { result: self.result && result, depth: self.depth + 1, ..self }
    }
}

impl<'t> Rules<'t> {
    /// The rule of the flag `key`, which has these variants; none where it says nothing, or something wrong.
    pub(crate) fn targeting(
        &mut self,
        text: &str,
        key: &str,
        raw: Raw<'t>,
        variants: &BTreeSet<&str>,
    ) -> Option<Targeting> {
        if matches!(Shape::of(raw), Shape::Null)
            || matches!(Shape::of(raw), Shape::Object(members) if members.is_empty())
        {
            return None;
        }
        let (before, at) = (self.findings.len(), At { text, key, variants, result: true, depth: 0 });
        let (rule, gives) = self.part(raw, at);
        if self.findings.len() > before {
            return None;
        }
        match ENGINE.compile(&rule) {
            Ok(logic) => Some(Targeting { logic, gives }),
            Err(error) => {
                self.wrong(at, raw.get(), format!("the rule of {key:?} is none: {error}"));
                None
            }
        }
    }

    fn wrong(&mut self, at: At<'_>, part: &str, what: impl std::fmt::Display) {
        if self.findings.len() <= MOST_FINDINGS {
            self.findings.push(Finding::at(at.text, part, what));
        }
    }

    /// A part of a rule with shared ones put in, and what it can give.
    fn part(&mut self, raw: Raw<'t>, at: At<'_>) -> (Value, Gives) {
        self.parts += 1;
        if self.parts > MOST_PARTS || at.depth > DEEPEST_RULE {
            let what = match self.parts > MOST_PARTS {
                true => format!("the rules of a file have at most {MOST_PARTS} parts together"),
                false => {
                    format!("the rule of {:?} goes deeper than {DEEPEST_RULE}; does a shared rule use itself?", at.key)
                }
            };
            if self.findings.last().is_none_or(|last| last.what != what) {
                self.wrong(at, raw.get(), what);
            }
            return (Value::Null, Gives::default());
        }
        match Shape::of(raw) {
            Shape::Null => (Value::Null, Gives::default()),
            Shape::Bool(value) => (value.into(), self.named(raw, &value.to_string(), at)),
            Shape::Number(number) => (number.clone().into(), self.named(raw, &number.to_string(), at)),
            Shape::Text(name) => (name.clone().into(), self.named(raw, &name, at)),
            Shape::Array(parts) => {
                if at.result {
                    self.wrong(
                        at,
                        raw.get(),
                        format!("the rule of {:?} gives a list here, not a variant's name", at.key),
                    );
                }
                let parts = parts.into_iter().map(|part| self.part(part, at.within(false)).0).collect();
                (parts, Gives::default())
            }
            Shape::Object(members) => match &members[..] {
                [(name, argument)] if name == "$ref" => self.reference(argument, at),
                [(name, argument)] => self.operation(name, raw, argument, at),
                _ => {
                    self.wrong(at, raw.get(), "a part of a rule is an operation: an object with one member, its name");
                    (Value::Null, Gives::default())
                }
            },
        }
    }

    /// What stands for itself gives the variant of its name.
    fn named(&mut self, raw: Raw<'t>, name: &str, at: At<'_>) -> Gives {
        if at.result && !at.variants.contains(name) {
            let meant = did_you_mean(name, at.variants.iter().copied());
            self.wrong(at, raw.get(), format!("{:?} has no variant {name:?}{meant}", at.key));
        }
        Gives::variants([name])
    }

    fn reference(&mut self, argument: Raw<'t>, at: At<'_>) -> (Value, Gives) {
        let Shape::Text(name) = Shape::of(argument) else {
            self.wrong(at, argument.get(), "\"$ref\" is the name of a rule in \"$evaluators\"");
            return (Value::Null, Gives::default());
        };
        match self.shared.get(&name).copied() {
            Some(rule) => self.part(rule, At { depth: at.depth + 1, ..at }),
            None => {
                let meant = did_you_mean(&name, self.shared.keys().map(String::as_str));
                self.wrong(at, argument.get(), format!("\"$evaluators\" has no rule {name:?}{meant}"));
                (Value::Null, Gives::default())
            }
        }
    }

    fn operation(&mut self, name: &str, raw: Raw<'t>, argument: Raw<'t>, at: At<'_>) -> (Value, Gives) {
        if !OPERATORS.contains(&name) {
            let what = match LOOPS.contains(&name) {
                true => format!("rules go through no lists here, so there is no {name:?}"),
                false => format!("there is no operation {name:?}{}", did_you_mean(name, OPERATORS.iter().copied())),
            };
            self.wrong(at, raw.get(), what);
            return (Value::Null, Gives::default());
        }
        let arguments = match Shape::of(argument) {
            Shape::Array(arguments) => arguments,
            _ => vec![argument],
        };
        let (arguments, gives) = match name {
            "if" => self.conditions(&arguments, at),
            "fractional" => self.shares(raw, &arguments, at),
            _ => self.plain(name, raw, &arguments, at),
        };
        (Value::Object(Map::from_iter([(name.to_owned(), Value::Array(arguments))])), gives)
    }

    /// Condition, result, condition, result, …, else.
    fn conditions(&mut self, arguments: &[Raw<'t>], at: At<'_>) -> (Vec<Value>, Gives) {
        let (mut values, mut gives) = (Vec::new(), Gives::default());
        for (index, argument) in arguments.iter().enumerate() {
            let result = index % 2 == 1 || index + 1 == arguments.len();
            let (value, given) = self.part(argument, at.within(result));
            values.push(value);
            if result {
                gives = gives.and(given);
            }
        }
        (values, gives)
    }

    fn shares(&mut self, raw: Raw<'t>, arguments: &[Raw<'t>], at: At<'_>) -> (Vec<Value>, Gives) {
        let (mut values, mut gives, mut total) = (Vec::new(), Gives::default(), 0_u64);
        for (index, argument) in arguments.iter().enumerate() {
            match Shape::of(argument) {
                Shape::Array(share) if matches!(share.len(), 1 | 2) => {
                    let (variant, given) = self.part(share[0], at.within(true));
                    let weight = share.get(1).map(|weight| self.weight(weight, &mut total, at));
                    gives = gives.and(given);
                    values.push(Value::Array([Some(variant), weight].into_iter().flatten().collect()));
                }
                Shape::Text(_) if index == 0 => values.push(self.part(argument, at.within(false)).0),
                // What is a list once it is asked is a share.
                Shape::Object(own) if index == 0 => {
                    gives.anything |= own.iter().any(|(name, _)| !NO_LISTS.contains(&&**name));
                    values.push(self.part(argument, at.within(false)).0);
                }
                _ => {
                    self.wrong(at, argument.get(), "a share of \"fractional\" is [variant, weight]");
                    return (values, gives);
                }
            }
        }
        if total > crate::fractional::MOST_WEIGHT {
            self.wrong(at, raw.get(), format!("weights are at most {} together", crate::fractional::MOST_WEIGHT));
        }
        (values, gives)
    }

    fn weight(&mut self, raw: Raw<'t>, total: &mut u64, at: At<'_>) -> Value {
        match Shape::of(raw) {
            Shape::Object(_) => self.part(raw, at.within(false)).0,
            Shape::Number(number) if number.as_u64().is_some_and(|n| n <= crate::fractional::MOST_WEIGHT) => {
                *total += number.as_u64().unwrap_or(0);
                Value::Number(number)
            }
            _ => {
                self.wrong(at, raw.get(), "a weight is a whole number from 0");
                json!(0)
            }
        }
    }

    fn plain(&mut self, name: &str, raw: Raw<'t>, arguments: &[Raw<'t>], at: At<'_>) -> (Vec<Value>, Gives) {
        let wanted = match name {
            "starts_with" | "ends_with" | "in" => Some(2),
            "sem_ver" => Some(3),
            _ => None,
        };
        if let Some(wanted) = wanted.filter(|wanted| arguments.len() != *wanted) {
            self.wrong(at, raw.get(), format!("{name:?} takes {wanted} arguments, not {}", arguments.len()));
        }
        let either = matches!(name, "and" | "or");
        let parts = arguments.iter().map(|argument| self.part(argument, at.within(false)));
        let (values, given): (Vec<Value>, Vec<Gives>) = parts.unzip();
        let gives = match name {
            "==" | "===" | "!=" | "!==" | "!" | "!!" | ">" | ">=" | "<" | "<=" | "in" | "starts_with" | "ends_with"
            | "sem_ver" => {
                self.named_by_truth(raw, name, at);
                Gives::variants(["true", "false"])
            }
            // They give one of their arguments.
            _ if either => given.into_iter().fold(Gives::default(), Gives::and),
            _ => Gives::anything(),
        };
        (values, gives)
    }

    /// What is true or false gives the variants of these names.
    fn named_by_truth(&mut self, raw: Raw<'t>, name: &str, at: At<'_>) {
        if at.result && !["true", "false"].iter().any(|name| at.variants.contains(name)) {
            let what = format!(
                "{name:?} gives true or false here, and {:?} has no variants of these names: use {{\"if\": [rule, variant, variant]}}",
                at.key
            );
            self.wrong(at, raw.get(), what);
        }
    }
}
