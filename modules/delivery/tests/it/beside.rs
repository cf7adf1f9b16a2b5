//! Subtitles and thumbnails below the signed prefix.

use serde_json::json;
use sha2::{Digest, Sha256};
use tessera_test_media::Bench;
use tessera_webvtt::{TextSample, TextSegment, Track, read};

use crate::{
    assets,
    world::{Answer, World},
};

const VTT: &str = "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nOne\n\n00:00:02.000 --> 00:00:05.500\nTwo <i>more</i>\n";

/// Stores a small file as media does; answers what a descriptor says of it.
async fn stored(world: &World, blob: &str, clear: &[u8]) -> serde_json::Value {
    let bytes = assets::encrypted(blob, clear);
    let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let size = bytes.len();
    world.blobs.tenant(&"acme".parse().unwrap()).put(&blob.parse().unwrap(), bytes.into()).await.unwrap();
    json!({"blob": blob, "sha256": sha256, "size_bytes": size})
}

/// Changes what media says of the asset.
fn described(world: &World, asset: &str, change: impl FnOnce(&mut serde_json::Value)) {
    let mut ready = world.assets.ready.lock().unwrap();
    let descriptor = ready.get_mut(&("acme".into(), asset.into())).unwrap();
    let mut json = json!(descriptor);
    change(&mut json);
    *descriptor = serde_json::from_value(json).unwrap();
}

/// A film with three kinds of subtitles and two pictures of thumbnails.
async fn add(world: &World, asset: &str, protection: &str) -> bool {
    let Some(film) = assets::film(&Bench::new()) else { return false };
    world.add("acme", asset, protection, &film).await;
    let file = stored(world, &format!("assets/{asset}/t.vtt"), VTT.as_bytes()).await;
    let first = stored(world, &format!("assets/{asset}/1.jpg"), b"first picture").await;
    let second = stored(world, &format!("assets/{asset}/2.jpg"), b"second picture").await;
    described(world, asset, |descriptor| {
        let entry = |(id, language, kind)| json!({"subtitle_id": id, "language": language, "kind": kind, "file": file});
        let list = [("t1", "deu", "subtitles"), ("t2", "deu", "captions"), ("en", "en-GB", "forced")];
        descriptor["subtitles"] = list.map(entry).to_vec().into();
        descriptor["thumbnails"] = json!({"tile_width": 160, "tile_height": 90, "columns": 2, "rows": 1, "count": 3,
            "interval_seconds": 2, "pictures": [first, second]});
    });
    true
}

async fn world(protection: &str) -> Option<(World, String)> {
    let world = World::new().await;
    if !add(&world, "ast_1", protection).await {
        return None;
    }
    let prefix = world.prefix("acme", "ast_1").await;
    Some((world, prefix))
}

async fn get(world: &World, path: &str) -> Answer {
    let answer = world.get("acme", path).await;
    assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.bytes));
    answer
}

fn attribute<'t>(line: &'t str, name: &str) -> &'t str {
    line.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("{name} in {line}")).1.split('"').next().unwrap()
}

/// The URIs of the subtitles' playlists in the multivariant playlist.
async fn playlists(world: &World, prefix: &str) -> Vec<String> {
    let master = get(world, &format!("{prefix}master.m3u8")).await;
    let lines = master.text().lines().filter(|line| line.starts_with("#EXT-X-MEDIA:TYPE=SUBTITLES"));
    lines.map(|line| format!("{prefix}{}", attribute(line, "URI"))).collect()
}

