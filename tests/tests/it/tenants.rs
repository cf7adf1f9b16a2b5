//! Two tenants side by side: every operation of the table, tried by one with the other's ids.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use tessera_contract::{Access, OperationInfo};
use tessera_contracts::ALL;
use tessera_tests::{Answer, Browser, Demo, run};

/// What belongs to the demo tenant, by the name of the field that would name it.
async fn belongings(demo: &Demo, viewer: &Browser) -> BTreeMap<&'static str, String> {
    let staff = demo.site.with_token(demo.fact("staff_key"));
    let title = demo.title("Seahorse Valley");
    let managed = staff.get(&format!("/catalog/v1/management/titles/{title}")).await.ok();
    let asset = text(&managed["title"]["asset_id"]);
    let upload = text(&staff.get(&format!("/media/v1/assets/{asset}")).await.ok()["upload_id"]);
    let offer = text(&viewer.get("/billing/v1/offers?plan=basic").await.ok()["data"][0]["offer_id"]);
    let card =
        json!({"card_number": "4242424242424242", "expiry_month": 1, "expiry_year": 2040, "security_code": "123"});
    let token = text(&viewer.post("/payment-gateway/v1/tokens", card).await.ok()["payment_token"]);
    let checkout = json!({"offer_id": offer, "payment_token": token});
    let checkout = viewer.post("/billing/v1/checkouts", checkout).await.ok();
    let free = json!({"title_id": demo.title("A Quiet Colony"), "device_id": "laptop"});
    let session = viewer.post("/playback/v1/sessions", free).await.ok();
    let keys = staff.get("/identity/v1/management/api-keys").await.ok();
    let types = ["tessera.catalog.title.withdrawn.v1"];
    let endpoint = staff.request(Method::POST, "/webhooks/v1/endpoints").header("idempotency-key", "theirs");
    let endpoint = endpoint.json(&json!({"url": "https://hooks.invalid/", "event_types": types}));
    let endpoint = text(&staff.send(endpoint).await.ok()["endpoint"]["endpoint_id"]);
    let ping = staff.request(Method::POST, &format!("/webhooks/v1/endpoints/{endpoint}/ping"));
    let ping = staff.send(ping.header("idempotency-key", "theirs").json(&json!({}))).await.ok();
    let session_of = viewer.get("/auth/session").await.ok();
    BTreeMap::from([
        ("title_id", title),
        ("asset_id", asset),
        ("upload_id", upload),
        ("offer_id", offer),
        ("payment_token", token),
        ("checkout_id", text(&checkout["checkout_id"])),
        ("subscription_id", text(&checkout["subscription_id"])),
        ("reference", text(&checkout["subscription_id"])),
        ("source", "billing".into()),
        ("session_id", text(&session["session_id"])),
        ("profile_id", text(&session["profile_id"])),
        ("key_id", text(&keys["data"][0]["key_id"])),
        ("account_id", text(&session_of["account_id"])),
        ("tenant_id", "demo".into()),
        ("host", "watch.demo.example".into()),
        ("export_id", "exp_of_theirs".into()),
        ("endpoint_id", endpoint),
        ("delivery_id", text(&ping["delivery_id"])),
        ("picture", "logo".into()),
        ("subtitle_id", "subtitles-of-theirs".into()),
    ])
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text, not {value}")).to_owned()
}

/// A square of one pixel, as an SVG.
const PICTURE: &str = "PHN2ZyB2aWV3Qm94PSIwIDAgMSAxIi8+";

/// WebVTT with one cue.
const WORDS: &str = "V0VCVlRUCgowMDowMC4wMDAgLS0+IDAwOjAxLjAwMApIZWxsbwo=";

/// A body that the operation takes, naming the other's things where it can. Every operation with a body has one here.
fn body(operation: &str, theirs: &BTreeMap<&str, String>) -> Value {
    let scope = json!({"kind": "plan", "plan": "basic"});
    let viewing = json!({"account_id": theirs["account_id"]});
    let facts = json!({"title_id": theirs["title_id"], "free": false, "plans": ["basic"], "minimum_age": 0});
    match operation {
        "create_title" => json!({"title": {"name": {"en": "Ours"}}}),
        "edit_title" => json!({"title": {"name": {"en": "Stolen"}}, "expected_version": 2}),
        "edit_profile" => json!({"name": "Stolen", "expected_version": 1}),
        "create_offer" => json!({
            "name": {"en": "Ours"}, "terms": scope_of_offer(), "price": {"amount_minor": 1, "currency": "EUR"},
            "max_streams": 1,
        }),
        "create_checkout" => json!({"offer_id": theirs["offer_id"], "payment_token": theirs["payment_token"]}),
        "put_grant" => json!({
            "account_id": theirs["account_id"], "scope": scope, "starts_at": "2026-01-01T00:00:00Z", "max_streams": 1,
            "version": 1_000_000,
        }),
        "revoke_grant" => json!({"version": 1_000_000}),
        "decide" => json!({"viewing": viewing, "facts": facts}),
        "start" => json!({"title_id": theirs["title_id"], "device_id": "intruder"}),
        "heartbeat" => json!({"position_seconds": 1}),
        "create_asset" => json!({"upload_id": theirs["upload_id"], "protection": "clear"}),
        "create_pull" => json!({"url": "http://films.invalid/film.mp4"}),
        "prioritize_asset" => json!({"priority": 1}),
        "create_api_key" => json!({"name": "ours", "scopes": ["catalog:read"]}),
        "create_token" => {
            json!({"card_number": "4242424242424242", "expiry_month": 1, "expiry_year": 2040, "security_code": "123"})
        }
        "create_endpoint" => json!({"url": "https://hooks.example/", "event_types": ["*"]}),
        "edit_endpoint" => json!({"description": "Stolen", "expected_version": 1}),
        "replay_since" => json!({"since": "2026-01-01T00:00:00Z"}),
        "put_subtitles" => json!({"language": "en", "kind": "subtitles", "data": WORDS}),
        "put_brand" => json!({"name": "Ours"}),
        "put_brand_picture" => json!({"data": PICTURE}),
        _ => json!({}),
    }
}

