//! Whole tracks by range: the same bytes as the segments', from every origin, with exact ranges in every manifest.

use proptest::{prelude::*, strategy::ValueTree};
use serde_json::{Value, json};
use tessera_isobmff::Boxes;
use tessera_test_media::Bench;

use crate::{
    assets,
    neighbours::KEY_HEX,
    packaging::{attribute, frames, text, uris},
    world::{World, ring},
};

const WAYS: [(&str, &str); 3] = [("clear", "e1s4"), ("cbcs", "e1s4"), ("cbcs", "e1s4-cenc")];

async fn world(settings: Value, protection: &str) -> Option<World> {
    let bench = Bench::new();
    let film = [assets::video(&bench, "v180", "320x180")?, assets::sound(&bench)?];
    let world = World::with(settings).await;
    world.add("acme", "ast_1", protection, &film).await;
    Some(world)
}

/// Init segment, segment index and segments, joined; the index is what stands between.
async fn joined(world: &World, folder: &str) -> (Vec<u8>, usize) {
    let init = world.get("acme", &format!("{folder}/init.mp4")).await.bytes;
    let mut segments = Vec::new();
    for number in 1.. {
        let answer = world.get("acme", &format!("{folder}/{number}.m4s")).await;
        if answer.status == 404 {
            break;
        }
        segments.extend(answer.bytes);
    }
    let whole = world.get("acme", &format!("{folder}/track.mp4")).await;
    assert_eq!(whole.header("content-length"), whole.bytes.len().to_string());
    assert!(whole.bytes.starts_with(&init), "{folder}: it begins with the init segment");
    assert!(whole.bytes.ends_with(&segments), "{folder}: it ends with the segments");
    let index = &whole.bytes[init.len()..whole.bytes.len() - segments.len()];
    assert_eq!(&index[4..8], b"sidx", "{folder}: nothing but the index is between");
    assert_eq!(u32::from_be_bytes(index[..4].try_into().unwrap()) as usize, index.len());
    (whole.bytes.clone(), init.len())
}

