//! `tessera doctor`: sound on a sound deployment, and exact on one that is not.

use std::{
    fs::{self, OpenOptions, Permissions},
    os::unix::fs::{FileExt, PermissionsExt},
    path::Path,
};

use serde_json::Value;
use tessera_testing::{free_port, temp_dir};
use tessera_tests::{Demo, run};

/// Whether all is sound, and what is not: check and finding.
fn examined(folder: &Path, more: &[&str]) -> (bool, Vec<(String, String)>) {
    let arguments: Vec<&str> = ["doctor", "--data", "data", "--json"].into_iter().chain(more.iter().copied()).collect();
    let output = run(folder, &arguments);
    let report: Value = serde_json::from_slice(&output.stdout).expect("--json prints JSON");
    assert_eq!(report["ok"], output.status.success(), "{report}");
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
    let bad = report["findings"].as_array().into_iter().flatten().filter(|finding| finding["state"] == "bad");
    let bad = bad.map(|finding| (text(finding, "check"), text(finding, "found"))).collect();
    (output.status.success(), bad)
}

#[test]
fn before_the_first_start_nothing_is_wrong_and_nothing_is_made() {
    let folder = temp_dir();
    let port = free_port().to_string();
    assert_eq!(examined(folder.path(), &["--port", &port]), (true, vec![]));
    assert!(!folder.path().join("data").exists(), "it only looks");
}

#[test]
fn a_sound_deployment_is_sound_beside_its_server_and_without_one_and_what_is_broken_is_named() {
    let demo = Demo::start();
    let port = demo.site.port().to_string();
    assert_eq!(examined(demo.folder(), &["--port", &port, "--deep"]), (true, vec![]));
    let output = run(demo.folder(), &["doctor", "--data", "data", "--port", &port]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let process = format!("served by process {}", demo.process.id());
    for expected in [process.as_str(), "✓ databases", "✓ films", "✓ events", "! backup", "tessera backup --to"] {
        assert!(said.contains(expected), "no {expected:?} in:\n{said}");
    }
    let (folder, _) = demo.stop();
    let data = folder.path().join("data");
    assert_eq!(examined(folder.path(), &["--port", &port]), (true, vec![]), "without its server");

    let secret = data.join("secrets/media-master");
    fs::set_permissions(&secret, Permissions::from_mode(0o644)).expect("its mode can be set");
    let catalog = data.join("catalog.db");
    let size = catalog.metadata().expect("there is a catalog").len();
    let file = OpenOptions::new().write(true).open(&catalog).expect("it opens");
    for page in size / 8192..size / 8192 + 8 {
        file.write_all_at(&[0xa5; 100], page * 4096).expect("a page can be spoiled");
    }
    let (sound, bad) = examined(folder.path(), &["--port", &port]);
    assert!(!sound);
    let found = |check: &str, text: &str| bad.iter().any(|(name, found)| name == check && found.contains(text));
    assert!(found("secrets", "secrets/media-master"), "{bad:?}");
    assert!(found("soundness", "catalog.db"), "{bad:?}");
}
