//! HLS playlists of a presentation (RFC 8216bis). URIs are relative, so that the signed prefix reaches every segment.

use std::collections::BTreeSet;

use tessera_hls::{
    AudioRendition, Error, Key, KeyFormat, MediaPlaylist, MediaSegment, Method, MultivariantPlaylist, Resource, Run,
    Variant, VideoRange,
};
use tessera_isobmff::TrackKind;

use crate::presentation::{Presentation, Track};

/// Which key formats protected playlists name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// `identity`, by which a player fetches the bare key (Shaka Player knows no other for ClearKey), and
    /// `org.w3.clearkey`.
    Both,
    /// `org.w3.clearkey` alone, for hls.js: it licenses through Encrypted Media Extensions unless `identity` is there,
    /// which it does not take with fragmented MP4.
    ClearKeyAlone,
}

impl Keys {
    /// The media playlist's file name, beside its segments.
    pub(crate) fn media_playlist(self) -> &'static str {
        match self {
            Self::Both => "media.m3u8",
            Self::ClearKeyAlone => "media-clearkey.m3u8",
        }
    }
}

/// The multivariant playlist of `tracks`. Sound of so many channels is a group, each variant is there once a group, and a
/// group has every language: stereo stands in where a language has nothing larger (RFC 8216bis §4.4.6.2.1).
pub(crate) fn multivariant(presentation: &Presentation, tracks: &[&Track], keys: Keys) -> Result<String, Error> {
    let (video, audio): (Vec<&Track>, Vec<&Track>) = tracks.iter().partition(|track| track.index.kind.is_video());
    let uri = |track: &Track| format!("{}/{}/{}", presentation.edition, track.id, keys.media_playlist());
    if video.is_empty() {
        // Sound alone: each track is a variant of its own.
        let variants = audio.into_iter().map(|track| variant(track, None, uri(track))).collect();
        return MultivariantPlaylist { variants, ..MultivariantPlaylist::default() }.write();
    }
    let groups = audio_groups(&audio);
    let with = |group| video.iter().map(move |track: &&Track| variant(track, group, uri(track)));
    let variants = match groups.is_empty() {
        true => with(None).collect(),
        false => groups.iter().flat_map(|group| with(Some(group))).collect(),
    };
    let renditions = groups.iter().flat_map(|group| {
        group.members.iter().enumerate().map(|(place, track)| rendition(track, group, place, uri(track)))
    });
    MultivariantPlaylist { variants, audio: renditions.collect(), ..MultivariantPlaylist::default() }.write()
}

/// Renditions of sound that a variant can go with.
struct AudioGroup<'t> {
    name: String,
    members: Vec<&'t Track>,
}

/// A group for each count of channels, fewest first. Each has every language, in the closest count that is not above its
/// own where there is one.
fn audio_groups<'t>(audio: &[&'t Track]) -> Vec<AudioGroup<'t>> {
    let counts: BTreeSet<u16> = audio.iter().map(|track| channels(track)).collect();
    let group = |&count: &u16| {
        let has = |language: &str, count: u16| {
            audio.iter().any(|track| track.index.language == language && channels(track) == count)
        };
        let fitting = |language: &str| {
            let below = counts.range(..=count).rev();
            below.chain(&counts).copied().find(|count| has(language, *count))
        };
        let is_in = |track: &&Track| fitting(&track.index.language) == Some(channels(track));
        let mut members: Vec<&Track> = audio.iter().copied().filter(is_in).collect();
        // The same language first in each, for that is the default.
        members.sort_by_key(|track| audio.iter().position(|first| first.index.language == track.index.language));
        AudioGroup { name: format!("audio{count}"), members }
    };
    counts.iter().map(group).collect()
}

fn channels(track: &Track) -> u16 {
    match track.index.kind {
        TrackKind::Audio(format) => format.channels,
        TrackKind::Video(_) => 0,
    }
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
        resolution: match track.index.kind {
            TrackKind::Video(format) => Some((format.width.into(), format.height.into())),
            TrackKind::Audio(_) => None,
        },
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

fn rendition(track: &Track, group: &AudioGroup<'_>, place: usize, uri: String) -> AudioRendition {
    let named = |track: &Track| track.language_name().map_or_else(|| "Audio".to_owned(), str::to_owned);
    let before = group.members[..place].iter().filter(|other| named(other) == named(track)).count();
    // Unique in its group (§4.4.6.1.1), whatever the languages are.
    let name = if before == 0 { named(track) } else { format!("{} {}", named(track), before + 1) };
    AudioRendition {
        group: group.name.clone(),
        name,
        language: track.language(),
        default: place == 0,
        channels: channels(track),
        uri,
        ..AudioRendition::default()
    }
}

/// The media playlist of a track, as it stands beside its segments.
pub(crate) fn media(
    presentation: &Presentation,
    track: &Track,
    clearkey_url: &str,
    keys: Keys,
) -> Result<String, Error> {
    let key = |format, uri, key_id| Key { method: Method::SampleAes, format, uri, key_id: Some(key_id), iv: None };
    let keys = presentation.signalled().map(|signalled| {
        let id = signalled.key_id;
        let identity = format!("{clearkey_url}/{:032x}", u128::from_be_bytes(id));
        let identity = (keys == Keys::Both).then(|| key(KeyFormat::Identity, identity, id));
        identity.into_iter().chain([key(KeyFormat::ClearKey, clearkey_url.to_owned(), id)])
    });
    let segment = |segment: &tessera_isobmff::Segment| MediaSegment {
        resource: Resource::file(format!("{}.m4s", segment.number)),
        duration: segment.duration,
    };
    let playlist = MediaPlaylist {
        timescale: track.index.timescale,
        // Segments are numbered from 1, as in the DASH template with `$Number$`.
        media_sequence: 1,
        target_duration: Some(presentation.target_seconds()),
        runs: vec![Run {
            keys: keys.into_iter().flatten().collect(),
            init: Some(Resource::file("init.mp4")),
            segments: track.segments.iter().map(segment).collect(),
            ..Run::default()
        }],
        ..MediaPlaylist::default()
    };
    playlist.write()
}
