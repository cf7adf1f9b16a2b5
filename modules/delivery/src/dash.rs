//! The DASH description of a presentation (ISO/IEC 23009-1). URIs are relative, so that the signed prefix reaches every
//! segment.

use std::time::Duration;

use tessera_dash::{
    AdaptationSet, ContentProtection, Dynamic, Error, Media, Mpd, Representation, Role, SegmentBase, SegmentTemplate,
    Segments, TimelineSegment, TrickMode, Video,
};
use tessera_isobmff::TrackKind;
use tessera_types::Timestamp;

use crate::{
    place::{Addressing, TrackFile},
    presentation::{Presentation, Track},
    signalling::Signalling,
    subtitles::{self, Carriage, Subtitles},
    thumbnails,
};

/// Why a description cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unwritable {
    #[error("a description's text")]
    Text(#[from] Error),
    #[error("what DRM systems are told")]
    Signalling(#[from] tessera_pssh::Error),
}

/// What a description says besides its tracks.
pub(crate) struct Words<'a> {
    pub(crate) addressing: Addressing,
    pub(crate) subtitles: (&'a [Subtitles], Carriage),
    pub(crate) clearkey_url: &'a str,
    pub(crate) settings: &'a Signalling,
    pub(crate) segment_seconds: u32,
}

/// The description of `tracks`: the video tracks of one coding and key switch among each other, each audio track stands by
/// itself. `tricks` are for seeking fast, beside the video that they are the I-frames of. Subtitles
/// and thumbnails follow.
pub(crate) fn mpd(
    presentation: &Presentation,
    (tracks, tricks): (&[&Track], &[&Track]),
    words: &Words<'_>,
) -> Result<String, Unwritable> {
    let (video, audio): (Vec<&Track>, Vec<&Track>) = tracks.iter().partition(|track| track.index.kind.is_video());
    let (video, tricks) = (switching(&video), switching(tricks));
    let mut adaptation_sets = Vec::new();
    for tracks in video.iter().cloned().chain(audio.into_iter().map(|track| vec![track])) {
        let is_first = adaptation_sets.len() <= video.len();
        let main = is_first || tracks.iter().any(|track| track.index.kind.is_video());
        let role = if main { Role::Main } else { Role::Alternate };
        adaptation_sets.push(set(presentation, &tracks, role, words)?);
    }
    for (of, set) in video.iter().enumerate() {
        for tricks in tricks.iter().filter(|tricks| switch_alike(tricks[0], set[0])) {
            adaptation_sets.push(trick_set(presentation, (tricks, of), set[0], words)?);
        }
    }
    let (text, carriage) = words.subtitles;
    adaptation_sets.extend(subtitles::adaptation_sets(presentation, text, carriage));
    adaptation_sets.extend(thumbnails::adaptation_set(presentation));
    let mpd = Mpd {
        duration: presentation.duration(),
        min_buffer_time: (words.segment_seconds.into(), 1),
        base_urls: Vec::new(),
        dynamic: presentation.open_ended.then(|| dynamic(presentation)),
        adaptation_sets,
    };
    Ok(mpd.write()?)
}

/// What is said of a presentation that is still getting longer. Its clock began so long ago that all it names is there, and is
/// as far on in each version as that is long: every origin writes the same.
fn dynamic(presentation: &Presentation) -> Dynamic {
    let at = |milliseconds: u64| Timestamp::from_micros(0).plus(Duration::from_millis(milliseconds)).to_string();
    Dynamic {
        availability_start: at(0),
        published: at(presentation.milliseconds()),
        update_seconds: presentation.segment_seconds,
    }
}

/// Video tracks by what a player can switch between: one coding, and one key, for a set has one.
fn switching<'t>(tracks: &[&'t Track]) -> Vec<Vec<&'t Track>> {
    let mut sets = Vec::<Vec<&Track>>::new();
    for track in tracks {
        match sets.iter_mut().find(|set| switch_alike(set[0], track)) {
            Some(set) => set.push(track),
            None => sets.push(vec![track]),
        }
    }
    sets
}

fn switch_alike(a: &Track, b: &Track) -> bool {
    let key = |track: &Track| track.signalled().map(|signalled| signalled.key_id);
    a.index.sample_entry.format == b.index.sample_entry.format && key(a) == key(b)
}

fn set(
    presentation: &Presentation,
    tracks: &[&Track],
    role: Role,
    words: &Words<'_>,
) -> Result<AdaptationSet, Unwritable> {
    Ok(AdaptationSet {
        language: tracks.first().and_then(|track| track.language()),
        roles: vec![role],
        protection: protection(tracks, words)?,
        aligned_subsegments: tracks.windows(2).all(|pair| pair[0].is_aligned(pair[1])),
        representations: tracks.iter().map(|track| representation(presentation, track, words)).collect(),
        ..AdaptationSet::default()
    })
}

/// I-frames, beside the set at the place `of`, whose first track is `video`.
fn trick_set(
    presentation: &Presentation,
    (tricks, of): (&[&Track], usize),
    video: &Track,
    words: &Words<'_>,
) -> Result<AdaptationSet, Unwritable> {
    let frames = |track: &Track| track.segments.iter().map(|segment| u64::from(segment.sample_count())).sum::<u64>();
    let pictures = tricks.iter().map(|track| frames(track)).min().unwrap_or(1).max(1);
    let trick_mode = TrickMode {
        of,
        // As fast as each picture is shown for as long as one of the video's is.
        max_playout_rate: u32::try_from(frames(video) / pictures).unwrap_or(u32::MAX).max(1),
        coding_dependency: false,
        essential: true,
    };
    let set = set(presentation, tricks, Role::Main, words)?;
    Ok(AdaptationSet { trick_mode: Some(trick_mode), roles: Vec::new(), ..set })
}

fn protection(tracks: &[&Track], words: &Words<'_>) -> Result<Option<ContentProtection>, Unwritable> {
    let protected = tracks.first().and_then(|track| track.protection.as_ref());
    let told = protected.map(|protected| protected.content_protection(words.clearkey_url, words.settings));
    Ok(told.transpose()?)
}

fn representation(presentation: &Presentation, track: &Track, words: &Words<'_>) -> Representation {
    let media = match track.index.kind {
        TrackKind::Video(format) => Media::Video(Video {
            width: format.width.into(),
            height: format.height.into(),
            frame_rate: track.index.frame_rate(),
            sample_aspect_ratio: (1, 1),
            colour: None,
        }),
        TrackKind::Audio(format) => Media::Audio { sample_rate: format.sample_rate, channels: format.channels },
    };
    Representation {
        id: track.id.clone(),
        bandwidth: track.bandwidth.peak,
        codecs: Some(track.index.codec.clone()),
        media,
        segments: segments(presentation, track, words.addressing),
    }
}

fn segments(presentation: &Presentation, track: &Track, addressing: Addressing) -> Segments {
    let (edition, timescale) = (&presentation.edition, track.index.timescale);
    let segment = |s: &tessera_isobmff::Segment| TimelineSegment { start: s.start, duration: s.duration };
    match addressing {
        Addressing::Segments => Segments::Template(SegmentTemplate {
            timescale,
            initialization: format!("{edition}/$RepresentationID$/init.mp4"),
            media: format!("{edition}/$RepresentationID$/$Number$.m4s"),
            segments: track.segments.iter().map(segment).collect(),
        }),
        Addressing::Ranges => Segments::Base(SegmentBase {
            url: format!("{edition}/{}/{}", track.id, TrackFile::WHOLE),
            timescale,
            initialization: track.layout.init_range(),
            index: track.layout.index_range(),
        }),
    }
}
