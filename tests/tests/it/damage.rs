//! Stored bytes that change: nothing wrong is served, and what is damaged is named.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tessera_tests::{Browser, Demo, run};

/// The largest file below a folder.
fn largest(folder: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of blobs can be read").flatten() {
            if entry.path().is_dir() { folders.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    files.into_iter().max_by_key(|file| file.metadata().map_or(0, |file| file.len())).expect("there are blobs")
}

/// The URIs of a playlist.
fn uris(playlist: &str) -> Vec<String> {
    playlist.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// The status of every segment of every rendition.
async fn segments(visitor: &Browser, master: &str) -> Vec<u16> {
    let base = |url: &str| url.rsplit_once('/').map_or("", |(base, _)| base).to_owned();
    let mut statuses = Vec::new();
    for variant in uris(&visitor.get(master).await.text()) {
        let media = format!("{}/{variant}", base(master));
        for segment in uris(&visitor.get(&media).await.text()) {
            statuses.push(visitor.get(&format!("{}/{segment}", base(&media))).await.status.as_u16());
        }
    }
    statuses
}

fn findings(demo: &Demo, more: &[&str]) -> (bool, Vec<Value>) {
    let port = demo.site.port().to_string();
    let arguments: Vec<&str> =
        ["doctor", "--data", "data", "--port", &port, "--json"].into_iter().chain(more.iter().copied()).collect();
    let output = run(demo.folder(), &arguments);
    let report: Value = serde_json::from_slice(&output.stdout).expect("--json prints JSON");
    let bad = report["findings"].as_array().into_iter().flatten().filter(|finding| finding["state"] == "bad");
    (output.status.success(), bad.cloned().collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_whose_bytes_have_changed_is_not_served_and_is_named() {
    let demo = Demo::start();
    let mut viewer = demo.site.browser();
    viewer.sign_up("alice@viewer.example", "correct horse battery").await;
    let start = json!({"title_id": demo.facts["titles"][2][1], "device_id": "laptop"});
    let playback = viewer.post("/playback/v1/sessions", start).await.ok();
    let master = playback["sources"][0]["hls_url"].as_str().expect("a playlist").to_owned();
    let asset = master.split('/').find(|part| part.starts_with("ast_")).expect("the asset is in its address");
    let visitor = demo.site.visitor();
    let sound = segments(&visitor, &master).await;
    assert!(sound.len() > 3 && sound.iter().all(|status| *status == 200), "{sound:?}");

    let track = largest(&demo.folder().join("data/blobs/demo/assets").join(asset));
    let name = track.file_name().and_then(|name| name.to_str()).expect("a blob has a name").to_owned();
    let (file, middle) =
        (OpenOptions::new().read(true).write(true).open(&track).expect("it opens"), track_size(&track) / 2);
    let mut byte = [0];
    file.read_exact_at(&mut byte, middle).expect("it has a middle");
    file.write_all_at(&[byte[0] ^ 0x10], middle).expect("a bit can be turned");
    // What was sound is in memory yet, and is served from there.
    let demo = demo.restart_here();
    let visitor = demo.site.visitor();
    let damaged = segments(&visitor, &master).await;
    assert!(damaged.iter().all(|status| [200, 500].contains(status)), "{damaged:?}");
    assert!((1..=2).contains(&damaged.iter().filter(|status| **status == 500).count()), "{damaged:?}");
    let said = demo.process.said();
    assert!(said.contains("a stored file is damaged") && said.contains(asset) && said.contains(&name), "{said}");
    assert!(findings(&demo, &[]).0, "its size is right");
    let (sound, bad) = findings(&demo, &["--deep"]);
    let found = bad[0]["found"].as_str().unwrap_or_default();
    assert!(!sound && bad.len() == 1 && found.contains(asset) && found.contains(&name), "{bad:?}");
    assert!(bad[0]["remedy"].as_str().unwrap_or_default().contains("upload these films again"), "{bad:?}");

    file.write_all_at(&byte, middle).expect("a bit can be turned back");
    assert!(segments(&visitor, &master).await.iter().all(|status| *status == 200), "what is repaired is served");
    cut(&file, middle);
    let demo = demo.restart_here();
    let visitor = demo.site.visitor();
    let cut_short = segments(&visitor, &master).await;
    assert!(cut_short.contains(&500) && cut_short.contains(&200), "{cut_short:?}");
    let (sound, bad) = findings(&demo, &[]);
    assert!(!sound && bad[0]["found"].as_str().unwrap_or_default().contains(&format!("has {middle} bytes")), "{bad:?}");
}

fn track_size(track: &Path) -> u64 {
    track.metadata().expect("it can be looked at").len()
}

fn cut(file: &File, size: u64) {
    file.set_len(size).expect("a file can be cut");
}
