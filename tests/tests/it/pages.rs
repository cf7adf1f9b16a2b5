//! What a real browser shows: the way from the front page to a playing, encrypted film.

use std::process::Command;

use tessera_tests::{Demo, project};

#[test]
fn a_person_finds_signs_up_pays_watches_and_comes_back() {
    browser("journey.mjs");
}

#[test]
fn a_second_device_past_the_limit_is_told_so_and_gets_in_later() {
    browser("limit.mjs");
}

/// Runs a script of `tests/browser` against a demo of its own; it fails when the script does.
fn browser(script: &str) {
    let demo = Demo::start();
    let output = Command::new("node")
        .arg(project().join("tests/browser").join(script))
        .env("TESSERA_SITE", &demo.site.url)
        .env("TESSERA_SHOTS", project().join("target/screenshots"))
        .output()
        .expect("node can be run");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}:\n{said}\nthe server said:\n{}", demo.process.said());
    eprintln!("{said}");
}
