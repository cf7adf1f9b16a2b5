//! Which of an asset's content keys is meant.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// What tells the content keys of an asset apart, in words of whoever packages it: `audio`, `hd`, `cenc-uhd`. 1 to 32
/// lower-case letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyLabel(String);

/// The text is no label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a key's label is 1 to 32 lower-case letters, digits and hyphens, got {0:?}")]
pub struct KeyLabelError(String);

impl KeyLabel {
    /// The text form, as it travels on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyLabel {
    type Err = KeyLabelError;

    fn from_str(text: &str) -> Result<Self, KeyLabelError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        match (1..=32).contains(&text.len()) && text.bytes().all(plain) {
            true => Ok(Self(text.to_owned())),
            false => Err(KeyLabelError(text.chars().take(40).collect())),
        }
    }
}

impl TryFrom<String> for KeyLabel {
    type Error = KeyLabelError;

    fn try_from(text: String) -> Result<Self, KeyLabelError> {
        text.parse()
    }
}

impl From<KeyLabel> for String {
    fn from(label: KeyLabel) -> Self {
        label.0
    }
}

impl fmt::Display for KeyLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for KeyLabel {
    fn schema_name() -> Cow<'static, str> {
        "KeyLabel".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "pattern": "^[a-z0-9-]{1,32}$",
            "description": "What tells the content keys of an asset apart, such as `audio` or `hd`.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_short_plain_word() {
        for good in ["audio", "uhd", "cenc-hd", "0"] {
            assert_eq!(good.parse::<KeyLabel>().unwrap().as_str(), good);
        }
        for bad in ["", "Audio", "a b", "a_b", "ü", &"x".repeat(33)] {
            assert!(bad.parse::<KeyLabel>().is_err(), "{bad:?}");
        }
    }
}
