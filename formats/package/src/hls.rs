//! HLS playlists of track files: one file a track, segments by byte range (RFC 8216bis §4.4.4.2).

use base64::{Engine, engine::general_purpose::STANDARD};
use tessera_hls::{
    AudioRendition, Key, KeyFormat, MediaPlaylist, MediaSegment, Method, MultivariantPlaylist, Resource, Run, Variant,
    rounded_seconds,
};
use tessera_isobmff::TrackKind;

use crate::{Cipher, Encryption, Error, track::TrackFile};

pub(crate) const MULTIVARIANT: &str = "main.m3u8";
const AUDIO_GROUP: &str = "audio";

/// The name of a track's playlist.
pub(crate) fn media_name(track: &str) -> String {
    format!("{track}.m3u8")
}

/// The media playlist of one of the tracks.
pub(crate) fn media(track: &TrackFile, tracks: &[TrackFile], encryption: Option<&Encryption>) -> Result<String, Error> {
    let file = crate::track_file_name(&track.name);
    let mut offset = track.init_size + track.segment_index_size;
    let segments = track.segments.iter().map(|(segment, size)| {
        let resource = Resource::range(&file, offset, *size);
        offset += size;
        MediaSegment { resource, duration: segment.duration }
    });
    let run = Run {
        segments: segments.collect(),
        keys: encryption.map(keys).unwrap_or_default(),
        init: Some(Resource::range(&file, 0, track.init_size)),
        ..Run::default()
    };
    // Renditions agree on one target duration (§6.2.4).
    let longest = tracks.iter().map(|track| {
        let (ticks, timescale) = track.longest();
        rounded_seconds(ticks, timescale)
    });
    let playlist = MediaPlaylist {
        timescale: track.index.timescale,
        target_duration: longest.max(),
        runs: vec![run],
        ..MediaPlaylist::default()
    };
    Ok(playlist.write()?)
}

/// The key as players name it: by its id alone, and where ClearKey licences come from.
fn keys(encryption: &Encryption) -> Vec<Key> {
    let method = match encryption.cipher {
        Cipher::Cbcs { .. } => Method::SampleAes,
        Cipher::Cenc => Method::SampleAesCtr,
    };
    let key = |format, uri| Key { method, format, uri, key_id: Some(encryption.key_id), iv: None };
    let id = format!("data:text/plain;base64,{}", STANDARD.encode(encryption.key_id));
    let clearkey = encryption.license_url.iter().map(|url| key(KeyFormat::ClearKey, url.clone()));
    [key(KeyFormat::Identity, id)].into_iter().chain(clearkey).collect()
}

/// The multivariant playlist: a variant a video track, or without video one an audio track.
pub(crate) fn multivariant(tracks: &[TrackFile]) -> Result<String, Error> {
    let (video, audio): (Vec<_>, Vec<_>) = tracks.iter().partition(|track| track.index.kind.is_video());
    let sound = audio.iter().map(|track| track.bandwidth());
    let sound = sound.fold((0, 0), |most, rate| (most.0.max(rate.peak), most.1.max(rate.average)));
    let renditions = if video.is_empty() { &[] } else { audio.as_slice() };
    let variants = if video.is_empty() { &audio } else { &video };
    let variant = |track: &&TrackFile| {
        let (rate, with) = (track.bandwidth(), if renditions.is_empty() { (0, 0) } else { sound });
        Variant {
            uri: media_name(&track.name),
            bandwidth: rate.peak + with.0,
            average_bandwidth: rate.average + with.1,
            codecs: [track].into_iter().chain(renditions).map(|track| track.index.codec.clone()).collect(),
            resolution: match track.index.kind {
                TrackKind::Video(format) => Some((format.width.into(), format.height.into())),
                TrackKind::Audio(_) => None,
            },
            frame_rate: track.index.frame_rate(),
            audio: (!renditions.is_empty()).then(|| AUDIO_GROUP.to_owned()),
            ..Variant::default()
        }
    };
    let playlist = MultivariantPlaylist {
        variants: variants.iter().map(variant).collect(),
        audio: renditions.iter().enumerate().map(|(place, track)| rendition(track, place)).collect(),
        ..MultivariantPlaylist::default()
    };
    Ok(playlist.write()?)
}

fn rendition(track: &TrackFile, place: usize) -> AudioRendition {
    let language = track.language();
    AudioRendition {
        group: AUDIO_GROUP.to_owned(),
        // Unique in its group (§4.4.6.1.1), whatever the languages are.
        name: format!("{} {}", language.as_deref().unwrap_or("audio"), place + 1),
        language,
        default: place == 0,
        channels: match track.index.kind {
            TrackKind::Audio(format) => format.channels,
            TrackKind::Video(_) => 0,
        },
        uri: media_name(&track.name),
        ..AudioRendition::default()
    }
}
