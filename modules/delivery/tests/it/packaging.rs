//! What the origin serves plays: judged by FFmpeg, frame by frame, from the manifests' own URIs.

use std::collections::{BTreeMap, BTreeSet};

use tessera_test_media::Bench;

use crate::{
    assets::{self, Clip},
    neighbours::KEY_HEX,
    world::World,
};

/// Frame checksums with presentation times, comments left out.
pub(crate) fn frames(bench: &Bench, file: &str, options: &str) -> Vec<String> {
    let output = bench.ffmpeg(&format!("{options} -i {file} -map 0 -f framemd5 -")).unwrap();
    let text = String::from_utf8(output).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// A playlist's URIs, those in attributes aside.
pub(crate) fn uris(playlist: &str) -> impl Iterator<Item = &str> {
    playlist.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

pub(crate) fn attribute<'t>(line: &'t str, name: &str) -> &'t str {
    line.split_once(&format!("{name}=\"")).unwrap().1.split('"').next().unwrap()
}

pub(crate) async fn text(world: &World, tenant: &str, path: &str) -> String {
    let answer = world.get(tenant, path).await;
    assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.bytes));
    answer.text().to_owned()
}

/// Init segment and all segments that a media playlist names, by file or by range, joined.
pub(crate) async fn joined(world: &World, tenant: &str, playlist: &str) -> Vec<u8> {
    let folder = playlist.rsplit_once('/').unwrap().0;
    let text = text(world, tenant, playlist).await;
    let map = text.lines().find(|line| line.starts_with("#EXT-X-MAP")).unwrap();
    let map_range = map.contains("BYTERANGE").then(|| attribute(map, "BYTERANGE"));
    let mut wanted = vec![(attribute(map, "URI"), map_range)];
    let mut range = None;
    for line in text.lines() {
        match line.strip_prefix("#EXT-X-BYTERANGE:") {
            Some(bytes) => range = Some(bytes),
            None if !line.starts_with('#') && !line.is_empty() => wanted.push((line, range.take())),
            None => {}
        }
    }
    let mut bytes = Vec::new();
    for (uri, range) in wanted {
        assert!(!uri.contains(':') && !uri.starts_with('/'), "{uri} is relative");
        let header = range.map(|range| {
            let (length, offset) = range.split_once('@').unwrap();
            let (length, offset): (u64, u64) = (length.parse().unwrap(), offset.parse().unwrap());
            format!("bytes={offset}-{}", offset + length - 1)
        });
        let headers: Vec<_> = header.iter().map(|range| ("range", range.as_str())).collect();
        let answer = world.send("GET", tenant, &format!("{folder}/{uri}"), &headers).await;
        assert_eq!(answer.status, if range.is_some() { 206 } else { 200 }, "{uri}");
        assert_eq!(answer.header("content-length"), answer.bytes.len().to_string(), "{uri}");
        bytes.extend(answer.bytes);
    }
    bytes
}

/// The media playlists that the multivariant playlist names, sound included.
async fn playlists(world: &World, tenant: &str, prefix: &str) -> Vec<String> {
    playlists_of(world, tenant, prefix, "master.m3u8").await
}

pub(crate) async fn playlists_of(world: &World, tenant: &str, prefix: &str, master: &str) -> Vec<String> {
    let master = text(world, tenant, &format!("{prefix}{master}")).await;
    let sound = master.lines().filter(|line| line.starts_with("#EXT-X-MEDIA")).map(|line| attribute(line, "URI"));
    sound.chain(uris(&master)).map(|uri| format!("{prefix}{uri}")).collect()
}

async fn plays(protection: &str, clips: &[Clip], bench: &Bench) {
    let world = World::new().await;
    world.add("acme", "ast_1", protection, clips).await;
    let prefix = world.prefix("acme", "ast_1").await;
    let playlists = playlists(&world, "acme", &prefix).await;
    assert_eq!(playlists.len(), clips.len(), "{playlists:?}");
    for clip in clips {
        let playlist = playlists.iter().find(|path| path.contains(&format!("/{}/", clip.id))).unwrap();
        bench.write("served.mp4", &joined(&world, "acme", playlist).await);
        let expected = frames(bench, &format!("{}.mp4", clip.id), "");
        assert!(expected.len() > 100, "{} has frames", clip.id);
        // In order, as a player reads: FFmpeg 5.1 loses the place of encrypted samples in a file it may seek in.
        let options =
            if protection == "cbcs" { format!("-seekable 0 -decryption_key {KEY_HEX}") } else { String::new() };
        assert_eq!(frames(bench, "served.mp4", &options), expected, "{} {protection}", clip.id);
    }
}