/// From memory, and in small pieces.
#[tokio::test]
async fn any_range_of_a_track_is_that_slice_of_its_segments_from_every_origin() {
    for megabytes in [64, 0] {
        for (protection, edition) in WAYS {
            let settings = json!({"segment_cache_megabytes": megabytes});
            let Some(mut world) = world(settings.clone(), protection).await else { return };
            for track in ["v180", "a1", "v180-i"] {
                let folder = format!("{}{edition}/{track}", world.prefix("acme", "ast_1").await);
                let (whole, _) = joined(&world, &folder).await;
                // Another process, with nothing in memory.
                world.another(serde_json::from_value(settings.clone()).unwrap(), ring("1", 1));
                let mut runner = proptest::test_runner::TestRunner::deterministic();
                let near = prop_oneof![0..whole.len(), 0..3000usize, whole.len() - 100..whole.len()];
                for _ in 0..24 {
                    let (a, b) =
                        (near.new_tree(&mut runner).unwrap().current(), near.new_tree(&mut runner).unwrap().current());
                    let (first, last) = (a.min(b), a.max(b));
                    let range = format!("bytes={first}-{last}");
                    let answer = world.send("GET", "acme", &format!("{folder}/track.mp4"), &[("range", &range)]).await;
                    assert_eq!(answer.status, 206, "{range} of {track}");
                    let said = format!("bytes {first}-{last}/{}", whole.len());
                    assert_eq!(answer.header("content-range"), said);
                    assert_eq!(answer.header("content-length"), (last + 1 - first).to_string());
                    assert!(answer.bytes == whole[first..=last], "{range} of {edition} {track}, {megabytes} MB");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_whole_track_has_one_tag_and_answers_conditions() {
    let Some(world) = world(json!({}), "cbcs").await else { return };
    let path = format!("{}e1s4/v180/track.mp4", world.prefix("acme", "ast_1").await);
    let head = world.send("HEAD", "acme", &path, &[]).await;
    let get = world.get("acme", &path).await;
    for name in ["content-type", "content-length", "etag", "cache-control", "accept-ranges"] {
        assert_eq!(get.header(name), head.header(name), "{name}");
    }
    let tag = get.header("etag").to_owned();
    let changed = world.send("GET", "acme", &path, &[("range", "bytes=5-9"), ("if-range", "\"other\"")]).await;
    assert_eq!((changed.status, changed.bytes.len()), (200, get.bytes.len()));
    assert_eq!(world.send("GET", "acme", &path, &[("range", "bytes=5-9"), ("if-range", &tag)]).await.status, 206);
    assert_eq!(world.send("GET", "acme", &path, &[("if-none-match", &tag)]).await.status, 304);
    let past = format!("bytes={}-", get.bytes.len());
    assert_eq!(world.send("GET", "acme", &path, &[("range", &past)]).await.status, 416);
}

#[tokio::test]
async fn a_description_of_ranges_says_where_index_and_init_are() {
    for (protection, edition) in WAYS {
        let Some(world) = world(json!({}), protection).await else { return };
        let scheme = if edition.ends_with("cenc") { "-cenc" } else { "" };
        let prefix = world.prefix("acme", "ast_1").await;
        let mpd = text(&world, "acme", &format!("{prefix}manifest{scheme}-ranges.mpd")).await;
        assert!(mpd.contains("urn:mpeg:dash:profile:isoff-on-demand:2011"), "{mpd}");
        let representations: Vec<&str> = mpd.split("<Representation ").skip(1).collect();
        assert_eq!(representations.len(), 3, "{mpd}");
        for representation in representations {
            let url = representation.split("<BaseURL>").nth(1).unwrap().split('<').next().unwrap();
            let whole = world.get("acme", &format!("{prefix}{url}")).await.bytes;
            let bytes = |range: &str| {
                let (first, last) = range.split_once('-').unwrap();
                whole[first.parse::<usize>().unwrap()..=last.parse::<usize>().unwrap()].to_vec()
            };
            let kinds =
                |bytes: &[u8]| Boxes::new(b"file", bytes).map(|found| found.unwrap().kind.0).collect::<Vec<_>>();
            assert_eq!(kinds(&bytes(attribute(representation, "indexRange"))), [*b"sidx"], "{url}");
            assert_eq!(kinds(&bytes(attribute(representation, " range"))), [*b"ftyp", *b"moov"], "{url}");
        }
    }
}

#[tokio::test]
async fn an_i_frame_playlist_s_ranges_are_the_pictures_that_segments_begin_with() {
    let bench = Bench::new();
    for (protection, edition) in WAYS {
        let Some(world) = world(json!({}), protection).await else { return };
        let prefix = world.prefix("acme", "ast_1").await;
        let scheme = if edition.ends_with("cenc") { "-cenc" } else { "" };
        let master = text(&world, "acme", &format!("{prefix}master{scheme}.m3u8")).await;
        let line = master.lines().find(|line| line.starts_with("#EXT-X-I-FRAME-STREAM-INF")).unwrap();
        assert_eq!(attribute(line, "URI"), format!("{edition}/v180/i-frames.m3u8"));
        let folder = format!("{prefix}{edition}/v180");
        let playlist = text(&world, "acme", &format!("{folder}/i-frames.m3u8")).await;
        assert!(playlist.contains("#EXT-X-I-FRAMES-ONLY"));
        assert_eq!(uris(&playlist).collect::<Vec<_>>(), ["track.mp4"; 2]);
        let ranges: Vec<&str> = playlist.lines().filter_map(|line| line.strip_prefix("#EXT-X-BYTERANGE:")).collect();
        bench.write("source.mp4", &assets::video(&bench, "v180", "320x180").unwrap().file);
        let source = frames(&bench, "source.mp4", "-skip_frame nokey");
        for (number, range) in ranges.iter().enumerate() {
            let (length, offset) = range.split_once('@').unwrap();
            let (length, offset): (u64, u64) = (length.parse().unwrap(), offset.parse().unwrap());
            let range = format!("bytes={offset}-{}", offset + length - 1);
            let frame = world.send("GET", "acme", &format!("{folder}/track.mp4"), &[("range", &range)]).await.bytes;
            let init = world.get("acme", &format!("{folder}/init.mp4")).await.bytes;
            bench.write("frame.mp4", &[init, frame].concat());
            let key =
                if protection == "clear" { String::new() } else { format!("-seekable 0 -decryption_key {KEY_HEX}") };
            let options = format!("{key} -skip_frame nokey");
            let decoded = frames(&bench, "frame.mp4", &options);
            let sum = |line: &String| line.rsplit(',').next().unwrap().trim().to_owned();
            assert_eq!(decoded.iter().map(sum).collect::<Vec<_>>(), [sum(&source[2 * number])], "{edition} {number}");
        }
    }
}

#[tokio::test]
async fn a_trick_mode_shows_the_sync_samples_of_its_video() {
    let bench = Bench::new();
    for (protection, edition) in WAYS {
        let Some(world) = world(json!({}), protection).await else { return };
        let prefix = world.prefix("acme", "ast_1").await;
        let mpd = text(&world, "acme", &format!("{prefix}manifest.mpd")).await;
        let set = mpd.split("<AdaptationSet").find(|set| set.contains("trickmode")).unwrap();
        assert_eq!(attribute(set, "maxPlayoutRate"), "50");
        assert_eq!(attribute(set, "Representation id"), "v180-i");
        assert!(set.contains(r#"schemeIdUri="http://dashif.org/guidelines/trickmode" value="0""#), "{set}");
        let (whole, _) = joined(&world, &format!("{prefix}{edition}/v180-i")).await;
        bench.write("trick.mp4", &whole);
        bench.write("source.mp4", &assets::video(&bench, "v180", "320x180").unwrap().file);
        let key = if protection == "clear" { String::new() } else { format!("-seekable 0 -decryption_key {KEY_HEX}") };
        let sum = |line: &String| line.rsplit(',').next().unwrap().trim().to_owned();
        let sums = |frames: Vec<String>| frames.iter().map(sum).collect::<Vec<_>>();
        let expected = sums(frames(&bench, "source.mp4", "-skip_frame nokey"));
        assert_eq!(expected.len(), 3);
        assert_eq!(sums(frames(&bench, "trick.mp4", &key)), expected, "{edition}");
    }
}