fn scope_of_offer() -> Value {
    json!({"kind": "subscription", "plan": "basic"})
}

fn path(operation: &OperationInfo, mount: &str, theirs: &BTreeMap<&str, String>) -> String {
    let mut path = format!("/{mount}{}", operation.path);
    for field in operation.path_fields() {
        let id = theirs.get(field).unwrap_or_else(|| panic!("{}: nothing of theirs is named {field}", operation.name));
        path = path.replace(&format!("{{{field}}}"), id);
    }
    path
}

async fn call(caller: &Browser, operation: &OperationInfo, path: &str, body: Value) -> Answer {
    let method = Method::from_bytes(operation.method.name().as_bytes()).expect("a method");
    let mut request = caller.request(method, path).header("idempotency-key", format!("probe-{}", operation.name));
    if operation.method.has_body() {
        request = request.json(&body);
    }
    caller.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_of_the_table_keeps_the_other_tenants_things_out_of_reach() {
    let demo = Demo::start();
    let mut viewer = demo.site.browser();
    viewer.sign_up("alice@viewer.example", "correct horse battery").await;
    let theirs = belongings(&demo, &viewer).await;

    let created = run(demo.folder(), &["tenant", "create", "rival", "--test", "--data", "data"]);
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    let printed = String::from_utf8_lossy(&created.stdout).into_owned();
    let key = printed.lines().find(|line| line.starts_with("sk_test_")).expect("the first staff key");
    let rival = demo.site.of("rival");
    let (staff, visitor, mut rivals_viewer) = (rival.with_token(key), rival.visitor(), rival.browser());
    tessera_testing::eventually("the rival's host to answer", || async {
        visitor.get("/catalog/v1/titles").await.status.is_success().then_some(())
    })
    .await;
    rivals_viewer.sign_up("alice@viewer.example", "correct horse battery").await;

    for entry in ALL {
        for operation in entry.info.operations {
            let caller = match operation.access {
                Access::Public => &visitor,
                Access::Viewer => &rivals_viewer,
                Access::Staff(_) | Access::Platform(_) | Access::Service | Access::ServiceOrStaff(_) => &staff,
            };
            let mut path = path(operation, entry.info.mount, &theirs);
            if operation.name == "put_grant" {
                // The rival's own statement, about an account that it has no business with.
                path = path.replace("/billing/", "/crm/");
            }
            let answer = call(caller, operation, &path, body(operation.name, &theirs)).await;
            check(operation, &answer, &theirs);
        }
    }
    // The demo tenant's own things are as they were.
    let grants = demo.site.with_token(demo.fact("staff_key"));
    let grants = grants.get(&format!("/entitlement/v1/grants?account_id={}", theirs["account_id"])).await.ok();
    assert_eq!(grants["data"].as_array().map(Vec::len), Some(1), "{grants}");
    assert_ne!(grants["data"][0]["version"], 1_000_000, "{grants}");
    assert_eq!(grants["data"][0]["revoked"], false, "{grants}");
    let title = demo.site.visitor().get(&format!("/catalog/v1/titles/{}", theirs["title_id"])).await.ok();
    assert_eq!(title["name"], "Seahorse Valley");
}

/// An operation for modules alone is 403. One that names their thing in its path, or needs it, is 404. One that makes
/// something makes it here, and one that lists shows nothing of theirs.
fn check(operation: &OperationInfo, answer: &Answer, theirs: &BTreeMap<&str, String>) {
    let (name, status, said) = (operation.name, answer.status.as_u16(), answer.text());
    // Nor do operations of the platform take a tenant's key, whatever its scopes.
    if operation.access == Access::Service || matches!(operation.access, Access::Platform(_)) {
        assert_eq!(status, 403, "{name}: {said}");
        return;
    }
    let needs_theirs = matches!(name, "create_checkout" | "start" | "create_asset");
    // Names that a source chooses are each tenant's own: the same name is another grant. A picture's use is no id.
    let names_theirs = operation.path_fields().any(|f| !matches!(f, "source" | "picture")) && name != "put_grant";
    if needs_theirs || names_theirs {
        assert_eq!(status, 404, "{name}: {said}");
        return;
    }
    assert!(answer.status.is_success(), "{name}: {status} {said}");
    if operation.method.name() == "GET" {
        let ids = theirs.iter().filter(|(field, _)| !matches!(**field, "source" | "picture" | "tenant_id"));
        for id in ids.map(|(_, id)| id) {
            // The rival put a grant with the same opaque names just now; it is the rival's.
            assert!(!said.contains(id.as_str()) || name == "list_grants", "{name} shows {id}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_of_one_tenant_at_the_others_host_is_unauthenticated() {
    let demo = Demo::start();
    let created = run(demo.folder(), &["tenant", "create", "rival", "--test", "--data", "data"]);
    assert!(created.status.success());
    let rival = demo.site.of("rival");
    let answer = tessera_testing::eventually("the rival's host to answer", || async {
        let answer = rival.with_token(demo.fact("staff_key")).get("/catalog/v1/management/titles").await;
        (answer.status.as_u16() != 404).then_some(answer)
    })
    .await;
    answer.refused(401, "unauthenticated");
    let nobody = demo.site.of("nobody").visitor().get("/catalog/v1/titles").await;
    assert!(nobody.status.is_client_error(), "{}", nobody.text());
}