#[tokio::test]
async fn cbcs_hls_decrypts_to_the_frames_of_the_source() {
    let bench = Bench::new();
    let Some(film) = assets::film(&bench) else { return };
    plays("cbcs", &film, &bench).await;
}

#[tokio::test]
async fn clear_hls_plays_the_frames_of_the_source() {
    let bench = Bench::new();
    let Some(film) = assets::film(&bench) else { return };
    plays("clear", &film, &bench).await;
}

#[tokio::test]
async fn sound_alone_and_pictures_alone_play() {
    let bench = Bench::new();
    let (Some(sound), Some(video)) = (assets::sound(&bench), assets::video(&bench, "v180", "320x180")) else { return };
    plays("cbcs", &[sound], &bench).await;
    plays("cbcs", &[video], &bench).await;
}

#[tokio::test]
async fn every_language_is_in_every_group_of_sound_and_surround_is_a_group_of_its_own() {
    let bench = Bench::new();
    let Some(video) = assets::video(&bench, "v180", "320x180") else { return };
    let sounds = [("a1", "deu", 2), ("a2", "fra", 2), ("a3", "tlh", 2), ("a1s", "deu", 6)];
    let sounds = sounds.map(|(id, language, channels)| assets::sound_in(&bench, id, language, channels).unwrap());
    let world = World::new().await;
    world.add("acme", "ast_1", "clear", &[&[video], &sounds[..]].concat()).await;
    let prefix = world.prefix("acme", "ast_1").await;
    let master = text(&world, "acme", &format!("{prefix}master.m3u8")).await;
    let of = |line: &str, names: &[&str]| names.iter().map(|name| attribute(line, name).to_owned()).collect::<Vec<_>>();
    let renditions: Vec<Vec<String>> = master
        .lines()
        .filter(|line| line.starts_with("#EXT-X-MEDIA:"))
        .map(|line| of(line, &["GROUP-ID", "NAME", "LANGUAGE", "CHANNELS", "URI"]))
        .collect();
    let uri = |id: &str| format!("e1s4/{id}/media.m3u8");
    let expected = [
        ["audio2", "Deutsch", "de", "2", &uri("a1")],
        ["audio2", "français", "fr", "2", &uri("a2")],
        ["audio2", "Klingon", "tlh", "2", &uri("a3")],
        ["audio6", "Deutsch", "de", "6", &uri("a1s")],
        ["audio6", "français", "fr", "2", &uri("a2")],
        ["audio6", "Klingon", "tlh", "2", &uri("a3")],
    ];
    assert_eq!(renditions, expected.map(|rendition| rendition.map(str::to_owned).to_vec()), "{master}");
    let variants: Vec<&str> = master.lines().filter(|line| line.starts_with("#EXT-X-STREAM-INF:")).collect();
    assert_eq!(variants.iter().map(|line| attribute(line, "AUDIO")).collect::<Vec<_>>(), ["audio2", "audio6"]);
    let mpd = text(&world, "acme", &format!("{prefix}manifest.mpd")).await;
    let sets: Vec<&str> = mpd.split("<AdaptationSet").filter(|set| set.contains("contentType=\"audio\"")).collect();
    let sets: Vec<_> = sets.iter().map(|set| (attribute(set, " lang"), attribute(set, "Representation id"))).collect();
    assert_eq!(sets, [("de", "a1"), ("fr", "a2"), ("tlh", "a3"), ("de", "a1s")]);
}

