//! Media playlists (RFC 8216bis §4.4.3, §4.4.4).

use super::{
    finding::{Findings, quoted},
    keys::{Keys, Map},
    rules,
    segments::Segment,
    text::{Content, Playlist, tagged},
};
use crate::{
    ByteRange,
    values::{AttributeList, integer, millionths, resolved_range, signed_millionths},
};

/// What other playlists of a presentation must agree with.
#[derive(Debug, Default)]
pub(crate) struct MediaSummary {
    /// Seconds.
    pub(crate) target_duration: Option<u64>,
    pub(crate) i_frames_only: bool,
    /// It has an end.
    pub(crate) complete: bool,
    pub(crate) segments: Vec<Segment>,
}

impl MediaSummary {
    /// In millionths of a second.
    pub(crate) fn duration(&self) -> u64 {
        self.segments.iter().fold(0, |sum, segment| sum.saturating_add(segment.duration))
    }
}

pub(crate) fn check(playlist: &Playlist<'_>, findings: &mut Findings) -> MediaSummary {
    let mut walk = Walk::default();
    for line in &playlist.lines {
        match &line.content {
            Content::Tag { tag, value, list } => walk.tag(line.number, tag.name, value, list, findings),
            Content::Uri(uri) => walk.segment(line.number, uri, findings),
        }
    }
    for (line, what) in walk.pending() {
        findings.add(line, rules::DANGLING, format!("{what} has none"));
    }
    walk.check_whole(findings);
    check_start(playlist, &walk.summary, findings);
    walk.summary
}

