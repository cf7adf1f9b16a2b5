//! Where two answers to one question differ.

use serde_json::Value;

/// Differences that are named at most.
const MOST: usize = 8;

/// JSON pointers (RFC 6901) to what differs, `own` fields aside: those that each implementation has of its own. Values are
/// left out: they may be somebody's.
pub(super) fn differences(ours: &Value, theirs: &Value, own: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    walk(ours, theirs, own, &mut String::new(), &mut found);
    found
}

fn walk(ours: &Value, theirs: &Value, own: &[&str], at: &mut String, found: &mut Vec<String>) {
    if found.len() >= MOST {
        return;
    }
    let length = at.len();
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let names = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name)));
            for name in names.filter(|name| !own.contains(&name.as_str())) {
                at.push('/');
                at.push_str(&name.replace('~', "~0").replace('/', "~1"));
                // What is absent and what is null say the same.
                walk(a.get(name).unwrap_or(&Value::Null), b.get(name).unwrap_or(&Value::Null), own, at, found);
                at.truncate(length);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (ours, theirs)) in a.iter().zip(b).enumerate() {
                at.push_str(&format!("/{index}"));
                walk(ours, theirs, own, at, found);
                at.truncate(length);
            }
        }
        (ours, theirs) if ours == theirs => {}
        _ => found.push(at.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_is_pointed_at() {
        let ours = json!({"allowed": true, "grant_id": "gra_1", "until": null, "streams": [1, {"a/b": 2}]});
        let theirs = json!({"allowed": false, "grant_id": "7", "streams": [1, {"a/b": 3}], "more": 1});
        assert_eq!(differences(&ours, &theirs, &["grant_id"]), ["/allowed", "/streams/1/a~1b", "/more"]);
        assert_eq!(differences(&ours, &ours, &[]), [""; 0]);
        assert_eq!(differences(&json!([1]), &json!([1, 2]), &[]), [""], "another length is another list");
    }
}
