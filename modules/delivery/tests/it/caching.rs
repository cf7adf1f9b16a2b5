//! What caches and players rely on: exact sizes, ranges, tags, and the same bytes from every origin.

use std::sync::atomic::Ordering;

use proptest::{prelude::*, strategy::ValueTree};
use tessera_test_media::Bench;

use crate::{
    assets,
    world::{World, ring},
};

const SEGMENT: &str = "e1s4/v180/1.m4s";

async fn world(protection: &str) -> Option<World> {
    let bench = Bench::new();
    let film = [assets::video(&bench, "v180", "320x180")?, assets::sound(&bench)?];
    let world = World::new().await;
    world.add("acme", "ast_1", protection, &film).await;
    Some(world)
}

#[tokio::test]
async fn an_asset_that_grows_is_looked_at_anew_and_what_was_named_stays() {
    let bench = Bench::new();
    let Some(small) = assets::video(&bench, "v180", "320x180") else { return };
    let Some(tall) = assets::video(&bench, "v360", "640x360") else { return };
    let Some(sound) = assets::sound(&bench) else { return };
    let world = World::new().await;
    let key = ("acme".to_owned(), "ast_1".to_owned());
    world.add("acme", "ast_1", "clear", &[small.clone(), sound.clone()]).await;
    world.assets.ready.lock().unwrap().get_mut(&key).unwrap().complete = false;
    let prefix = world.prefix("acme", "ast_1").await;
    let renditions = async || {
        let playlist = world.get("acme", &format!("{prefix}master.m3u8")).await;
        playlist.text().matches("media.m3u8").count()
    };
    let first = renditions().await;
    let segment = world.get("acme", &format!("{prefix}{SEGMENT}")).await;
    assert_eq!(segment.status, 200);
    world.add("acme", "ast_1", "clear", &[tall, small, sound]).await;
    assert_eq!(renditions().await, first, "what was learned is believed for some seconds");
    world.clock.advance(std::time::Duration::from_secs(5));
    assert!(renditions().await > first);
    let asked = world.assets.asked.load(Ordering::SeqCst);
    let again = world.get("acme", &format!("{prefix}{SEGMENT}")).await;
    assert!(again.bytes == segment.bytes && again.header("etag") == segment.header("etag"), "the segment stays");
    world.clock.advance(std::time::Duration::from_secs(60));
    world.get("acme", &format!("{prefix}{SEGMENT}")).await;
    assert_eq!(world.assets.asked.load(Ordering::SeqCst), asked, "a complete asset is not asked for again");
}

