//! The form of a playlist: its lines, which tags there are, and how often.

use std::collections::HashMap;

use super::{
    attributes,
    finding::{Findings, quoted},
    rules,
    tags::{Form, Kind, Tag},
};
use crate::{
    lines::{Item, lines},
    values::AttributeList,
};

/// A playlist whose form has been checked.
pub(crate) struct Playlist<'a> {
    pub(crate) kind: Option<PlaylistKind>,
    pub(crate) lines: Vec<Line<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlaylistKind {
    Media,
    Multivariant,
}

/// A line that means something.
pub(crate) struct Line<'a> {
    pub(crate) number: usize,
    pub(crate) content: Content<'a>,
}

pub(crate) enum Content<'a> {
    /// A known tag; of a malformed attribute list there are no attributes.
    Tag {
        tag: &'static Tag,
        value: &'a str,
        list: AttributeList<'a>,
    },
    Uri(&'a str),
}

impl<'a> Playlist<'a> {
    pub(crate) fn parse(text: &'a str, findings: &mut Findings) -> Self {
        let text = check_characters(text, findings);
        let mut playlist = Self { kind: None, lines: Vec::new() };
        let mut seen = HashMap::new();
        for line in lines(text) {
            let (number, item) = (line.number, line.item);
            if number == 1 && !matches!(item, Item::Tag { name: "EXTM3U", .. }) {
                findings.add(1, rules::FIRST_LINE, "it is another");
            }
            match item {
                Item::Ignored => {}
                Item::Uri(uri) => playlist.uri(number, uri, findings),
                Item::Tag { name, value } => match Tag::named(name.trim_end()) {
                    Some(tag) => {
                        let first = *seen.entry(tag.name).or_insert(number);
                        if tag.once && first != number {
                            let detail = format!("{} stands on line {first} already", tag.name);
                            findings.add_of(number, rules::REPEATED_TAG, tag.clause, detail);
                        }
                        if name.len() != tag.name.len() || value.is_some_and(|value| tag.ends_with_blank(value)) {
                            findings.add(number, rules::BLANKS, format!("{} has a blank behind it", tag.name));
                        }
                        playlist.tag(number, tag, value, findings);
                    }
                    None => findings.add(number, rules::UNKNOWN_TAG, quoted(name)),
                },
            }
        }
        if playlist.kind.is_none() {
            findings.add(0, rules::NO_KIND, "there are none");
        }
        playlist
    }

    fn uri(&mut self, number: usize, uri: &'a str, findings: &mut Findings) {
        let trimmed = uri.trim();
        if trimmed.starts_with('#') {
            findings.add(number, rules::TAG_IN_COMMENT, quoted(uri));
            return;
        }
        if trimmed.len() != uri.len() {
            findings.add(number, rules::BLANKS, quoted(uri));
        }
        if !trimmed.is_empty() {
            self.lines.push(Line { number, content: Content::Uri(trimmed) });
        }
    }

    fn tag(&mut self, number: usize, tag: &'static Tag, value: Option<&'a str>, findings: &mut Findings) {
        let text = value.unwrap_or_default();
        let (value, text) = (value.map(str::trim_end), text.trim_end());
        self.decide(number, tag, findings);
        if let Some(wanted) = tag.form.mismatch(value) {
            let detail = format!("{} wants {wanted}, and has {}", tag.name, quoted(text));
            findings.add_of(number, rules::TAG_VALUE, tag.clause, detail);
        }
        let list = match &tag.form {
            Form::List(specification) => attributes::check(number, tag, specification, text, findings),
            _ => AttributeList::default(),
        };
        self.lines.push(Line { number, content: Content::Tag { tag, value: text, list } });
    }

    /// The first tag of one kind decides what the playlist is.
    fn decide(&mut self, number: usize, tag: &Tag, findings: &mut Findings) {
        let kind = match tag.kind {
            Kind::Both => return,
            Kind::Media => PlaylistKind::Media,
            Kind::Multivariant => PlaylistKind::Multivariant,
        };
        if *self.kind.get_or_insert(kind) != kind {
            findings.add(number, rules::MIXED_KINDS, format!("{} is of the other kind", tag.name));
        }
    }
}

/// The text without a byte order mark.
fn check_characters<'a>(text: &'a str, findings: &mut Findings) -> &'a str {
    let without = text.strip_prefix('\u{feff}').unwrap_or(text);
    if without.len() != text.len() {
        findings.add(1, rules::CHARACTERS, "there is a byte order mark");
    }
    for (place, line) in without.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if let Some(control) = line.chars().find(|c| c.is_control() && *c != '\t') {
            findings.add(place + 1, rules::CHARACTERS, format!("there is {control:?}"));
        }
    }
    without
}

/// The lines of one tag, with their numbers and attributes.
pub(crate) fn tagged<'p, 'a>(
    playlist: &'p Playlist<'a>,
    wanted: &'static str,
) -> impl Iterator<Item = (usize, &'p AttributeList<'a>)> {
    playlist.lines.iter().filter_map(move |line| match &line.content {
        Content::Tag { tag, list, .. } if tag.name == wanted => Some((line.number, list)),
        _ => None,
    })
}
