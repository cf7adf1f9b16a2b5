//! People who watch: they sign up, pay, play, and come back after every crash.

use std::{cell::RefCell, fmt};

use reqwest::Method;
use serde_json::{Value, json};

use super::{World, patient::Patient};
use crate::Refusal;

const PASSWORD: &str = "correct horse battery";
/// Cards of the sandbox gateway.
pub(crate) const GOOD: &str = "4242424242424242";
pub(crate) const DECLINED: &str = "4000000000000002";
pub(crate) const ANSWER_LOST: &str = "4000000000000259";
pub(crate) const REQUEST_LOST: &str = "4000000000000341";
pub(crate) const SLOW: &str = "4000000000000077";

/// Somebody who is signed in.
pub(crate) struct Viewer {
    pub(crate) client: Patient,
    pub(crate) account_id: String,
    profile_id: String,
}

/// What a buyer was told in the end about one intent to pay.
#[derive(Debug, Clone)]
pub(crate) struct Purchase {
    /// Absent when it was declined: a refusal names none.
    pub(crate) checkout_id: Option<String>,
    pub(crate) payment_token: String,
    pub(crate) subscription_id: Option<String>,
    /// Whether it was paid; declined otherwise.
    pub(crate) paid: bool,
}

impl Viewer {
    /// A new account, signed in.
    pub(crate) async fn newcomer(world: &World) -> Self {
        let email = format!("{}@viewer.example", world.fresh("viewer"));
        let mut client = world.browser();
        let (waiting, heard) = (client.clone(), RefCell::new(String::new()));
        let signed_in = async || match client.browser.try_sign_up(&email, PASSWORD).await {
            // It may have been made just before the crash.
            Err(Refusal::Said(what)) => {
                let signed_in = client.browser.try_sign_in(&email, PASSWORD).await;
                signed_in.map_err(|refusal| heard.replace(format!("{what}; {refusal}"))).ok()
            }
            done => done.ok(),
        };
        waiting.until(fmt::from_fn(|f| write!(f, "an account and a session: {}", heard.borrow())), signed_in).await;
        let account = client.get("/billing/v1/account").await.ok();
        let profile_id = client
            .until("the first profile", async || {
                let profiles = client.get("/viewers/v1/profiles").await.ok();
                profiles["data"][0]["profile_id"].as_str().map(str::to_owned)
            })
            .await;
        Self { account_id: text(&account, "account_id"), profile_id, client }
    }

    /// Buys the plan with this card until it is bought or the card is one that never pays. What it came to, at last.
    pub(crate) async fn subscribe(&self, world: &World, card: &str) -> Purchase {
        loop {
            let purchase = self.pay(world, card).await;
            world.purchases.lock().expect("nobody panics while holding it").push(purchase.clone());
            // A charge that the crash kept from the gateway is declined after a while: people try again.
            if purchase.paid || card == DECLINED || card == REQUEST_LOST {
                return purchase;
            }
        }
    }

    /// One intent to pay, to its end.
    async fn pay(&self, world: &World, card: &str) -> Purchase {
        let (client, key) = (&self.client, world.fresh("checkout"));
        let form = json!({"card_number": card, "expiry_month": 1, "expiry_year": 2190, "security_code": "123"});
        let token = client.act("/payment-gateway/v1/tokens", form).await.ok();
        let payment_token = text(&token, "payment_token");
        let checkout = json!({"offer_id": world.offer_id, "payment_token": payment_token});
        let first = client.post("/billing/v1/checkouts", &key, checkout.clone()).await;
        if first.status.is_success() && first.json()["state"] == "pending" {
            let path = format!("/billing/v1/checkouts/{}", text(&first.json(), "checkout_id"));
            client
                .until("a checkout to be decided", async || {
                    (client.get(&path).await.ok()["state"] != "pending").then_some(())
                })
                .await;
        }
        let answer = client.post("/billing/v1/checkouts", &key, checkout.clone()).await;
        let again = client.post("/billing/v1/checkouts", &key, checkout).await;
        assert_eq!(
            without_request(answer.json()),
            without_request(again.json()),
            "the same key has the same answer: {}",
            again.text()
        );
        let paid = answer.status.is_success();
        if !paid {
            answer.refused(402, "card_declined");
        }
        let body = answer.json();
        let checkout_id = body["checkout_id"].as_str().map(str::to_owned);
        let subscription_id = body["subscription_id"].as_str().map(str::to_owned);
        Purchase { checkout_id, payment_token, subscription_id, paid }
    }

