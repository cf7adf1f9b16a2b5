//! What a signed URL opens: a tier's tracks, less what its territory and its own claims leave out, and never more.

use serde_json::{Value, json};
use tessera_contract_delivery::{Delivery, Route};
use tessera_test_media::Bench;
use tessera_testing::cx;

use crate::{
    assets::{self, Clip},
    packaging::text,
    world::World,
};

/// Two renditions in H.264, one in HEVC, sound in AAC and AC-3.
fn film(bench: &Bench) -> Option<Vec<Clip>> {
    let mut film = assets::film(bench)?;
    let gop =
        "-c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params keyint=50:min-keyint=50:scenecut=0:log-level=none";
    let words = format!("{} {gop}", tessera_test_media::picture("640x360", 25, 2));
    film.push(Clip { id: "h360", kind: "video", file: bench.track("h360.mp4", &words)? });
    let words = format!("{} -c:a ac3 -ac 6 -frag_duration 2000000", tessera_test_media::tone(6.0));
    film.push(Clip { id: "d1", kind: "audio", file: bench.track("d1.mp4", &words)? });
    Some(film)
}

async fn route(world: &World, request: Value) -> Route {
    let request = serde_json::from_value(request).unwrap();
    world.delivery.route(&cx("acme").service("playback"), request).await.unwrap()
}

#[tokio::test]
async fn manifests_and_segments_are_those_of_the_claims() {
    let Some(film) = film(&Bench::new()) else { return };
    let world = World::with(json!({
        "tiers": {"mobile": {"max_height": 200}, "plain": {"codecs": ["avc1", "mp4a"]}},
        "territories": {"CH": {"max_height": 200}, "US": {"codecs": ["AVC1", "hvc1", "mp4a"]}},
    }))
    .await;
    world.add("acme", "ast_1", "cbcs", &film).await;
    let all = ["v360", "v180", "a1", "h360", "d1"];
    let (avc, aac) = (json!("avc1"), json!("mp4a"));
    for (request, expected) in [
        (json!({"tier": "standard"}), &all[..]),
        (json!({"tier": "mobile"}), &["v180", "a1", "d1"]),
        (json!({"tier": "plain"}), &["v360", "v180", "a1"]),
        (json!({"tier": "standard", "territory": "DE"}), &all[..]),
        (json!({"tier": "standard", "territory": "CH"}), &["v180", "a1", "d1"]),
        (json!({"tier": "standard", "territory": "US"}), &["v360", "v180", "a1", "h360"]),
        (json!({"tier": "plain", "territory": "CH"}), &["v180", "a1"]),
        (json!({"tier": "standard", "max_height": 200}), &["v180", "a1", "d1"]),
        (json!({"tier": "mobile", "max_height": 2000}), &["v180", "a1", "d1"]),
        (json!({"tier": "standard", "codecs": [aac, avc]}), &["v360", "v180", "a1"]),
        (json!({"tier": "plain", "codecs": ["hvc1", "mp4a"]}), &["a1"]),
        (json!({"tier": "standard", "codecs": ["hvc1", "ac-3"]}), &["h360", "d1"]),
    ] {
        let mut asked = request.clone();
        asked["asset_id"] = "ast_1".into();
        let route = route(&world, asked).await;
        let prefix = route.sources[0].hls_url.strip_suffix("master.m3u8").unwrap();
        let mut manifests = String::new();
        for name in ["master.m3u8", "master-cenc-ranges.m3u8", "manifest.mpd", "manifest-cenc-ranges.mpd"] {
            let text = text(&world, "acme", &format!("{prefix}{name}")).await;
            for track in all {
                let named = text.contains(&format!("/{track}/")) || text.contains(&format!("id=\"{track}\""));
                assert_eq!(named, expected.contains(&track), "{track} in {name} for {request}");
            }
            manifests += &text;
        }
        for track in all {
            let is_video = !["a1", "d1"].contains(&track);
            let files = ["init.mp4", "1.m4s", "track.mp4", "media.m3u8"].into_iter();
            for file in files.chain(is_video.then_some("i-frames.m3u8")) {
                for edition in ["e1s4", "e1s4-cenc"] {
                    let path = format!("{prefix}{edition}/{track}/{file}");
                    let status = if expected.contains(&track) { 200 } else { 404 };
                    assert_eq!(world.send("HEAD", "acme", &path, &[]).await.status, status, "{path} for {request}");
                }
            }
            let trick = format!("{prefix}e1s4/{track}-i/1.m4s");
            let status = if expected.contains(&track) && is_video { 200 } else { 404 };
            assert_eq!(world.send("HEAD", "acme", &trick, &[]).await.status, status, "{trick} for {request}");
        }
    }
}

