//! Renditions and their groups (RFC 8216bis §4.4.6.1, §4.4.6.2.1).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    finding::{Findings, quoted},
    multivariant::{GROUPS, MultivariantSummary, RenditionLine},
    rules,
    text::{Playlist, tagged},
};
use crate::values::AttributeList;

/// Renditions of one group and type.
#[derive(Default)]
struct Group<'a> {
    line: usize,
    names: HashMap<&'a str, usize>,
    default: Option<usize>,
    /// Members as they are compared with those of other groups.
    members: BTreeSet<BTreeMap<&'a str, &'a str>>,
}

pub(crate) fn check(playlist: &Playlist<'_>, summary: &mut MultivariantSummary, findings: &mut Findings) {
    let mut groups: BTreeMap<(&str, &str), Group<'_>> = BTreeMap::new();
    for (line, list) in tagged(playlist, "EXT-X-MEDIA") {
        check_rendition(line, list, findings);
        let (Some(kind), Some(id)) = (list.get("TYPE"), list.get("GROUP-ID")) else { continue };
        groups.entry((kind, id)).or_insert_with(|| Group { line, ..Group::default() }).add(line, list, findings);
        if let Some(uri) = list.get("URI") {
            let (kind, group) = (kind.to_owned(), id.to_owned());
            summary.renditions.push(RenditionLine { line, uri: uri.to_owned(), kind, group });
        }
    }
    check_names(&groups, summary, findings);
    for kind in GROUPS {
        check_members(groups.iter().filter(|((of, _), _)| *of == kind), findings);
    }
}

impl<'a> Group<'a> {
    fn add(&mut self, line: usize, list: &AttributeList<'a>, findings: &mut Findings) {
        if let Some(name) = list.get("NAME") {
            let first = *self.names.entry(name).or_insert(line);
            if first != line {
                findings.add(line, rules::NAME_REPEATED, format!("{} stands on line {first} already", quoted(name)));
            }
        }
        if list.is_yes("DEFAULT") {
            let first = *self.default.get_or_insert(line);
            if first != line {
                findings.add(line, rules::DEFAULT_REPEATED, format!("the one on line {first} is another"));
            }
        }
        const OWN: [&str; 7] =
            ["URI", "CHANNELS", "GROUP-ID", "BIT-DEPTH", "SAMPLE-RATE", "STABLE-RENDITION-ID", "INSTREAM-ID"];
        let compared = list.0.iter().filter(|attribute| !OWN.contains(&attribute.name));
        self.members.insert(compared.map(|attribute| (attribute.name, attribute.value.text())).collect());
    }
}

/// The rules of one rendition by itself.
fn check_rendition(line: usize, list: &AttributeList<'_>, findings: &mut Findings) {
    let kind = list.get("TYPE").unwrap_or_default();
    let has = |name| list.get(name).is_some();
    if list.is_yes("DEFAULT") && list.get("AUTOSELECT") == Some("NO") {
        findings.add(line, rules::DEFAULT_AUTOSELECT, "it has");
    }
    if has("FORCED") && kind != "SUBTITLES" {
        findings.add(line, rules::FORCED, format!("TYPE is {}", quoted(kind)));
    }
    match kind {
        "SUBTITLES" if !has("URI") => findings.add(line, rules::SUBTITLES_URI, "there is none"),
        "AUDIO" if !has("CHANNELS") => findings.add(line, rules::CHANNELS_MISSING, "there are none"),
        "CLOSED-CAPTIONS" => {
            if has("URI") {
                findings.add(line, rules::CAPTIONS_URI, "there is one");
            }
            if !has("INSTREAM-ID") {
                findings.add(line, rules::CAPTIONS_ID, "there is none");
            }
        }
        _ => {}
    }
}

/// Groups that variants name exist, and groups that exist are named.
fn check_names(groups: &BTreeMap<(&str, &str), Group<'_>>, summary: &MultivariantSummary, findings: &mut Findings) {
    let mut named = BTreeSet::new();
    for variant in &summary.variants {
        for (kind, group) in &variant.groups {
            named.insert((*kind, group.as_str()));
            if !groups.contains_key(&(*kind, group.as_str())) {
                let detail = format!("there is no group {} of TYPE={kind}", quoted(group));
                findings.add(variant.line, rules::GROUP_MISSING, detail);
            }
        }
    }
    for ((kind, id), group) in groups.iter().filter(|(key, _)| !named.contains(*key)) {
        findings.add(group.line, rules::GROUP_UNUSED, format!("group {} of TYPE {} is not", quoted(id), quoted(kind)));
    }
}

fn check_members<'a>(
    mut groups: impl Iterator<Item = (&'a (&'a str, &'a str), &'a Group<'a>)>,
    findings: &mut Findings,
) {
    let Some(((_, first), group)) = groups.next() else { return };
    for ((_, id), other) in groups.filter(|(_, other)| other.members != group.members) {
        let detail = format!("members of {} are not those of {}", quoted(id), quoted(first));
        findings.add(other.line, rules::GROUP_MEMBERS, detail);
    }
}
