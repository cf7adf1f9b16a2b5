//! Multivariant playlists (RFC 8216bis §4.4.6): variants, session data and keys.

use std::collections::HashMap;

use super::{
    finding::{Findings, quoted},
    keys, renditions, rules,
    text::{Content, Playlist, tagged},
};
use crate::values::{AttributeList, integer};

/// What leads to media playlists.
#[derive(Debug, Default)]
pub(crate) struct MultivariantSummary {
    pub(crate) variants: Vec<VariantLine>,
    pub(crate) i_frames: Vec<VariantLine>,
    pub(crate) renditions: Vec<RenditionLine>,
}

/// `EXT-X-STREAM-INF` or `EXT-X-I-FRAME-STREAM-INF`.
#[derive(Debug)]
pub(crate) struct VariantLine {
    pub(crate) line: usize,
    pub(crate) uri: String,
    pub(crate) bandwidth: Option<u64>,
    /// Types and names of the groups that play with it.
    pub(crate) groups: Vec<(&'static str, String)>,
}

/// `EXT-X-MEDIA` with a playlist of its own.
#[derive(Debug)]
pub(crate) struct RenditionLine {
    pub(crate) line: usize,
    pub(crate) uri: String,
    pub(crate) kind: String,
    pub(crate) group: String,
}

/// Attributes of a variant that name groups; they are called as the groups' TYPE is.
pub(crate) const GROUPS: [&str; 4] = ["AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS"];

pub(crate) fn check(playlist: &Playlist<'_>, findings: &mut Findings) -> MultivariantSummary {
    let mut summary = MultivariantSummary::default();
    check_variants(playlist, &mut summary, findings);
    for (line, list) in tagged(playlist, "EXT-X-I-FRAME-STREAM-INF") {
        check_described(line, list, findings);
        let uri = list.get("URI").unwrap_or_default();
        summary.i_frames.push(VariantLine { groups: Vec::new(), ..variant(line, list, uri) });
    }
    renditions::check(playlist, &mut summary, findings);
    check_captions(playlist, findings);
    check_session_data(playlist, findings);
    for (line, list) in tagged(playlist, "EXT-X-SESSION-KEY") {
        match list.get("METHOD") {
            Some("NONE") => findings.add(line, rules::SESSION_KEY_NONE, "it is"),
            _ => keys::check_attributes(line, list, findings),
        }
    }
    summary
}

fn check_variants(playlist: &Playlist<'_>, summary: &mut MultivariantSummary, findings: &mut Findings) {
    let mut stream: Option<(usize, &AttributeList<'_>)> = None;
    for line in &playlist.lines {
        match &line.content {
            Content::Uri(uri) => match stream.take() {
                Some((at, list)) => summary.variants.push(variant(at, list, uri)),
                None => findings.add(line.number, rules::URI_WITHOUT_VARIANT, quoted(uri)),
            },
            Content::Tag { tag, list, .. } => {
                if let Some((at, _)) = stream.take() {
                    findings.add(at, rules::VARIANT_WITHOUT_URI, format!("{} follows", tag.name));
                }
                if tag.name == "EXT-X-STREAM-INF" {
                    check_described(line.number, list, findings);
                    stream = Some((line.number, list));
                }
            }
        }
    }
    if let Some((at, _)) = stream {
        findings.add(at, rules::VARIANT_WITHOUT_URI, "the playlist ends");
    }
    if tagged(playlist, "EXT-X-STREAM-INF").next().is_none() {
        findings.add(0, rules::NO_VARIANTS, "there is none");
    }
}

fn variant(line: usize, list: &AttributeList<'_>, uri: &str) -> VariantLine {
    let group = |kind| list.get(kind).filter(|name| *name != "NONE").map(|name: &str| (kind, name.to_owned()));
    VariantLine {
        line,
        uri: uri.to_owned(),
        bandwidth: list.get("BANDWIDTH").and_then(integer),
        groups: GROUPS.into_iter().filter_map(group).collect(),
    }
}

/// What both kinds of variants say of themselves.
fn check_described(line: usize, list: &AttributeList<'_>, findings: &mut Findings) {
    let rate = |name| list.get(name).and_then(integer);
    if let (Some(peak), Some(average)) = (rate("BANDWIDTH"), rate("AVERAGE-BANDWIDTH"))
        && average > peak
    {
        findings.add(line, rules::AVERAGE_BANDWIDTH, format!("{average} is above {peak}"));
    }
    let Some(codecs) = list.get("CODECS") else {
        findings.add(line, rules::CODECS_MISSING, "there are none");
        return;
    };
    let video = ["avc1", "avc3", "hvc1", "hev1", "av01", "dvh1", "vp09"];
    let codec = codecs.split(',').find(|codec| video.iter().any(|video| codec.trim().starts_with(video)));
    if let Some(codec) = codec.filter(|_| list.get("RESOLUTION").is_none()) {
        findings.add(line, rules::RESOLUTION_MISSING, format!("{} is video", quoted(codec)));
    }
}

/// `CLOSED-CAPTIONS=NONE` stands at all variants or at none.
fn check_captions(playlist: &Playlist<'_>, findings: &mut Findings) {
    let variants = || tagged(playlist, "EXT-X-STREAM-INF");
    let none = |list: &AttributeList<'_>| list.get("CLOSED-CAPTIONS") == Some("NONE");
    if let Some((with, _)) = variants().find(|(_, list)| none(list))
        && let Some((without, _)) = variants().find(|(_, list)| !none(list))
    {
        findings.add(without, rules::CAPTIONS_NONE, format!("the variant on line {with} has it, and this one not"));
    }
}

fn check_session_data(playlist: &Playlist<'_>, findings: &mut Findings) {
    let mut seen = HashMap::new();
    for (line, list) in tagged(playlist, "EXT-X-SESSION-DATA") {
        let both = [list.get("VALUE").is_some(), list.get("URI").is_some()];
        if both[0] == both[1] {
            findings.add(line, rules::SESSION_DATA, if both[0] { "there are both" } else { "there is neither" });
        }
        let Some(id) = list.get("DATA-ID") else { continue };
        let first = *seen.entry((id, list.get("LANGUAGE"))).or_insert(line);
        if first != line {
            let detail = format!("{} of the same language stands on line {first} already", quoted(id));
            findings.add(line, rules::SESSION_DATA_REPEATED, detail);
        }
    }
}