#[tokio::test]
async fn playlists_keep_every_rule_of_the_standard() {
    let bench = Bench::new();
    let Some(mut film) = assets::film(&bench) else { return };
    film.push(assets::sound_in(&bench, "a1s", "deu", 6).unwrap());
    let world = World::new().await;
    let plain = ["master.m3u8", "master-ranges.m3u8"];
    let protected = ["master-clearkey.m3u8", "master-cenc.m3u8", "master-cenc-ranges-clearkey.m3u8"];
    for (protection, names) in [("clear", plain.to_vec()), ("cbcs", [&plain[..], &protected].concat())] {
        let asset = format!("ast_{protection}");
        world.add("acme", &asset, protection, &film).await;
        let prefix = world.prefix("acme", &asset).await;
        for name in names {
            let (mut texts, mut sizes) = (BTreeMap::new(), BTreeMap::new());
            let master = text(&world, "acme", &format!("{prefix}{name}")).await;
            let named = master.lines().filter(|line| line.contains("URI=\"")).map(|line| attribute(line, "URI"));
            for playlist in named.chain(uris(&master)) {
                let folder = format!("{prefix}{}", playlist.rsplit_once('/').unwrap().0);
                let text = text(&world, "acme", &format!("{prefix}{playlist}")).await;
                for segment in uris(&text).collect::<BTreeSet<_>>() {
                    let uri = format!("{folder}/{segment}");
                    let length = world.send("HEAD", "acme", &uri, &[]).await.header("content-length").to_owned();
                    sizes.insert(uri, length.parse::<u64>().unwrap());
                }
                texts.insert(format!("{prefix}{playlist}"), text);
            }
            texts.insert(format!("{prefix}{name}"), master);
            let (playlist, size) = (|uri: &str| texts.get(uri).cloned(), |uri: &str| sizes.get(uri).copied());
            let checker = tessera_hls::Presentation { playlist: &playlist, size: &size };
            let reports = checker.check(&format!("{prefix}{name}"));
            assert_eq!(reports.len(), 7, "itself, four tracks, and the I-frames of two: {reports:?}");
            let found: Vec<String> =
                reports.iter().filter(|report| !report.findings.is_empty()).map(ToString::to_string).collect();
            assert!(found.is_empty(), "{protection} {name}:\n{}", found.join("\n"));
        }
    }
}

/// Every segment of a DASH description's templates, trick modes aside, as paths below the manifest.
fn dash_segments(mpd: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for set in mpd.split("<AdaptationSet").skip(1).filter(|set| !set.contains("trickmode")) {
        let ids: Vec<&str> = set.split("<Representation ").skip(1).map(|text| attribute(text, "id")).collect();
        for (place, template) in set.split("<SegmentTemplate").skip(1).enumerate() {
            let of: Vec<&str> =
                if set.matches("<SegmentTemplate").count() == 1 { ids.clone() } else { vec![ids[place]] };
            let template = template.split("</SegmentTemplate>").next().unwrap();
            let count: u32 = template
                .split("<S ")
                .skip(1)
                .map(|s| s.split("/>").next().unwrap())
                .map(|s| 1 + if s.contains("r=\"") { attribute(s, "r").parse::<u32>().unwrap() } else { 0 })
                .sum();
            for id in of {
                paths.insert(attribute(template, "initialization").replace("$RepresentationID$", id));
                let media = attribute(template, "media").replace("$RepresentationID$", id);
                paths.extend((1..=count).map(|number| media.replace("$Number$", &number.to_string())));
            }
        }
    }
    paths
}

