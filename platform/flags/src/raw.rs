//! JSON as it stands in a text: each value is the part of the text that it is, so that what is wrong with it can be shown there.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// A value, as the part of the text that it is.
pub(crate) type Raw<'t> = &'t RawValue;

/// The members of an object, in their order.
pub(crate) struct Members<'t>(pub(crate) Vec<(Name<'t>, Raw<'t>)>);

/// A member's name; borrowed, it is where it stands in the text.
pub(crate) type Name<'t> = Cow<'t, str>;

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Text(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

/// A text, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Text<'t>(#[serde(borrow)] Cow<'t, str>);

/// What a value is.
pub(crate) enum Shape<'t> {
    Object(Vec<(Name<'t>, Raw<'t>)>),
    Array(Vec<Raw<'t>>),
    Text(String),
    Number(serde_json::Number),
    Bool(bool),
    Null,
}

impl<'t> Shape<'t> {
    /// What `raw` is, one level deep. The text has been read as JSON before, so there is always an answer.
    pub(crate) fn of(raw: Raw<'t>) -> Self {
        let text = raw.get();
        let read = match text.as_bytes().first() {
            Some(b'{') => serde_json::from_str(text).ok().map(|Members(members)| Self::Object(members)),
            Some(b'[') => serde_json::from_str(text).ok().map(Self::Array),
            Some(b'"') => serde_json::from_str(text).ok().map(Self::Text),
            Some(b't') => Some(Self::Bool(true)),
            Some(b'f') => Some(Self::Bool(false)),
            Some(b'n') | None => None,
            Some(_) => serde_json::from_str(text).ok().map(Self::Number),
        };
        read.unwrap_or(Self::Null)
    }

    /// In words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Object(_) => "an object",
            Self::Array(_) => "a list",
            Self::Text(_) => "a text",
            Self::Number(_) => "a number",
            Self::Bool(_) => "true or false",
            Self::Null => "null",
        }
    }
}

/// How deep the brackets of a text are nested: known before anything is read that would go as deep.
pub(crate) fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match (quoted, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => quoted = !quoted,
            (false, b'{' | b'[') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
