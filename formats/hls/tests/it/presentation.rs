//! Generated presentations, as an origin could have them.

use proptest::prelude::*;
use tessera_hls::{
    AudioRendition, IFrameVariant, Key, KeyFormat, MediaPlaylist, MediaSegment, Method, MultivariantPlaylist, Resource,
    Run, Start, SubtitleRendition, Variant, VideoRange,
};

/// Seconds of every target duration.
pub(crate) const TARGET: u64 = 8;

fn keys() -> impl Strategy<Value = Vec<Key>> {
    let key_id = any::<[u8; 16]>();
    let object = prop::collection::vec(any::<u8>(), 1..60);
    (any::<bool>(), key_id, object, prop::option::of(any::<[u8; 16]>())).prop_map(|(cbcs, key_id, object, iv)| {
        let method = if cbcs { Method::SampleAes } else { Method::SampleAesCtr };
        let fetched = |format, iv| Key { method, format, uri: "k/1?a=b".to_owned(), key_id: Some(key_id), iv };
        let mut keys = vec![
            fetched(KeyFormat::Identity, iv.filter(|_| cbcs)),
            fetched(KeyFormat::ClearKey, None),
            Key::widevine(method, key_id, &object),
            Key::playready(method, &object),
        ];
        keys.extend(cbcs.then(|| Key::fairplay("skd://film")));
        keys
    })
}

fn start() -> impl Strategy<Value = Option<Start>> {
    let start = (-400i64..400, any::<bool>());
    prop::option::of(start.prop_map(|(offset_milliseconds, precise)| Start { offset_milliseconds, precise }))
}

/// A run of segments in files of their own or in ranges of one file, at millionths of a second.
fn run(number: usize, keys: Vec<Key>) -> impl Strategy<Value = Run> {
    let durations = prop::collection::vec(500_000u64..TARGET * 1_000_000, 1..6);
    (durations, any::<bool>(), prop::collection::vec(1u64..1_000_000, 6)).prop_map(
        move |(durations, one_file, sizes)| {
            let file = format!("{number}.mp4");
            let mut offset = 700;
            let segment = |(place, duration): (usize, u64)| {
                let range = Resource::range(file.as_str(), offset, sizes[place]);
                offset += sizes[place];
                let resource = if one_file { range } else { Resource::file(format!("{number}-{place}.m4s")) };
                MediaSegment { resource, duration }
            };
            let segments = durations.into_iter().enumerate().map(segment).collect();
            let init = if one_file { Resource::range(file.as_str(), 0, 700) } else { Resource::file("init.mp4") };
            Run { discontinuity: number > 0, keys: keys.clone(), init: Some(init), segments }
        },
    )
}

pub(crate) fn media() -> impl Strategy<Value = MediaPlaylist> {
    let runs = (keys(), prop::collection::vec(any::<bool>(), 1..4)).prop_flat_map(|(keys, protected)| {
        let run = |(number, protected)| run(number, if protected { keys.clone() } else { Vec::new() });
        protected.into_iter().enumerate().map(run).collect::<Vec<_>>()
    });
    (runs, any::<u32>(), start(), any::<[bool; 2]>()).prop_map(
        |(runs, sequence, start, [i_frames_only, open_ended])| MediaPlaylist {
            timescale: 1_000_000,
            i_frames_only,
            target_duration: Some(TARGET),
            media_sequence: u64::from(sequence),
            start,
            open_ended,
            runs,
        },
    )
}

fn names() -> impl Strategy<Value = Vec<String>> {
    prop::collection::hash_set("[ -!#-~éü]{1,12}", 1..4).prop_map(|names| names.into_iter().collect())
}

fn audio() -> impl Strategy<Value = Vec<AudioRendition>> {
    // Groups of one type hold the same members (§4.4.6.2.1).
    (names(), 1usize..3, any::<bool>(), prop::option::of("[a-z]{2}")).prop_map(
        |(names, groups, described, language)| {
            let rendition = |group: usize, (place, name): (usize, &String)| AudioRendition {
                group: format!("audio-{group}"),
                name: name.clone(),
                language: language.clone(),
                default: place == 0,
                characteristics: described
                    .then(|| "public.accessibility.describes-video".to_owned())
                    .into_iter()
                    .collect(),
                channels: if group == 0 { 2 } else { 6 },
                uri: format!("a{group}/{place}.m3u8"),
            };
            (0..groups).flat_map(|group| names.iter().enumerate().map(move |at| rendition(group, at))).collect()
        },
    )
}

fn subtitles() -> impl Strategy<Value = Vec<SubtitleRendition>> {
    prop::option::of((names(), any::<bool>())).prop_map(|texts| {
        let (names, forced) = texts.unwrap_or_default();
        let rendition = |(place, name): (usize, String)| SubtitleRendition {
            group: "text".to_owned(),
            name,
            forced,
            uri: format!("t/{place}.m3u8"),
            ..SubtitleRendition::default()
        };
        names.into_iter().enumerate().map(rendition).collect()
    })
}

fn variant(audio: &str, subtitles: bool, place: usize, (average, more): (u64, u64), range: VideoRange) -> Variant {
    Variant {
        uri: format!("v/{place}/{audio}.m3u8"),
        bandwidth: average + more,
        average_bandwidth: average,
        codecs: ["hvc1.2.4.L123.B0", "mp4a.40.2"].map(str::to_owned).to_vec(),
        supplemental_codecs: if range == VideoRange::Pq { vec!["dvh1.08.07/db1p".to_owned()] } else { Vec::new() },
        resolution: Some((1280, 720)),
        frame_rate: Some((29_970, 1_000)),
        video_range: Some(range),
        audio: Some(audio.to_owned()),
        subtitles: subtitles.then(|| "text".to_owned()),
    }
}

pub(crate) fn multivariant() -> impl Strategy<Value = MultivariantPlaylist> {
    let range = prop::sample::select(vec![VideoRange::Sdr, VideoRange::Hlg, VideoRange::Pq]);
    let rates = prop::collection::vec((1u64..9_000_000, 0u64..9_000_000), 1..4);
    let parts = (audio(), subtitles(), rates, range, keys());
    (parts, any::<bool>(), start(), any::<bool>()).prop_map(
        |((audio, subtitles, rates, range, keys), no_closed_captions, start, protected)| {
            let mut groups: Vec<_> = audio.iter().map(|audio| audio.group.clone()).collect();
            groups.dedup();
            let each = |group: &String| {
                let rates = rates.iter().enumerate();
                rates.map(|(at, rate)| variant(group, !subtitles.is_empty(), at, *rate, range)).collect::<Vec<_>>()
            };
            let i_frames = |(place, (average, more)): (usize, &(u64, u64))| IFrameVariant {
                uri: format!("v/{place}/iframes.m3u8"),
                bandwidth: average + more,
                average_bandwidth: *average,
                codecs: vec!["hvc1.2.4.L123.B0".to_owned()],
                resolution: Some((1280, 720)),
                video_range: Some(range),
                ..IFrameVariant::default()
            };
            MultivariantPlaylist {
                variants: groups.iter().flat_map(each).collect(),
                i_frame_variants: rates.iter().enumerate().map(i_frames).collect(),
                audio,
                subtitles,
                no_closed_captions,
                start,
                session_keys: if protected { keys } else { Vec::new() },
            }
        },
    )
}
