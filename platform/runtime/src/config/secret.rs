//! Values that never print.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};

/// A value for which `Debug` and `Display` say `[secret]`, and which nothing serializes.
///
/// In configuration it is the text itself, or says where the text is: `{ file = "/run/secrets/db" }` (a trailing line
/// break is not part of it) or `{ env = "DATABASE_URL" }`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Hides `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the one place that needs it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl<'de> Deserialize<'de> for Secret<String> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor).map(Secret)
    }
}

struct SecretVisitor;

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, { file = \"path\" } or { env = \"NAME\" }")
    }

    // serde's own messages would print a number or a boolean, and a secret may look like one.
    fn visit_i64<E: de::Error>(self, _: i64) -> Result<String, E> {
        Err(E::custom("invalid type: a number, expected a text, { file = \"path\" } or { env = \"NAME\" }"))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<String, E> {
        self.visit_i64(0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<String, A::Error> {
        let Some((place, name)) = map.next_entry::<String, String>()? else {
            return Err(de::Error::custom("a secret needs `file` or `env`"));
        };
        if map.next_key::<String>()?.is_some() {
            return Err(de::Error::custom("a secret comes from one place: give either `file` or `env`"));
        }
        match place.as_str() {
            "file" => std::fs::read_to_string(&name)
                .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
                .map_err(|e| de::Error::custom(format!("reading the secret's file {name}: {e}"))),
            "env" => std::env::var(&name)
                .map_err(|_| de::Error::custom(format!("the secret's environment variable {name} is not set"))),
            other => Err(de::Error::unknown_field(other, &["file", "env"])),
        }
    }
}
