//! What staff do is in the trail: every operation of the table that changes something, once; and nobody else's.

use std::{collections::BTreeMap, process::Command};

use reqwest::Method;
use serde_json::{Value, json};
use tessera_contract::{Access, OperationInfo};
use tessera_contracts::ALL;
use tessera_testing::eventually;
use tessera_tests::{Answer, Browser, Demo, Site, run};
use tessera_types::{Clock, SystemClock};

/// Ids and versions by the name of their field, as the answers gave them.
type Known = BTreeMap<String, Value>;

/// A body that the operation takes of whoever may call it. Every operation that is recorded has one here.
fn body(operation: &OperationInfo, known: &Known) -> Value {
    let version = &known["version"];
    match operation.name {
        "create_title" => json!({"title": {"name": {"en": "Ours"}, "asset_id": known["asset_id"]}}),
        "edit_title" => json!({
            "title": {"name": {"en": "Edited"}, "asset_id": known["asset_id"]}, "expected_version": version,
        }),
        "create_offer" => json!({
            "name": {"en": "Ours"}, "terms": {"kind": "subscription", "plan": "basic"},
            "price": {"amount_minor": 100, "currency": "EUR"}, "max_streams": 1,
        }),
        "put_grant" => json!({
            "account_id": "acc_1", "scope": {"kind": "plan", "plan": "basic"}, "starts_at": "2026-01-01T00:00:00Z",
            "max_streams": 1, "version": 1,
        }),
        "revoke_grant" => json!({"version": 2}),
        "create_api_key" => json!({"name": "ours", "scopes": ["catalog:read"]}),
        "rotate_api_key" => json!({"grace_seconds": 60}),
        "create_asset" => json!({"upload_id": known["upload_id"], "protection": "clear"}),
        "create_pull" => json!({"url": "http://films.invalid/film.mp4"}),
        "prioritize_asset" => json!({"priority": 1}),
        "put_subtitles" => json!({"language": "en", "kind": "subtitles", "data": WORDS}),
        "put_brand" => json!({"name": "Ours"}),
        "put_brand_picture" => json!({"data": known["picture_data"]}),
        "create_tenant" => {
            json!({"name": "Made", "kind": "test", "default_locale": "en", "hosts": ["made.example"]})
        }
        "create_endpoint" => json!({"url": "https://hooks.example/", "event_types": ["*"]}),
        "edit_endpoint" => json!({"description": "Edited", "expected_version": version}),
        "replay_since" => json!({"since": "2026-01-01T00:00:00Z"}),
        "suspend_tenant" => json!({"reason": "to see it recorded"}),
        "create_tenant_key" => json!({"name": "first", "scopes": ["*"]}),
        "archive_offer"
        | "run_renewals"
        | "rotate_secret"
        | "ping_endpoint"
        | "replay_delivery"
        | "delete_endpoint"
        | "publish_title"
        | "withdraw_title"
        | "revoke_api_key"
        | "resume_tenant"
        | "request_export"
        | "add_host"
        | "remove_host"
        | "delete_brand_picture"
        | "delete_subtitles"
        | "cancel_asset"
        | "retry_asset" => json!({}),
        other => panic!("{other} changes something and is recorded: say here how it is called"),
    }
}

fn path(operation: &OperationInfo, mount: &str, known: &Known) -> String {
    let mut path = format!("/{mount}{}", operation.path);
    for field in operation.path_fields() {
        let id = known.get(field).and_then(Value::as_str);
        let id = id.unwrap_or_else(|| panic!("{}: nothing is known for {field}", operation.name));
        path = path.replace(&format!("{{{field}}}"), id);
    }
    path
}

/// Remembers every `…_id` and `version` of an answer, and of the objects in it.
fn learn(known: &mut Known, answer: &Value) {
    for (name, value) in answer.as_object().into_iter().flatten() {
        if name.ends_with("_id") || name == "version" {
            known.insert(name.clone(), value.clone());
        } else {
            learn(known, value);
        }
    }
}

async fn call(caller: &Browser, operation: &OperationInfo, path: &str, body: Value) -> Answer {
    let method = Method::from_bytes(operation.method.name().as_bytes()).expect("a method");
    let request = caller.request(method, path).header("idempotency-key", format!("audit-{}", operation.name));
    let request = if operation.method.has_body() { request.json(&body) } else { request };
    caller.send(request).await
}

pub(crate) async fn upload(staff: &Browser, bytes: Vec<u8>) -> String {
    upload_of(staff, bytes.len(), bytes).await
}

