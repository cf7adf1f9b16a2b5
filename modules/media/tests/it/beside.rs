//! What is made beside the tracks: subtitles out of the source and by hand, and thumbnails.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tessera_contract::ContractError;
use tessera_contract_media::{
    Asset, AssetDescriptor, AssetState, DeleteSubtitles, Media, MediaError, PutSubtitles, SubtitleKind,
};
use tessera_store::StoreConfig;
use tessera_test_media::{Bench, picture};
use tessera_testing::{TempDir, clock, temp_dir};
use tessera_types::AssetId;

use crate::world::{World, config, staff};

const SRT: &str = "1\n00:00:00,500 --> 00:00:01,500\nHello <i>you</i> & me < all\n";
const VTT: &str = "WEBVTT\n\n00:01.000 --> 00:03.000\nHallo\n";

async fn world() -> (World, TempDir) {
    let folder = temp_dir();
    let store = StoreConfig::sqlite(folder.path());
    (World::open_with(&store, folder.path().into(), clock(), config()).await, folder)
}

async fn make(world: &World, bytes: &[u8]) -> (Asset, AssetDescriptor) {
    let working = world.work();
    let id = world.film("acme", bytes).await;
    let asset = world.ended("acme", &id).await;
    working.stop().await;
    assert_eq!(asset.state, AssetState::Ready, "{asset:?}");
    let descriptor = world.descriptor("acme", &id).await;
    (asset, descriptor)
}

/// Language, kind and text of each of an asset's subtitles.
async fn texts(world: &World, descriptor: &AssetDescriptor) -> Vec<(Value, Value, String)> {
    let mut texts = Vec::new();
    for subtitles in &descriptor.subtitles {
        assert_ne!(world.blob("acme", &subtitles.file.blob).await.get(..6), Some(b"WEBVTT".as_slice()), "in the clear");
        let text = String::from_utf8(world.track("acme", descriptor, &subtitles.file.blob).await).unwrap();
        texts.push((json!(subtitles.language), json!(subtitles.kind), text));
    }
    texts
}

fn file(cues: &[(&str, &str)]) -> String {
    let cues = cues.iter().map(|(times, text)| format!("\n{times}\n{text}\n"));
    std::iter::once("WEBVTT\n".to_owned()).chain(cues).collect()
}

/// A segment of a PGS file: what is in it does not matter to who only carries it.
fn pgs(kind: u8, data: &[u8]) -> Vec<u8> {
    let head = [b"PG".as_slice(), &90_000_u32.to_be_bytes(), &[0; 4], &[kind], &(data.len() as u16).to_be_bytes()];
    [head.concat().as_slice(), data].concat()
}

#[tokio::test]
async fn text_of_every_language_is_taken_with_its_flags_and_pictures_of_text_are_named() {
    let bench = Bench::new();
    bench.write("en.srt", SRT.as_bytes());
    bench.write("de.vtt", VTT.as_bytes());
    bench.write("fr.sup", &[pgs(0x16, &[0, 128, 0, 96, 16, 0, 0, 0x80, 0, 0, 0]), pgs(0x80, &[])].concat());
    let inputs = "-i en.srt -i de.vtt -f sup -i fr.sup -map 0 -map 1 -map 2 -map 3 -map 1";
    let codecs = "-c:v libx264 -c:s:0 srt -c:s:1 webvtt -c:s:2 copy -c:s:3 ass";
    let said = "-metadata:s:s:0 language=eng -metadata:s:s:1 language=ger -metadata:s:s:2 language=fre \
        -disposition:s:0 hearing_impaired -disposition:s:1 forced";
    let Some(_) = bench.ffmpeg(&format!("{} {inputs} {codecs} {said} film.mkv", picture("128x96", 10, 3))) else {
        return;
    };
    let (world, _folder) = world().await;
    let (asset, descriptor) = make(&world, &bench.read("film.mkv")).await;
    let english = file(&[("00:00:00.500 --> 00:00:01.500", "Hello <i>you</i> &amp; me &lt; all")]);
    let german = file(&[("00:00:01.000 --> 00:00:03.000", "Hallo")]);
    let expected = [
        (json!("eng"), json!("captions"), english.clone()),
        (json!("deu"), json!("forced"), german),
        (json!(null), json!("subtitles"), english),
    ];
    assert_eq!(texts(&world, &descriptor).await, expected);
    let ids: Vec<&str> = asset.subtitles.iter().map(|subtitles| subtitles.subtitle_id.as_str()).collect();
    assert_eq!(ids, ["t1", "t2", "t3"]);
    let [left] = &asset.subtitles_left_out[..] else { panic!("{:?}", asset.subtitles_left_out) };
    assert_eq!((left.stream, left.codec.as_str(), json!(left.language)), (3, "hdmv_pgs_subtitle", json!("fra")));
    assert!(left.reason.contains("pictures of text"), "{}", left.reason);
}

