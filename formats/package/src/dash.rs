//! The DASH description of track files, on-demand profile: `SegmentBase` leads to the `sidx` (ISO/IEC 23009-1 §8.3).

use tessera_dash::{
    AdaptationSet, ContentProtection, DrmSystem, Media, Mpd, Representation, Role, SegmentBase, Segments, Video,
};
use tessera_isobmff::TrackKind;

use crate::{
    Cipher, Encryption, Error,
    track::{TrackFile, longer},
};

pub(crate) const MANIFEST: &str = "manifest.mpd";

/// The description. Video tracks of one coding are an adaptation set, audio tracks one a language and coding.
pub(crate) fn manifest(tracks: &[TrackFile], encryption: Option<&Encryption>) -> Result<String, Error> {
    let mut sets = Vec::<Vec<&TrackFile>>::new();
    for track in tracks {
        match sets.iter_mut().find(|set| set.first().is_some_and(|first| belong_together(first, track))) {
            Some(set) => set.push(track),
            None => sets.push(vec![track]),
        }
    }
    let mut has_main_sound = false;
    let set = |tracks: &Vec<&TrackFile>| {
        let video = tracks.iter().any(|track| track.index.kind.is_video());
        let main = video || !std::mem::replace(&mut has_main_sound, true);
        AdaptationSet {
            language: tracks.first().and_then(|track| track.language()),
            roles: vec![if main { Role::Main } else { Role::Alternate }],
            protection: encryption.map(content_protection),
            aligned_subsegments: tracks.windows(2).all(|pair| pair[0].is_aligned(pair[1])),
            representations: tracks.iter().map(|track| representation(track)).collect(),
            ..AdaptationSet::default()
        }
    };
    let adaptation_sets = sets.iter().map(set).collect();
    let mpd = Mpd {
        duration: tracks.iter().map(TrackFile::end).fold((0, 1), longer),
        min_buffer_time: tracks.iter().map(TrackFile::longest).fold((0, 1), longer),
        base_urls: Vec::new(),
        dynamic: None,
        adaptation_sets,
    };
    Ok(mpd.write()?)
}

fn belong_together(a: &TrackFile, b: &TrackFile) -> bool {
    match (a.index.kind, b.index.kind) {
        (TrackKind::Video(_), TrackKind::Video(_)) => a.index.sample_entry.format == b.index.sample_entry.format,
        (TrackKind::Audio(a_format), TrackKind::Audio(b_format)) => {
            (&a.index.language, &a.index.codec, a_format) == (&b.index.language, &b.index.codec, b_format)
        }
        _ => false,
    }
}

fn representation(track: &TrackFile) -> Representation {
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
    let index_at = track.init_size;
    Representation {
        id: track.name.clone(),
        bandwidth: track.bandwidth().peak,
        codecs: Some(track.index.codec.clone()),
        media,
        segments: Segments::Base(SegmentBase {
            url: crate::track_file_name(&track.name),
            timescale: track.index.timescale,
            initialization: 0..index_at,
            index: index_at..index_at + track.segment_index_size,
        }),
    }
}

fn content_protection(encryption: &Encryption) -> ContentProtection {
    let scheme = match encryption.cipher {
        Cipher::Cbcs { .. } => *b"cbcs",
        Cipher::Cenc => *b"cenc",
    };
    let systems = vec![DrmSystem::clear_key(encryption.pssh(), encryption.license_url.clone())];
    ContentProtection { scheme, key_id: encryption.key_id, systems }
}
