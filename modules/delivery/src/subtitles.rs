//! Subtitles as HLS, DASH and CMAF have them, from one track of cues.

use std::{ops::Range, sync::Arc};

use tessera_contract_media::{StoredFile, SubtitleDescriptor, SubtitleKind};
use tessera_dash::{
    Accessibility, AdaptationSet, Media, Representation, Role, SegmentTemplate, Segments, TimelineSegment,
};
use tessera_hls::{MediaPlaylist, MediaSegment, MultivariantPlaylist, Resource, Run, SubtitleRendition};
use tessera_isobmff::{TextTrack, text_segment};
use tessera_webvtt::{SAMPLE_ENTRY, TIMESCALE, TimestampMap, Track};

use crate::{
    beside::{TextFile, is_known},
    presentation::Presentation,
};

/// How long a segment of subtitles is, in milliseconds: text is small, and need not be cut where pictures are (RFC 8216bis
/// §6.2.4).
const SEGMENT: u64 = 30_000;
/// The group of subtitles in HLS.
const GROUP: &str = "text";
/// What captions tell besides speech, as Apple's players ask for it (HLS authoring specification §4.6).
const CAPTIONS: [&str; 2] =
    ["public.accessibility.transcribes-spoken-dialog", "public.accessibility.describes-music-and-sound"];

/// Subtitles of an asset, as manifests name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subtitles {
    /// In URLs: with a part of the file's checksum, for a name may come to stand for another file.
    pub(crate) id: String,
    /// As a menu calls them; unique in the asset.
    name: String,
    /// BCP 47 tag, the shortest there is.
    language: Option<String>,
    kind: SubtitleKind,
    pub(crate) file: StoredFile,
}

