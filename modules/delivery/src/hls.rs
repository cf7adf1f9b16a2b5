//! HLS playlists of a presentation (RFC 8216bis). URIs are relative, so that the signed prefix reaches every segment.

use tessera_hls::{
    Error, IFrameVariant, MediaPlaylist, MediaSegment, MultivariantPlaylist, Resource, Run, Start, Variant, VideoRange,
};
use tessera_isobmff::TrackKind;

use crate::{
    audio_groups::{AudioGroup, audio_groups},
    place::{Addressing, Keys, Playlist, TrackFile},
    presentation::{Presentation, Track},
    subtitles::{self, Subtitles},
};

/// Why a playlist cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unwritable {
    #[error("a playlist's text")]
    Text(#[from] Error),
    #[error("what DRM systems are told")]
    Signalling(#[from] tessera_pssh::Error),
}

/// The multivariant playlist of `tracks`: each video variant is there once a group of sound, and its I-frames once.
pub(crate) fn multivariant(
    presentation: &Presentation,
    tracks: &[&Track],
    text: &[Subtitles],
    addressing: Addressing,
    keys: Keys,
) -> Result<String, Unwritable> {
    let (video, audio): (Vec<&Track>, Vec<&Track>) = tracks.iter().partition(|track| track.index.kind.is_video());
    let playlist =
        |track: &Track, playlist: Playlist| format!("{}/{}/{}", presentation.edition, track.id, playlist.file(keys));
    let uri = |track: &Track| playlist(track, Playlist::Media(addressing));
    if video.is_empty() {
        // Sound alone: each track is a variant of its own.
        let variants = audio.into_iter().map(|track| variant(track, None, uri(track))).collect();
        return Ok(MultivariantPlaylist { variants, ..MultivariantPlaylist::default() }.write()?);
    }
    let groups = audio_groups(&audio);
    let with = |group| video.iter().map(move |track: &&Track| variant(track, group, uri(track)));
    let variants = match groups.is_empty() {
        true => with(None).collect(),
        false => groups.iter().flat_map(|group| with(Some(group))).collect(),
    };
    let i_frames = video.iter().map(|track| i_frame_variant(track, playlist(track, Playlist::IFrames)));
    // They are ranges of whole files, which are not there before their ends.
    let i_frame_variants = if presentation.open_ended { Vec::new() } else { i_frames.collect() };
    let audio = groups.iter().flat_map(|group| group.renditions(uri)).collect();
    let mut playlist = MultivariantPlaylist { variants, i_frame_variants, audio, ..MultivariantPlaylist::default() };
    subtitles::announce(presentation, text, &mut playlist);
    Ok(playlist.write()?)
}

fn variant(track: &Track, group: Option<&AudioGroup<'_>>, uri: String) -> Variant {
    let audio = group.map_or(&[][..], |group| &group.members);
    let largest = |rate: fn(&Track) -> u64| audio.iter().map(|track| rate(track)).max().unwrap_or(0);
    let codecs = std::iter::once(track).chain(audio.iter().copied());
    Variant {
        uri,
        bandwidth: track.bandwidth.peak + largest(|track| track.bandwidth.peak),
        average_bandwidth: track.bandwidth.average + largest(|track| track.bandwidth.average),
        codecs: codecs.map(|track| track.index.codec.clone()).collect(),
        resolution: resolution(track),
        frame_rate: track.index.frame_rate(),
        video_range: video_range(track),
        audio: group.map(|group| group.name.clone()),
        ..Variant::default()
    }
}

/// How light is coded; standard range need not be said (RFC 8216bis §4.4.6.2).
fn video_range(track: &Track) -> Option<VideoRange> {
    match track.index.sample_entry.colour()? {
        [_, 16, _] => Some(VideoRange::Pq),
        [_, 18, _] => Some(VideoRange::Hlg),
        _ => None,
    }
}

fn i_frame_variant(track: &Track, uri: String) -> IFrameVariant {
    let rates: Vec<_> = i_frames(track).map(|frame| (frame.range.end - frame.range.start, frame.duration)).collect();
    let rate = tessera_isobmff::Bandwidth::measure(&rates, track.index.timescale);
    IFrameVariant {
        uri,
        bandwidth: rate.peak,
        average_bandwidth: rate.average,
        codecs: vec![track.index.codec.clone()],
        resolution: resolution(track),
        video_range: video_range(track),
        ..IFrameVariant::default()
    }
}

fn resolution(track: &Track) -> Option<(u32, u32)> {
    match track.index.kind {
        TrackKind::Video(format) => Some((format.width.into(), format.height.into())),
        TrackKind::Audio(_) => None,
    }
}

/// A media playlist of a track, as it stands beside its segments.
pub(crate) fn media(
    presentation: &Presentation,
    track: &Track,
    clearkey_url: &str,
    (playlist, keys): (Playlist, Keys),
) -> Result<String, Unwritable> {
    let alone = keys == Keys::ClearKeyAlone;
    let keys = track.protection.as_ref().map(|protected| protected.hls_keys(clearkey_url, alone)).transpose()?;
    let (init, segments) = match playlist {
        Playlist::Media(Addressing::Segments) => {
            let segments = track.segments.iter().map(|segment| (format!("{}.m4s", segment.number), segment.duration));
            let segments = segments.map(|(name, duration)| MediaSegment { resource: Resource::file(name), duration });
            (Resource::file("init.mp4"), segments.collect())
        }
        Playlist::Media(Addressing::Ranges) => {
            let ranges = (0..).map(|place| track.layout.segment_range(place)).zip(&track.segments);
            let segment = |(range, of): (_, &tessera_isobmff::Segment)| ranged(range, of.duration);
            (whole(track.layout.init_range()), ranges.map(segment).collect())
        }
        Playlist::IFrames => {
            let frames = i_frames(track).map(|frame| ranged(frame.range, frame.duration));
            (whole(track.layout.init_range()), frames.collect())
        }
    };
    let playlist = MediaPlaylist {
        timescale: track.index.timescale,
        i_frames_only: playlist == Playlist::IFrames,
        // Segments are numbered from 1, as in the DASH template with `$Number$`.
        media_sequence: 1,
        target_duration: Some(presentation.target_seconds()),
        // A player that opens one which is still getting longer would begin near its end.
        start: presentation.open_ended.then_some(Start { offset_milliseconds: 0, precise: false }),
        open_ended: presentation.open_ended,
        runs: vec![Run { keys: keys.unwrap_or_default(), init: Some(init), segments, ..Run::default() }],
    };
    Ok(playlist.write()?)
}

fn whole(range: std::ops::Range<u64>) -> Resource {
    Resource::range(TrackFile::WHOLE, range.start, range.end.saturating_sub(range.start))
}

fn ranged(range: std::ops::Range<u64>, duration: u64) -> MediaSegment {
    MediaSegment { resource: whole(range), duration }
}

/// The I-frame that a segment begins with: its bytes in the whole track, and the time to the next.
struct IFrame {
    range: std::ops::Range<u64>,
    duration: u64,
}

/// From each segment's beginning to the end of its first sample (§4.4.3.6).
fn i_frames(track: &Track) -> impl Iterator<Item = IFrame> {
    track.segments.iter().enumerate().map(|(place, segment)| {
        let range = track.layout.segment_range(place);
        let header = (range.end - range.start).saturating_sub(segment.data_size);
        let first = segment.samples(&track.index).next().map_or(0, |sample| u64::from(sample.size));
        IFrame { range: range.start..range.start + header + first, duration: segment.duration }
    })
}
