//! What a viewer does: sign up, pay, watch, come back.

use serde_json::{Value, json};
use tessera_testing::eventually;
use tessera_tests::{Answer, Browser, Demo, run};

pub(crate) const GOOD_CARD: &str = "4242 4242 4242 4242";
pub(crate) const DECLINED_CARD: &str = "4000 0000 0000 0002";

async fn newcomer(demo: &Demo) -> Browser {
    newcomer_called(demo, "newcomer").await
}

pub(crate) async fn newcomer_called(demo: &Demo, name: &str) -> Browser {
    let mut browser = demo.site.browser();
    browser.sign_up(&format!("{name}@viewer.example"), "correct horse battery").await;
    browser
}

pub(crate) async fn token(browser: &Browser, card: &str) -> String {
    let card = json!({"card_number": card, "expiry_month": 12, "expiry_year": 2039, "security_code": "123"});
    let token = browser.post("/payment-gateway/v1/tokens", card).await.ok();
    token["payment_token"].as_str().expect("a token").to_owned()
}

pub(crate) async fn offer(browser: &Browser, query: &str) -> String {
    let offers = browser.get(&format!("/billing/v1/offers?{query}")).await.ok();
    offers["data"][0]["offer_id"].as_str().unwrap_or_else(|| panic!("no offer for {query}: {offers}")).to_owned()
}

pub(crate) async fn buy(browser: &Browser, query: &str, card: &str) -> Answer {
    let checkout = json!({"offer_id": offer(browser, query).await, "payment_token": token(browser, card).await});
    browser.post("/billing/v1/checkouts", checkout).await
}

pub(crate) async fn start(browser: &Browser, title: &str, device: &str) -> Answer {
    let request = json!({"title_id": title, "device_id": device, "device_name": format!("The {device}")});
    browser.post("/playback/v1/sessions", request).await
}

/// Starts as soon as what was bought has become a grant.
pub(crate) async fn start_bought(browser: &Browser, title: &str, device: &str) -> Value {
    eventually("what was bought to be watchable", || async {
        let started = start(browser, title, device).await;
        started.status.is_success().then(|| started.json())
    })
    .await
}

pub(crate) fn session_path(playback: &Value, action: &str) -> String {
    format!("/playback/v1/sessions/{}/{action}", playback["session_id"].as_str().expect("a session"))
}

pub(crate) async fn licence(browser: &Browser, playback: &Value, manifest: &str) -> Answer {
    let licence = &playback["licence"];
    let kid = manifest.split("default_KID=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a key id");
    let bytes: Vec<u8> = kid
        .replace('-', "")
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hexadecimal"))
        .collect();
    let kid = base64url(&bytes);
    let server = licence["servers"][0]["url"].as_str().expect("a licence server");
    let site = browser.request(reqwest::Method::POST, server);
    let request = site.bearer_auth(licence["token"].as_str().expect("a token"));
    browser.send(request.json(&json!({"kids": [kid], "type": "temporary"}))).await
}

fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, byte| (word << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(word >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_signs_up_pays_and_watches_and_comes_back_where_they_left() {
    let demo = Demo::start();
    let title = demo.title("Seahorse Valley");
    let anonymous = start(&demo.site.visitor(), &title, "laptop").await;
    anonymous.refused(401, "unauthenticated");

    let viewer = newcomer(&demo).await;
    let refusal = start(&viewer, &title, "laptop").await.refused(403, "not_entitled");
    assert!(refusal.contains("basic"), "the refusal says what would help: {refusal}");

    let declined = buy(&viewer, "plan=basic", DECLINED_CARD).await;
    let why = declined.refused(402, "card_declined");
    assert!(!why.is_empty());
    let bought = buy(&viewer, "plan=basic", GOOD_CARD).await.ok();
    assert_eq!(bought["state"], "succeeded", "{bought}");

    let playback = start_bought(&viewer, &title, "laptop").await;
    assert_eq!(playback["resume_position_seconds"], 0);
    let dash = playback["sources"][0]["dash_url"].as_str().expect("a DASH manifest").to_owned();
    let hls = playback["sources"][0]["hls_url"].as_str().expect("an HLS playlist").to_owned();
    let player = demo.site.visitor();
    let manifest = player.get(&dash).await;
    assert!(manifest.status.is_success());
    let manifest = manifest.text();
    assert!(manifest.contains("value=\"cbcs\""), "{manifest}");
    let playlist = player.get(&hls).await.text();
    assert!(playlist.starts_with("#EXTM3U") && playlist.contains("CODECS="), "{playlist}");

    let keys = licence(&player, &playback, &manifest).await.ok();
    assert_eq!(keys["keys"][0]["kty"], "oct", "{keys}");

    let beat = json!({"position_seconds": 3});
    viewer.post(&session_path(&playback, "heartbeat"), beat.clone()).await.ok();
    viewer.post(&session_path(&playback, "stop"), json!({"position_seconds": 4})).await.ok();
    viewer.post(&session_path(&playback, "stop"), json!({})).await.ok();
    eventually("the position to be remembered", || async {
        let again = start(&viewer, &title, "laptop").await.ok();
        viewer.post(&session_path(&again, "stop"), json!({"position_seconds": 4})).await.ok();
        (again["resume_position_seconds"] == 4).then_some(())
    })
    .await;

    let ledger = demo.site.with_token(demo.fact("staff_key")).get("/billing/v1/management/ledger").await.ok();
    for transaction in ledger["data"].as_array().expect("transactions") {
        let entries = transaction["entries"].as_array().expect("entries");
        let sum: i64 = entries.iter().map(|entry| entry["amount"]["amount_minor"].as_i64().expect("an amount")).sum();
        assert_eq!(sum, 0, "{transaction}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_past_the_limit_is_told_where_the_streams_are_and_gets_in_when_one_stops() {
    let demo = Demo::start();
    let title = demo.title("Seahorse Valley");
    let viewer = newcomer(&demo).await;
    buy(&viewer, "plan=basic", GOOD_CARD).await.ok();
    let first = start_bought(&viewer, &title, "television").await;
    start(&viewer, &title, "phone").await.ok();
    let refusal = start(&viewer, &title, "laptop").await.refused(409, "stream_limit_reached");
    assert!(refusal.contains("The television") && refusal.contains("The phone"), "{refusal}");
    viewer.post(&session_path(&first, "stop"), json!({})).await.ok();
    start(&viewer, &title, "laptop").await.ok();
    let lost = viewer.post(&session_path(&first, "heartbeat"), json!({"position_seconds": 1})).await;
    assert!(lost.status.is_client_error(), "{}", lost.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_starts_at_once_two_play() {
    let demo = Demo::start();
    let title = demo.title("Seahorse Valley");
    let viewer = newcomer(&demo).await;
    buy(&viewer, "plan=basic", GOOD_CARD).await.ok();
    let probe = start_bought(&viewer, &title, "probe").await;
    viewer.post(&session_path(&probe, "stop"), json!({})).await.ok();
    let starts = (0..100).map(|number| {
        let (viewer, title) = (viewer.clone(), title.clone());
        tokio::spawn(async move { start(&viewer, &title, &format!("device-{number}")).await })
    });
    let answers = futures::future::join_all(starts.collect::<Vec<_>>()).await;
    let answers: Vec<Answer> = answers.into_iter().map(|answer| answer.expect("a start does not panic")).collect();
    let playing = answers.iter().filter(|answer| answer.status.is_success()).count();
    assert_eq!(playing, 2);
    for answer in answers.iter().filter(|answer| !answer.status.is_success()) {
        answer.refused(409, "stream_limit_reached");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rental_ends_after_48_hours_of_the_tenants_time_for_player_and_licence_alike() {
    let demo = Demo::start();
    let title = demo.title("Northern Lights");
    let viewer = newcomer(&demo).await;
    let price = json!({"amount_minor": 1, "currency": "EUR"});
    let (offer_id, payment_token) =
        (offer(&viewer, &format!("title_id={title}")).await, token(&viewer, GOOD_CARD).await);
    let cheat = json!({"offer_id": offer_id, "payment_token": payment_token, "price": price});
    let refusal = viewer.post("/billing/v1/checkouts", cheat).await.refused(400, "invalid_request");
    assert!(refusal.contains("price"), "{refusal}");

    buy(&viewer, &format!("title_id={title}"), GOOD_CARD).await.ok();
    let playback = start_bought(&viewer, &title, "laptop").await;
    let manifest = demo.site.visitor().get(playback["sources"][0]["dash_url"].as_str().unwrap()).await.text();
    licence(&demo.site.visitor(), &playback, &manifest).await.ok();

    let moved = run(demo.folder(), &["tenant", "clock", "demo", "49h", "--data", "data"]);
    assert!(moved.status.success(), "{}", String::from_utf8_lossy(&moved.stderr));
    eventually("the server to see the tenant's new time", || async {
        let beat = viewer.post(&session_path(&playback, "heartbeat"), json!({"position_seconds": 1})).await;
        (!beat.status.is_success()).then(|| beat.refused(403, "grant_ended"))
    })
    .await;
    licence(&demo.site.visitor(), &playback, &manifest).await.refused(403, "licence_denied");
    start(&viewer, &title, "laptop").await.refused(403, "grant_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_checkouts_at_once_with_one_key_charge_once() {
    let demo = Demo::start();
    let viewer = newcomer(&demo).await;
    let checkout = json!({
        "offer_id": offer(&viewer, "plan=basic").await, "payment_token": token(&viewer, GOOD_CARD).await,
    });
    let attempts = (0..8).map(|_| {
        let (viewer, checkout) = (viewer.clone(), checkout.clone());
        tokio::spawn(async move { viewer.post_once("/billing/v1/checkouts", "one-intent", checkout).await })
    });
    let answers = futures::future::join_all(attempts.collect::<Vec<_>>()).await;
    for answer in answers {
        let answer = answer.expect("a checkout does not panic");
        // A duplicate that came while the first was at the gateway is told so; any other has the first one's answer.
        assert!(answer.status.is_success() || answer.json()["code"] == "in_progress", "{}", answer.text());
    }
    let again = viewer.post_once("/billing/v1/checkouts", "one-intent", checkout).await.ok();
    assert_eq!(again["state"], "succeeded");
    let ledger = demo.site.with_token(demo.fact("staff_key")).get("/billing/v1/management/ledger").await.ok();
    let charges = ledger["data"].as_array().expect("transactions").len();
    assert_eq!(charges, 1, "{ledger}");
    let account = viewer.get("/billing/v1/account").await.ok();
    assert_eq!(account["subscriptions"].as_array().map(Vec::len), Some(1), "{account}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_free_film_needs_an_account_and_nothing_else() {
    let demo = Demo::start();
    let viewer = newcomer(&demo).await;
    let playback = start(&viewer, &demo.title("A Quiet Colony"), "laptop").await.ok();
    let manifest = demo.site.visitor().get(playback["sources"][0]["dash_url"].as_str().unwrap()).await;
    assert!(manifest.status.is_success());
}
