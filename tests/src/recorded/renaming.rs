//! What the recorded server called something, and what today's calls it: ids, cursors, tokens.

use serde_json::Value;

/// Shorter texts are words, not names that somebody minted.
const LEAST: usize = 6;

/// Names by the server that minted them.
#[derive(Debug, Default)]
pub(super) struct Renaming {
    /// Then and now; the longest first.
    names: Vec<(String, String)>,
}

impl Renaming {
    /// Learns from two answers to the same request: what stands at the same place is the same thing.
    pub(super) fn learn(&mut self, was: &Value, now: &Value) {
        match (was, now) {
            (Value::Object(was), Value::Object(now)) => {
                for (name, value) in was {
                    now.get(name).into_iter().for_each(|other| self.learn(value, other));
                }
            }
            (Value::Array(was), Value::Array(now)) => {
                was.iter().zip(now).for_each(|(value, other)| self.learn(value, other));
            }
            (Value::String(was), Value::String(now)) => self.name(was, now),
            _ => {}
        }
    }

    fn name(&mut self, was: &str, now: &str) {
        if was != now && was.len() >= LEAST && !self.names.iter().any(|(name, _)| name == was) {
            let at = self.names.partition_point(|(name, _)| name.len() >= was.len());
            self.names.insert(at, (was.to_owned(), now.to_owned()));
        }
    }

    /// A recorded text as today's server knows it.
    pub(super) fn text(&self, text: &str) -> String {
        let (mut rest, mut renamed) = (text, String::new());
        'text: while !rest.is_empty() {
            for (was, now) in &self.names {
                if let Some(after) = rest.strip_prefix(was.as_str()) {
                    renamed.push_str(now);
                    rest = after;
                    continue 'text;
                }
            }
            let mut chars = rest.chars();
            renamed.extend(chars.next());
            rest = chars.as_str();
        }
        renamed
    }

    /// A recorded value as today's server knows it.
    pub(super) fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.text(text).into(),
            Value::Array(entries) => entries.iter().map(|entry| self.value(entry)).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| (name.clone(), self.value(value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            other => other.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_an_answer_named_is_renamed_wherever_it_comes_again() {
        let mut renaming = Renaming::default();
        let was =
            json!({"data": [{"title_id": "ttl_first", "name": "A film", "state": "on"}], "next": "ttl_first-and-more"});
        let now = json!({"data": [{"title_id": "ttl_other", "name": "A film", "state": "off"}], "next": "cursor"});
        renaming.learn(&was, &now);
        assert_eq!(renaming.text("/titles/ttl_first/publish"), "/titles/ttl_other/publish");
        assert_eq!(
            renaming.value(&json!({"cursor": "ttl_first-and-more", "state": "on"})),
            json!({"cursor": "cursor", "state": "on"})
        );
        renaming.learn(&json!("ttl_other"), &json!("ttl_third"));
        assert_eq!(renaming.text("ttl_first"), "ttl_other", "what was renamed is not renamed again");
    }
}