#[tokio::test]
async fn a_player_that_does_not_know_a_coding_has_the_others() {
    let Some(film) = film(&Bench::new()) else { return };
    let world = World::new().await;
    world.add("acme", "ast_1", "clear", &film).await;
    let prefix = world.prefix("acme", "ast_1").await;
    let master = text(&world, "acme", &format!("{prefix}master.m3u8")).await;
    let variants: Vec<&str> = master.lines().filter(|line| line.starts_with("#EXT-X-STREAM-INF:")).collect();
    let count = |words: &[&str]| variants.iter().filter(|line| words.iter().all(|word| line.contains(word))).count();
    assert_eq!(variants.len(), 6, "{master}");
    assert_eq!(count(&["avc1.", "mp4a.40.2", "AUDIO=\"audio2\""]), 2, "{master}");
    assert_eq!(count(&["avc1.", "ac-3", "AUDIO=\"audio-ac-3-6\""]), 2, "{master}");
    assert_eq!(count(&["hvc1.", "mp4a.40.2"]), 1, "{master}");
    assert_eq!(count(&["hvc1.", "ac-3"]), 1, "{master}");
    assert!(variants[0].contains("avc1.") && variants[0].contains("mp4a."), "what every player plays comes first");
    assert_eq!(variants.iter().filter(|line| line.contains("ac-3") && line.contains("mp4a")).count(), 0, "{master}");
    let mpd = text(&world, "acme", &format!("{prefix}manifest.mpd")).await;
    let sets: Vec<&str> = mpd.split("<AdaptationSet").skip(1).filter(|set| !set.contains("trickmode")).collect();
    let codings = |set: &str| set.split("codecs=\"").skip(1).map(|rest| rest[..4].to_owned()).collect::<Vec<_>>();
    let codings: Vec<_> = sets.iter().map(|set| codings(set)).collect();
    assert_eq!(codings, [vec!["avc1", "avc1"], vec!["hvc1"], vec!["mp4a"], vec!["ac-3"]], "{mpd}");
}

#[tokio::test]
async fn a_route_says_which_keys_its_tracks_are_under() {
    let bench = Bench::new();
    let Some(film) = assets::film(&bench) else { return };
    let hd = assets::video(&bench, "v720", "1280x720").unwrap();
    let world = World::with(json!({"drm": {"keys": "resolution"}, "tiers": {"mobile": {"max_height": 400}}})).await;
    world.add("acme", "ast_1", "cbcs", &[&[hd], &film[..]].concat()).await;
    world.add("acme", "ast_2", "clear", &film).await;
    for (asset, tier, expected) in [
        ("ast_1", "standard", None),
        ("ast_1", "mobile", Some(["audio", "cenc-audio", "cenc-sd", "sd"].map(str::to_owned).to_vec())),
        ("ast_2", "mobile", None),
    ] {
        let route = route(&world, json!({"asset_id": asset, "tier": tier})).await;
        assert_eq!(route.key_labels, expected, "{asset} {tier}");
    }
    let mpd = text(&world, "acme", &format!("{}manifest.mpd", world.prefix("acme", "ast_1").await)).await;
    let kids: std::collections::BTreeSet<_> = mpd.split("default_KID=\"").skip(1).map(|rest| &rest[..36]).collect();
    assert_eq!(kids.len(), 3, "sound, small and large video: {mpd}");
}

#[tokio::test]
async fn malformed_claims_are_refused_by_name() {
    let Some(sound) = assets::sound(&Bench::new()) else { return };
    let world = World::new().await;
    world.add("acme", "ast_1", "cbcs", &[sound]).await;
    for codecs in [vec![""], vec!["a b"], vec!["x"; 17], vec!["an-overlong-coding-name"]] {
        let request = json!({"asset_id": "ast_1", "tier": "standard", "codecs": codecs});
        let request = serde_json::from_value(request).unwrap();
        let error = world.delivery.route(&cx("acme").service("playback"), request).await.unwrap_err();
        assert!(error.to_string().contains("sample entries"), "{error}");
    }
    let same = async |codecs: [&str; 2]| {
        let request = json!({"asset_id": "ast_1", "tier": "standard", "codecs": codecs});
        route(&world, request).await.sources[0].hls_url.clone()
    };
    assert_eq!(same(["mp4a", "avc1"]).await, same(["avc1", "mp4a"]).await, "viewers of the same share a URL");
}
