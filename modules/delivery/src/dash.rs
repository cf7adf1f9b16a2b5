//! The DASH description of a presentation (ISO/IEC 23009-1). URIs are relative, so that the signed prefix reaches every
//! segment.

use tessera_dash::{
    AdaptationSet, ContentProtection, DrmSystem, Error, Media, Mpd, Representation, Role, SegmentTemplate, Segments,
    TimelineSegment, Video,
};
use tessera_isobmff::{TrackKind, common_pssh};

use crate::{
    presentation::{Presentation, Track},
    subtitles::{self, Carriage, Subtitles},
    thumbnails,
};

/// The description of `tracks`: the video tracks switch among each other, each audio track stands by itself. Subtitles
/// and thumbnails follow.
pub(crate) fn mpd(
    presentation: &Presentation,
    tracks: &[&Track],
    (text, carriage): (&[Subtitles], Carriage),
    clearkey_url: &str,
    segment_seconds: u32,
) -> Result<String, Error> {
    let (video, audio): (Vec<&Track>, Vec<&Track>) = tracks.iter().partition(|track| track.index.kind.is_video());
    let sets = (!video.is_empty()).then_some(video).into_iter().chain(audio.into_iter().map(|track| vec![track]));
    let protection = || {
        presentation.signalled().map(|signalled| ContentProtection {
            scheme: *signalled.scheme.code(),
            key_id: signalled.key_id,
            systems: vec![DrmSystem::clear_key(common_pssh(&[signalled.key_id]), Some(clearkey_url.to_owned()))],
        })
    };
    let mut first_audio = true;
    let set = |tracks: Vec<&Track>| {
        let is_video = tracks.iter().any(|track| track.index.kind.is_video());
        let main = is_video || std::mem::take(&mut first_audio);
        AdaptationSet {
            language: tracks.first().and_then(|track| track.language()),
            roles: vec![if main { Role::Main } else { Role::Alternate }],
            protection: protection(),
            representations: tracks.into_iter().map(|track| representation(presentation, track)).collect(),
            ..AdaptationSet::default()
        }
    };
    let mpd = Mpd {
        duration: presentation.duration(),
        min_buffer_time: (segment_seconds.into(), 1),
        base_urls: Vec::new(),
        adaptation_sets: sets
            .map(set)
            .chain(subtitles::adaptation_sets(presentation, text, carriage))
            .chain(thumbnails::adaptation_set(presentation))
            .collect(),
    };
    mpd.write()
}

fn representation(presentation: &Presentation, track: &Track) -> Representation {
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
    let segment = |s: &tessera_isobmff::Segment| TimelineSegment { start: s.start, duration: s.duration };
    let edition = &presentation.edition;
    Representation {
        id: track.id.clone(),
        bandwidth: track.bandwidth.peak,
        codecs: Some(track.index.codec.clone()),
        media,
        segments: Segments::Template(SegmentTemplate {
            timescale: track.index.timescale,
            initialization: format!("{edition}/$RepresentationID$/init.mp4"),
            media: format!("{edition}/$RepresentationID$/$Number$.m4s"),
            segments: track.segments.iter().map(segment).collect(),
        }),
    }
}
