//! `tessera ingest`: real files in, published titles out, and what is refused.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};
use tessera_tests::{Demo, run, shared};

fn ingest(demo: &Demo, file: &Path, more: &[&str]) -> std::process::Output {
    let file = file.to_str().expect("a test's path is text");
    let mut arguments = vec!["ingest", file, "--title", "Mine", "--data", "data", "--json"];
    arguments.extend(more);
    run(demo.folder(), &arguments)
}

async fn plays(demo: &Demo, output: &std::process::Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let title: Value = serde_json::from_slice(&output.stdout).expect("--json prints the title");
    assert_eq!(title["state"], "published", "{title}");
    let mut viewer = demo.site.browser();
    viewer.sign_up("alice@viewer.example", "correct horse battery").await;
    let start = json!({"title_id": title["title_id"], "device_id": "laptop"});
    let playback = viewer.post("/playback/v1/sessions", start).await.ok();
    let hls = playback["sources"][0]["hls_url"].as_str().expect("a playlist");
    let playlist = demo.site.visitor().get(hls).await;
    assert!(playlist.text().contains("#EXT-X-STREAM-INF"), "{}", playlist.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portrait_webm_without_sound_is_published_and_plays() {
    let demo = Demo::start();
    let file = demo.folder().join("phone.webm");
    let made = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=180x320:rate=25:duration=2"])
        .args(["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"])
        .arg(&file)
        .status();
    assert!(made.is_ok_and(|status| status.success()), "ffmpeg makes the file");
    plays(&demo, &ingest(&demo, &file, &["--free"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_clip_is_published_and_plays() {
    let Some(clip) = shared("media/bbb_720p25_5s.mp4") else { return };
    let demo = Demo::start();
    plays(&demo, &ingest(&demo, &clip, &["--free"])).await;
}

#[test]
fn what_is_no_video_is_refused_with_the_reason_and_a_playlist_opens_no_file() {
    let demo = Demo::start();
    let secret = demo.folder().join("secret.txt");
    fs::write(&secret, "the secret word is xyzzy\n").unwrap();
    let playlist =
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{}\n#EXT-X-ENDLIST\n", secret.display());
    let concat = format!("ffconcat version 1.0\nfile '{}'\n", secret.display());
    for (name, bytes) in [
        ("empty.mp4", Vec::new()),
        ("letter.mp4", b"Dear Sir or Madam,\n".repeat(100)),
        ("film.mp4", playlist.into_bytes()),
        ("list.mp4", concat.into_bytes()),
    ] {
        let file = demo.folder().join(name);
        fs::write(&file, bytes).unwrap();
        let output = ingest(&demo, &file, &["--free"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{name} was taken: {said}");
        assert!(said.contains("error:"), "{name}: {said}");
        assert!(!said.contains("xyzzy"), "{name}: {said}");
    }
}

#[test]
fn a_missing_file_and_a_missing_server_are_told_apart() {
    let folder = tessera_testing::temp_dir();
    let output = run(folder.path(), &["ingest", "film.mp4", "--title", "Mine"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("tessera up"), "{said}");
    let output = run(
        folder.path(),
        &["ingest", "film.mp4", "--title", "Mine", "--url", "http://demo.localhost:1", "--key", "sk_test_x"],
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("film.mp4"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_work_on_assets_is_listed_read_and_steered_at_a_terminal() {
    let demo = Demo::start();
    let media = |words: &[&str]| {
        let output = run(demo.folder(), &[&["media"], words, &["--data", "data"]].concat());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    let (listed, assets, problem) = media(&["jobs", "--all", "--json"]);
    assert!(listed, "{problem}");
    let first: Value = serde_json::from_str(assets.lines().next().expect("the demo has assets")).expect("JSON a line");
    let id = first["asset_id"].as_str().expect("an id");
    assert!(first["state"] == "ready" && first["work"]["processor_seconds"].as_f64() > Some(0.0), "{first}");
    assert!(media(&["jobs"]).2.contains("Nothing is in the making"));
    let (read, log, _) = media(&["log", id]);
    assert!(read && log.contains("submitted") && log.contains("ffmpeg ended well"), "{log}");
    let (cancelled, _, refusal) = media(&["cancel", id]);
    assert!(!cancelled && refusal.contains("asset_not_processing"), "{refusal}");
    let (retried, _, refusal) = media(&["retry", id]);
    assert!(!retried && refusal.contains("asset_not_retryable"), "{refusal}");
}