    /// Cancels what was bought; twice is fine.
    pub(crate) async fn cancel(&self, purchase: &Purchase) {
        let subscription = purchase.subscription_id.as_deref().expect("a plan was bought");
        let path = format!("/billing/v1/subscriptions/{subscription}/cancel");
        let canceled = self.client.act(&path, json!({})).await.ok();
        assert_eq!(canceled["state"], "canceled", "{canceled}");
        let account = self.client.get("/billing/v1/account").await.ok();
        assert_eq!(account["subscriptions"][0]["state"], "canceled", "{account}");
    }

    /// Renames the profile, as an edit of the version that is there.
    pub(crate) async fn rename(&self, world: &World) {
        let name = world.fresh("Name");
        let path = format!("/viewers/v1/profiles/{}", self.profile_id);
        let before = self.client.get("/viewers/v1/profiles").await.ok()["data"][0]["version"].clone();
        let edit = json!({"name": name, "expected_version": before});
        let answer = self.client.put(&path, edit).await;
        // The edit that the crash hid has taken the version.
        assert!(answer.status.is_success() || answer.status.as_u16() == 412, "{}", answer.text());
        let now = self.client.get("/viewers/v1/profiles").await.ok()["data"][0].clone();
        assert_eq!(now["name"], name.as_str(), "{now}");
    }

    /// Plays a title from start to stop, on a device of its own.
    pub(crate) async fn watch(&self, world: &World, title_id: &str) {
        let (client, key) = (&self.client, world.fresh("press"));
        let press = json!({"title_id": title_id, "device_id": key});
        let playback = client
            .until("a stream slot", async || {
                let started = client.post("/playback/v1/sessions", &key, press.clone()).await;
                match started.status.is_success() {
                    true => Some(started.json()),
                    // Sessions that died with a crash hold their slot until it runs out.
                    false => {
                        let code = started.json()["code"].as_str().unwrap_or_default().to_owned();
                        assert!(matches!(&*code, "stream_limit_reached" | "not_entitled"), "{}", started.text());
                        None
                    }
                }
            })
            .await;
        let again = client.post("/playback/v1/sessions", &key, press).await.ok();
        assert_eq!(again, playback, "the same key has the same answer");
        self.fetch_licence(world, &playback).await;
        let session = format!("/playback/v1/sessions/{}", text(&playback, "session_id"));
        let beat = client.act(&format!("{session}/heartbeat"), json!({"position_seconds": 3})).await;
        let code = beat.json()["code"].as_str().unwrap_or_default().to_owned();
        assert!(beat.status.is_success() || matches!(&*code, "lease_lost" | "session_not_found"), "{}", beat.text());
        let stopped = client.act(&format!("{session}/stop"), json!({"position_seconds": 4})).await.ok();
        if !beat.status.is_success() {
            return; // it had ended where it was last heard of
        }
        assert_eq!(stopped["position_seconds"], 4, "{stopped}");
        let path = format!("/viewers/v1/profiles/{}/progress", self.profile_id);
        client
            .until("the position that was acknowledged", async || {
                let progress = client.list(&path).await;
                progress.iter().find(|p| p["title_id"] == title_id && p["position_seconds"] == 4).map(|_| ())
            })
            .await;
    }

    async fn fetch_licence(&self, world: &World, playback: &Value) {
        let player = world.visitor();
        let dash = playback["sources"][0]["dash_url"].as_str().expect("a manifest's address");
        let manifest = player.get(dash).await;
        assert!(manifest.status.is_success(), "{}", manifest.text());
        let Some(licence) = playback["licence"].as_object() else { return };
        let manifest = manifest.text();
        let kid = manifest.split("default_KID=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a key id");
        let bytes = (0..16).filter_map(|at| u8::from_str_radix(kid.replace('-', "").get(2 * at..2 * at + 2)?, 16).ok());
        let wanted = json!({"kids": [base64url(&bytes.collect::<Vec<u8>>())], "type": "temporary"});
        let server = licence["servers"][0]["url"].as_str().expect("a licence server").to_owned();
        let token = licence["token"].as_str().expect("a token").to_owned();
        let keys = player.ask(|http| http.request(Method::POST, &server).bearer_auth(&token).json(&wanted)).await.ok();
        assert_eq!(keys["keys"][0]["kty"], "oct", "{keys}");
    }
}

/// A text of an answer.
pub(crate) fn text(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap_or_else(|| panic!("an answer without {name}: {answer}")).to_owned()
}

/// A problem names the request that it answers.
fn without_request(mut answer: Value) -> Value {
    if let Some(fields) = answer.as_object_mut() {
        fields.remove("request_id");
    }
    answer
}

fn base64url(bytes: &[u8]) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
