//! A multivariant playlist with all that it leads to (RFC 8216bis §6.2.4).

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    Summary, bandwidth, check_into,
    finding::{Findings, Report, quoted},
    media::{MediaSummary, seconds},
    multivariant::{MultivariantSummary, VariantLine},
    rules,
    uri::resolve,
};

/// The most media playlists that are looked at.
const MAX_PLAYLISTS: usize = 1_000;
/// What a measured peak may be above BANDWIDTH, in hundredths: durations in playlists are rounded.
const BANDWIDTH_TOLERANCE: u64 = 2;

/// A presentation as its checker gets at it; URIs are resolved against that of the playlist which names them.
pub struct Presentation<'a> {
    /// The text of the playlist at a URI.
    pub playlist: &'a dyn Fn(&str) -> Option<String>,
    /// The size in bytes of the file at a URI, for the rules of bandwidth and byte ranges; `None` where it is not known.
    pub size: &'a dyn Fn(&str) -> Option<u64>,
}

/// How a media playlist is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Variant,
    IFrames,
    Rendition { subtitles: bool },
}

/// A media playlist that was had and checked.
struct Media {
    role: Role,
    summary: MediaSummary,
    findings: Findings,
    peak: Option<u64>,
}

impl Presentation<'_> {
    /// Checks the playlist at `uri` and, when it is a multivariant playlist, all that it names: a report a playlist, the
    /// one at `uri` first and the others by URI.
    pub fn check(&self, uri: &str) -> Vec<Report> {
        let mut findings = Findings::default();
        let Some(text) = (self.playlist)(uri) else {
            findings.add(0, rules::PLAYLIST_MISSING, format!("{} cannot", quoted(uri)));
            return vec![Report { uri: uri.to_owned(), findings: findings.sorted() }];
        };
        let mut media = BTreeMap::new();
        match check_into(&text, &mut findings) {
            Summary::Multivariant(summary) => {
                self.follow(uri, &summary, &mut media, &mut findings);
                compare(&mut media);
                check_bandwidth(uri, &summary, &media, &mut findings);
            }
            Summary::Media(summary) => check_ranges(uri, &summary, self.size, &mut findings),
            Summary::Neither => {}
        }
        let first = Report { uri: uri.to_owned(), findings: findings.sorted() };
        let others = media.into_iter().map(|(uri, media)| Report { uri, findings: media.findings.sorted() });
        std::iter::once(first).chain(others).collect()
    }

    /// Gets and checks every media playlist once.
    fn follow(
        &self,
        base: &str,
        summary: &MultivariantSummary,
        media: &mut BTreeMap<String, Media>,
        findings: &mut Findings,
    ) {
        let variants = summary.variants.iter().map(|line| (line.line, &line.uri, Role::Variant));
        let i_frames = summary.i_frames.iter().map(|line| (line.line, &line.uri, Role::IFrames));
        let renditions = summary
            .renditions
            .iter()
            .filter(|line| line.kind != "CLOSED-CAPTIONS")
            .map(|line| (line.line, &line.uri, Role::Rendition { subtitles: line.kind == "SUBTITLES" }));
        for (line, reference, role) in variants.chain(i_frames).chain(renditions) {
            let uri = resolve(base, reference);
            if let Some(known) = media.get(&uri) {
                check_role(line, role, &known.summary, findings);
                continue;
            }
            if media.len() == MAX_PLAYLISTS {
                findings.add(line, rules::TOO_MANY_PLAYLISTS, format!("{MAX_PLAYLISTS} are the most"));
                return;
            }
            let Some(text) = (self.playlist)(&uri) else {
                findings.add(line, rules::PLAYLIST_MISSING, format!("{} cannot", quoted(&uri)));
                continue;
            };
            let mut own = Findings::default();
            match check_into(&text, &mut own) {
                Summary::Media(summary) => {
                    check_role(line, role, &summary, findings);
                    check_ranges(&uri, &summary, self.size, &mut own);
                    let sized = |place: usize| {
                        let segment = &summary.segments[place];
                        let whole = || (self.size)(&resolve(&uri, &segment.uri));
                        segment.range.map(|range| range.length).or_else(whole)
                    };
                    let peak = bandwidth::peak(&summary, sized);
                    media.insert(uri, Media { role, summary, findings: own, peak });
                }
                Summary::Multivariant(_) | Summary::Neither => {
                    findings.add(line, rules::NOT_MEDIA, format!("{} is none", quoted(&uri)));
                }
            }
        }
    }
}

