//! What DRM systems are told: the same bytes as Shaka Packager writes, in init segments and in manifests.

use serde_json::json;
use tessera_isobmff::Boxes;
use tessera_test_media::Bench;

use crate::{
    assets,
    neighbours::KEY_HEX,
    packaging::{attribute, playlists_of, text},
    world::World,
};

const LICENCES: &str = "https://pr.example/rightsmanager.asmx?a=1&b=2";

/// The `pssh` boxes of an init segment.
fn boxes(init: &[u8]) -> Vec<Vec<u8>> {
    let moov = Boxes::new(b"file", init).only(b"moov").unwrap();
    let boxes = moov.children().map(Result::unwrap).filter(|found| found.kind == b"pssh");
    boxes.map(|found| found.bytes.to_vec()).collect()
}

/// The texts of an element, sorted: sets come in each packager's own order.
fn texts(mpd: &str, element: &str) -> Vec<String> {
    let mut texts: Vec<String> = mpd
        .split(&format!("<{element}>"))
        .skip(1)
        .map(|rest| rest.split('<').next().unwrap().trim().to_owned())
        .collect();
    texts.sort();
    texts.dedup();
    texts
}

/// The key of a format in a playlist: its method and URI.
fn key<'t>(playlist: &'t str, format: &str) -> (&'t str, &'t str) {
    let named = format!("KEYFORMAT=\"{format}\"");
    let line = playlist.lines().find(|line| line.starts_with("#EXT-X-KEY") && line.contains(&named));
    let line = line.unwrap_or_else(|| panic!("no key of {format} in {playlist}"));
    (line.split_once("METHOD=").unwrap().1.split(',').next().unwrap(), attribute(line, "URI"))
}

#[tokio::test]
async fn every_system_is_told_what_shaka_packager_tells_it() {
    let bench = Bench::new();
    let (Some(video), Some(sound)) = (assets::video(&bench, "v180", "320x180"), assets::sound(&bench)) else { return };
    for scheme in ["cbcs", "cenc"] {
        for division in ["asset", "track_type"] {
            let settings = json!({"drm": {
                "systems": ["clearkey", "widevine", "playready", "fairplay"],
                "keys": division, "playready_licence_url": LICENCES,
            }});
            let world = World::with(settings).await;
            world.add("acme", "ast_1", "cbcs", &[video.clone(), sound.clone()]).await;
            let prefix = world.prefix("acme", "ast_1").await;
            let mpd = text(&world, "acme", &format!("{prefix}manifest-{scheme}-ranges.mpd")).await;
            let kids: Vec<String> = mpd
                .split("<AdaptationSet")
                .filter(|set| set.contains("default_KID") && !set.contains("trickmode"))
                .map(|set| attribute(set, "default_KID").replace('-', ""))
                .collect();
            let [video_key, audio_key] = &kids[..] else { panic!("two sets: {mpd}") };
            // Labels sort as ours do.
            let labels = if division == "asset" { ["ONE", "ONE"] } else { ["VIDEO", "AUDIO"] };
            let words = format!(
                "in=v180.mp4,stream=video,output=v.mp4,playlist_name=v.m3u8,drm_label={} \
                 in=a1.mp4,stream=audio,output=a.mp4,playlist_name=a.m3u8,drm_label={} \
                 --enable_raw_key_encryption --keys \
                 label={}:key_id={video_key}:key={KEY_HEX}{} --protection_scheme {scheme} \
                 --protection_systems Widevine,PlayReady,Common,FairPlay --clear_lead 0 \
                 --playready_extra_header_data <LA_URL>{}</LA_URL> --mpd_output theirs.mpd \
                 --hls_master_playlist_output theirs.m3u8",
                labels[0],
                labels[1],
                labels[0],
                if division == "asset" {
                    String::new()
                } else {
                    format!(",label=AUDIO:key_id={audio_key}:key={KEY_HEX}")
                },
                LICENCES.replace('&', "&amp;"),
            );
            if bench.shaka_packager(&words).is_none() {
                return;
            }
            for (track, file) in [("v180", "v.mp4"), ("a1", "a.mp4")] {
                let folder = playlists_of(&world, "acme", &prefix, &format!("master-{scheme}.m3u8")).await;
                let playlist = folder.iter().find(|path| path.contains(track)).unwrap();
                let init = playlist.replace("media.m3u8", "init.mp4");
                let ours = boxes(&world.get("acme", &init).await.bytes);
                let theirs = boxes(&bench.read(file));
                assert_eq!(ours.len(), 3, "ClearKey's, PlayReady's and Widevine's");
                assert_eq!(ours, theirs, "{track} {scheme} {division}");

                let ours = text(&world, "acme", playlist).await;
                let theirs = String::from_utf8(bench.read(&file.replace(".mp4", ".m3u8"))).unwrap();
                let widevine = "urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed";
                for system in [widevine, "com.microsoft.playready"] {
                    assert_eq!(key(&ours, system), key(&theirs, system), "{track} {scheme} {division}");
                }
                let skd = ours.contains("KEYFORMAT=\"com.apple.streamingkeydelivery\"");
                assert_eq!(skd, scheme == "cbcs", "FairPlay decrypts cbcs alone");
            }
            let theirs = String::from_utf8(bench.read("theirs.mpd")).unwrap();
            for element in ["cenc:pssh", "mspr:pro"] {
                assert_eq!(texts(&mpd, element), texts(&theirs, element), "{element} {scheme} {division}\n{theirs}");
            }
        }
    }
}

#[tokio::test]
async fn only_configured_systems_are_named() {
    let Some(sound) = assets::sound(&Bench::new()) else { return };
    let world = World::with(json!({"drm": {"systems": ["widevine"]}})).await;
    world.add("acme", "ast_1", "cbcs", std::slice::from_ref(&sound)).await;
    let prefix = world.prefix("acme", "ast_1").await;
    let mpd = text(&world, "acme", &format!("{prefix}manifest.mpd")).await;
    let systems: Vec<&str> = mpd.split("schemeIdUri=\"urn:uuid:").skip(1).map(|rest| &rest[..8]).collect();
    assert_eq!(systems, ["edef8ba9"], "{mpd}");
    let playlists = playlists_of(&world, "acme", &prefix, "master.m3u8").await;
    let playlist = text(&world, "acme", &playlists[0]).await;
    let keys = playlist.lines().filter(|line| line.starts_with("#EXT-X-KEY")).count();
    assert_eq!(keys, 1, "{playlist}");
}
