//! An operator tries another entitlement (the one of `examples/entitlement-python`) on part of the accounts, or in the
//! shadow, before it takes over.

use std::fs;

use serde_json::{Value, json};
use tessera_testing::{eventually, free_port, temp_dir};
use tessera_tests::{Browser, Demo, PythonEntitlement};

use crate::journey::{GOOD_CARD, buy, newcomer_called, session_path, start, start_bought};

/// The key that a deployment's modules sign with.
pub(crate) const KEY: &str = "data/secrets/cx-signing";
pub(crate) const UNLIMITED: &str = "[server.rate_limits]\nenabled = false\n";

/// A decision of entitlement about an account that has nothing.
pub(crate) async fn decided(staff: &Browser, account: &str) -> Result<Value, u16> {
    let question = json!({
        "viewing": {"account_id": account},
        "facts": {"title_id": "ttl_any", "free": false, "plans": ["basic"], "minimum_age": 0},
    });
    let answer = staff.post("/entitlement/v1/decisions", question).await;
    match answer.status.is_success() {
        true => Ok(answer.ok()),
        false => Err(answer.status.as_u16()),
    }
}

/// Whether the operator's CRM has decided: it speaks in the operator's words.
pub(crate) fn is_foreign(decision: &Value) -> bool {
    decision["message"].as_str().is_some_and(|message| message.contains("0800 555 0100"))
}

