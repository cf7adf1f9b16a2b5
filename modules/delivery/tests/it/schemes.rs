//! One stored copy under every protection: each scheme decrypts to the frames of the source, and every name has one content.

use std::collections::BTreeMap;

use serde_json::json;
use tessera_test_media::Bench;

use crate::{
    assets,
    neighbours::KEY_HEX,
    packaging::{frames, joined, playlists_of, text},
    world::World,
};

#[tokio::test]
async fn every_scheme_decrypts_to_the_frames_of_the_source() {
    let bench = Bench::new();
    let Some(film) = assets::film(&bench) else { return };
    let world = World::new().await;
    world.add("acme", "ast_1", "cbcs", &film).await;
    let prefix = world.prefix("acme", "ast_1").await;
    let mut served = BTreeMap::new();
    for scheme in ["cbcs", "cenc"] {
        for master in [format!("master-{scheme}.m3u8"), format!("master-{scheme}-ranges.m3u8")] {
            for clip in &film {
                let playlists = playlists_of(&world, "acme", &prefix, &master).await;
                let playlist = playlists.iter().find(|path| path.contains(&format!("/{}/", clip.id))).unwrap();
                let bytes = joined(&world, "acme", playlist).await;
                bench.write("served.mp4", &bytes);
                let options = format!("-seekable 0 -decryption_key {KEY_HEX}");
                let expected = frames(&bench, &format!("{}.mp4", clip.id), "");
                assert_eq!(frames(&bench, "served.mp4", &options), expected, "{} of {master}", clip.id);
                let before = served.insert((scheme, clip.id), bytes.clone());
                assert!(before.is_none_or(|before| before == bytes), "{}: ranges are the segments", clip.id);
            }
        }
    }
    for clip in &film {
        assert_ne!(served[&("cbcs", clip.id)], served[&("cenc", clip.id)], "{}", clip.id);
    }
}

#[tokio::test]
async fn a_name_never_has_other_bytes_whatever_is_configured() {
    let bench = Bench::new();
    let Some(film) = assets::film(&bench) else { return };
    let mut world = World::new().await;
    world.add("acme", "ast_1", "cbcs", &film).await;
    let mut by_name: BTreeMap<String, (Vec<u8>, String)> = BTreeMap::new();
    let mut names = 0;
    for settings in [
        json!({}),
        json!({"drm": {"dash_scheme": "cenc"}}),
        json!({"drm": {"hls_scheme": "cenc"}}),
        json!({"drm": {"systems": ["clearkey", "widevine", "playready", "fairplay"]}}),
        json!({"drm": {"keys": "track_type"}}),
        json!({"drm": {"keys": "resolution", "systems": ["widevine"]}}),
        json!({"segment_cache_megabytes": 0}),
    ] {
        world.another(serde_json::from_value(settings).unwrap(), crate::world::ring("1", 1));
        let prefix = world.prefix("acme", "ast_1").await;
        for scheme in ["cbcs", "cenc"] {
            for playlist in playlists_of(&world, "acme", &prefix, &format!("master-{scheme}.m3u8")).await {
                let folder = playlist.rsplit_once('/').unwrap().0;
                for file in ["init.mp4", "1.m4s", "track.mp4"] {
                    let answer = world.get("acme", &format!("{folder}/{file}")).await;
                    assert_eq!(answer.status, 200, "{folder}/{file}");
                    let name = format!("{folder}/{file}").replace(&prefix, "");
                    let found = (answer.bytes.clone(), answer.header("etag").to_owned());
                    names += usize::from(!by_name.contains_key(&name));
                    let before = by_name.insert(name.clone(), found.clone());
                    assert!(before.is_none_or(|before| before == found), "{name} has other bytes");
                }
            }
        }
    }
    assert_eq!(names, 4 * 2 * 9, "four ways to sign and divide keys, two schemes, three files of three tracks");
}

#[tokio::test]
async fn the_configured_scheme_is_what_unnamed_manifests_lead_to() {
    let Some(sound) = assets::sound(&Bench::new()) else { return };
    let world = World::with(json!({"drm": {"dash_scheme": "cenc"}})).await;
    world.add("acme", "ast_1", "cbcs", std::slice::from_ref(&sound)).await;
    world.add("acme", "ast_2", "clear", std::slice::from_ref(&sound)).await;
    let prefix = world.prefix("acme", "ast_1").await;
    for (manifest, says, says_not) in [
        ("manifest.mpd", "value=\"cenc\"", "value=\"cbcs\""),
        ("manifest-cbcs.mpd", "value=\"cbcs\"", "value=\"cenc\""),
        ("manifest-cenc-ranges.mpd", "value=\"cenc\"", "SegmentTemplate"),
        ("master.m3u8", "e1s4/a1/media.m3u8", "cenc"),
        ("master-cenc-ranges-clearkey.m3u8", "e1s4-cenc/a1/ranges-clearkey.m3u8", "e1s4/"),
        ("e1s4-cenc/a1/media.m3u8", "METHOD=SAMPLE-AES-CTR", "METHOD=SAMPLE-AES,"),
    ] {
        let text = text(&world, "acme", &format!("{prefix}{manifest}")).await;
        assert!(text.contains(says) && !text.contains(says_not), "{manifest}: {text}");
    }
    let prefix = world.prefix("acme", "ast_2").await;
    for path in ["manifest-cenc.mpd", "master-cbcs.m3u8", "e1s4-cenc/a1/init.mp4"] {
        let answer = world.get("acme", &format!("{prefix}{path}")).await;
        assert_eq!(answer.status, 404, "{path} of what is in the clear");
    }
}

#[tokio::test]
async fn under_cenc_no_two_track_files_share_a_counter() {
    let bench = Bench::new();
    let Some(film) = assets::film(&bench) else { return };
    let world = World::new().await;
    world.add("acme", "ast_1", "cbcs", &film).await;
    let prefix = world.prefix("acme", "ast_1").await;
    let mut ivs = std::collections::BTreeSet::new();
    let mut samples = 0;
    for track in ["v360", "v180", "a1", "v360-i", "v180-i"] {
        for segment in 1..=2 {
            let bytes = world.get("acme", &format!("{prefix}e1s4-cenc/{track}/{segment}.m4s")).await.bytes;
            for iv in sample_ivs(&bytes, track.starts_with('v')) {
                samples += 1;
                assert!(ivs.insert(iv), "{track} {segment} uses a counter again");
            }
        }
    }
    assert!(samples > 500, "{samples}");
}

/// The IV of each sample in `senc`.
fn sample_ivs(segment: &[u8], subsamples: bool) -> Vec<[u8; 8]> {
    let at = segment.windows(4).position(|window| window == b"senc").unwrap() + 8;
    let word = |at: usize| u32::from_be_bytes(segment[at..at + 4].try_into().unwrap()) as usize;
    let (count, mut at) = (word(at), at + 4);
    let mut ivs = Vec::new();
    for _ in 0..count {
        ivs.push(segment[at..at + 8].try_into().unwrap());
        at += 8;
        if subsamples {
            at += 2 + 6 * usize::from(u16::from_be_bytes(segment[at..at + 2].try_into().unwrap()));
        }
    }
    ivs
}
