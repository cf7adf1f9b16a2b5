//! What is not taken, and that each refusal says why.

use tessera_contract_media::{AssetState, CreateAsset, FailureReason, Media, Protection};
use tessera_store::StoreConfig;
use tessera_test_media::{Bench, picture, tone};
use tessera_testing::{clock, temp_dir};

use crate::world::{World, config, staff};

/// Why each of these files is refused, all in one world.
pub(crate) async fn refusals<'f>(files: impl IntoIterator<Item = (&'f str, Vec<u8>)>) -> Vec<(&'f str, FailureReason)> {
    let folder = temp_dir();
    let store = StoreConfig::sqlite(folder.path());
    let world = World::open_with(&store, folder.path().into(), clock(), config()).await;
    let working = world.work();
    let mut refusals = Vec::new();
    for (name, bytes) in files {
        let id = world.film("acme", &bytes).await;
        let asset = world.ended("acme", &id).await;
        assert_eq!((asset.state, asset.renditions.len()), (AssetState::Failed, 0), "{name}: {asset:?}");
        refusals.push((name, asset.failure.expect("a failed asset says why")));
    }
    working.stop().await;
    assert!(world.scratch().is_empty(), "no scratch is left");
    world.media.sweep().await.unwrap();
    let names = world.blob_names("acme").await;
    assert!(names.iter().all(|name| name.starts_with("uploads/")), "nothing was stored of it: {names:?}");
    refusals
}

pub(crate) fn check(refusals: &[(&str, FailureReason)], expected: &[(&str, &str, &str)]) {
    assert_eq!(refusals.len(), expected.len());
    for ((name, reason), (file, code, word)) in refusals.iter().zip(expected) {
        assert_eq!((*name, reason.code.as_str()), (*file, *code), "{}", reason.message);
        assert!(reason.message.contains(word), "{name}: {}", reason.message);
    }
}

#[tokio::test]
async fn what_is_no_video_is_named() {
    let bench = Bench::new();
    let made = [
        "-f lavfi -i testsrc2=size=64x48:duration=1:rate=1 -frames:v 1 image.png".to_owned(),
        format!("{} -c:a aac sound.mp4", tone(1.0)),
        format!("{} -c:v mpeg4 film.avi", picture("64x48", 10, 1)),
        format!("{} -c:v mpeg2video film.ts", picture("64x48", 25, 1)),
        format!("{} -c:a aac sound.ts", tone(1.0)),
        format!("{} -c:v mpeg4 mpeg4.mp4", picture("64x48", 10, 1)),
        "-f lavfi -i color=size=9000x64:rate=5:duration=0.4 -c:v mjpeg huge-mjpeg.mov".into(),
        "-f lavfi -i color=size=9000x64:rate=5:duration=0.4 -c:v libx264 -preset ultrafast huge.mp4".into(),
    ];
    for words in &made {
        let Some(_) = bench.ffmpeg(words) else { return };
    }
    let expected = [
        ("empty", "not_a_video", "empty"),
        ("letter.mp4", "not_a_video", "text"),
        ("image.png", "not_a_video", "PNG"),
        ("sound.mp4", "not_a_video", "sound and no pictures"),
        ("film.avi", "unsupported_container", "AVI"),
        ("film.ts", "unsupported_codec", "mpeg2video"),
        ("sound.ts", "not_a_video", "no pictures"),
        ("mpeg4.mp4", "unsupported_codec", "mpeg4"),
        ("huge-mjpeg.mov", "unsupported_codec", "mjpeg"),
        ("huge.mp4", "too_large", "9000x64"),
    ];
    let bytes = |name: &str| match name {
        "empty" => Vec::new(),
        "letter.mp4" => b"Dear editor, this is not a film.\n".to_vec(),
        file => bench.read(file),
    };
    check(&refusals(expected.iter().map(|(name, ..)| (*name, bytes(name)))).await, &expected);
}

#[tokio::test]
async fn what_was_cut_short_is_named() {
    let bench = Bench::new();
    let film = format!("{} {} -c:v libx264 -g 10 -c:a aac", picture("128x96", 10, 4), tone(4.0));
    let Some(_) = bench.ffmpeg(&format!("{film} index-last.mp4")) else { return };
    bench.ffmpeg(&format!("{film} -movflags +faststart index-first.mp4"));
    bench.ffmpeg(&format!("{film} film.mkv"));
    bench.ffmpeg("-f lavfi -i color=rate=10:duration=0 -c:v libx264 no-picture.mp4");
    let half = |name: &str| {
        let whole = bench.read(name);
        whole[..whole.len() / 2].to_vec()
    };
    let files = [
        ("index-last.mp4", half("index-last.mp4")),
        ("index-first.mp4", half("index-first.mp4")),
        ("film.mkv", half("film.mkv")),
        ("only a head", b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm".to_vec()),
        ("only a type", bench.read("index-first.mp4")[..40].to_vec()),
    ];
    let expected = [
        ("index-last.mp4", "truncated", "cut short"),
        ("index-first.mp4", "truncated", "cut short"),
        ("film.mkv", "truncated", "cut short"),
        ("only a head", "truncated", "cut short"),
        ("only a type", "truncated", "cut short"),
    ];
    check(&refusals(files).await, &expected);
}

#[tokio::test]
async fn a_playlist_named_film_never_leads_to_a_local_file() {
    let folder = temp_dir();
    let secret = folder.path().join("secret.mp4");
    std::fs::write(&secret, "the secret").unwrap();
    let path = secret.display();
    let files = [
        ("concat script", format!("ffconcat version 1.0\nfile '{path}'\n")),
        ("HLS playlist", format!("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{path}\n#EXT-X-ENDLIST\n")),
        ("DASH description", format!("<?xml version=\"1.0\"?><MPD><BaseURL>file://{path}</BaseURL></MPD>")),
        ("session description", format!("v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video {path}\n")),
    ];
    for (name, reason) in refusals(files.map(|(name, text)| (name, text.into_bytes()))).await {
        assert_eq!(reason.code, "unsupported_container", "{name}");
        assert!(
            reason.message.contains("playlist") && !reason.message.contains("secret"),
            "{name}: {}",
            reason.message
        );
    }
}

#[tokio::test]
async fn a_refused_upload_may_be_submitted_again_and_a_used_one_not() {
    let folder = temp_dir();
    let store = StoreConfig::sqlite(folder.path());
    let world = World::open_with(&store, folder.path().into(), clock(), config()).await;
    let upload = world.upload("acme", b"a letter").await;
    let request = || CreateAsset { upload_id: upload.clone(), protection: Protection::Clear, priority: None };
    let first = world.submit("acme", upload.clone()).await;
    let busy = world.media.create_asset(&staff("acme"), request()).await.unwrap_err();
    assert_eq!(tessera_contract::ContractError::code(&busy), "upload_in_use");
    let stranger = world.media.create_asset(&staff("globex"), request()).await.unwrap_err();
    assert_eq!(tessera_contract::ContractError::code(&stranger), "upload_not_found");

    let working = world.work();
    world.ended("acme", &first).await;
    let second = world.submit("acme", upload.clone()).await;
    assert_eq!(world.ended("acme", &second).await.state, AssetState::Failed);
    working.stop().await;
}
