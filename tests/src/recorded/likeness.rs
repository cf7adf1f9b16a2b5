//! What an answer lacks of another one, by where it stands.

use serde_json::Value;

/// How like two answers have to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// Of the same form: every field, of the same type; words that stand for something, such as codes and states, are the same.
    Form,
    /// Every value is the same.
    Value,
}

/// What `now` lacks of `was`, a sentence each that begins with a pointer (RFC 6901). More than `was` had is no lack.
pub fn lacking(was: &Value, now: &Value, likeness: Likeness) -> Vec<String> {
    let mut found = Vec::new();
    look("", was, now, likeness, &mut found);
    found
}

fn look(at: &str, was: &Value, now: &Value, likeness: Likeness, found: &mut Vec<String>) {
    match (was, now) {
        (Value::Null, _) => {} // a field that was empty promises nothing
        (Value::Object(was), Value::Object(now)) => {
            for (name, value) in was {
                let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                match now.get(name) {
                    Some(other) => look(&at, value, other, likeness, found),
                    None if value.is_null() => {}
                    None => found.push(format!("{at} is gone")),
                }
            }
        }
        (Value::Array(was), Value::Array(now)) => {
            if now.len() < was.len() {
                found.push(format!("{at} has {} entries and had {}", now.len(), was.len()));
            }
            for (number, (value, other)) in was.iter().zip(now).enumerate() {
                look(&format!("{at}/{number}"), value, other, likeness, found);
            }
        }
        (Value::String(was), Value::String(now)) if was == now => {}
        (Value::String(was), Value::String(now)) if is_word(was) || likeness == Likeness::Value => {
            found.push(format!("{at} is {now:?} and was {was:?}"));
        }
        _ if kind(was) != kind(now) => found.push(format!("{at} is {} and was {}", kind(now), kind(was))),
        _ if likeness == Likeness::Value && was != now => found.push(format!("{at} is {now} and was {was}")),
        _ => {}
    }
}

/// Whether a text is a word of the contract's, such as a code or a state. Names that somebody minted have digits or capitals.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer() -> Value {
        json!({
            "code": "not_entitled", "id": "ses_01f", "seconds": 3, "note": null,
            "data": [{"state": "active", "at": "2026-11-22T00:00:00Z", "names": {"en": "A film"}}],
        })
    }

    #[test]
    fn an_answer_may_say_more_and_name_its_own_things_otherwise() {
        let mut now = answer();
        now["id"] = json!("ses_77e");
        now["seconds"] = json!(4.5);
        now["note"] = json!({"new": true});
        now["data"] = json!([
            {"state": "active", "at": "2027-01-01T00:00:00Z", "names": {"en": "Another", "de": "Noch einer"}}, {"more": 1},
        ]);
        assert_eq!(lacking(&answer(), &now, Likeness::Form), [""; 0]);
    }

    #[test]
    fn whatever_an_answer_lacks_is_named_by_its_place() {
        for (at, value, named) in [
            ("/code", json!("forbidden"), "/code is \"forbidden\" and was \"not_entitled\""),
            ("/data/0/state", json!("live"), "/data/0/state is \"live\" and was \"active\""),
            ("/data/0/names", json!({"fr": "Un film"}), "/data/0/names/en is gone"),
            ("/data/0/at", json!(1_795_000_000), "/data/0/at is a number and was a text"),
            ("/data", json!([]), "/data has 0 entries and had 1"),
            ("/seconds", json!(null), "/seconds is null and was a number"),
        ] {
            let mut now = answer();
            *now.pointer_mut(at).expect("it is there") = value;
            assert_eq!(lacking(&answer(), &now, Likeness::Form), [named], "{at}");
        }
        let mut now = answer();
        now.as_object_mut().expect("an object").remove("id");
        assert_eq!(lacking(&answer(), &now, Likeness::Form), ["/id is gone"]);
        now["session"] = json!("ses_01f");
        assert_eq!(lacking(&answer(), &now, Likeness::Form), ["/id is gone"], "renamed");
    }

    #[test]
    fn what_was_read_has_every_value() {
        let mut now = answer();
        assert_eq!(lacking(&answer(), &now, Likeness::Value), [""; 0]);
        now["id"] = json!("ses_77e");
        now["seconds"] = json!(4);
        let named = ["/id is \"ses_77e\" and was \"ses_01f\"", "/seconds is 4 and was 3"];
        assert_eq!(lacking(&answer(), &now, Likeness::Value), named);
    }
}
