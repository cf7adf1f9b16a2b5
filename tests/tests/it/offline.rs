//! What works without a server: looking at a file, packaging it, checking playlists.

use std::{fs, process::Command};

use tessera_testing::temp_dir;
use tessera_tests::run;

const KEYS: [&str; 4] = ["--key-id", "0123456789abcdef0123456789abcdef", "--key", "00112233445566778899aabbccddeeff"];

#[test]
fn a_film_is_looked_at_packaged_and_its_playlists_checked() {
    let folder = temp_dir();
    let made = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=8"])
        .args(["-f", "lavfi", "-i", "sine=duration=8", "-c:v", "libx264", "-g", "50", "-c:a", "aac"])
        .args(["-metadata:s:a:0", "language=deu"])
        .arg(folder.path().join("film.mp4"))
        .status();
    assert!(made.is_ok_and(|status| status.success()), "ffmpeg makes the film");
    let tessera = |arguments: &[&str]| {
        let output = run(folder.path(), arguments);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };

    let (code, told, said) = tessera(&["media", "plan", "film.mp4", "--json"]);
    assert_eq!(code, Some(0), "{said}");
    let plan: serde_json::Value = serde_json::from_str(&told).expect("the plan is JSON");
    assert_eq!((&plan["video"][0]["height"], &plan["audio"][0]["language"]), (&180.into(), &"deu".into()), "{plan}");
    assert_eq!((&plan["chunks"]["count"], &plan["chunks"]["undivided"]), (&1.into(), &"short".into()), "{plan}");
    let (code, told, said) = tessera(&["media", "plan", "film.mp4"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(told.contains("all of it is made at once") && told.contains("pictures in one part"), "{told}");

    let (code, told, said) = tessera(&[&["package", "film.mp4", "--out", "out"], &KEYS[..]].concat());
    assert_eq!(code, Some(0), "{said}");
    assert!(told.contains("video-1.mp4") && told.contains("manifest.mpd"), "{told}");
    let (code, _, said) = tessera(&["package", "film.mp4", "--out", "other"]);
    assert!(code == Some(1) && said.contains("--scheme clear"), "{said}");

    let (code, told, said) = tessera(&["media", "inspect", "out/video-1.mp4", "--samples", "2"]);
    assert!(code == Some(0) && said.contains("0 problems"), "{told}{said}");
    for wanted in ["scheme_type=cbcs", "track 1: vide, avc1.", "protected: cbcs, key id 0123456789abcdef", "sample 2: "]
    {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    let whole = fs::read(folder.path().join("out/video-1.mp4")).expect("a packaged track");
    fs::write(folder.path().join("cut.mp4"), &whole[..whole.len() - 100]).expect("it can be written");
    let (code, told, said) = tessera(&["media", "inspect", "cut.mp4", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&told).expect("what is found is JSON");
    assert_eq!((code, &found["problems"][0]["in"]), (Some(2), &"mdat".into()), "{said}");
    assert_eq!(found["tracks"][0]["protection"]["pattern"], "1:9");

    let (code, told, said) = tessera(&["hls", "check", "out/main.m3u8"]);
    assert_eq!((code, told.as_str()), (Some(0), ""), "{said}");
    let playlist = folder.path().join("out/video-1.m3u8");
    let text = fs::read_to_string(&playlist).expect("a playlist");
    let longest = text.lines().find(|line| line.starts_with("#EXT-X-TARGETDURATION:")).expect("a target duration");
    fs::write(&playlist, text.replace(longest, "#EXT-X-TARGETDURATION:1")).expect("it can be written");
    let (code, told, said) = tessera(&["hls", "check", "out/main.m3u8"]);
    assert!(code == Some(2) && told.contains("[target-duration]"), "{told}{said}");
}