/// A playlist, line by line.
#[derive(Default)]
struct Walk<'a> {
    summary: MediaSummary,
    vod: Option<usize>,
    keys: Keys<'a>,
    map: Map,
    /// Tags that wait for their segment.
    extinf: Option<(usize, Option<u64>)>,
    range: Option<(usize, &'a str)>,
    discontinuity: Option<usize>,
    before: Option<(&'a str, ByteRange)>,
    any_discontinuity: bool,
}

impl<'a> Walk<'a> {
    fn tag(&mut self, line: usize, name: &str, value: &'a str, list: &AttributeList<'a>, findings: &mut Findings) {
        match name {
            "EXT-X-TARGETDURATION" => self.summary.target_duration = self.summary.target_duration.or(integer(value)),
            "EXT-X-I-FRAMES-ONLY" => self.summary.i_frames_only = true,
            "EXT-X-ENDLIST" => self.summary.complete = true,
            "EXT-X-PLAYLIST-TYPE" if value == "VOD" => self.vod = Some(line),
            "EXT-X-MEDIA-SEQUENCE" if !self.summary.segments.is_empty() => {
                findings.add(line, rules::LATE_SEQUENCE, "EXT-X-MEDIA-SEQUENCE stands behind a segment");
            }
            "EXT-X-DISCONTINUITY-SEQUENCE" if !self.summary.segments.is_empty() || self.any_discontinuity => {
                let detail = "EXT-X-DISCONTINUITY-SEQUENCE stands behind a segment or discontinuity";
                findings.add_of(line, rules::LATE_SEQUENCE, "4.4.3.3", detail);
            }
            "EXT-X-DISCONTINUITY" => (self.discontinuity, self.any_discontinuity) = (Some(line), true),
            "EXT-X-KEY" => self.keys.tag(line, list, findings),
            "EXT-X-MAP" => self.map = Map { stands: true, fresh: true },
            "EXTINF" => {
                let duration = value.split_once(',').map_or(value, |(duration, _title)| duration);
                if let Some((other, _)) = self.extinf.replace((line, millionths(duration))) {
                    findings.add(line, rules::REPLACED, format!("EXTINF stands on line {other} already"));
                }
            }
            "EXT-X-BYTERANGE" => {
                if let Some((other, _)) = self.range.replace((line, value)) {
                    findings.add(line, rules::REPLACED, format!("EXT-X-BYTERANGE stands on line {other} already"));
                }
            }
            _ => {}
        }
    }

    fn segment(&mut self, line: usize, uri: &'a str, findings: &mut Findings) {
        let duration = match self.extinf.take() {
            Some((_, duration)) => duration.unwrap_or(0),
            None => {
                findings.add(line, rules::DURATION_MISSING, format!("{} has none", quoted(uri)));
                0
            }
        };
        let range = self.range.take().and_then(|(at, text)| self.byte_range(at, text, uri, findings));
        self.before = range.map(|range| (uri, range));
        if !self.map.stands && is_fragmented_mp4(uri) && !self.summary.i_frames_only {
            findings.add(line, rules::MAP_MISSING, format!("{} has none", quoted(uri)));
            // Once, not for each segment.
            self.map.stands = true;
        }
        self.keys.segment(line, self.map, findings);
        self.map.fresh = false;
        let discontinuity = self.discontinuity.take().is_some();
        self.summary.segments.push(Segment { line, uri: uri.to_owned(), range, duration, discontinuity });
    }

    fn byte_range(&self, line: usize, text: &str, uri: &str, findings: &mut Findings) -> Option<ByteRange> {
        // What is no range at all is a wrong value of the tag.
        crate::values::byte_range(text)?;
        let Some(range) = resolved_range(text, uri, self.before) else {
            findings.add(line, rules::RANGE_OFFSET, format!("it is {}, with no range before it", quoted(text)));
            return None;
        };
        // I-frames are ranges within their segments, in order as well.
        let before = self.before.filter(|(file, _)| *file == uri).map(|(_, range)| range);
        if let Some(before) = before.filter(|before| {
            range.offset < before.offset.saturating_add(before.length) && before.offset < range.offset + range.length
        }) {
            let end = before.offset.saturating_add(before.length);
            let detail = format!("it begins at {}, and the one before ends at {end}", range.offset);
            findings.add(line, rules::RANGE_OVERLAP, detail);
        }
        Some(range)
    }

    fn pending(&self) -> Vec<(usize, &'static str)> {
        let extinf = self.extinf.map(|(line, _)| (line, "EXTINF"));
        let range = self.range.map(|(line, _)| (line, "EXT-X-BYTERANGE"));
        let discontinuity = self.discontinuity.map(|line| (line, "EXT-X-DISCONTINUITY"));
        [extinf, range, discontinuity].into_iter().flatten().collect()
    }

    /// The rules that need all of the playlist.
    fn check_whole(&self, findings: &mut Findings) {
        let summary = &self.summary;
        match summary.target_duration {
            None => findings.add(0, rules::TARGET_DURATION_MISSING, "there is none"),
            Some(target) => {
                for segment in &summary.segments {
                    let rounded = segment.duration / 1_000_000 + u64::from(segment.duration % 1_000_000 >= 500_000);
                    if rounded > target {
                        let detail = format!("{} is above {target}", seconds(segment.duration));
                        findings.add(segment.line, rules::TARGET_DURATION, detail);
                    }
                }
            }
        }
        if let Some(line) = self.vod.filter(|_| !summary.complete) {
            findings.add(line, rules::VOD_WITHOUT_END, "there is none");
        }
        let first = summary.segments.first().filter(|_| summary.i_frames_only && !self.map.stands);
        if let Some(segment) = first.filter(|segment| is_fragmented_mp4(&segment.uri)) {
            findings.add(segment.line, rules::I_FRAMES_MAP, format!("{} has none", quoted(&segment.uri)));
        }
    }
}

fn check_start(playlist: &Playlist<'_>, summary: &MediaSummary, findings: &mut Findings) {
    for (line, list) in tagged(playlist, "EXT-X-START") {
        let offset = list.get("TIME-OFFSET").and_then(signed_millionths).map_or(0, i64::unsigned_abs);
        if offset > summary.duration() {
            let detail = format!("{} is more than {}", seconds(offset), seconds(summary.duration()));
            findings.add(line, rules::START_OUTSIDE, detail);
        }
    }
}

/// Whether the name says that a segment is fragmented MP4.
fn is_fragmented_mp4(uri: &str) -> bool {
    let path = uri.split(['?', '#']).next().unwrap_or(uri);
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    ["mp4", "m4s", "m4v", "m4a", "m4f", "fmp4", "cmfv", "cmfa", "cmft"].contains(&extension)
}

/// Millionths of a second, for people.
pub(crate) fn seconds(millionths: u64) -> String {
    format!("{} s", crate::attributes::decimal(millionths, 1_000_000, 3))
}
