//! An operator turns flags over while the service runs: an operation stops for one tenant, for a part of the accounts, another place is
//! asked, and the app says so.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tessera_testing::{TempDir, eventually, free_port, temp_dir};
use tessera_tests::{Browser, Demo, PythonEntitlement, run};

use crate::{
    canary::{KEY, UNLIMITED, decided, figure, is_foreign},
    journey::{GOOD_CARD, buy, newcomer_called, session_path, start, start_bought},
    pages::browser,
};

/// A file of these flags, by key.
fn write(folder: &Path, flags: Value) {
    let file = json!({"$schema": "https://flagd.dev/schema/v0/flags.json", "flags": flags});
    // A file that takes the other's place is there whole at each instant.
    fs::write(folder.join("new.json"), serde_json::to_vec_pretty(&file).expect("it is JSON")).expect("a file");
    fs::rename(folder.join("new.json"), folder.join("flags.json")).expect("a file can be renamed");
}

/// A switch that is off for whom `off` says: a rule that gives `off` or nothing.
fn switch(off: Value) -> Value {
    json!({"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on", "targeting": off})
}

fn of_tenant(tenant: &str) -> Value {
    switch(json!({"if": [{"==": [{"var": "tenant"}, tenant]}, "off", null]}))
}

fn folder(flags: Value) -> TempDir {
    let folder = temp_dir();
    write(folder.path(), flags);
    folder
}

