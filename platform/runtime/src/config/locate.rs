//! From a field's path to the place in the file, and from a misspelt name to the nearest known one.

use std::ops::Range;

use serde_path_to_error::{Path, Segment};
use toml::de::{DeTable, DeValue};

/// The path of the field at fault, with the unknown field's own name at its end.
pub(super) fn path_of(tracked: &Path, message: &str) -> Vec<String> {
    let named = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { .. } | Segment::Unknown => None,
    };
    let mut path: Vec<String> = tracked.iter().filter_map(named).collect();
    let quoted = |prefix: &str| message.strip_prefix(prefix).and_then(|rest| rest.split('`').next());
    if let Some(field) = quoted("unknown field `").filter(|field| path.last().is_none_or(|last| last != field)) {
        path.push(field.to_owned());
    }
    path
}

/// Where in `text` the field at `path` stands; for a field that is not there, the deepest section above it.
pub(super) fn span_of(text: &str, path: &[String]) -> Option<Range<usize>> {
    let root = DeTable::parse(text).ok()?;
    let mut found = None;
    let mut here: &DeValue<'_> = &DeValue::Table(root.into_inner());
    for segment in path {
        let next = match here {
            DeValue::Table(table) => {
                let entry = table.iter().find(|(key, _)| key.get_ref().as_ref() == segment.as_str());
                entry.map(|(key, value)| (key.span(), value))
            }
            DeValue::Array(array) => {
                segment.parse::<usize>().ok().and_then(|i| array.get(i)).map(|value| (value.span(), value))
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => None,
        };
        let Some((span, value)) = next else { break };
        found = Some(span);
        here = value.get_ref();
    }
    found
}

/// Line and column of a byte offset, both from 1; columns count characters.
pub(super) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The names that serde lists in "expected one of `a`, `b`".
pub(super) fn names_in(expected: &str) -> Vec<String> {
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The known name that `wrong` was probably meant to be.
pub(super) fn nearest<'a>(wrong: &str, known: &'a [String]) -> Option<&'a str> {
    let distance = |name: &&String| strsim::damerau_levenshtein(wrong, name);
    let best = known.iter().min_by_key(distance)?;
    (distance(&best) <= (wrong.len() / 3).max(2)).then_some(best.as_str())
}