#[tokio::test]
async fn text_is_taken_from_every_container() {
    let bench = Bench::new();
    bench.write("words.srt", SRT.as_bytes());
    let (world, _folder) = world().await;
    for (name, codecs) in [
        ("film.mp4", "-c:v libx264 -c:s mov_text"),
        ("film.mov", "-c:v libx264 -c:s mov_text"),
        ("film.webm", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:s webvtt"),
    ] {
        let words = format!("{} -i words.srt {codecs} -metadata:s:s:0 language=eng {name}", picture("128x96", 10, 2));
        let Some(_) = bench.ffmpeg(&words) else { return };
        let (_, descriptor) = make(&world, &bench.read(name)).await;
        let [(language, kind, text)] = &texts(&world, &descriptor).await[..] else { panic!("{name}: one language") };
        assert_eq!((language, kind), (&json!("eng"), &json!("subtitles")), "{name}");
        assert!(text.starts_with("WEBVTT\n\n00:00:00.500 --> 00:00:01.500\nHello <i>you</i> "), "{name}: {text}");
    }
}

#[tokio::test]
async fn subtitles_begin_where_the_film_does() {
    let bench = Bench::new();
    let cues = "1\n00:00:00,100 --> 00:00:01,200\nover\n\n2\n00:00:01,000 --> 00:00:02,500\ncut\n\n\
        3\n00:00:05,000 --> 00:00:06,000\nlater\n";
    bench.write("words.srt", cues.as_bytes());
    // The pictures begin a little in, and so the film does.
    let late = "-itsoffset 1.5 -f lavfi -i testsrc2=size=128x96:rate=10:duration=20 -i words.srt";
    let Some(_) = bench.ffmpeg(&format!("{late} -map 0 -map 1 -c:v libx264 -c:s srt film.mkv")) else { return };
    let (world, _folder) = world().await;
    let (asset, descriptor) = make(&world, &bench.read("film.mkv")).await;
    assert!(asset.duration_seconds.is_some_and(|seconds| (19.9..21.6).contains(&seconds)), "{asset:?}");
    let expected = file(&[("00:00:00.000 --> 00:00:01.000", "cut"), ("00:00:03.500 --> 00:00:04.500", "later")]);
    assert_eq!(texts(&world, &descriptor).await[0].2, expected);
}

/// Subtitles put beside an asset.
async fn put(world: &World, tenant: &str, id: &AssetId, name: &str, data: &[u8]) -> Result<Asset, MediaError> {
    let request = PutSubtitles {
        asset_id: id.clone(),
        subtitle_id: name.into(),
        language: "pt-BR".parse().unwrap(),
        kind: SubtitleKind::Subtitles,
        data: BASE64_STANDARD.encode(data),
    };
    world.media.put_subtitles(&staff(tenant), request).await
}

#[tokio::test]
async fn subtitles_are_put_beside_a_film_replaced_and_taken_away() {
    let bench = Bench::new();
    let Some(_) = bench.ffmpeg(&format!("{} -c:v libx264 film.mp4", picture("128x96", 10, 1))) else { return };
    let (world, _folder) = world().await;
    let (asset, _) = make(&world, &bench.read("film.mp4")).await;
    let id = &asset.asset_id;
    // Windows-1252, as they are found.
    let latin = b"1\r\n00:00:00,000 --> 00:00:01,000\r\nN\xe3o!\r\n";
    let put_first = put(&world, "acme", id, "pt", latin).await.unwrap();
    assert_eq!(put_first.version, asset.version + 1);
    let first = world.descriptor("acme", id).await;
    let said = |text: &str| file(&[("00:00:00.000 --> 00:00:01.000", text)]);
    assert_eq!(texts(&world, &first).await, [(json!("pt-BR"), json!("subtitles"), said("Não!"))]);

    put(&world, "acme", id, "pt", b"WEBVTT\n\n00:00.000 --> 00:01.000\nSim!\n").await.unwrap();
    let second = world.descriptor("acme", id).await;
    assert_eq!(texts(&world, &second).await, [(json!("pt-BR"), json!("subtitles"), said("Sim!"))]);
    assert_ne!(first.subtitles[0].file.blob, second.subtitles[0].file.blob, "a blob never changes");

    assert_eq!(put(&world, "globex", id, "pt", latin).await.unwrap_err().code(), "asset_not_found");
    for name in ["", "../pt", "PT", "pt.vtt", "a-name-that-is-longer-than-any-name-may-be"] {
        assert_eq!(put(&world, "acme", id, name, latin).await.unwrap_err().code(), "invalid_request", "{name:?}");
    }
    let gone = DeleteSubtitles { asset_id: id.clone(), subtitle_id: "pt".into() };
    assert!(world.media.delete_subtitles(&staff("acme"), gone).await.unwrap().subtitles.is_empty());
    assert!(world.descriptor("acme", id).await.subtitles.is_empty());

    // Nothing that is named no more stays.
    let text = || async { world.blob_names("acme").await.into_iter().filter(|name| name.ends_with(".vtt")).count() };
    assert_eq!(text().await, 2);
    world.media.sweep().await.unwrap();
    assert_eq!(text().await, 2, "origins may not have noticed yet");
    put(&world, "acme", id, "pt", VTT.as_bytes()).await.unwrap();
    world.clock.advance(std::time::Duration::from_secs(20));
    world.media.sweep().await.unwrap();
    assert_eq!(text().await, 1);
    assert_eq!(texts(&world, &world.descriptor("acme", id).await).await.len(), 1);
}

#[tokio::test]
async fn a_film_has_only_so_many_subtitles() {
    let bench = Bench::new();
    let Some(_) = bench.ffmpeg(&format!("{} -c:v libx264 film.mp4", picture("64x48", 10, 1))) else { return };
    let (world, _folder) = world().await;
    let (asset, _) = make(&world, &bench.read("film.mp4")).await;
    for number in 0..100 {
        put(&world, "acme", &asset.asset_id, &format!("s{number}"), SRT.as_bytes()).await.unwrap();
    }
    let more = put(&world, "acme", &asset.asset_id, "more", SRT.as_bytes()).await;
    assert_eq!(more.unwrap_err().code(), "too_many_subtitles");
    put(&world, "acme", &asset.asset_id, "s5", VTT.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn thumbnails_show_what_is_shown_at_their_time() {
    let bench = Bench::new();
    let colours = "-f lavfi -i color=red:s=320x180:r=25:d=4 -f lavfi -i color=blue:s=320x180:r=25:d=3";
    let Some(_) = bench.ffmpeg(&format!("{colours} -filter_complex concat -c:v libx264 film.mp4")) else { return };
    let (world, _folder) = world().await;
    let (_, descriptor) = make(&world, &bench.read("film.mp4")).await;
    let thumbnails = descriptor.thumbnails.as_ref().expect("there are thumbnails");
    let facts = json!(thumbnails);
    for (fact, value) in
        [("tile_width", 160), ("tile_height", 90), ("columns", 4), ("rows", 1), ("count", 4), ("interval_seconds", 2)]
    {
        assert_eq!(facts[fact], value, "{fact}");
    }
    let [picture] = &thumbnails.pictures[..] else { panic!("one picture: {thumbnails:?}") };
    assert!(!world.blob("acme", &picture.blob).await.starts_with(&[0xff, 0xd8]), "a picture of the film in the clear");
    let jpeg = world.track("acme", &descriptor, &picture.blob).await;
    assert_eq!(jpeg.len() as u64, picture.size_bytes);
    bench.write("tiles.jpg", &jpeg);
    let pixels =
        bench.ffmpeg("-i tiles.jpg -vf scale=4:1:flags=area,format=rgb24 -pix_fmt rgb24 -f rawvideo -").unwrap();
    let (red, blue): (Vec<_>, Vec<_>) = pixels.chunks(3).map(|p| (p[0] > 200, p[2] > 200)).unzip();
    assert_eq!(red, [true, true, false, false], "{pixels:?}");
    assert_eq!(blue, [false, false, true, true], "{pixels:?}");
}

#[tokio::test]
async fn hostile_subtitles_cost_little_and_bring_nothing_along() {
    let bench = Bench::new();
    // Seventeen megabytes of text in a film of a second, and a film whose subtitles are none.
    let line = format!("{}\n", "x".repeat(4000));
    let cue = |n: usize| format!("{n}\n00:00:0{},{:03} --> 00:00:03,000\n{}\n", n / 1000, n % 1000, line.repeat(4));
    bench.write("huge.srt", (0..1100).map(cue).collect::<String>().as_bytes());
    bench.write("fine.srt", SRT.as_bytes());
    let words = |file: &str| {
        let maps = format!("-i {file} -i fine.srt -map 0 -map 1 -map 2 -c:v libx264 -c:s srt film.mkv");
        format!("{} {maps}", picture("64x48", 10, 1))
    };
    let Some(_) = bench.ffmpeg(&words("huge.srt")) else { return };
    let (world, _folder) = world().await;
    let (asset, descriptor) = make(&world, &bench.read("film.mkv")).await;
    let [left] = &asset.subtitles_left_out[..] else { panic!("{:?}", asset.subtitles_left_out) };
    assert!(left.stream == 1 && left.reason.contains("could not be read"), "{left:?}");
    assert_eq!(texts(&world, &descriptor).await.len(), 1, "the others are taken");
    assert!(world.scratch().is_empty(), "no scratch is left");

    let at = "00:00.000 --> 00:01.000\n";
    let crowd = format!("WEBVTT\n\n{}", format!("{at}x\n\n").repeat(100));
    for (what, file) in [
        ("nothing", Vec::new()),
        ("an archive", b"PK\x03\x04\0\0\0\0".to_vec()),
        ("a playlist", b"#EXTM3U\nfile:///etc/passwd\n".to_vec()),
        ("a script of FFmpeg's", b"ffconcat version 1.0\nfile '/etc/passwd'\n".to_vec()),
        ("a hundred cues at once", crowd.into_bytes()),
        ("three megabytes", vec![b'x'; 3 << 20]),
    ] {
        let refused = put(&world, "acme", &asset.asset_id, "bad", &file).await;
        assert_eq!(refused.unwrap_err().code(), "subtitles_unreadable", "{what}");
    }
    let reaching = format!(
        "WEBVTT\n\nSTYLE\n::cue {{ background: url(http://tracker.example/) }}\n\n{at}<img src=//tracker.example/ \
         onerror=alert(1)><script>alert(1)</script>\n"
    );
    put(&world, "acme", &asset.asset_id, "bad", reaching.as_bytes()).await.unwrap();
    let kept = texts(&world, &world.descriptor("acme", &asset.asset_id).await).await.pop();
    assert_eq!(kept.unwrap().2, file(&[("00:00:00.000 --> 00:00:01.000", "alert(1)")]));
    let missing = PutSubtitles {
        asset_id: asset.asset_id.clone(),
        subtitle_id: "bad".into(),
        language: "en".parse().unwrap(),
        kind: SubtitleKind::Captions,
        data: "no base64!".into(),
    };
    assert_eq!(world.media.put_subtitles(&staff("acme"), missing).await.unwrap_err().code(), "invalid_request");
}
