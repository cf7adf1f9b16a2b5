//! Keys and the segments they hold for (RFC 8216bis §4.4.4.4).

use super::{
    finding::{Findings, quoted},
    rules,
};
use crate::{KeyFormat, values::AttributeList};

const CTR: &str = "SAMPLE-AES-CTR";

/// The keys in force.
#[derive(Default)]
pub(crate) struct Keys<'a> {
    keys: Vec<Key<'a>>,
    /// Formats of the last protected segments, in the order of the alphabet.
    formats: Option<Vec<&'a str>>,
    /// Whether the last segment's samples were protected.
    protected: Option<bool>,
    /// Keys have changed since the last segment.
    changed: bool,
}

struct Key<'a> {
    line: usize,
    method: &'a str,
    format: &'a str,
    /// No segment has come since.
    fresh: bool,
}

/// The init section in force, if there is one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Map {
    pub(crate) stands: bool,
    /// No segment has come since.
    pub(crate) fresh: bool,
}

/// More formats than there are DRM systems; further keys are not remembered.
const MAX_FORMATS: usize = 64;

impl<'a> Keys<'a> {
    /// `EXT-X-KEY`.
    pub(crate) fn tag(&mut self, line: usize, list: &AttributeList<'a>, findings: &mut Findings) {
        check_attributes(line, list, findings);
        let Some(method) = list.get("METHOD") else { return };
        self.changed = true;
        if method == "NONE" {
            self.keys.clear();
            return;
        }
        let format = list.get("KEYFORMAT").unwrap_or("identity");
        if let Some(other) = self.keys.iter().find(|key| key.fresh && key.format == format) {
            let detail = format!("the key of {} on line {} holds for no segment", quoted(format), other.line);
            findings.add(line, rules::KEY_REPEATED, detail);
        }
        self.keys.retain(|key| key.format != format);
        if self.keys.len() < MAX_FORMATS {
            self.keys.push(Key { line, method, format, fresh: true });
        }
    }

    /// A segment, with the init section in force.
    pub(crate) fn segment(&mut self, line: usize, map: Map, findings: &mut Findings) {
        if !std::mem::take(&mut self.changed) {
            return;
        }
        // AES-128 is of whole files: it changes no sample's description.
        let protected = self.keys.iter().any(|key| key.method.starts_with("SAMPLE-AES"));
        let before = self.protected.replace(protected);
        if map.stands && !map.fresh && before.unwrap_or(false) != protected {
            let from = if protected { "clear to protected" } else { "protected to clear" };
            findings.add(line, rules::MAP_NOT_REPEATED, format!("segments change from {from} without it"));
        }
        self.check_together(map, findings);
        self.keys.iter_mut().for_each(|key| key.fresh = false);
    }

    /// The rules of keys that hold for one segment.
    fn check_together(&mut self, map: Map, findings: &mut Findings) {
        let Some(first) = self.keys.first() else { return };
        if let Some(other) = self.keys.iter().find(|key| key.method != first.method) {
            let detail = format!("it is {}, and {} on line {}", quoted(other.method), quoted(first.method), first.line);
            findings.add(other.line, rules::KEY_METHODS, detail);
        }
        if first.method == CTR && !map.stands {
            findings.add(first.line, rules::KEY_CTR_MAP, "there is none");
        }
        let newest = self.keys.iter().map(|key| key.line).max().unwrap_or_default();
        let mut formats: Vec<_> = self.keys.iter().map(|key| key.format).collect();
        formats.sort_unstable();
        if let Some(before) = self.formats.replace(formats.clone()).filter(|before| *before != formats) {
            let detail = format!("they are {}, and before {}", quoted(&formats.join(" ")), quoted(&before.join(" ")));
            findings.add(newest, rules::KEY_FORMATS, detail);
        }
    }
}

/// The rules of one `EXT-X-KEY` or `EXT-X-SESSION-KEY` by itself.
pub(crate) fn check_attributes(line: usize, list: &AttributeList<'_>, findings: &mut Findings) {
    let Some(method) = list.get("METHOD") else { return };
    let has = |name| list.get(name).is_some();
    if method == "NONE" {
        if list.0.len() > 1 {
            findings.add(line, rules::KEY_NONE, format!("there are {} more", list.0.len() - 1));
        }
        return;
    }
    let Some(uri) = list.get("URI") else {
        findings.add(line, rules::KEY_URI, format!("METHOD is {}", quoted(method)));
        return;
    };
    if method == CTR && has("IV") {
        findings.add(line, rules::KEY_CTR_IV, "there is one");
    }
    if list.get("KEYFORMAT") == Some(KeyFormat::FairPlay.name()) {
        let broken = match () {
            () if method != "SAMPLE-AES" => format!("METHOD is {}", quoted(method)),
            () if has("IV") => "there is an IV".to_owned(),
            () if !uri.starts_with("skd://") => format!("the URI is {}", quoted(uri)),
            () => return,
        };
        findings.add(line, rules::KEY_FAIRPLAY, broken);
    }
}