fn settings(more: &str) -> String {
    format!("{more}\n{UNLIMITED}\n[flags]\nfile = \"flags.json\"\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_stops_for_one_tenant_while_plays_go_on_and_a_broken_file_changes_nothing() {
    let demo = Demo::configured(folder(json!({})), &settings(""));
    let created = run(demo.folder(), &["tenant", "create", "rival", "--test", "--data", "data"]);
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    let rival = demo.site.of("rival").visitor();
    eventually("the rival's host to answer", || async {
        rival.get("/catalog/v1/titles").await.status.is_success().then_some(())
    })
    .await;
    let (viewer, title) = (newcomer_called(&demo, "ada").await, demo.title("Seahorse Valley"));
    assert_eq!(buy(&viewer, "plan=basic", GOOD_CARD).await.ok()["state"], "succeeded");
    let playback = start_bought(&viewer, &title, "laptop").await;

    // The file is looked at by itself.
    write(
        demo.folder(),
        json!({"operation.playback.start": of_tenant("demo"), "operation.catalog.list_titles": of_tenant("demo")}),
    );
    let refused = eventually("no play to begin any more", || async {
        let answer = start(&viewer, &title, "tablet").await;
        (answer.status == 503).then_some(answer)
    })
    .await;
    assert!(refused.refused(503, "switched_off").contains("operation.playback.start"), "{}", refused.text());
    assert_eq!(refused.headers["retry-after"], "60");
    viewer.post(&session_path(&playback, "heartbeat"), json!({"position_seconds": 3})).await.ok();
    viewer.get("/catalog/v1/titles").await.refused(503, "switched_off");
    rival.get("/catalog/v1/titles").await.ok();
    let counted = ["flag=\"operation.playback.start\"", "variant=\"off\"", "reason=\"targeting_match\""];
    assert!(figure(&demo, "tessera_flag_evaluations_total", &counted).await >= 1.0);
    let failures = ["contract=\"playback\"", "operation=\"start\""];
    assert_eq!(figure(&demo, "tessera_operation_failures_total", &failures).await, 0.0, "it is nobody's fault");

    // A broken file is named by line and column, and what stood before stands.
    fs::write(demo.folder().join("flags.json"), "{\n  \"flags\": {\n    \"a\": oops\n  }\n}\n").expect("a file");
    eventually("the broken file to be seen", || async {
        (figure(&demo, "tessera_flags_file_broken", &[]).await == 1.0).then_some(())
    })
    .await;
    let said = demo.process.said();
    let line = said.lines().find(|line| line.contains("the flags of before stand")).expect("it is logged");
    assert!(line.contains("flags.json: line 3, column 10"), "{line}");
    start(&viewer, &title, "tablet").await.refused(503, "switched_off");
    demo.process.signal("HUP");
    eventually("the signal to be answered", || async {
        demo.process.said().contains("the configuration is not taken over").then_some(())
    })
    .await;

    // What another module asks for in this process is switched off as well; the caller says what it cannot reach.
    write(demo.folder(), json!({"operation.entitlement.acquire_lease": of_tenant("demo")}));
    demo.process.signal("HUP");
    let refused = eventually("the lease to be what is refused", || async {
        let answer = start(&viewer, &title, "tablet").await;
        (answer.json()["code"] == "unavailable").then_some(answer)
    })
    .await;
    assert!(refused.refused(503, "unavailable").contains("entitlement"), "{}", refused.text());
    assert_eq!(figure(&demo, "tessera_flags_file_broken", &[]).await, 0.0);

    write(demo.folder(), json!({}));
    start_bought(&viewer, &title, "tablet").await;
    let explained = explain(&demo, "operation.playback.start", "acc_1");
    assert!(explained.contains("there is no flag"), "{explained}");
}

/// What `tessera flags explain` says of an account of the demo.
fn explain(demo: &Demo, key: &str, account: &str) -> String {
    let words = ["flags", "explain", key, "--tenant", "demo", "--account", account];
    String::from_utf8_lossy(&run(demo.folder(), &words).stdout).into_owned()
}

/// Of these accounts, those of whom decisions are refused.
async fn refused(staff: &Browser, accounts: &[String]) -> Vec<String> {
    let mut refused = Vec::new();
    for account in accounts {
        match decided(staff, account).await {
            Ok(_) => {}
            Err(503) => refused.push(account.clone()),
            Err(other) => panic!("{account}: {other}"),
        }
    }
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn a_percentage_has_its_part_of_the_accounts_and_a_larger_one_keeps_them() {
    let share = |percent: u32| switch(json!({"fractional": [["off", percent], ["on", 100 - percent]]}));
    let demo = Demo::configured(folder(json!({"operation.entitlement.decide": share(30)})), &settings(""));
    let staff = demo.site.with_token(demo.fact("staff_key"));
    let accounts: Vec<String> = (0..200).map(|number| format!("acc_{number}")).collect();
    let first = refused(&staff, &accounts).await;
    assert!((40..=80).contains(&first.len()), "{} of 200, for 30 in a hundred", first.len());
    assert_eq!(refused(&staff, &accounts).await, first, "an account stays where it is");
    for account in &accounts[..10] {
        let said = explain(&demo, "operation.entitlement.decide", account);
        let variant = if first.contains(account) { "variant   off" } else { "variant   on" };
        assert!(said.contains(variant) && said.contains("of 100 (of"), "{account}: {said}");
    }

    write(demo.folder(), json!({"operation.entitlement.decide": share(60)}));
    demo.process.signal("HUP");
    let more = eventually("more to be refused", || async {
        let more = refused(&staff, &accounts).await;
        (more.len() > first.len()).then_some(more)
    })
    .await;
    assert!((95..=145).contains(&more.len()), "{} of 200, for 60 in a hundred", more.len());
    assert!(first.iter().all(|account| more.contains(account)), "who was refused is refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_asked_about_at_the_place_that_its_flag_names() {
    let port = free_port();
    let crm = format!("http://127.0.0.1:{port}");
    let place = |rule: Value| {
        let variants = json!({"ours": "built-in", "crm": crm.clone(), "gone": "http://127.0.0.1:1"});
        json!({"place.entitlement": {"state": "ENABLED", "variants": variants, "defaultVariant": "ours", "targeting": rule}})
    };
    let to = |variant: &str| place(json!({"if": [{"==": [{"var": "tenant"}, "demo"]}, variant, null]}));
    let places = format!("entitlement = [{{ builtin = true, weight = 1 }}, {{ url = \"{crm}\", weight = 0 }}]");
    let demo = Demo::configured(folder(to("ours")), &settings(&places));
    let _python = PythonEntitlement::start_at(demo.folder(), &demo.folder().join(KEY), port);
    let staff = demo.site.with_token(demo.fact("staff_key"));
    assert!(!is_foreign(&decided(&staff, "acc_1").await.expect("ours decides")));

    write(demo.folder(), to("crm"));
    demo.process.signal("HUP");
    eventually("the CRM to decide", || async { is_foreign(&decided(&staff, "acc_1").await.ok()?).then_some(()) }).await;
    for account in 0..20 {
        assert!(is_foreign(&decided(&staff, &format!("acc_{account}")).await.expect("the CRM decides for the tenant")));
    }
    // What is sold is known there too: the flag may send anybody to it.
    let (viewer, title) = (newcomer_called(&demo, "grace").await, demo.title("Seahorse Valley"));
    assert_eq!(buy(&viewer, "plan=basic", GOOD_CARD).await.ok()["state"], "succeeded");
    start_bought(&viewer, &title, "laptop").await;

    // A place that there is not leaves it to the weights, and is spoken of once.
    write(demo.folder(), to("gone"));
    demo.process.signal("HUP");
    eventually("ours to decide again", || async { (!is_foreign(&decided(&staff, "acc_1").await.ok()?)).then_some(()) })
        .await;
    for account in 0..20 {
        assert!(!is_foreign(&decided(&staff, &format!("acc_{account}")).await.expect("ours decides")));
    }
    assert_eq!(demo.process.said().matches("a flag names a place that is not asked").count(), 1);
}

#[test]
fn a_viewer_reads_what_the_operator_says_and_buys_nothing_while_nothing_is_sold() {
    let notice = |text: &str| json!({"state": "ENABLED", "variants": {"now": text}, "defaultVariant": "now"});
    let maintained = json!({
        "app.notice": notice("Payments are being looked after. Films go on; back by 15:00."),
        "app.checkout": of_tenant("demo"),
    });
    let demo = Demo::configured(folder(maintained), &settings(""));
    browser(&demo, "flags.mjs", &[demo.folder().join("flags.json").to_str().expect("a path is text")]);
}

#[test]
fn a_file_is_checked_listed_and_explained_before_a_server_reads_it() {
    let folder = folder(json!({
        "operation.billing.create_checkout": of_tenant("acme"),
        "app.notice": {"state": "ENABLED", "variants": {"none": "", "soon": "Soon"}, "defaultVariant": "none"},
    }));
    let words = |words: &[&str]| {
        let output = run(folder.path(), words);
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, said) = words(&["flags", "check", "flags.json"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("nobody gets the variant \"soon\" of \"app.notice\""), "{said}");
    let (_, said) = words(&["flags", "list", "--file", "flags.json"]);
    assert!(said.contains("whether billing.create_checkout is served"), "{said}");
    let explain = ["flags", "explain", "operation.billing.create_checkout", "--file", "flags.json", "--tenant"];
    let (_, said) = words(&[&explain[..], &["acme"]].concat());
    assert!(said.contains("value     false") && said.contains("TARGETING_MATCH"), "{said}");

    write(folder.path(), json!({"operation.billing.create_checkouts": of_tenant("acme")}));
    let (code, said) = words(&["flags", "check", "flags.json"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("did you mean \"billing.create_checkout\"?"), "{said}");
    fs::write(folder.path().join("flags.json"), "{\"flag\": {}}").expect("a file");
    let (code, said) = words(&["flags", "check", "flags.json"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("line 1, column 3") && said.contains("did you mean \"flags\"?"), "{said}");
}