/// An upload that is to have this length and has these bytes.
pub(crate) async fn upload_of(staff: &Browser, length: usize, bytes: Vec<u8>) -> String {
    let request = staff
        .request(Method::POST, "/media/v1/uploads")
        .header("tus-resumable", "1.0.0")
        .header("upload-length", length)
        .header("content-type", "application/offset+octet-stream")
        .body(bytes);
    let answer = staff.send(request).await;
    let location = answer.headers.get("location").and_then(|value| value.to_str().ok());
    location.and_then(|at| at.rsplit('/').next()).unwrap_or_else(|| panic!("{}", answer.text())).to_owned()
}

/// A film whose making takes much longer than this test, so that assets after it wait for their turn.
fn long_film() -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25:duration=90"])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-f", "matroska", "-"])
        .output()
        .expect("FFmpeg runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Every record that fits the query.
async fn records(staff: &Browser, query: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = staff.get(&format!("/audit/v1/records?limit=100&{query}{cursor}")).await.ok();
        found.extend(page["data"].as_array().cloned().unwrap_or_default());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

/// WebVTT with one cue.
const WORDS: &str = "V0VCVlRUCgowMDowMC4wMDAgLS0+IDAwOjAxLjAwMApIZWxsbwo=";

fn picture() -> Value {
    // A PNG of one transparent pixel.
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==".into()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_by_which_staff_change_something_leaves_one_record_in_its_own_trail() {
    let demo = Demo::start();
    let staff = demo.site.with_token(demo.fact("staff_key"));
    let operator = demo.site.of("platform").with_token(demo.fact("operator_key"));
    let asset = staff.get("/media/v1/assets").await.ok()["data"][0]["asset_id"].clone();
    let before = json!({"upload_id": upload(&staff, long_film()).await, "protection": "clear"});
    let request = staff.request(Method::POST, "/media/v1/assets").header("idempotency-key", "before");
    staff.send(request.json(&before)).await.ok();
    // No film: enough to make an asset of, which waits for its turn.
    let waiting = upload(&staff, b"hello".to_vec()).await;
    let mut in_the_making = Value::Null;
    let mut known = Known::from([
        ("asset_id".into(), asset.clone()),
        ("subtitle_id".into(), "ours".into()),
        ("upload_id".into(), waiting.clone().into()),
        ("source".into(), "crm".into()),
        ("reference".into(), "ours".into()),
        ("picture".into(), "favicon".into()),
        ("picture_data".into(), picture()),
        ("tenant_id".into(), "made".into()),
        ("host".into(), "second.example".into()),
        ("version".into(), 0.into()),
    ]);
    let since = format!("from={}", SystemClock.now());
    let (mut ours, mut platforms) = (Vec::new(), Vec::new());
    for entry in ALL {
        for operation in entry.info.operations.iter().filter(|operation| operation.is_recorded()) {
            let platform = matches!(operation.access, Access::Platform(_));
            let (caller, done) = if platform { (&operator, &mut platforms) } else { (&staff, &mut ours) };
            if matches!(operation.name, "cancel_asset" | "retry_asset" | "prioritize_asset") {
                known.insert("asset_id".into(), in_the_making.clone());
            }
            let (path, body) = (path(operation, entry.info.mount, &known), body(operation, &known));
            let answer = call(caller, operation, &path, body.clone()).await.ok();
            learn(&mut known, &answer);
            if operation.name == "create_api_key" {
                let again = call(caller, operation, &path, body).await.ok();
                assert_eq!(again, answer); // a retry replays the answer, and is not recorded again
            }
            if operation.name == "create_asset" {
                in_the_making = answer["asset_id"].clone();
            }
            known.insert("upload_id".into(), waiting.clone().into()); // and not one that is being fetched
            known.insert("tenant_id".into(), "made".into());
            known.insert("asset_id".into(), asset.clone()); // and not one that has just begun
            done.push((operation.contract, operation.name));
        }
    }
    assert!(ours.len() >= 15 && !platforms.is_empty(), "{ours:?} {platforms:?}");
    for (caller, done) in [(&staff, ours), (&operator, platforms)] {
        let all = eventually("every record", async || {
            let all = records(caller, &since).await;
            (all.len() >= done.len()).then_some(all)
        })
        .await;
        let mut told: Vec<(&str, &str)> = all
            .iter()
            .map(|record| (record["contract"].as_str().unwrap_or(""), record["operation"].as_str().unwrap_or("")))
            .collect();
        let mut done = done;
        told.sort_unstable();
        done.sort_unstable();
        assert_eq!(told, done, "what was recorded, and what was done");
        assert!(all.iter().all(|record| record["address"] == "127.0.0.1"), "{all:?}");
    }
    let made = records(&staff, &format!("operation=create_title&{since}")).await;
    assert_eq!(made[0]["request"]["title"]["name"]["en"], "Ours", "{made:?}");
    let title = known["title_id"].as_str().expect("a title");
    let about = records(&staff, &format!("target={title}")).await;
    let about: Vec<_> = about.iter().map(|record| record["operation"].as_str().unwrap_or("")).collect();
    assert_eq!(about, ["withdraw_title", "publish_title", "edit_title", "create_title"]);
    let secrets = json!(records(&staff, &format!("operation=put_brand_picture&{since}")).await);
    assert!(secrets.to_string().len() < 4000, "a picture is cut: {secrets}");
    holds(&demo);
}

/// The trails hold, as the command at the machine finds while the server runs.
fn holds(demo: &Demo) {
    let verified = run(demo.folder(), &["audit", "verify", "--data", "data"]);
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.success() && said.contains("demo: ") && said.contains("platform: "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_at_the_machine_is_recorded_refusals_too_and_no_tenant_sees_anothers() {
    let demo = Demo::start();
    let at = |arguments: &[&str]| {
        let done = run(demo.folder(), &[arguments, &["--data", "data"]].concat());
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    };
    let made = at(&["tenant", "create", "rival", "--test"]);
    let rival: Site = demo.site.of("rival");
    let first = rival.with_token(made.lines().find(|line| line.starts_with("sk_test_")).expect("the first key"));
    let reader = at(&["key", "create", "reader", "--tenant", "rival", "--scope", "audit:read", "--expires", "30d"]);
    let staff = rival.with_token(&reader);
    let told = eventually("the key's record", async || {
        let answer = staff.get("/audit/v1/records?operation=create_api_key").await;
        let told = answer.status.is_success().then(|| answer.json()["data"].as_array().cloned()).flatten();
        told.filter(|told| told.len() == 2)
    })
    .await;
    assert!(told.iter().all(|record| record["subject"] == "operator@machine"), "{told:?}");
    assert_eq!(told[0]["request"]["name"], "reader");
    assert!(!json!(told).to_string().contains(&reader), "a secret is in no record");

    // A key without the scope is refused, and that is recorded once.
    for _ in 0..3 {
        staff
            .post("/catalog/v1/management/titles", json!({"title": {"name": {"en": "No"}}}))
            .await
            .refused(403, "forbidden");
    }
    let refused = eventually("the refusal", async || {
        let told = records(&staff, "operation=create_title").await;
        (!told.is_empty()).then_some(told)
    })
    .await;
    assert_eq!((refused.len(), refused[0]["outcome"].as_str()), (1, Some("refused")));

    // Each tenant's trail, and the platform's, has its own.
    let demos = demo.site.with_token(demo.fact("staff_key"));
    let operator = demo.site.of("platform").with_token(demo.fact("operator_key"));
    eventually("the tenant's record", async || {
        let told = records(&operator, "target=rival").await;
        (told.len() == 1 && told[0]["operation"] == "create_tenant").then_some(())
    })
    .await;
    assert_eq!(records(&demos, "subject=operator%40machine").await.len(), 0);
    assert!(records(&first, "").await.len() >= 3);
    assert!(at(&["audit", "list", "--tenant", "rival"]).contains("operator@machine"));

    // A rotated key's old secret ends with its grace, a revoked key with the command.
    let listed = at(&["key", "list", "--tenant", "rival", "--json"]);
    let key: Value = serde_json::from_str(listed.lines().next().expect("the newest key")).expect("JSON");
    let id = key["key_id"].as_str().expect("an id");
    assert!(key["last_used_at"].is_null() || key["name"] == "reader", "{key}");
    let fresh = at(&["key", "rotate", id, "--tenant", "rival", "--grace", "0s"]);
    eventually("the old secret to end", async || {
        (staff.get("/audit/v1/records").await.status.as_u16() == 401).then_some(())
    })
    .await;
    let staff = rival.with_token(&fresh);
    staff.get("/audit/v1/records").await.ok();
    at(&["key", "revoke", id, "--tenant", "rival"]);
    eventually("the key to end", async || (staff.get("/audit/v1/records").await.status.as_u16() == 401).then_some(()))
        .await;
    let mistyped =
        run(demo.folder(), &["key", "create", "x", "--tenant", "rival", "--scope", "catalog:reed", "--data", "data"]);
    let said = String::from_utf8_lossy(&mistyped.stderr).into_owned();
    assert!(!mistyped.status.success() && said.contains("did you mean \"catalog:read\""), "{said}");
    holds(&demo);
}