#[tokio::test]
async fn hls_names_subtitles_with_whom_they_are_for() {
    let Some((world, prefix)) = world("cbcs").await else { return };
    let master = get(&world, &format!("{prefix}master.m3u8")).await;
    let lines: Vec<&str> = master.text().lines().filter(|line| line.contains("TYPE=SUBTITLES")).collect();
    assert_eq!(lines.len(), 3, "{}", master.text());
    for (line, parts) in lines.iter().zip([
        vec![r#"NAME="Deutsch","#, r#"LANGUAGE="de""#, "DEFAULT=NO,AUTOSELECT=YES"],
        vec![r#"NAME="Deutsch (SDH)""#, r#"CHARACTERISTICS="public.accessibility.transcribes-spoken-dialog,"#],
        vec![r#"NAME="English (GB) (forced)""#, r#"LANGUAGE="en-GB""#, "FORCED=YES"],
    ]) {
        assert!(line.contains(r#"GROUP-ID="text""#) && parts.iter().all(|part| line.contains(part)), "{line}");
    }
    let forced = lines.iter().filter(|line| line.contains("FORCED=YES")).count();
    assert_eq!(forced, 1);
    for variant in master.text().lines().filter(|line| line.starts_with("#EXT-X-STREAM-INF")) {
        assert!(variant.contains(r#"SUBTITLES="text""#), "{variant}");
    }
}

#[tokio::test]
async fn segments_of_text_hold_every_cue_on_the_film_s_clock() {
    let Some((world, prefix)) = world("cbcs").await else { return };
    for playlist in playlists(&world, &prefix).await {
        let text = get(&world, &playlist).await.text().to_owned();
        assert!(!text.contains("EXT-X-KEY") && !text.contains("EXT-X-MAP"), "text is in the clear: {text}");
        let duration: f64 =
            text.lines().filter_map(|line| line.strip_prefix("#EXTINF:")?.strip_suffix(',')?.parse::<f64>().ok()).sum();
        assert!((5.9..6.2).contains(&duration), "as long as the film: {duration}");
        let folder = playlist.rsplit_once('/').unwrap().0;
        let segment = get(&world, &format!("{folder}/1.vtt")).await;
        assert_eq!(segment.header("content-type"), "text/vtt");
        assert!(segment.header("cache-control").contains("immutable"));
        let map = "X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n";
        assert_eq!(segment.text(), VTT.replacen("WEBVTT\n", &format!("WEBVTT\n{map}"), 1));
        for path in ["0.vtt", "2.vtt", "01.vtt", "2.m4s", "init.vtt"] {
            assert_eq!(world.get("acme", &format!("{folder}/{path}")).await.status, 404, "{path}");
        }
    }
}

#[tokio::test]
async fn dash_has_them_as_a_file_and_as_samples() {
    let Some((world, prefix)) = world("cbcs").await else { return };
    let mpd = get(&world, &format!("{prefix}manifest.mpd")).await;
    let sets: Vec<&str> = mpd.text().split("<AdaptationSet").filter(|set| set.contains("text/vtt")).collect();
    assert_eq!(sets.len(), 3, "{}", mpd.text());
    for (set, (language, role)) in
        sets.iter().zip([("de", "subtitle"), ("de", "caption"), ("en-GB", "forced-subtitle")])
    {
        assert_eq!(attribute(set, " lang"), language);
        assert!(set.contains(&format!(r#"role:2011" value="{role}""#)) && !set.contains("ContentProtection"), "{set}");
        let url = set.split_once("<BaseURL>").unwrap().1.split('<').next().unwrap();
        assert_eq!(get(&world, &format!("{prefix}{url}")).await.text(), VTT);
    }

    let mpd = get(&world, &format!("{prefix}manifest-wvtt.mpd")).await;
    let sets: Vec<&str> = mpd.text().split("<AdaptationSet").filter(|set| set.contains("codecs=\"wvtt\"")).collect();
    assert_eq!(sets.len(), 3, "{}", mpd.text());
    assert!(!mpd.text().contains("text/vtt"), "each language is there once");
    let init = get(&world, &format!("{prefix}{}", attribute(sets[0], "initialization"))).await;
    assert_eq!(init.header("content-type"), "application/mp4");
    let media = attribute(sets[0], "media").replace("$Number$", "1");
    let segment = get(&world, &format!("{prefix}{media}")).await.bytes;
    let track = Track::from_segments("WEBVTT", &[samples(&segment)]).unwrap();
    assert_eq!(track, read(VTT.as_bytes()).unwrap().track, "the samples are the cues");
}

/// The samples of a media segment with one `trun` of durations and sizes.
fn samples(segment: &[u8]) -> TextSegment {
    let at = |kind: &[u8]| segment.windows(4).position(|four| four == kind).unwrap() + 4;
    let word = |at: usize| u32::from_be_bytes(segment[at..at + 4].try_into().unwrap());
    let (run, mut data) = (at(b"trun"), at(b"mdat"));
    assert_eq!(word(run + 8) as usize + at(b"moof") - 8, data, "the data begins where the run says");
    let sample = |number: usize| {
        let (duration, size) = (word(run + 12 + 8 * number), word(run + 16 + 8 * number) as usize);
        data += size;
        TextSample { duration, data: segment[data - size..data].to_vec() }
    };
    let samples = (0..word(run + 4) as usize).map(sample).collect();
    TextSegment { start: u64::from(word(at(b"tfdt") + 8)), samples }
}

#[tokio::test]
async fn playlists_with_subtitles_keep_every_rule_of_the_standard() {
    for protection in ["cbcs", "clear"] {
        let Some((world, prefix)) = world(protection).await else { return };
        let mut texts = std::collections::BTreeMap::new();
        let master = format!("{prefix}master.m3u8");
        let text = get(&world, &master).await.text().to_owned();
        let named = text.lines().filter_map(|line| match line.starts_with('#') {
            true => line.contains("URI=\"").then(|| attribute(line, "URI")),
            false => Some(line),
        });
        for uri in named {
            let uri = format!("{prefix}{uri}");
            texts.insert(uri.clone(), get(&world, &uri).await.text().to_owned());
        }
        texts.insert(master.clone(), text.clone());
        let (playlist, size) = (|uri: &str| texts.get(uri).cloned(), |_: &str| None);
        let reports = tessera_hls::Presentation { playlist: &playlist, size: &size }.check(&master);
        assert_eq!(
            reports.len(),
            9,
            "two renditions with I-frames, sound, three of text, and the list of them: {reports:?}"
        );
        let found: Vec<String> =
            reports.iter().filter(|report| !report.findings.is_empty()).map(ToString::to_string).collect();
        assert!(found.is_empty(), "{protection}:\n{}", found.join("\n"));
    }
}

#[tokio::test]
async fn subtitles_that_come_later_are_told_and_old_ones_go() {
    let Some((world, prefix)) = world("cbcs").await else { return };
    let before = playlists(&world, &prefix).await;
    let file = stored(&world, "assets/ast_1/fr.vtt", VTT.replace("One", "Un").as_bytes()).await;
    described(&world, "ast_1", |descriptor| {
        descriptor["subtitles"] = json!([{"subtitle_id": "fr", "language": "fr", "kind": "subtitles", "file": file}]);
    });
    assert_eq!(playlists(&world, &prefix).await, before, "for a manifest's time");
    // Another origin may have told of them.
    let checksum = &file["sha256"].as_str().unwrap()[..16];
    let path = format!("{prefix}e1s4/text/fr-{checksum}/1.vtt");
    assert!(get(&world, &path).await.text().contains("\nUn\n"));
    world.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(playlists(&world, &prefix).await, [path.replace("1.vtt", "media.m3u8")]);
    assert_eq!(world.get("acme", &before[0]).await.status, 404);

    world.assets.unreachable.store(true, std::sync::atomic::Ordering::SeqCst);
    world.clock.advance(std::time::Duration::from_secs(60));
    assert!(!playlists(&world, &prefix).await.is_empty(), "the film plays on with the list from before");
}

#[tokio::test]
async fn names_of_subtitles_that_are_made_up_hardly_reach_media() {
    let Some((world, prefix)) = world("cbcs").await else { return };
    playlists(&world, &prefix).await;
    let asked = || world.assets.asked.load(std::sync::atomic::Ordering::SeqCst);
    let before = asked();
    for second in 1..=2 {
        for name in 0..20 {
            assert_eq!(world.get("acme", &format!("{prefix}e1s4/text/made-up-{name}/1.vtt")).await.status, 404);
        }
        assert_eq!(asked() - before, second, "once a second");
        world.clock.advance(std::time::Duration::from_secs(1));
    }
}

#[tokio::test]
async fn nothing_beside_the_tracks_is_had_without_the_signature_or_once_damaged() {
    let Some((world, prefix)) = world("cbcs").await else { return };
    let playlist = playlists(&world, &prefix).await.remove(0);
    let path = playlist.replace("media.m3u8", "subtitles.vtt");
    let picture = format!("{prefix}e1s4/thumbnails/1.jpg");
    for path in [&path, &picture] {
        let below = path.strip_prefix(&prefix).unwrap();
        assert_eq!(world.get("globex", path).await.code(), "url_invalid", "{below}");
        let other = format!("/delivery/v1/o/not-signed/ast_1/{below}");
        assert_eq!(world.get("acme", &other).await.code(), "url_invalid", "{below}");
    }
    let blobs = world.blobs.tenant(&"acme".parse().unwrap());
    for blob in ["assets/ast_1/t.vtt", "assets/ast_1/1.jpg"] {
        blobs.put(&blob.parse().unwrap(), b"something else".as_slice().into()).await.unwrap();
    }
    assert_eq!(world.get("acme", &path).await.code(), "internal");
    assert_eq!(world.get("acme", &picture).await.code(), "internal");
}

#[tokio::test]
async fn thumbnails_are_a_track_and_a_set_of_the_description() {
    let Some((world, prefix)) = world("cbcs").await else { return };
    let mpd = get(&world, &format!("{prefix}manifest.mpd")).await;
    let set = mpd.text().split("<AdaptationSet").find(|set| set.contains("contentType=\"image\"")).unwrap();
    assert!(set.contains(r#"thumbnail_tile" value="2x1""#) && set.contains(r#"width="320" height="90""#), "{set}");
    assert!(set.contains(r#"duration="4""#), "two tiles of two seconds: {set}");
    for (number, bytes) in [("1", b"first picture".as_slice()), ("2", b"second picture")] {
        let path = format!("{prefix}{}", attribute(set, "media").replace("$Number$", number));
        let answer = get(&world, &path).await;
        assert_eq!((answer.header("content-type"), &answer.bytes[..]), ("image/jpeg", bytes));
    }
    assert_eq!(world.get("acme", &format!("{prefix}e1s4/thumbnails/3.jpg")).await.status, 404);
    let track = get(&world, &format!("{prefix}e1s4/thumbnails/thumbnails.vtt")).await;
    assert!(track.text().ends_with("2.jpg#xywh=0,0,160,90\n"), "{}", track.text());
    assert_eq!(read(&track.bytes).unwrap().track.cues().len(), 3);
}
