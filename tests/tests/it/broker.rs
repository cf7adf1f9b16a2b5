//! A whole deployment whose modules hear of each other over a broker, and others by webhook: what happens arrives, also
//! what happened while the broker was dead.

use axum::{Router, body::Bytes, extract::State, routing::post};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tessera_testing::{Served, Tansu, eventually, temp_dir};
use tessera_tests::{Browser, Demo};

type Heard = Arc<Mutex<Vec<Value>>>;

/// Somebody outside, and what was posted to them.
async fn receiver() -> (Served, Heard) {
    let heard: Heard = Arc::default();
    let take = async |State(heard): State<Heard>, body: Bytes| {
        heard.lock().expect("nobody panics while holding it").push(serde_json::from_slice(&body).expect("JSON"));
    };
    let served = Served::router(Router::new().route("/hook", post(take)).with_state(heard.clone())).await;
    (served, heard)
}

async fn made(staff: &Browser, path: &str, key: &str, body: Value) -> Value {
    let request = staff.request(Method::POST, path).header("idempotency-key", key);
    staff.send(request.json(&body)).await.ok()
}

async fn offer(staff: &Browser, name: &str) -> String {
    let offer = json!({
        "name": {"en": name}, "terms": {"kind": "subscription", "plan": name},
        "price": {"amount_minor": 100, "currency": "EUR"}, "max_streams": 1,
    });
    let made = made(staff, "/billing/v1/management/offers", name, offer).await;
    made["offer_id"].as_str().expect("an offer has an id").to_owned()
}

/// Waits until the audit trail has one record about the thing.
async fn recorded(staff: &Browser, target: &str) {
    let found = eventually("the audit to hear of it over the broker", async || {
        let page = staff.get(&format!("/audit/v1/records?target={target}")).await.ok();
        page["data"].as_array().filter(|records| !records.is_empty()).cloned()
    })
    .await;
    assert_eq!(found.len(), 1, "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_arrives_over_a_broker_and_by_webhook_and_after_the_broker_was_dead() {
    let Some(mut tansu) = Tansu::open().await else { return };
    let settings = format!(
        "[events]\nbroker = \"kafka://{}\"\npartitions = 2\n[webhooks]\nnetworks = [\"127.0.0.0/8\"]\nallow_http = true\n",
        tansu.address()
    );
    let demo = Demo::configured(temp_dir(), &settings);
    let staff = demo.site.with_token(demo.fact("staff_key"));
    let (served, heard) = receiver().await;
    let types = ["tessera.identity.account.created.v1"];
    let endpoint = json!({"url": format!("{}/hook", served.base), "event_types": types});
    made(&staff, "/webhooks/v1/endpoints", "one", endpoint).await;

    recorded(&staff, &offer(&staff, "first").await).await;
    demo.site.browser().sign_up("first@viewer.example", "correct horse battery").await;
    let posts = |count: usize| {
        let heard = heard.clone();
        async move {
            eventually("a webhook", async || {
                Some(heard.lock().expect("nobody panics while holding it").clone()).filter(|all| all.len() >= count)
            })
            .await
        }
    };
    assert_eq!(posts(1).await[0]["type"], types[0]);

    tansu.kill();
    let late = offer(&staff, "second").await;
    demo.site.browser().sign_up("second@viewer.example", "correct horse battery").await;
    tansu.start().await;
    recorded(&staff, &late).await;
    let all = posts(2).await;
    assert_eq!(all.len(), 2, "{all:?}");
    assert_ne!(all[0]["id"], all[1]["id"]);
}
