//! What a flag stands at for a subject: pure.

use open_feature::{EvaluationReason, Value};
use serde_json::{Map, json};

use crate::{FlagSet, definition::Flag, operations::Split, targeting::Given};

/// What a flag stands at.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved<'f> {
    /// The name of its variant.
    pub variant: &'f str,
    /// The variant.
    pub value: &'f Value,
    /// Why this one: `STATIC` without a rule, `TARGETING_MATCH` by it, `DEFAULT` where it says nothing.
    pub reason: EvaluationReason,
}

/// Why a flag stands at nothing, so that whoever asks goes by its own default.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// The file has no such flag.
    #[error("there is no flag {0:?}")]
    NotFound(String),
    /// The flag says nothing while it is disabled.
    #[error("the flag {0:?} is disabled")]
    Disabled(String),
    /// Its rule gives nothing and it has no default variant.
    #[error("the flag {0:?} has no default variant, and its rule gives none")]
    NoDefault(String),
    /// Its rule cannot be carried out, or gives what is no variant.
    #[error("the flag {key:?} cannot be had: {why}")]
    Rule {
        /// The flag.
        key: String,
        /// What is wrong.
        why: String,
    },
}

/// How a flag came to stand at what it does.
#[derive(Debug)]
pub struct Explained<'f> {
    /// What it stands at.
    pub resolved: Result<Resolved<'f>, Unresolved>,
    /// The shares that the subject fell into.
    pub splits: Vec<Split>,
}

/// A context of `targeting_key` with further fields, as a rule sees it: flagd's data, with the flag's key and the time.
pub fn context(
    key: &str,
    targeting_key: Option<&str>,
    fields: Map<String, serde_json::Value>,
    unix_seconds: i64,
) -> serde_json::Value {
    let mut data = fields;
    if let Some(targeting_key) = targeting_key {
        data.insert("targetingKey".into(), targeting_key.into());
    }
    data.insert("$flagd".into(), json!({"flagKey": key, "timestamp": unix_seconds}));
    data.into()
}

impl FlagSet {
    /// What a flag stands at for a [`context`].
    ///
    /// # Errors
    /// It stands at nothing.
    pub fn resolve(&self, key: &str, context: &serde_json::Value) -> Result<Resolved<'_>, Unresolved> {
        let flag = self.enabled(key)?;
        match &flag.targeting {
            None => flag.by_default(key, EvaluationReason::Static),
            Some(targeting) => flag.given(key, targeting.evaluate(context)),
        }
    }

    /// As [`Self::resolve`], and how that came about.
    pub fn explain(&self, key: &str, context: &serde_json::Value) -> Explained<'_> {
        let mut splits = Vec::new();
        let resolved = self.enabled(key).and_then(|flag| match &flag.targeting {
            None => flag.by_default(key, EvaluationReason::Static),
            Some(targeting) => {
                let (given, fell) = targeting.explain(context);
                splits = fell;
                flag.given(key, given)
            }
        });
        Explained { resolved, splits }
    }

    fn enabled(&self, key: &str) -> Result<&Flag, Unresolved> {
        let flag = self.get(key).ok_or_else(|| Unresolved::NotFound(key.to_owned()))?;
        if flag.enabled { Ok(flag) } else { Err(Unresolved::Disabled(key.to_owned())) }
    }
}

impl Flag {
    fn by_default(&self, key: &str, reason: EvaluationReason) -> Result<Resolved<'_>, Unresolved> {
        let default = self.default.as_deref().and_then(|name| self.variants.get_key_value(name));
        let (variant, value) = default.ok_or_else(|| Unresolved::NoDefault(key.to_owned()))?;
        Ok(Resolved { variant, value, reason })
    }

    fn given(&self, key: &str, given: Result<Given, String>) -> Result<Resolved<'_>, Unresolved> {
        let unresolved = |why| Unresolved::Rule { key: key.to_owned(), why };
        match given.map_err(unresolved)? {
            Given::Nothing => self.by_default(key, EvaluationReason::Default),
            Given::Variant(name) => match self.variants.get_key_value(&*name) {
                Some((variant, value)) => Ok(Resolved { variant, value, reason: EvaluationReason::TargetingMatch }),
                None => Err(unresolved(format!("its rule gives {name:?}, which is none of its variants"))),
            },
        }
    }
}