fn check_role(line: usize, role: Role, summary: &MediaSummary, findings: &mut Findings) {
    match (role, summary.i_frames_only) {
        (Role::IFrames, false) => findings.add(line, rules::I_FRAMES_PLAYLIST, "it is one of whole segments"),
        (Role::Variant | Role::Rendition { .. }, true) => findings.add(line, rules::I_FRAMES_VARIANT, "it is one"),
        _ => {}
    }
}

/// Byte ranges lie within files whose size is known.
fn check_ranges(uri: &str, summary: &MediaSummary, size: &dyn Fn(&str) -> Option<u64>, findings: &mut Findings) {
    let mut sizes = HashMap::new();
    for segment in &summary.segments {
        let Some(range) = segment.range else { continue };
        let size = *sizes.entry(segment.uri.as_str()).or_insert_with(|| size(&resolve(uri, &segment.uri)));
        if let Some(size) = size.filter(|size| range.offset.saturating_add(range.length) > *size) {
            let detail = format!("{} bytes at {} end behind {size}", range.length, range.offset);
            findings.add(segment.line, rules::RANGE_BEYOND, detail);
        }
    }
}

/// What media playlists of one presentation agree on, compared with the first variant's.
fn compare(media: &mut BTreeMap<String, Media>) {
    let first = media.iter().find(|(_, media)| media.role == Role::Variant);
    let Some((first, reference)) = first.map(|(uri, media)| (quoted(uri), media.place())) else { return };
    for media in media.values_mut() {
        let place = media.place();
        let free = matches!(media.role, Role::IFrames | Role::Rendition { subtitles: true });
        if !free
            && let (Some(ours), Some(theirs)) = (place.target, reference.target)
            && ours != theirs
        {
            media.findings.add(0, rules::TARGETS_DIFFER, format!("it is {ours} s, and {theirs} s in {first}"));
        }
        if place.complete && reference.complete && !free {
            let target = reference.target.unwrap_or_default().saturating_mul(1_000_000);
            if place.duration.abs_diff(reference.duration) > target {
                let detail =
                    format!("it is {}, and {} in {first}", seconds(place.duration), seconds(reference.duration));
                media.findings.add(0, rules::DURATIONS_DIFFER, detail);
            }
            if place.discontinuities != reference.discontinuities {
                let (ours, theirs) = (place.discontinuities, reference.discontinuities);
                let detail = format!("there are {ours}, and {theirs} in {first}");
                media.findings.add(0, rules::DISCONTINUITIES_DIFFER, detail);
            }
        }
    }
}

/// What is compared.
struct Compared {
    target: Option<u64>,
    complete: bool,
    duration: u64,
    discontinuities: usize,
}

impl Media {
    fn place(&self) -> Compared {
        // One before the first segment parts nothing.
        let discontinuities = self.summary.segments.iter().skip(1).filter(|segment| segment.discontinuity).count();
        Compared {
            target: self.summary.target_duration,
            complete: self.summary.complete,
            duration: self.summary.duration(),
            discontinuities,
        }
    }
}

/// BANDWIDTH covers the variant's own peak and the largest of each group that it names.
fn check_bandwidth(
    base: &str,
    summary: &MultivariantSummary,
    media: &BTreeMap<String, Media>,
    findings: &mut Findings,
) {
    let peak = |uri: &str| media.get(&resolve(base, uri)).and_then(|media| media.peak);
    let mut groups: HashMap<(&str, &str), Group<'_>> = HashMap::new();
    for rendition in &summary.renditions {
        let group = groups.entry((rendition.kind.as_str(), rendition.group.as_str())).or_default();
        group.peak = group.peak.max(peak(&rendition.uri).unwrap_or(0));
        group.uris.insert(&rendition.uri);
    }
    for variant in summary.variants.iter().chain(&summary.i_frames) {
        let (Some(own), Some(stated)) = (peak(&variant.uri), variant.bandwidth) else { continue };
        let measured = variant.measured(own, &groups);
        if measured > stated.saturating_add(stated / 100 * BANDWIDTH_TOLERANCE) {
            findings.add(variant.line, rules::BANDWIDTH, format!("it is {stated}, and {measured} when measured"));
        }
    }
}

/// Renditions of which one plays at a time.
#[derive(Default)]
struct Group<'a> {
    peak: u64,
    uris: HashSet<&'a str>,
}

impl VariantLine {
    /// Its own peak with those of its groups. A group that holds the variant's own playlist adds nothing to it, as when
    /// sound is all there is.
    fn measured(&self, own: u64, groups: &HashMap<(&str, &str), Group<'_>>) -> u64 {
        let others = self.groups.iter().filter_map(|(kind, group)| groups.get(&(*kind, group.as_str())));
        let others = others.filter(|group| !group.uris.contains(self.uri.as_str()));
        others.fold(own, |sum, group| sum.saturating_add(group.peak))
    }
}
