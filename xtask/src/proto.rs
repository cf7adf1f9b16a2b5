//! Whether a `.proto` file still serves the callers of an older one.
//!
//! Both are as `tessera_contract::proto_document` writes them: a declaration a line. A caller is broken when something that
//! it may send or read is gone, has another number, or is of another type; what is added breaks nobody.

use std::collections::BTreeMap;

/// A field, an enum's value or an operation, by where it stands: `Viewing.territory`.
type Declared<'t> = BTreeMap<String, Member<'t>>;

#[derive(Debug, PartialEq)]
struct Member<'t> {
    /// Its number; an operation has none.
    number: Option<&'t str>,
    /// Its label and type; of an operation what it takes and answers.
    kind: &'t str,
}

/// Every change from `old` to `new` that breaks a caller, by the name of what changed.
pub(crate) fn breaking(old: &str, new: &str) -> Vec<String> {
    let (was, is) = (declared(old), declared(new));
    let mut found = Vec::new();
    if package(old) != package(new) {
        found.push(format!("the package is {:?} and was {:?}", package(new), package(old)));
    }
    for (name, old) in &was {
        let Some(new) = is.get(name) else {
            found.push(format!("{name} is gone"));
            continue;
        };
        if let (Some(now), Some(before)) = (new.number, old.number)
            && now != before
        {
            found.push(format!("{name} is number {now} and was {before}"));
        }
        if new.kind != old.kind {
            found.push(format!("{name} is {:?} and was {:?}", new.kind, old.kind));
        }
    }
    found
}

fn package(text: &str) -> &str {
    text.lines().find_map(|line| line.strip_prefix("package ")).unwrap_or_default()
}

fn declared(text: &str) -> Declared<'_> {
    let (mut found, mut block) = (Declared::new(), "");
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["message" | "enum" | "service", name, "{"] => block = name,
            ["}"] => block = "",
            ["rpc", ..] if !block.is_empty() => {
                let rest = line["rpc ".len()..].trim();
                let (name, kind) = rest.split_once('(').unwrap_or((rest, ""));
                found.insert(format!("{block}.{name}"), Member { number: None, kind });
            }
            _ if !block.is_empty() => {
                let Some((declaration, number)) = line.trim_end_matches(';').split_once(" = ") else { continue };
                let (kind, name) = declaration.rsplit_once(' ').unwrap_or(("", declaration));
                found.insert(format!("{block}.{name}"), Member { number: Some(number), kind });
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "syntax = \"proto3\";\n\npackage tessera.notes.v1;\n\nservice NotesService {\n  // Find.\n  \
                       rpc Find(Find) returns (Note);\n}\n\nmessage Find {\n  string note_id = 1;\n  optional uint32 \
                       page = 2;\n}\n\nmessage Note {\n  repeated string tags = 1;\n}\n\nenum Colour {\n  \
                       COLOUR_UNSPECIFIED = 0;\n  COLOUR_RED = 1;\n}\n";

    #[test]
    fn what_is_added_breaks_nobody() {
        let new = OLD.replace("page = 2;", "page = 2;\n  string place = 3;").replace("RED = 1;", "RED = 1;\n  X = 2;");
        assert_eq!(breaking(OLD, &new), [""; 0]);
    }

    #[test]
    fn every_kind_of_break_names_what_changed() {
        for (from, to, named) in [
            ("  string note_id = 1;\n", "", "Find.note_id is gone"),
            ("page = 2", "page = 3", "Find.page is number 3 and was 2"),
            ("string note_id", "bytes note_id", "Find.note_id is \"bytes\" and was \"string\""),
            ("optional uint32 page", "uint32 page", "Find.page is \"uint32\" and was \"optional uint32\""),
            ("repeated string", "string", "Note.tags is \"string\" and was \"repeated string\""),
            ("  COLOUR_RED = 1;\n", "", "Colour.COLOUR_RED is gone"),
            ("RED = 1", "RED = 2", "Colour.COLOUR_RED is number 2 and was 1"),
            ("returns (Note)", "returns (Find)", "NotesService.Find is "),
            ("  rpc Find(Find) returns (Note);\n", "", "NotesService.Find is gone"),
            ("notes.v1", "notes.v2", "the package is \"tessera.notes.v2;\""),
        ] {
            let found = breaking(OLD, &OLD.replacen(from, to, 1));
            assert!(found.len() == 1 && found[0].starts_with(named), "{named}: {found:?}");
        }
    }
}