/// Why subtitles cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unwritable {
    #[error(transparent)]
    WebVtt(#[from] tessera_webvtt::Error),
    #[error(transparent)]
    Boxes(#[from] tessera_isobmff::Error),
}

/// What manifests name of an asset's subtitles, in the order in which media does.
pub(crate) fn named(described: &[SubtitleDescriptor]) -> Arc<[Subtitles]> {
    let mut named = Vec::<Subtitles>::new();
    for SubtitleDescriptor { subtitle_id, language, kind, file } in described.iter().filter(|d| is_known(d.kind)) {
        let checksum: String = file.sha256.chars().take(16).collect();
        let tag = language.as_ref().map(|language| language.as_str());
        let name = name(tag, *kind);
        let before = named.iter().filter(|other| is_numbered(&other.name, &name)).count();
        let name = if before == 0 { name } else { format!("{name} {}", before + 1) };
        let (id, language) = (format!("{subtitle_id}-{checksum}"), tag.map(shortest));
        named.push(Subtitles { id, name, language, kind: *kind, file: file.clone() });
    }
    named.into()
}

/// Whether `name` is `plain`, or `plain` with a number.
fn is_numbered(name: &str, plain: &str) -> bool {
    let rest = name.strip_prefix(plain);
    rest.is_some_and(|rest| rest.strip_prefix(' ').unwrap_or(rest).bytes().all(|b| b.is_ascii_digit()))
}

/// What the language calls itself, with its region or script where the tag has one, and whom they are for.
fn name(tag: Option<&str>, kind: SubtitleKind) -> String {
    let (code, rest) = tag.map_or(("und", None), |tag| match tag.split_once('-') {
        Some((code, rest)) => (code, Some(rest)),
        None => (tag, None),
    });
    let name = language(code).map_or("Subtitles", |known| known.to_autonym().unwrap_or_else(|| known.to_name()));
    let rest = rest.map_or(String::new(), |rest| format!(" ({rest})"));
    let whom = match kind {
        SubtitleKind::Captions => " (SDH)",
        SubtitleKind::Forced => " (forced)",
        SubtitleKind::Subtitles | SubtitleKind::Unknown => "",
    };
    format!("{name}{rest}{whom}")
}

fn language(code: &str) -> Option<isolang::Language> {
    isolang::Language::from_639_1(code).or_else(|| isolang::Language::from_639_3(code).filter(|_| code != "und"))
}

/// `de` and not `deu` (RFC 5646 §4.5).
fn shortest(tag: &str) -> String {
    let (code, rest) = tag.find('-').map_or((tag, ""), |at| tag.split_at(at));
    let short = language(code).and_then(|language| language.to_639_1()).unwrap_or(code);
    format!("{short}{rest}")
}

/// Adds the renditions to a multivariant playlist, whose variants all go with them.
pub(crate) fn announce(presentation: &Presentation, list: &[Subtitles], playlist: &mut MultivariantPlaylist) {
    if list.is_empty() {
        return;
    }
    let characteristics = |kind| match kind {
        SubtitleKind::Captions => CAPTIONS.map(str::to_owned).to_vec(),
        SubtitleKind::Subtitles | SubtitleKind::Forced | SubtitleKind::Unknown => Vec::new(),
    };
    let rendition = |subtitles: &Subtitles| SubtitleRendition {
        group: GROUP.into(),
        name: subtitles.name.clone(),
        language: subtitles.language.clone(),
        default: false,
        forced: subtitles.kind == SubtitleKind::Forced,
        characteristics: characteristics(subtitles.kind),
        uri: format!("{}/text/{}/media.m3u8", presentation.edition, subtitles.id),
    };
    playlist.subtitles = list.iter().map(rendition).collect();
    playlist.variants.iter_mut().for_each(|variant| variant.subtitles = Some(GROUP.into()));
}

/// The media playlist of any subtitles of the presentation, as it stands beside their segments.
pub(crate) fn playlist(presentation: &Presentation) -> Result<String, tessera_hls::Error> {
    let segment = |(range, number): (Range<u64>, u32)| MediaSegment {
        resource: Resource::file(format!("{number}.vtt")),
        duration: range.end - range.start,
    };
    let segments = ranges(presentation).zip(1..).map(segment).collect();
    let playlist = MediaPlaylist {
        timescale: TIMESCALE,
        media_sequence: 1,
        runs: vec![Run { segments, ..Run::default() }],
        ..MediaPlaylist::default()
    };
    playlist.write()
}

/// How subtitles are carried in DASH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carriage {
    /// One WebVTT file beside the media.
    SideCar,
    /// Samples of MP4 in segments: codec string `wvtt` (ISO/IEC 14496-30, CMAF).
    Samples,
}

/// The sets of the DASH description.
pub(crate) fn adaptation_sets(
    presentation: &Presentation,
    list: &[Subtitles],
    carriage: Carriage,
) -> Vec<AdaptationSet> {
    list.iter().map(|subtitles| adaptation_set(presentation, subtitles, carriage)).collect()
}

fn adaptation_set(presentation: &Presentation, subtitles: &Subtitles, carriage: Carriage) -> AdaptationSet {
    let (role, accessibility) = match subtitles.kind {
        SubtitleKind::Captions => (Role::Caption, vec![Accessibility::HardOfHearing]),
        SubtitleKind::Forced => (Role::ForcedSubtitle, vec![]),
        SubtitleKind::Subtitles | SubtitleKind::Unknown => (Role::Subtitle, vec![]),
    };
    let folder = format!("{}/text/{}", presentation.edition, subtitles.id);
    let (media, codecs, segments) = match carriage {
        Carriage::SideCar => (Media::SideCar, None, Segments::File { url: format!("{folder}/subtitles.vtt") }),
        Carriage::Samples => {
            let template = SegmentTemplate {
                timescale: TIMESCALE,
                initialization: format!("{folder}/init.mp4"),
                media: format!("{folder}/$Number$.m4s"),
                segments: ranges(presentation)
                    .map(|range| TimelineSegment { start: range.start, duration: range.end - range.start })
                    .collect(),
            };
            (Media::Text, Some("wvtt".into()), Segments::Template(template))
        }
    };
    let seconds = presentation.milliseconds().div_ceil(1000).max(1);
    AdaptationSet {
        language: subtitles.language.clone(),
        label: Some(subtitles.name.clone()),
        roles: vec![role],
        accessibility,
        representations: vec![Representation {
            id: subtitles.id.clone(),
            bandwidth: (subtitles.file.size_bytes.saturating_mul(8) / seconds).max(1),
            codecs,
            media,
            segments,
        }],
        ..AdaptationSet::default()
    }
}

