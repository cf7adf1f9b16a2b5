//! HLS playlists of a presentation (RFC 8216bis). URIs are relative, so that the signed prefix reaches every segment.

use tessera_hls::{
    AudioRendition, Error, Key, KeyFormat, MediaPlaylist, MediaSegment, Method, MultivariantPlaylist, Resource, Run,
    Variant,
};
use tessera_isobmff::TrackKind;

use crate::presentation::{Presentation, Track};

const AUDIO_GROUP: &str = "audio";

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

/// The multivariant playlist of `tracks`.
pub(crate) fn multivariant(presentation: &Presentation, tracks: &[&Track], keys: Keys) -> Result<String, Error> {
    let (video, audio): (Vec<&Track>, Vec<&Track>) = tracks.iter().partition(|track| track.index.kind.is_video());
    let uri = |track: &Track| format!("{}/{}/{}", presentation.edition, track.id, keys.media_playlist());
    // Sound alone: each track is a variant of its own.
    let (variants, audio) = if video.is_empty() { (audio, Vec::new()) } else { (video, audio) };
    let playlist = MultivariantPlaylist {
        variants: variants.into_iter().map(|track| variant(track, &audio, uri(track))).collect(),
        audio: audio.iter().enumerate().map(|(place, track)| rendition(track, place, uri(track))).collect(),
        ..MultivariantPlaylist::default()
    };
    playlist.write()
}

fn variant(track: &Track, audio: &[&Track], uri: String) -> Variant {
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
        audio: (!audio.is_empty()).then(|| AUDIO_GROUP.to_owned()),
        ..Variant::default()
    }
}

fn rendition(track: &Track, place: usize, uri: String) -> AudioRendition {
    AudioRendition {
        group: AUDIO_GROUP.to_owned(),
        // Unique in its group (§4.4.6.1.1), whatever the languages are.
        name: format!("{} {}", track.language().unwrap_or_else(|| "audio".into()), place + 1),
        language: track.language(),
        default: place == 0,
        channels: match track.index.kind {
            TrackKind::Audio(format) => format.channels,
            TrackKind::Video(_) => 0,
        },
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
