//! The attributes of a tag against what the standard says of it (RFC 8216bis §4.2).

use std::collections::HashSet;

use super::{
    finding::{Findings, quoted},
    rules,
    tags::{Attribute, Tag},
};
use crate::values::AttributeList;

/// The attributes, checked; none when the list is malformed.
pub(crate) fn check<'a>(
    line: usize,
    tag: &Tag,
    specification: &[Attribute],
    text: &'a str,
    findings: &mut Findings,
) -> AttributeList<'a> {
    let list = match AttributeList::parse(text) {
        Ok(list) => list,
        Err(rule) => {
            findings.add(line, rules::ATTRIBUTE_LIST, format!("{}: {rule}", tag.name));
            return AttributeList::default();
        }
    };
    let mut seen = HashSet::new();
    for attribute in &list.0 {
        let name = attribute.name;
        if !seen.insert(name) {
            findings.add(line, rules::ATTRIBUTE_REPEATED, format!("{} has {} twice", tag.name, quoted(name)));
        }
        match specification.iter().find(|known| known.name == name) {
            Some(known) => {
                if let Some(wanted) = known.mismatch(attribute.value) {
                    let detail = format!("{} wants {wanted}, and has {}", name, quoted(attribute.value.text()));
                    findings.add_of(line, rules::ATTRIBUTE_VALUE, tag.clause, detail);
                }
            }
            None if name.starts_with("X-") || name.starts_with("REQ-") => {}
            None => findings.add(line, rules::ATTRIBUTE_UNKNOWN, format!("{} in {}", quoted(name), tag.name)),
        }
    }
    for missing in specification.iter().filter(|known| known.required && !seen.contains(known.name)) {
        let detail = format!("{} has no {}", tag.name, missing.name);
        findings.add_of(line, rules::ATTRIBUTE_MISSING, tag.clause, detail);
    }
    list
}
