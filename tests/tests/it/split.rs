//! A deployment of several processes does what one does.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use reqwest::Method;
use serde_json::{Value, json};
use tessera_testing::{eventually, free_port, temp_dir};
use tessera_tests::{Browser, MODULES, Site, Split, module_version, project, run, tessera};

use crate::{
    journey::{GOOD_CARD, buy, licence, session_path, start, start_bought},
    pages::drive,
};

/// Sign-up, checkout, play, licence, segments, beats.
async fn a_service(site: &Site, title: &str) {
    start(&site.visitor(), title, "laptop").await.refused(401, "unauthenticated");
    let mut viewer = site.browser();
    viewer.sign_up("newcomer@viewer.example", "correct horse battery").await;
    start(&viewer, title, "laptop").await.refused(403, "not_entitled");
    let bought = buy(&viewer, "plan=basic", GOOD_CARD).await.ok();
    assert_eq!(bought["state"], "succeeded", "{bought}");
    let playback = start_bought(&viewer, title, "laptop").await;

    let player = site.visitor();
    let dash = playback["sources"][0]["dash_url"].as_str().expect("a DASH manifest").to_owned();
    let manifest = player.get(&dash).await;
    assert!(manifest.status.is_success(), "{}", manifest.text());
    let manifest = manifest.text();
    let keys = licence(&player, &playback, &manifest).await.ok();
    assert_eq!(keys["keys"][0]["kty"], "oct", "{keys}");
    let hls = playback["sources"][0]["hls_url"].as_str().expect("an HLS playlist").to_owned();
    segment(&player, &hls).await;

    viewer.post(&session_path(&playback, "heartbeat"), json!({"position_seconds": 3})).await.ok();
    viewer.post(&session_path(&playback, "stop"), json!({"position_seconds": 4})).await.ok();
    eventually("the position to be remembered", || async {
        let again = start(&viewer, title, "laptop").await.ok();
        viewer.post(&session_path(&again, "stop"), json!({"position_seconds": 4})).await.ok();
        (again["resume_position_seconds"] == 4).then_some(())
    })
    .await;
}

/// A range of a media segment: its bytes are exact through whatever passes them on.
async fn segment(player: &Browser, playlist: &str) {
    let within = |base: &str, text: &str, wanted: fn(&&str) -> bool| {
        let line = text.lines().find(wanted).unwrap_or_else(|| panic!("nothing to follow in {text}")).to_owned();
        reqwest::Url::parse(base).and_then(|base| base.join(&line)).expect("an address").to_string()
    };
    let playlist = &player.address(playlist);
    let main = player.get(playlist).await.text();
    let media = within(playlist, &main, |line| !line.starts_with('#') && !line.is_empty());
    let text = player.get(&media).await.text();
    let segment = within(&media, &text, |line| !line.starts_with('#') && !line.is_empty());
    let whole = player.get(&segment).await;
    assert!(whole.status.is_success() && whole.bytes.len() > 100, "{}", whole.status);
    let announced = whole.headers["content-length"].to_str().expect("a number").parse::<usize>();
    assert_eq!(announced.expect("a number"), whole.bytes.len());
    let part = player.send(player.request(Method::GET, &segment).header("range", "bytes=10-29")).await;
    assert_eq!((part.status.as_u16(), &part.bytes[..]), (206, &whole.bytes[10..30]));
}