#[tokio::test]
async fn an_asset_that_gets_longer_has_manifests_without_an_end_and_no_segment_of_it_changes() {
    let bench = Bench::new();
    let Some(small) = assets::video(&bench, "v180", "320x180") else { return };
    let Some(sound) = assets::sound(&bench) else { return };
    for (protection, edition) in [("clear", "e1s2"), ("cbcs", "e1s2"), ("cbcs", "e1s2-cenc")] {
        let world = World::with(serde_json::json!({"segment_seconds": 2})).await;
        let key = ("acme".to_owned(), "ast_1".to_owned());
        world.add("acme", "ast_1", protection, &[small.clone(), sound.clone()]).await;
        {
            let mut ready = world.assets.ready.lock().unwrap();
            let descriptor = ready.get_mut(&key).unwrap();
            (descriptor.complete, descriptor.open_ended) = (false, true);
        }
        let prefix = world.prefix("acme", "ast_1").await;
        let get = async |path: &str| world.get("acme", &format!("{prefix}{path}")).await;
        let (playlist, mpd) = (format!("{edition}/v180/media.m3u8"), edition.replace("e1s2", "manifest") + ".mpd");
        let open = get(&playlist).await;
        let lines = open.text();
        assert!(lines.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n") && !lines.contains("#EXT-X-ENDLIST"), "{lines}");
        assert!(lines.contains("#EXT-X-TARGETDURATION:2\n") && lines.contains("TIME-OFFSET=0.000"), "{lines}");
        assert_eq!(lines.matches(".m4s").count(), 2, "the third may still get longer: {lines}");
        assert_eq!(open.header("cache-control"), "public, max-age=1");
        let described = get(&mpd).await;
        let text = described.text();
        assert!(text.contains("type=\"dynamic\" availabilityStartTime=\"1970-01-01T00:00:00Z\""), "{text}");
        assert!(
            text.contains("publishTime=\"1970-01-01T00:00:04") && text.contains("minimumUpdatePeriod=\"PT2"),
            "{text}"
        );
        assert!(!text.contains("mediaPresentationDuration"), "{text}");
        assert_eq!(get(&format!("{edition}/v180/3.m4s")).await.status, 404);
        for absent in ["master-ranges.m3u8", "manifest-ranges.mpd"] {
            assert_eq!(get(absent).await.status, 404, "{absent}");
        }
        for absent in ["track.mp4", "ranges.m3u8", "i-frames.m3u8"] {
            assert_eq!(get(&format!("{edition}/v180/{absent}")).await.status, 404, "{absent}");
        }
        let segment = get(&format!("{edition}/v180/2.m4s")).await;

        world.add("acme", "ast_1", protection, &[small.clone(), sound.clone()]).await;
        world.clock.advance(std::time::Duration::from_secs(5));
        let closed = get(&playlist).await;
        assert!(closed.text().contains("#EXT-X-ENDLIST") && closed.text().contains("3.m4s"), "{}", closed.text());
        let closed = get(&mpd).await;
        assert!(closed.text().contains("type=\"static\""), "{}", closed.text());
        let again = get(&format!("{edition}/v180/2.m4s")).await;
        assert!(again.status == 200 && again.bytes == segment.bytes && again.header("etag") == segment.header("etag"));
    }
}

#[tokio::test]
async fn head_says_what_get_sends() {
    let Some(world) = world("cbcs").await else { return };
    let prefix = world.prefix("acme", "ast_1").await;
    for (path, kind, cache) in [
        ("master.m3u8", "application/vnd.apple.mpegurl", "public, max-age=60"),
        ("manifest.mpd", "application/dash+xml", "public, max-age=60"),
        ("e1s4/a1/media.m3u8", "application/vnd.apple.mpegurl", "public, max-age=60"),
        ("e1s4/v180/init.mp4", "video/mp4", "public, max-age=31536000, immutable"),
        ("e1s4/a1/init.mp4", "audio/mp4", "public, max-age=31536000, immutable"),
        (SEGMENT, "video/mp4", "public, max-age=31536000, immutable"),
        ("e1s4/a1/2.m4s", "audio/mp4", "public, max-age=31536000, immutable"),
    ] {
        let path = format!("{prefix}{path}");
        let (get, head) = (world.get("acme", &path).await, world.send("HEAD", "acme", &path, &[]).await);
        assert_eq!((get.status, head.status), (200, 200), "{path}");
        assert!(head.bytes.is_empty() && !get.bytes.is_empty(), "{path}");
        assert_eq!(get.header("content-length"), get.bytes.len().to_string(), "{path}");
        for name in ["content-type", "content-length", "etag", "cache-control", "accept-ranges"] {
            assert_eq!(get.header(name), head.header(name), "{name} of {path}");
        }
        assert_eq!((get.header("content-type"), get.header("cache-control")), (kind, cache), "{path}");
        assert_eq!(get.header("accept-ranges"), "bytes");
        assert_eq!(get.header("access-control-allow-origin"), "*");
        let again = world.send("GET", "acme", &path, &[("if-none-match", get.header("etag"))]).await;
        assert_eq!((again.status, again.bytes.len()), (304, 0), "{path}");
        assert_eq!((again.header("etag"), again.header("cache-control")), (get.header("etag"), cache), "{path}");
    }
}

/// Any range is that part of the whole, or is said not to be there.
#[tokio::test]
async fn every_range_is_a_slice_of_the_whole() {
    for protection in ["clear", "cbcs"] {
        let Some(world) = world(protection).await else { return };
        let path = format!("{}{SEGMENT}", world.prefix("acme", "ast_1").await);
        let whole = world.get("acme", &path).await.bytes;
        let length = whole.len();
        let near = prop_oneof![0..length + 20, length.saturating_sub(20)..length + 20, 0..40usize];
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let ranges = (near.clone(), near, 0..3u8);
        for _ in 0..64 {
            let tree = ranges.new_tree(&mut runner).unwrap();
            let (a, b, form) = tree.current();
            let (first, last) = (a.min(b), a.max(b));
            let (range, expected) = match form {
                0 => (format!("bytes={first}-{last}"), first..(last + 1).min(length)),
                1 => (format!("bytes={first}-"), first..length),
                _ => (format!("bytes=-{first}"), length.saturating_sub(first)..length),
            };
            let answer = world.send("GET", "acme", &path, &[("range", &range)]).await;
            if expected.start >= expected.end {
                assert_eq!(answer.status, 416, "{range} of {length}");
                assert_eq!(answer.header("content-range"), format!("bytes */{length}"));
                continue;
            }
            assert_eq!(answer.status, 206, "{range} of {length}");
            assert_eq!(
                answer.header("content-range"),
                format!("bytes {}-{}/{length}", expected.start, expected.end - 1)
            );
            assert_eq!(answer.header("content-length"), expected.len().to_string());
            assert!(answer.bytes == whole[expected], "{range} of {length} {protection}");
        }
    }
}

#[tokio::test]
async fn every_origin_gives_the_same_bytes_and_tags() {
    let Some(mut world) = world("cbcs").await else { return };
    let paths = ["master.m3u8", "manifest.mpd", "e1s4/v180/media.m3u8", "e1s4/v180/init.mp4", SEGMENT, "e1s4/a1/1.m4s"];
    let mut seen = Vec::new();
    for key in [1, 2] {
        world.another(Default::default(), ring("1", key));
        let prefix = world.prefix("acme", "ast_1").await;
        let mut answers = Vec::new();
        for path in paths {
            let answer = world.get("acme", &format!("{prefix}{path}")).await;
            answers.push((path, answer.status, answer.header("etag").to_owned(), answer.bytes));
        }
        seen.push(answers);
    }
    assert!(seen[0] == seen[1], "an origin of another process, with other URLs, answers the same");
    let tags: std::collections::BTreeSet<_> = seen[0].iter().map(|(_, _, tag, _)| tag).collect();
    assert_eq!(tags.len(), paths.len(), "different things have different tags");
}

#[tokio::test]
async fn another_segment_length_has_other_names() {
    let Some(mut world) = world("clear").await else { return };
    let config = serde_json::from_value(serde_json::json!({"segment_seconds": 2})).unwrap();
    world.another(config, ring("1", 1));
    let prefix = world.prefix("acme", "ast_1").await;
    assert_eq!(world.get("acme", &format!("{prefix}{SEGMENT}")).await.status, 404);
    assert_eq!(world.get("acme", &format!("{prefix}e1s2/v180/3.m4s")).await.status, 200);
}

#[tokio::test]
async fn an_asset_is_looked_up_once_however_many_ask() {
    let Some(world) = world("cbcs").await else { return };
    let prefix = world.prefix("acme", "ast_1").await;
    let path = format!("{prefix}{SEGMENT}");
    let answers = std::iter::repeat_with(|| world.get("acme", &path)).take(50);
    let first = world.get("acme", &path).await.bytes;
    for answer in futures::future::join_all(answers).await {
        assert!(answer.bytes == first);
    }
    assert_eq!(world.assets.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_failing_neighbour_is_told_and_not_remembered() {
    let Some(world) = world("cbcs").await else { return };
    world.assets.unreachable.store(true, Ordering::SeqCst);
    let poster = "/delivery/v1/posters/ast_1.jpg";
    assert_eq!(world.get("acme", poster).await.code(), "unavailable");
    world.assets.unreachable.store(false, Ordering::SeqCst);
    assert_eq!(world.get("acme", poster).await.status, 200);
}

#[tokio::test]
async fn a_cut_or_missing_blob_is_a_fault_and_no_short_segment() {
    let Some(world) = world("cbcs").await else { return };
    let path = format!("{}{SEGMENT}", world.prefix("acme", "ast_1").await);
    let (blobs, key) = (world.blobs.tenant(&"acme".parse().unwrap()), "assets/ast_1/v180.mp4".parse().unwrap());
    let whole = blobs.get(&key).await.unwrap();
    blobs.put(&key, whole.slice(..5000)).await.unwrap();
    assert_eq!(world.get("acme", &path).await.code(), "internal");
    blobs.delete(&key).await.unwrap();
    assert_eq!(world.get("acme", &path).await.code(), "internal");
    assert_eq!(world.send("HEAD", "acme", &path, &[]).await.status, 200, "needs no bytes");
}

#[tokio::test]
async fn a_player_on_another_origin_may_ask_for_ranges() {
    let world = World::new().await;
    let asks = [
        ("origin", "https://player.example"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "range"),
    ];
    let answer = world.send("OPTIONS", "acme", "/delivery/v1/o/x/ast_1/master.m3u8", &asks).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert!(answer.header("access-control-allow-headers").contains("range"));
}