/// The bytes of a file; `None` when there is no such segment. The times of pictures and sound begin at 0, as cues' do.
pub(crate) fn part(
    presentation: &Presentation,
    subtitles: &Subtitles,
    track: &Track,
    file: TextFile,
) -> Result<Option<Vec<u8>>, Unwritable> {
    let range = |number: u32| ranges(presentation).nth(number as usize - 1);
    Ok(match file {
        TextFile::Playlist => None,
        TextFile::Whole => Some(track.write().into_bytes()),
        TextFile::Segment(number) => range(number.get()).map(|range| {
            let map = TimestampMap { mpegts: 0, local: 0 };
            track.hls_segment(range, Some(map)).into_bytes()
        }),
        TextFile::Init => {
            let entry = track.header().sample_entry(None)?;
            let code = subtitles.language.as_deref().and_then(|tag| tag.split('-').next());
            let code = code.and_then(language).map_or("und", |language| language.to_639_3());
            let duration = presentation.milliseconds();
            let text =
                TextTrack { format: SAMPLE_ENTRY, entry: &entry, timescale: TIMESCALE, duration, language: code };
            Some(text.init_segment()?)
        }
        TextFile::Samples(number) => {
            let Some(range) = range(number.get()) else { return Ok(None) };
            let segment = track.segment(range)?;
            let samples: Vec<_> = segment.samples.iter().map(|sample| (sample.duration, &*sample.data)).collect();
            Some(text_segment(number.get(), segment.start, &samples)?)
        }
    })
}

/// The times of segments in milliseconds, to the presentation's end.
fn ranges(presentation: &Presentation) -> impl Iterator<Item = Range<u64>> {
    let end = presentation.milliseconds().max(1);
    (0..end.div_ceil(SEGMENT)).map(move |number| number * SEGMENT..end.min((number + 1) * SEGMENT))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn subtitles_are_named_once_and_in_their_own_language() {
        let described = |(id, language, kind): (&str, Option<&str>, &str)| -> SubtitleDescriptor {
            let file = json!({"blob": "a/b", "sha256": "00112233445566778899", "size_bytes": 1});
            serde_json::from_value(json!({"subtitle_id": id, "language": language, "kind": kind, "file": file}))
                .unwrap()
        };
        let list: Vec<_> = [
            ("t1", Some("deu"), "subtitles"),
            ("t2", Some("deu"), "captions"),
            ("t3", Some("de"), "subtitles"),
            ("t4", Some("por-BR"), "forced"),
            ("t5", None, "subtitles"),
            ("t6", Some("deu"), "sung"),
            ("t7", Some("deu"), "subtitles"),
        ]
        .into_iter()
        .map(described)
        .collect();
        let named = named(&list);
        let told: Vec<_> = named.iter().map(|s| (s.id.as_str(), s.name.as_str(), s.language.as_deref())).collect();
        assert_eq!(
            told,
            [
                ("t1-0011223344556677", "Deutsch", Some("de")),
                ("t2-0011223344556677", "Deutsch (SDH)", Some("de")),
                ("t3-0011223344556677", "Deutsch 2", Some("de")),
                ("t4-0011223344556677", "português (BR) (forced)", Some("pt-BR")),
                ("t5-0011223344556677", "Subtitles", None),
                ("t7-0011223344556677", "Deutsch 3", Some("de")),
            ]
        );
    }
}
