//! What is somebody's secret or tells who somebody is: it travels and is stored like any value, and never prints.

use std::{borrow::Cow, cell::Cell, fmt, ops::Deref};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A password, token, key, card number, email address or name.
///
/// `Debug` and `Display` say `[redacted]`, so that no log line, error or panic message can hold the value. On the wire and
/// in a schema it is the value itself. To print it where it is meant to be read, [`Self::expose`] it.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sensitive<T>(T);

impl<T> Sensitive<T> {
    /// Hides `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the place that is meant to have it.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself, from now on in the open.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

/// Comparing, measuring and looking into it are not printing it.
impl<T> Deref for Sensitive<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Sensitive<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl From<&str> for Sensitive<String> {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl<T> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T> fmt::Display for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

thread_local! {
    static REDACTING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `write`; whatever sensitive it serializes says `[redacted]` instead: for records that outlive the request.
pub fn redacted<R>(write: impl FnOnce() -> R) -> R {
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            REDACTING.set(self.0);
        }
    }
    let _before = Before(REDACTING.replace(true));
    write()
}

impl<T: Serialize> Serialize for Sensitive<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match REDACTING.get() {
            true => serializer.serialize_str("[redacted]"),
            false => self.0.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Sensitive<T> {
    /// As the value does. An error does not quote what stood there: a card number without its quotes is one still.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let unquoted = |_| D::Error::custom("not of the type that is expected here (a text goes in quotes)");
        T::deserialize(deserializer).map(Self).map_err(unquoted)
    }
}

impl<T: JsonSchema> JsonSchema for Sensitive<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    struct Card {
        number: Sensitive<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holder: Option<Sensitive<String>>,
    }

    #[test]
    fn it_prints_nowhere_and_travels_as_it_is() {
        let text = r#"{"number":"4242","holder":"Ada"}"#;
        let card: Card = serde_json::from_str(text).unwrap();
        assert_eq!(format!("{card:?}"), "Card { number: [redacted], holder: Some([redacted]) }");
        assert_eq!(card.number.to_string(), "[redacted]");
        assert_eq!(format!("{:>5}", Sensitive::new(4242)), "[redacted]");
        assert_eq!(serde_json::to_string(&card).unwrap(), text);
        let panic = std::panic::catch_unwind(|| panic!("{:?}", Sensitive::new("4242"))).unwrap_err();
        assert!(!panic.downcast_ref::<String>().unwrap().contains("4242"));
    }

    #[test]
    fn what_is_written_redacted_does_not_have_it_and_what_comes_after_does() {
        let card = Card { number: "4242".into(), holder: None };
        assert_eq!(redacted(|| serde_json::to_string(&card)).unwrap(), r#"{"number":"[redacted]"}"#);
        std::panic::catch_unwind(|| redacted(|| panic!("half-way"))).unwrap_err();
        assert_eq!(serde_json::to_string(&card).unwrap(), r#"{"number":"4242"}"#);
    }

    #[test]
    fn an_error_does_not_quote_it() {
        for wrong in ["4242", "[4242]", "4242.5"] {
            let error = serde_json::from_str::<Card>(&format!(r#"{{"number":{wrong}}}"#)).unwrap_err();
            assert!(!error.to_string().contains("4242"), "{error}");
        }
    }

    #[test]
    fn its_schema_is_the_value_s() {
        let schema = serde_json::to_value(schemars::schema_for!(Card)).unwrap();
        assert_eq!(schema["properties"]["number"], serde_json::json!({"type": "string"}), "{schema}");
    }
}