pub(crate) async fn figure(demo: &Demo, name: &str, labels: &[&str]) -> f64 {
    let page = demo.site.visitor().get(&format!("http://localhost:{}/metrics", demo.site.port())).await.text();
    let line = page.lines().find(|line| line.starts_with(name) && labels.iter().all(|label| line.contains(label)));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_has_its_accounts_and_when_it_dies_they_come_back_by_themselves() {
    let (folder, port) = (temp_dir(), free_port());
    let places = format!(
        "entitlement = [{{ builtin = true, weight = 3 }}, {{ url = \"http://127.0.0.1:{port}\", weight = 1 }}]\n{UNLIMITED}"
    );
    let demo = Demo::configured(folder, &places);
    let python = PythonEntitlement::start_at(demo.folder(), &demo.folder().join(KEY), port);
    let (staff, title) = (demo.site.with_token(demo.fact("staff_key")), demo.title("Seahorse Valley"));

    let mut foreign = Vec::new();
    for number in 0..80 {
        let account = format!("acc_{number}");
        let decision = decided(&staff, &account).await.expect("both decide");
        assert_eq!((&decision["allowed"], &decision["reason"]), (&json!(false), &json!("not_entitled")), "{decision}");
        let again = decided(&staff, &account).await.expect("both decide");
        assert_eq!(is_foreign(&decision), is_foreign(&again), "an account stays at its place");
        if is_foreign(&decision) {
            foreign.push(account);
        }
    }
    assert!((5..=40).contains(&foreign.len()), "{} of 80 are asked at the CRM, for a quarter of them", foreign.len());

    // What is sold is known at both, whoever decides about the buyer.
    let mut viewers = Vec::new();
    for number in 0..6 {
        let viewer = newcomer_called(&demo, &format!("canary-{number}")).await;
        assert_eq!(buy(&viewer, "plan=basic", GOOD_CARD).await.ok()["state"], "succeeded");
        let playback = start_bought(&viewer, &title, "laptop").await;
        viewer.post(&session_path(&playback, "heartbeat"), json!({"position_seconds": 3})).await.ok();
        viewers.push((viewer, playback));
    }

    drop(python);
    let mut refused = 0;
    while let Err(status) = decided(&staff, &foreign[refused % foreign.len()]).await {
        assert!(matches!(status, 503 | 504), "{status}");
        refused += 1;
        assert!(refused < 500, "it is asked again and again");
    }
    assert_eq!(figure(&demo, "tessera_rollbacks_total", &["module=\"entitlement\""]).await, 1.0);
    assert_eq!(figure(&demo, "tessera_place_weight", &["module=\"entitlement\"", &port.to_string()]).await, 0.0);
    let said = demo.process.said();
    assert!(said.contains("is not asked any more") && said.contains(&format!("127.0.0.1:{port}")), "{said}");
    for account in &foreign {
        assert!(!is_foreign(&decided(&staff, account).await.expect("the built-in module decides for everybody")));
    }
    for (viewer, playback) in &viewers {
        // A play that began at the CRM goes on unrenewed, as ever when entitlement is away; nobody is told to stop.
        let beat = viewer.post(&session_path(playback, "heartbeat"), json!({"position_seconds": 6})).await;
        assert!(beat.status.is_success() || beat.status == 503, "{}", beat.status);
        start(viewer, &title, "laptop").await.ok();
    }

    // The operator mends it and says so.
    let _python = PythonEntitlement::start_at(demo.folder(), &demo.folder().join(KEY), port);
    demo.process.signal("HUP");
    eventually("the CRM to be asked again", || async {
        let decision = decided(&staff, &foreign[0]).await.ok()?;
        is_foreign(&decision).then_some(())
    })
    .await;
}

/// A newcomer about whom the operator's CRM decides.
async fn newcomer_of_the_crm(demo: &Demo, staff: &Browser) -> Browser {
    for number in 0..40 {
        let name = format!("theirs-{number}");
        let viewer = newcomer_called(demo, &name).await;
        let found = staff.get(&format!("/identity/v1/management/accounts?email={name}%40viewer.example")).await.ok();
        let account = found["data"][0]["account_id"].as_str().expect("the account is found");
        if is_foreign(&decided(staff, account).await.expect("both decide")) {
            return viewer;
        }
    }
    panic!("of 40 accounts the CRM has none, for half of them");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_play_that_began_at_a_canary_that_died_goes_on_with_a_slot_where_decisions_are_made_now() {
    let (folder, port) = (temp_dir(), free_port());
    let places = format!(
        "entitlement = [{{ builtin = true, weight = 1 }}, {{ url = \"http://127.0.0.1:{port}\", weight = 1 }}]\n{UNLIMITED}"
    );
    let demo = Demo::configured(folder, &places);
    let python = PythonEntitlement::start_at(demo.folder(), &demo.folder().join(KEY), port);
    let (staff, title) = (demo.site.with_token(demo.fact("staff_key")), demo.title("Seahorse Valley"));
    let viewer = newcomer_of_the_crm(&demo, &staff).await;
    assert_eq!(buy(&viewer, "plan=basic", GOOD_CARD).await.ok()["state"], "succeeded");
    let laptop = start_bought(&viewer, &title, "laptop").await;
    let phone = start(&viewer, &title, "phone").await.ok();
    let beat = async |playback: &Value, seconds: u32| {
        viewer.post(&session_path(playback, "heartbeat"), json!({"position_seconds": seconds})).await
    };
    beat(&laptop, 3).await.ok();

    drop(python);
    let mut number = 0;
    while figure(&demo, "tessera_place_weight", &["module=\"entitlement\"", &port.to_string()]).await > 0.0 {
        let _ = decided(&staff, &format!("acc_{number}")).await;
        number += 1;
        assert!(number < 1000, "it is asked again and again");
    }
    for seconds in 6..9 {
        beat(&laptop, seconds).await.ok();
        beat(&phone, seconds).await.ok();
    }
    // Each has one slot, of the two that there are.
    let refusal = start(&viewer, &title, "tablet").await.refused(409, "stream_limit_reached");
    assert!(refusal.contains("The laptop") && refusal.contains("The phone"), "{refusal}");

    // It is back: nothing is asked of it for what plays elsewhere.
    let _python = PythonEntitlement::start_at(demo.folder(), &demo.folder().join(KEY), port);
    demo.process.signal("HUP");
    eventually("the CRM to be asked again", || async {
        let weight = figure(&demo, "tessera_place_weight", &["module=\"entitlement\"", &port.to_string()]).await;
        (weight > 0.0).then_some(())
    })
    .await;
    beat(&laptop, 9).await.ok();
    viewer.post(&session_path(&phone, "stop"), json!({"position_seconds": 9})).await.ok();
    beat(&laptop, 10).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shadow_is_asked_too_and_what_it_says_otherwise_is_reported() {
    let demo = Demo::configured(temp_dir(), UNLIMITED);
    let python = PythonEntitlement::start(demo.folder(), &demo.folder().join(KEY));
    let (staff, title) = (demo.site.with_token(demo.fact("staff_key")), demo.title("Seahorse Valley"));
    let before = newcomer_called(&demo, "before").await;
    assert_eq!(buy(&before, "plan=basic", GOOD_CARD).await.ok()["state"], "succeeded");
    start_bought(&before, &title, "laptop").await;
    let found = staff.get("/identity/v1/management/accounts?email=before%40viewer.example").await.ok();
    let account = found["data"][0]["account_id"].as_str().expect("the account is found").to_owned();

    let shadow = format!(
        "entitlement = [{{ builtin = true, weight = 1 }}, {{ url = \"{}\", shadow = true }}]\n{UNLIMITED}",
        python.url
    );
    fs::write(demo.folder().join("tessera.toml"), shadow).expect("the settings can be written");
    demo.process.signal("HUP");
    let count = async |outcome: &str| {
        figure(&demo, "tessera_shadow_answers_total", &["module=\"entitlement\"", &format!("outcome=\"{outcome}\"")])
            .await
    };
    // Its grants were not carried over: about the buyer it says otherwise, about others the same.
    eventually("a difference to be reported", || async {
        assert_eq!(decided(&staff, &account).await.expect("ours decides")["allowed"], true);
        (count("different").await >= 1.0).then_some(())
    })
    .await;
    let said = demo.process.said();
    let report = said.lines().find(|line| line.contains("the shadow answers otherwise")).expect("it is logged");
    assert!(report.contains("/answer/allowed") && report.contains("decide"), "{report}");
    assert!(!report.contains(&account), "nobody is named: {report}");
    eventually("an answer that is the same", || async {
        assert_eq!(decided(&staff, "acc_nobody").await.expect("ours decides")["allowed"], false);
        (count("same").await >= 1.0).then_some(())
    })
    .await;

    // What is sold from now on is stated there as well.
    let after = newcomer_called(&demo, "after").await;
    assert_eq!(buy(&after, "plan=basic", GOOD_CARD).await.ok()["state"], "succeeded");
    start_bought(&after, &title, "laptop").await;
    let found = staff.get("/identity/v1/management/accounts?email=after%40viewer.example").await.ok();
    let different = count("different").await;
    let same = count("same").await;
    let account = found["data"][0]["account_id"].as_str().expect("the account is found");
    assert_eq!(decided(&staff, account).await.expect("ours decides")["allowed"], true);
    eventually("that to be compared", || async { (count("same").await > same).then_some(()) }).await;
    assert_eq!(count("different").await, different);

    drop(python);
    start(&after, &title, "laptop").await.ok();
    decided(&staff, account).await.expect("ours decides without it");
    eventually("its absence to be counted", || async { (count("failed").await >= 1.0).then_some(()) }).await;
}
