//! Every output that Chromium can play, in Shaka Player and hls.js: all schemes, segments and ranges, HLS and DASH; and what
//! the offline packager writes.

use std::{fs, process::Command};

use serde_json::{Value, json};
use tessera_testing::temp_dir;
use tessera_tests::{Demo, run};

use crate::pages::{browser, ingest};

#[tokio::test(flavor = "multi_thread")]
async fn both_players_show_every_output_of_one_stored_copy() {
    let demo = Demo::start();
    let film = film(&demo);
    let clear = facts(&demo, &ingest(&demo, &film, &["--clear"]), "avc1").await;
    let encrypted = facts(&demo, &ingest(&demo, &film, &[]), "avc1").await;
    play(&demo, &film, json!({"clear": clear, "encrypted": encrypted}));
}

#[tokio::test(flavor = "multi_thread")]
async fn av1_is_shown_as_h264_is() {
    let demo = Demo::configured(temp_dir(), "[media.ladder]\ncodecs = [\"av1\"]\n");
    let film = film(&demo);
    let clear = facts(&demo, &ingest(&demo, &film, &["--clear"]), "av01").await;
    let encrypted = facts(&demo, &ingest(&demo, &film, &[]), "av01").await;
    play(&demo, &film, json!({"clear": clear, "encrypted": encrypted}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_each_class_of_pictures_and_one_for_sound_play_beside_what_other_systems_are_told() {
    let settings = "[delivery.drm]\nkeys = \"resolution\"\n\
        systems = [\"clearkey\", \"widevine\", \"playready\", \"fairplay\"]\n";
    let demo = Demo::configured(temp_dir(), settings);
    let film = film_of(&demo, "1280x720");
    let divided = facts(&demo, &ingest(&demo, &film, &[]), "avc1").await;
    play(&demo, &film, json!({"divided": divided}));
}

#[test]
fn vp9_and_opus_are_shown_as_they_were_packaged() {
    const KEY: [&str; 2] = ["0123456789abcdef0123456789abcdef", "00112233445566778899aabbccddeeff"];
    let demo = Demo::start();
    let made = Command::new("ffmpeg")
        .current_dir(demo.folder())
        .args(["-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=9"])
        .args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=9", "-vf"])
        .args(["scale=out_color_matrix=bt709,format=yuv420p", "-colorspace", "bt709", "-color_primaries", "bt709"])
        .args(["-color_trc", "bt709", "-c:v", "libvpx-vp9", "-cpu-used", "8", "-deadline", "realtime", "-b:v", "2M"])
        .args(["-g", "50", "-c:a", "libopus", "-metadata:s:a:0", "language=deu", "vp9.mp4"])
        .status();
    assert!(made.is_ok_and(|status| status.success()), "ffmpeg makes the film");
    for scheme in ["clear", "cbcs", "cenc"] {
        let mut arguments = vec!["package", "vp9.mp4", "--out", scheme, "--scheme", scheme];
        if scheme != "clear" {
            arguments.extend(["--key-id", KEY[0], "--key", KEY[1]]);
        }
        let output = run(demo.folder(), &arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let path = |name: &str| demo.folder().join(name).into_os_string().into_string().expect("a test's path is text");
    browser(&demo, "packaged.mjs", &[&path("vp9.mp4"), &path("."), KEY[0], KEY[1]]);
}

fn play(demo: &Demo, film: &str, facts: Value) {
    let file = demo.folder().join("facts.json");
    fs::write(&file, facts.to_string()).expect("the facts can be written");
    browser(demo, "players.mjs", &[film, file.to_str().expect("a test's path is text")]);
}

fn film(demo: &Demo) -> String {
    film_of(demo, "640x360")
}

/// A film whose pictures all differ, with its colours said, and sound in two languages.
fn film_of(demo: &Demo, size: &str) -> String {
    let file = demo.folder().join("players.mkv");
    let made = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-f", "lavfi", "-i"])
        .arg(format!("testsrc2=size={size}:rate=25:duration=9"))
        .args(["-f", "lavfi", "-i", "sine=frequency=440:duration=9", "-f", "lavfi", "-i"])
        .args(["sine=frequency=1320:duration=9", "-map", "0", "-map", "1", "-map", "2"])
        .args(["-vf", "scale=out_color_matrix=bt709,format=yuv420p", "-colorspace", "bt709"])
        .args(["-color_primaries", "bt709", "-color_trc", "bt709", "-c:v", "libx264", "-preset", "veryfast"])
        .args(["-c:a", "aac", "-metadata:s:a:0", "language=ger", "-metadata:s:a:1", "language=fre"])
        .arg(&file)
        .status();
    assert!(made.is_ok_and(|status| status.success()), "ffmpeg makes the film");
    file.into_os_string().into_string().expect("a test's path is text")
}

/// What a player needs of the film at an address of the app: the signed prefix, and how licences are got; and how its
/// pictures' codec is named.
async fn facts(demo: &Demo, address: &str, codec: &str) -> Value {
    let title = address.trim_end_matches('/').rsplit('/').next().expect("an address ends with the title's id");
    let mut viewer = demo.site.browser();
    viewer.sign_up(&format!("{title}@viewer.example"), "correct horse battery").await;
    let start = json!({"title_id": title, "device_id": "players"});
    let playback = viewer.post("/playback/v1/sessions", start).await.ok();
    let hls = playback["sources"][0]["hls_url"].as_str().expect("a playlist");
    let licence = &playback["licence"];
    let server = licence["servers"][0]["url"].clone();
    let prefix = hls.trim_end_matches("master.m3u8");
    json!({"prefix": prefix, "token": licence["token"], "licences": server, "codec": codec})
}
