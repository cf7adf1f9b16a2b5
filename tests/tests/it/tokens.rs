//! What an intruder tries: other people's things, forged and stale credentials, addresses with a byte changed.

use reqwest::Method;
use serde_json::{Value, json};
use tessera_tests::{Browser, Demo};

async fn viewer(demo: &Demo, name: &str) -> Browser {
    let mut browser = demo.site.browser();
    browser.sign_up(&format!("{name}@viewer.example"), "correct horse battery").await;
    browser
}

async fn play_free(demo: &Demo, viewer: &Browser) -> Value {
    let request = json!({"title_id": demo.title("A Quiet Colony"), "device_id": "laptop"});
    viewer.post("/playback/v1/sessions", request).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_url_with_one_byte_changed_opens_nothing() {
    let demo = Demo::start();
    let playback = play_free(&demo, &viewer(&demo, "alice").await).await;
    let url = playback["sources"][0]["dash_url"].as_str().expect("a manifest").to_owned();
    let player = demo.site.visitor();
    assert!(player.get(&url).await.status.is_success());
    // The token is the path segment before the asset's; each of its bytes counts.
    let mut segments: Vec<String> = url.split('/').map(str::to_owned).collect();
    let token = segments.iter().position(|s| s.len() > 40).expect("a long token in the path");
    let original = segments[token].clone();
    for at in [0, original.len() / 2, original.len() - 1] {
        let mut bytes = original.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        segments[token] = String::from_utf8(bytes).unwrap();
        player.get(&segments.join("/")).await.refused(403, "url_invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_profile_session_and_checkout_are_not_found() {
    let demo = Demo::start();
    let (alice, mallory) = (viewer(&demo, "alice").await, viewer(&demo, "mallory").await);
    let profiles = alice.get("/viewers/v1/profiles").await.ok();
    let profile = profiles["data"][0]["profile_id"].as_str().expect("a profile").to_owned();
    mallory.get(&format!("/viewers/v1/profiles/{profile}/progress")).await.refused(404, "profile_not_found");
    let edit = json!({"name": "Mine now", "expected_version": 1});
    let request = mallory.request(Method::PUT, &format!("/viewers/v1/profiles/{profile}")).json(&edit);
    mallory.send(request).await.refused(404, "profile_not_found");
    let start = json!({"title_id": demo.title("A Quiet Colony"), "device_id": "d", "profile_id": profile});
    mallory.post("/playback/v1/sessions", start).await.refused(404, "profile_not_found");

    let playback = play_free(&demo, &alice).await;
    let session = playback["session_id"].as_str().expect("a session");
    let stop = format!("/playback/v1/sessions/{session}/stop");
    mallory.post(&stop, json!({})).await.refused(404, "session_not_found");
    alice.post(&stop, json!({})).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_and_borrowed_credentials_are_refused() {
    let demo = Demo::start();
    let key = demo.fact("staff_key");
    let path = "/catalog/v1/management/titles";
    demo.site.with_token(key).get(path).await.ok();
    let mut forged = key.to_owned();
    let last = forged.pop().expect("a key has characters");
    forged.push(if last == 'A' { 'B' } else { 'A' });
    demo.site.with_token(&forged).get(path).await.refused(401, "unauthenticated");
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.eyJzdWIiOiJhY2NfMSJ9.";
    demo.site.with_token(none).get(path).await.refused(401, "unauthenticated");
    demo.site.visitor().get(path).await.refused(401, "unauthenticated");
    let alice = viewer(&demo, "alice").await;
    alice.get(path).await.refused(403, "forbidden");
    // A context that nobody signed counts for nothing.
    let request = demo.site.visitor().request(Method::GET, path).header("tessera-tenant", "demo");
    let request = request.header("tessera-cx", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA");
    demo.site.visitor().send(request).await.refused(401, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_alone_changes_nothing() {
    let demo = Demo::start();
    let alice = viewer(&demo, "alice").await;
    let start = json!({"title_id": demo.title("A Quiet Colony"), "device_id": "laptop"});
    let request = alice.request(Method::POST, "/playback/v1/sessions").json(&start);
    let (client, request) = request.build_split();
    let mut request = request;
    request.as_mut().expect("a request").headers_mut().remove("x-csrf-token");
    let answer = client.execute(request.expect("a request")).await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 403, "{}", answer.text().await.unwrap_or_default());
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_bodies_end_in_a_clear_problem() {
    let demo = Demo::start();
    let staff = demo.site.with_token(demo.fact("staff_key"));
    let path = "/catalog/v1/management/titles";
    let post = |body: Vec<u8>| {
        let request = staff.request(Method::POST, path).header("idempotency-key", "hostile");
        request.header("content-type", "application/json").body(body)
    };
    let deep = format!("{{\"title\": {}1{}}}", "[".repeat(1000), "]".repeat(1000)).into_bytes();
    for (body, status, code, says) in [
        (vec![b' '; 10_000_000], 413, "payload_too_large", "bytes"),
        (deep, 400, "invalid_request", ""),
        (b"{\"title\": {\"name\": {\"en\": \"x\"}}, \"prize\": 1}".to_vec(), 400, "invalid_request", "prize"),
        (b"{\"title\": {\"name\": {\"en\": \"x\"}, \"year\": \"soon\"}}".to_vec(), 400, "invalid_request", "year"),
        (b"{\"title\"".to_vec(), 400, "invalid_request", "JSON"),
        (b"\xff\xfe".to_vec(), 400, "invalid_request", ""),
    ] {
        let detail = staff.send(post(body)).await.refused(status, code);
        assert!(detail.contains(says), "{detail:?} says {says:?}");
    }
    let offer = json!({
        "name": {"en": "x"}, "terms": {"kind": "rental", "hours": 48, "minutes": 5}, "max_streams": 1,
        "price": {"amount_minor": 1, "currency": "EUR"},
    });
    let detail = staff.post("/billing/v1/management/offers", offer).await.refused(400, "invalid_request");
    assert!(detail.contains("terms.minutes"), "{detail}");
    let list = staff.get("/catalog/v1/titles?limit=many").await.refused(400, "invalid_request");
    assert!(list.contains("limit"), "{list}");
}