#[tokio::test]
async fn dash_and_hls_name_the_same_segments_and_all_are_there() {
    let Some(film) = assets::film(&Bench::new()) else { return };
    let world = World::new().await;
    world.add("acme", "ast_1", "cbcs", &film).await;
    let prefix = world.prefix("acme", "ast_1").await;
    let mpd = text(&world, "acme", &format!("{prefix}manifest.mpd")).await;
    let dash = dash_segments(&mpd);
    let mut hls = BTreeSet::new();
    for playlist in playlists(&world, "acme", &prefix).await {
        let folder = playlist.strip_prefix(&prefix).unwrap().rsplit_once('/').unwrap().0;
        let text = text(&world, "acme", &playlist).await;
        hls.extend(uris(&text).chain(["init.mp4"]).map(|uri| format!("{folder}/{uri}")));
    }
    assert_eq!(dash, hls);
    assert!(dash.len() >= 9, "{dash:?}");
    for path in &dash {
        assert_eq!(world.send("HEAD", "acme", &format!("{prefix}{path}"), &[]).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn manifests_signal_cbcs_for_the_built_in_player() {
    let Some(sound) = assets::sound(&Bench::new()) else { return };
    let world = World::new().await;
    world.add("acme", "ast_1", "cbcs", std::slice::from_ref(&sound)).await;
    world.add("acme", "ast_2", "clear", std::slice::from_ref(&sound)).await;
    let prefix = world.prefix("acme", "ast_1").await;
    let mpd = text(&world, "acme", &format!("{prefix}manifest.mpd")).await;
    for part in [
        r#"schemeIdUri="urn:mpeg:dash:mp4protection:2011" value="cbcs""#,
        r#"cenc:default_KID="01234567-89ab-cdef-0123-456789abcdef""#,
        r#"schemeIdUri="urn:uuid:1077efec-c0b2-4d02-ace3-3c1e52e2fb4b""#,
        "/drm/v1/clearkey</dashif:Laurl>",
    ] {
        assert!(mpd.contains(part), "{part} in {mpd}");
    }
    let playlist = text(&world, "acme", &format!("{prefix}e1s4/a1/media.m3u8")).await;
    let keys: Vec<&str> = playlist.lines().filter(|line| line.starts_with("#EXT-X-KEY:METHOD=SAMPLE-AES,")).collect();
    let [identity, clearkey] = keys[..] else { panic!("two keys: {playlist}") };
    assert_eq!(attribute(identity, "URI"), "/drm/v1/clearkey/0123456789abcdef0123456789abcdef");
    assert_eq!((attribute(identity, "KEYFORMAT"), attribute(clearkey, "KEYFORMAT")), ("identity", "org.w3.clearkey"));

    // hls.js takes ClearKey only where `identity` is not offered.
    let master = text(&world, "acme", &format!("{prefix}master-clearkey.m3u8")).await;
    let alone = text(&world, "acme", &format!("{prefix}{}", uris(&master).next().unwrap())).await;
    assert_eq!(alone, playlist.replace(&format!("{identity}\n"), ""));

    let prefix = world.prefix("acme", "ast_2").await;
    let mpd = text(&world, "acme", &format!("{prefix}manifest.mpd")).await;
    let playlist = text(&world, "acme", &format!("{prefix}e1s4/a1/media.m3u8")).await;
    assert!(!mpd.contains("ContentProtection") && !playlist.contains("EXT-X-KEY"));
}

#[tokio::test]
async fn a_tier_sees_and_gets_no_more_than_it_may_have() {
    let Some(film) = assets::film(&Bench::new()) else { return };
    let config = serde_json::json!({"tiers": {"mobile": {"max_height": 200}, "tiny": {"max_height": 1}}});
    let world = World::with(config).await;
    world.add("acme", "ast_1", "clear", &film).await;
    for (tier, heights) in
        [("standard", vec!["640x360", "320x180"]), ("mobile", vec!["320x180"]), ("tiny", vec!["320x180"])]
    {
        let route = world.route_of_tier("acme", "ast_1", tier).await;
        let prefix = route.sources[0].hls_url.strip_suffix("master.m3u8").unwrap().to_owned();
        let master = text(&world, "acme", &route.sources[0].hls_url).await;
        let mpd = text(&world, "acme", &route.sources[0].dash_url).await;
        for (size, id) in [("640x360", "v360"), ("320x180", "v180")] {
            let allowed = heights.contains(&size);
            assert_eq!(master.contains(size), allowed, "{size} in {tier}");
            assert_eq!(mpd.contains(&format!("id=\"{id}\"")), allowed, "{id} in {tier}");
            let status = if allowed { 200 } else { 404 };
            assert_eq!(world.get("acme", &format!("{prefix}e1s4/{id}/1.m4s")).await.status, status, "{id} in {tier}");
        }
    }
}