/// An API key at the front: operations, an upload in pieces, and the trail of it all.
async fn staff(split: &Split) {
    let staff = split.site.with_token(split.fact("staff_key"));
    let unknown =
        staff.post("/catalog/v1/management/titles", json!({"title": {"name": {"en": "New"}}, "colour": 1})).await;
    let said = unknown.refused(400, "invalid_request");
    assert!(said.contains("colour"), "a front refuses what the contract does not know: {said}");
    let made = staff.post("/catalog/v1/management/titles", json!({"title": {"name": {"en": "New"}}})).await.ok();
    let title = made["title_id"].as_str().expect("an id").to_owned();

    let tus = |method: Method, path: &str| staff.request(method, path).header("tus-resumable", "1.0.0");
    let begun = staff.send(tus(Method::POST, "/media/v1/uploads").header("upload-length", "6")).await;
    assert_eq!(begun.status.as_u16(), 201, "{}", begun.text());
    let place = begun.headers["location"].to_str().expect("a path").to_owned();
    let piece = tus(Method::PATCH, &place).header("upload-offset", "0");
    let piece = piece.header("content-type", "application/offset+octet-stream").body("filmed");
    assert_eq!(staff.send(piece).await.status.as_u16(), 204);
    let state = staff.send(tus(Method::HEAD, &place)).await;
    assert_eq!(state.headers["upload-offset"], "6");
    let stranger = split.site.visitor();
    let refused = stranger.send(stranger.request(Method::HEAD, &place).header("tus-resumable", "1.0.0")).await;
    assert_eq!(refused.status.as_u16(), 401);

    eventually("the trail to tell of the title once", || async {
        let trail = staff.get(&format!("/audit/v1/records?target={title}")).await.ok();
        let records = trail["data"].as_array().expect("records").clone();
        (!records.is_empty()).then_some(records)
    })
    .await
    .iter()
    .for_each(|record| assert_eq!(record["operation"], "create_title", "{record}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_are_one_service() {
    let rest =
        ["audit", "catalog", "delivery", "drm", "entitlement", "media", "playback", "tenancy", "viewers", "webhooks"];
    let front = ["front"].into_iter().chain(rest).collect();
    let split = Split::start(&[front, vec!["billing", "identity", "sandbox_gateway"]], "");
    a_service(&split.site, &split.title("Seahorse Valley")).await;
    staff(&split).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_module_in_a_process_of_its_own_is_one_service() {
    let split = Split::whole();
    a_service(&split.site, &split.title("Seahorse Valley")).await;
    staff(&split).await;
    let said = split.said();
    for called in ["tessera.playback.v1.PlaybackService/Start", "tessera.entitlement.v1.EntitlementService/Decide"] {
        assert!(said.contains(called), "{called} went by gRPC: {said}");
    }
    let page = split.site.visitor().get("/").await;
    assert!(page.text().contains("Lumen"), "the app looks as the tenant does: {}", page.text());
    let documents = split.site.visitor().get("/docs").await;
    assert!(documents.status.is_success());

    // A module's process takes what other processes sign, and what a person sends as the front would.
    let billing = split.site.at(split.port("billing"));
    let ready = billing.visitor().get("/readyz").await.ok();
    assert_eq!(ready["modules"], json!({"billing": module_version("billing")}), "it tells its version: {ready}");
    assert_eq!(split.site.visitor().get("/readyz").await.ok().get("modules"), None, "a front does not tell viewers");
    billing.visitor().get("/billing/v1/offers").await.ok();
    billing.visitor().get("/catalog/v1/titles").await.refused(404, "not_found");
    let events = billing.with_token(split.fact("staff_key")).get("/billing/v1/events").await;
    events.refused(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_module_in_a_process_of_its_own_with_a_certificate_of_its_own_is_one_service() {
    let split = Split::certified();
    a_service(&split.site, &split.title("Seahorse Valley")).await;
    staff(&split).await;
    let said = split.said();
    for called in ["tessera.playback.v1.PlaybackService/Start", "tessera.entitlement.v1.EntitlementService/Decide"] {
        assert!(said.contains(called), "{called} went by gRPC: {said}");
    }
    assert!(!said.contains("a connection between modules was refused"), "{said}");
    // Nobody is asked without a certificate, whatever they can sign.
    for (module, mount, _) in MODULES.iter().filter(|(module, ..)| ["entitlement", "viewers"].contains(module)) {
        let key = split.folder().join("shared/secrets/cx-signing");
        let url = format!("http://127.0.0.1:{}/{mount}", split.port(module));
        let check = ["contract", "check", mount, "--url", &url, "--tenants", "demo,rival", "--key"];
        let output = run(split.folder(), &[&check[..], &[key.to_str().expect("a path")]].concat());
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.code() == Some(2) && said.contains("[mtls] listen"), "{module}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_makes_one_service_of_thirteen_processes_on_postgresql_each_with_a_role_of_its_own() {
    let folder = temp_dir();
    let port = ports_in_a_row();
    let mut script = Command::new(project().join("scripts/split"))
        .arg("whole")
        .env("BINARY", tessera())
        .env("DATA", folder.path().join("split"))
        .env("PORT", port.to_string())
        .env("FILM_SECONDS", "12")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the script can be started");
    let said = BufReader::new(script.stderr.take().expect("it is piped")).lines().map_while(Result::ok);
    let said: Vec<String> = said.take_while(|line| !line.contains("Ctrl-C")).collect();
    let facts = fs::read(folder.path().join("split/identity/demo.json"));
    let facts = facts.unwrap_or_else(|_| panic!("there is no demo:\n{}", said.join("\n")));
    let facts: Value = serde_json::from_slice(&facts).expect("the demo's facts");
    let title = facts["titles"].as_array().expect("titles").iter().find(|pair| pair[0] == "Seahorse Valley");
    let site = Site::new("demo", port);
    a_service(&site, title.expect("the film")[1].as_str().expect("its id")).await;
    tokio::task::spawn_blocking(move || drive(&site, "journey.mjs", &[], String::new)).await.expect("a person watches");

    let stopped = Command::new("kill").args(["-s", "INT", &script.id().to_string()]).status();
    assert!(stopped.is_ok_and(|status| status.success()));
    let output = script.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("billing") && said.contains("postgres") && said.ends_with("Stopped.\n"), "{said}");
    // What is installed is used: events go over a broker, films are in a bucket.
    for service in ["tansu", "s3s-fs"].into_iter().filter(|service| is_installed(service)) {
        assert!(said.contains(service), "{service}: {said}");
    }
    if is_installed("s3s-fs") {
        assert!(!folder.path().join("split/shared/blobs").exists(), "films are in the bucket alone");
    }
}

/// Whether scripts/setup has built it.
fn is_installed(service: &str) -> bool {
    Command::new(service).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// The first of sixteen ports in a row that are free.
fn ports_in_a_row() -> u16 {
    let free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
    let begin = 20_000 + u16::try_from(std::process::id() % 500).expect("below 500") * 16;
    (begin..31_000).step_by(16).find(|first| (*first..first + 16).all(free)).expect("some ports are free")
}

#[test]
fn a_person_in_a_browser_does_not_notice_that_there_are_thirteen_processes() {
    let split = Split::whole();
    drive(&split.site, "journey.mjs", &[], || split.said());
}

#[test]
fn a_process_that_would_not_be_whole_says_what_it_lacks_before_anything_is_made() {
    let folder = temp_dir();
    let port = free_port().to_string();
    let output = run(folder.path(), &["serve", "--modules", "playback", "--data", "data", "--port", &port]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    for lacking in ["playback asks catalog,", "playback asks drm,", "[shared] secrets", "[shared] directory"] {
        assert!(said.contains(lacking), "{lacking}: {said}");
    }
    assert!(!folder.path().join("data/playback.db").exists());

    fs::write(folder.path().join("tessera.toml"), "modules = [\"play\"]\n").unwrap();
    let output = run(folder.path(), &["serve", "--port", &port]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("tessera.toml") && said.contains("sandbox_gateway"), "{said}");
}
