//! A piece is replaced by somebody else's: the entitlement of `examples/entitlement-python`, an operator's CRM.

use std::{
    fs,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tessera_testing::{eventually, temp_dir};
use tessera_tests::{Browser, Demo, PythonEntitlement, run};

use crate::{
    beating::{many_streams, state},
    journey::{GOOD_CARD, buy, newcomer_called, session_path, start, start_bought},
};

/// The key that a deployment's modules sign with.
const KEY: &str = "data/secrets/cx-signing";

#[test]
fn the_entitlement_in_python_passes_the_check() {
    let folder = temp_dir();
    let key = folder.path().join("cx.key");
    fs::write(&key, format!("{}\n", "5e".repeat(32))).expect("a file can be written");
    let python = PythonEntitlement::start(folder.path(), &key);
    let check = |arguments: &[&str]| {
        let mut all = vec!["contract", "check", "entitlement", "--url", &python.url, "--tenants", "red,blue"];
        all.extend(arguments);
        run(folder.path(), &all)
    };
    let output = check(&["--key", "cx.key", "--json"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_str(&said).expect("a report in JSON");
    assert_eq!(report["verdict"], "conforming");
    assert!(report["exchanges"].as_u64() > Some(80), "{said}");

    fs::write(folder.path().join("other.key"), format!("{}\n", "6f".repeat(32))).expect("a file can be written");
    let output = check(&["--key", "other.key"]);
    assert_eq!(output.status.code(), Some(2), "a caller with another key is turned away");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_signs_up_pays_and_watches_where_an_operators_crm_is_the_entitlement() {
    let folder = temp_dir();
    let port = tessera_testing::free_port();
    let demo = Demo::configured(folder, &format!("entitlement = {{ url = \"http://127.0.0.1:{port}\" }}\n"));
    let title = demo.title("Seahorse Valley");
    let viewer = newcomer_called(&demo, "replaced").await;
    let nobody = start(&viewer, &title, "laptop").await;
    nobody.refused(503, "unavailable"); // the CRM does not run yet
    assert!(demo.site.visitor().get("/catalog/v1/titles").await.status.is_success(), "the rest does");

    let python = PythonEntitlement::start_at(demo.folder(), &demo.folder().join(KEY), port);
    let refusal = start(&viewer, &title, "laptop").await.refused(403, "not_entitled");
    assert!(refusal.contains("0800 555 0100"), "in the operator's words: {refusal}");
    let bought = buy(&viewer, "plan=basic", GOOD_CARD).await.ok();
    assert_eq!(bought["state"], "succeeded", "{bought}");
    let playback = start_bought(&viewer, &title, "laptop").await;
    viewer.post(&session_path(&playback, "heartbeat"), json!({"position_seconds": 3})).await.ok();
    viewer.post(&session_path(&playback, "stop"), json!({"position_seconds": 4})).await.ok();

    let staff = demo.site.with_token(demo.fact("staff_key"));
    let grants = staff.get("/entitlement/v1/grants").await.ok();
    let ids: Vec<&str> =
        grants["data"].as_array().into_iter().flatten().filter_map(|g| g["grant_id"].as_str()).collect();
    assert!(!ids.is_empty() && ids.iter().all(|id| id.starts_with("crm_")), "{grants}");

    let data = ["--data", "data", "--tenants", "demo,rival"];
    assert!(run(demo.folder(), &["tenant", "create", "rival", "--test", "--data", "data"]).status.success());
    let check = ["contract", "check", "entitlement", "--url", &python.url];
    let output = run(demo.folder(), &[&check[..], &data[..]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    // Through the platform too: what stands at its address is what was put in its place.
    let here = format!("http://127.0.0.1:{}/entitlement", demo.site.port());
    let check = ["contract", "check", "entitlement", "--url", &here];
    let output = run(demo.folder(), &[&check[..], &data[..]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Plays that go on while entitlement changes its place.
const PLAYS: usize = 200;
const UNLIMITED: &str = "[server.rate_limits]\nenabled = false\n";

/// Copies and reads the report of the tenant.
fn copied(demo: &Demo, from: &str, to: &str, more: &[&str]) -> (Option<i32>, Value) {
    let copy = ["contract", "copy", "entitlement", "--from", from, "--to", to, "--data", "data", "--json"];
    let output = run(demo.folder(), &[&copy[..], more].concat());
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("no report: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), report["demo"].clone())
}

/// Rewrites the settings and has the server read them again, until it says where entitlement's grants are from.
async fn moved(demo: &Demo, staff: &Browser, line: &str, minted_here: bool) {
    fs::write(demo.folder().join("tessera.toml"), format!("{line}{UNLIMITED}")).expect("the settings can be written");
    demo.process.signal("HUP");
    eventually("entitlement to be elsewhere", || async {
        let grants = staff.get("/entitlement/v1/grants").await.ok();
        let foreign = grants["data"][0]["grant_id"].as_str().is_some_and(|id| id.starts_with("crm_"));
        (foreign != minted_here).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entitlement_moves_out_and_back_while_200_plays_go_on_and_nothing_is_lost() {
    let demo = Demo::configured(temp_dir(), UNLIMITED);
    let python = PythonEntitlement::start(demo.folder(), &demo.folder().join(KEY));
    let (staff, title) = (demo.site.with_token(demo.fact("staff_key")), demo.title("Seahorse Valley"));
    let viewers = [many_streams(&demo, &staff, "ada").await, many_streams(&demo, &staff, "grace").await];

    let (code, dry) = copied(&demo, "built-in", &python.url, &["--dry-run"]);
    assert_eq!((code, dry["differing"].as_u64() >= Some(2)), (Some(2), true), "{dry}");
    let (code, report) = copied(&demo, "built-in", &python.url, &["--progress", "copied.json"]);
    assert_eq!((code, &report["carried"], &report["differing"]), (Some(0), &dry["carried"], &json!(0)), "{report}");
    let (code, again) = copied(&demo, "built-in", &python.url, &["--progress", "copied.json"]);
    assert_eq!((code, &again["looked_at"]), (Some(0), &json!(0)), "it goes on where it stopped: {again}");

    let plays: Vec<(usize, Value)> = stream::iter(0..PLAYS)
        .map(|number| {
            let (viewer, title) = (&viewers[number % 2], &title);
            async move { (number, start(viewer, title, &format!("device-{number}")).await.ok()) }
        })
        .buffer_unordered(8)
        .collect()
        .await;
    let (over, beats) = (AtomicBool::new(false), AtomicUsize::new(0));
    let beating = stream::iter(plays[1..].iter().cycle())
        .take_while(|_| std::future::ready(!over.load(Ordering::SeqCst)))
        .map(|(number, playback)| {
            let (viewer, beats) = (&viewers[number % 2], &beats);
            async move {
                let beat = json!({"position_seconds": 3});
                viewer.post(&session_path(playback, "heartbeat"), beat).await.ok();
                beats.fetch_add(1, Ordering::SeqCst);
            }
        })
        .buffer_unordered(8)
        .collect::<Vec<()>>();
    let all_beat = || async {
        let since = beats.load(Ordering::SeqCst);
        eventually("every play to beat again", || async {
            (beats.load(Ordering::SeqCst) >= since + PLAYS + 8).then_some(())
        })
        .await;
    };
    let moving = async {
        all_beat().await;
        moved(&demo, &staff, &format!("entitlement = {{ url = \"{}\" }}\n", python.url), false).await;
        all_beat().await;
        // A slot is free when a play that began at the former place ends, and a new one begins at the new one.
        let (number, first) = &plays[0];
        let viewer = &viewers[number % 2];
        viewer.post(&session_path(first, "stop"), json!({})).await;
        start(viewer, &title, "new").await.ok();
        let grant = json!({
            "account_id": "acc_sold-meanwhile", "scope": {"kind": "plan", "plan": "basic"},
            "starts_at": "2020-01-01T00:00:00Z", "max_streams": 1, "version": 1,
        });
        state(&staff, "meanwhile", grant).await;
        moved(&demo, &staff, "", true).await;
        all_beat().await;
        over.store(true, Ordering::SeqCst);
    };
    tokio::join!(beating, moving);
    let (code, back) = copied(&demo, &python.url, "built-in", &[]);
    assert_eq!((code, &back["differing"]), (Some(0), &json!(0)), "what was sold meanwhile is here too: {back}");
    eprintln!("{} beats of {PLAYS} plays, none refused", beats.load(Ordering::SeqCst));
}
