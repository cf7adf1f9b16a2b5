//! The alert rules, each fired by its cause; the dashboard, each of its queries answered; the list of metrics, held against
//! a server that works. One server and one Prometheus for all: faults overlap, as they do.

mod causes;
mod prometheus;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tessera_testing::{eventually, temp_dir};
use tessera_tests::{Browser, Demo, project};

use self::{
    causes::*,
    prometheus::{Firing, Prometheus, read},
};
use crate::journey::{GOOD_CARD, buy, licence, newcomer_called, session_path, start_bought};

/// Small enough to be filled, quick enough to be waited for.
const SETTINGS: &str = r#"
[server.limits]
connections = 100
connections_per_address = 100
[billing]
charge_timeout_seconds = 1
[identity.password]
memory_kib = 64
iterations = 1
[identity.attempts]
account = { requests = 5, window_seconds = 600 }
[media]
spare_disk_bytes = 1048576
[flags]
file = "flags.json"
"#;

/// How long a rule may take to fire after its cause.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until all of these fire, each with the module it is to name.
async fn fires(prometheus: &Prometheus, expected: &[(&str, &str)]) {
    let deadline = Instant::now() + PATIENCE;
    let mut seen: BTreeSet<Firing> = BTreeSet::new();
    loop {
        seen.extend(prometheus.firing().await);
        let found = |(alert, module): &&(&str, &str)| seen.iter().any(|f| f.alert == *alert && f.module == *module);
        let missing: Vec<_> = expected.iter().filter(|expected| !found(expected)).collect();
        if missing.is_empty() {
            break;
        }
        assert!(Instant::now() < deadline, "{missing:?} do not fire; what fired: {seen:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    for firing in &seen {
        assert!(
            firing.summary.starts_with(&format!("{}: ", firing.module)),
            "the summary names the module: {firing:?}"
        );
    }
}

/// An evening in short, so that everything has been counted once.
async fn evening(demo: &Demo) -> (Browser, Value) {
    let viewer = newcomer_called(demo, "regular").await;
    buy(&viewer, "plan=basic", GOOD_CARD).await.ok();
    let playback = start_bought(&viewer, &demo.title("Seahorse Valley"), "television").await;
    let player = demo.site.visitor();
    let dash = playback["sources"][0]["dash_url"].as_str().expect("a manifest").to_owned();
    let manifest = player.get(&dash).await.text();
    licence(&player, &playback, &manifest).await.ok();
    viewer.post(&session_path(&playback, "heartbeat"), json!({"position_seconds": 2})).await.ok();
    player.get("/").await;
    viewer.get("/catalog/v1/titles/ttl_unheard_of").await.refused(404, "title_not_found");
    (viewer, playback)
}

/// A store that another program has locked: what needs it fails, what follows it lags, what waits for it piles up.
async fn locked_stores(demo: &Demo, prometheus: &Prometheus, viewer: &Browser, playback: &Value) {
    let viewers = Locked::take(demo, "viewers", "select 1");
    let entitlement = Locked::take(demo, "entitlement", "select 1");
    let media = Locked::take(demo, "media", &unreadable_job("transcode", "late"));
    // Its lease cannot be renewed; the session itself is told to viewers, which cannot write it down.
    let (path, title) = (session_path(playback, "stop"), demo.title("Seahorse Valley"));
    let stop = viewer.post(&path, json!({"position_seconds": 3}));
    let (_, _, _, ()) = tokio::join!(
        stop,
        async {
            // What is counted for the first time is no rise yet: Prometheus has to have seen the first failure alone.
            edit_profile(viewer, 1).await;
            edit_profile(viewer, 11).await;
        },
        press_play(viewer, &title, 8),
        fires(
            prometheus,
            &[
                ("ConsumerLagging", "viewers"),
                ("HttpErrors", "playback"),
                ("HttpErrors", "viewers"),
                ("JobQueueOld", "media"),
                ("ModuleErrors", "entitlement"),
                ("ModuleErrors", "viewers"),
                ("ModuleSlow", "viewers"),
                ("PlaybackStartsFailing", "playback"),
                ("StoreErrors", "entitlement"),
                ("StoreErrors", "viewers"),
                ("StoreWritesWaiting", "viewers"),
            ],
        ),
    );
    [viewers, entitlement, media].into_iter().for_each(Locked::release);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it waits for twenty alerts: make alerts"]
async fn every_rule_fires_when_it_is_caused_and_every_panel_has_data() {
    let folder = temp_dir();
    let disk = SmallDisk::on(&folder);
    let flags = folder.path().join("flags.json");
    fs::write(&flags, "{\"flags\": {}}").expect("a file of flags can be written");
    let demo = Demo::configured(folder, SETTINGS);
    let port = demo.site.port();
    let Some(prometheus) = Prometheus::start(port) else { return };
    let (viewer, playback) = evening(&demo).await;
    eventually("Prometheus to have scraped twice", || async {
        let scraped = prometheus.query("count_over_time(tessera_build_info[1m]) > 1").await?;
        (!scraped.is_empty()).then_some(())
    })
    .await;

    let mut expected = vec![
        ("AssetsFailing", "media"),
        ("CheckoutsUnknownOutcome", "billing"),
        ("EventsParked", "catalog"),
        ("FlagsFileBroken", "flags"),
        ("JobsDead", "media"),
        ("LicencesFailing", "drm"),
        ("SignInAttack", "identity"),
    ];
    tokio::task::block_in_place(|| ingest_no_film(&demo));
    if let Some(disk) = &disk {
        disk.fill();
        expected.push(("DiskFilling", "disk"));
    }
    fs::write(&flags, "{").expect("a file of flags can be written");
    unreadable_event(&demo, "media", "tessera.media.asset.ready.v1");
    dead_job(&demo, "media", "transcode");
    tokio::join!(
        fires(&prometheus, &expected),
        pay_in_silence(&demo),
        guess_passwords(&demo, 15),
        forge_licences(&demo, 10),
    );
    locked_stores(&demo, &prometheus, &viewer, &playback).await;

    let process = demo.process.id();
    let before = open_files(process);
    let idle = idle_connections(port, 82);
    // All of them, or the limit would keep the rest out.
    eventually("the connections to be open", || async { (open_files(process) >= before + 82).then_some(()) }).await;
    limit_files(process, open_files(process) + 16);
    fires(&prometheus, &[("ConnectionsSaturated", "http"), ("FileDescriptorsRunningOut", "process")]).await;
    drop(idle);
    limit_files(process, 1024);

    the_list_of_metrics_is_true(port).await;
    every_panel_has_data(&prometheus).await;
    demo.process.signal("KILL");
    fires(&prometheus, &[("TesseraDown", "process")]).await;
    fs::write(&flags, "{\"flags\": {}}").expect("a file of flags can be written");
    let again = demo.restart_here();
    fires(&prometheus, &[("ProcessRestarted", "process")]).await;
    drop((again, disk));
}

/// Every expression of the dashboard, with its variables at "all", and its two annotations, in Prometheus itself.
async fn every_panel_has_data(prometheus: &Prometheus) {
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana/tessera.json")).expect("the dashboard is JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let panels = panels.iter().filter(|panel| panel["type"] != "row");
    let mut empty = Vec::new();
    for panel in panels {
        let title = panel["title"].as_str().unwrap_or_default();
        let told = panel["description"].as_str().unwrap_or_default();
        assert!(told.len() > 40, "the panel {title:?} says what it shows, what is normal and what to do");
        for target in panel["targets"].as_array().expect("targets") {
            let expression = target["expr"].as_str().expect("an expression");
            let all = expression.replace("$module", ".+").replace("$instance", ".+").replace("$__rate_interval", "1m");
            if prometheus.query(&all).await.expect("Prometheus answers").is_empty() {
                empty.push(format!("{title}: {expression}"));
            }
        }
    }
    assert!(empty.is_empty(), "these queries have no data:\n{}", empty.join("\n"));
}

/// What /metrics says and what docs/observability.md lists are the same, and each has its type and help.
async fn the_list_of_metrics_is_true(port: u16) {
    let list = read("docs/observability.md");
    let rows = list.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let rows = rows.filter_map(|(name, rest)| Some((name, rest.split(" | ").next()?)));
    let listed: BTreeMap<&str, &str> =
        rows.filter(|(_, kind)| ["counter", "gauge", "histogram"].contains(kind)).collect();
    let page = tessera_contract::http_client().get(format!("http://127.0.0.1:{port}/metrics"));
    let page = page.send().await.expect("metrics answer");
    let page = page.text().await.expect("they are text");
    let typed = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let told: BTreeMap<&str, &str> = typed.collect();
    assert_eq!(told, listed, "left: what the server says, right: what docs/observability.md lists");
    for name in told.keys() {
        assert!(page.contains(&format!("# HELP {name} ")), "{name} has no help");
    }
    let (series, tenants) = (page.lines().filter(|line| !line.starts_with('#')).count(), page.contains("tenant=\""));
    assert!(series < 10_000 && !tenants, "{series} series; the labels stay few");
}

#[test]
fn every_rule_is_sound_and_has_its_section_in_the_runbook() {
    let rules = project().join("deploy/prometheus/alerts.yml");
    let text = read(&rules);
    let runbook = read("docs/observability.md");
    let alerts: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    for alert in &alerts {
        assert!(runbook.contains(&format!("\n### {alert}\n")), "docs/observability.md has no section {alert}");
        let anchor = format!("runbook: docs/observability.md#{}\n", alert.to_lowercase());
        assert!(text.contains(&anchor), "{alert} names its section: {anchor}");
    }
    for (name, needed) in [("severity:", 1), ("summary:", 1), ("description:", 1)] {
        assert_eq!(text.matches(name).count(), needed * alerts.len(), "each rule has its {name}");
    }
    let scenario = read("tests/tests/it/alerts.rs");
    let untested: Vec<_> = alerts.iter().filter(|alert| !scenario.contains(&format!("(\"{alert}\", "))).collect();
    assert!(untested.is_empty(), "nothing causes {untested:?}");
    match Command::new("promtool").args(["check", "rules"]).arg(&rules).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => eprintln!("SKIPPED: promtool cannot be run ({error}); scripts/setup test installs it"),
    }
}
