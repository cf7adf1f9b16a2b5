//! People at work: they sign up, buy, watch and come back; staff publish, withdraw, grant and revoke.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::deployment::Deployment;
use crate::{Answer, Browser};

/// Viewers at once.
const VIEWERS: usize = 3;
/// Beats of a play.
const BEATS: u64 = 6;
/// How long what was bought may take to be watchable: by an event.
const GRANTING: Duration = Duration::from_secs(20);
const CARD: &str = "4242424242424242";

/// Who bought, and where they stopped.
#[derive(Clone)]
pub(super) struct Bought {
    pub(super) checkout_id: String,
    pub(super) subscription_id: String,
    pub(super) viewer: Browser,
    pub(super) stopped_at: u64,
}

/// What people did and were promised.
#[derive(Default)]
pub(super) struct Load {
    over: AtomicBool,
    requests: AtomicUsize,
    serial: AtomicUsize,
    failures: Mutex<Vec<String>>,
    bought: Mutex<Vec<Bought>>,
    /// Titles, with how often staff changed each.
    titles: Mutex<BTreeMap<String, usize>>,
}

impl Load {
    /// Lets them work for so long, and come to the end of what they began.
    pub(super) async fn run(deployment: &Deployment, time: Duration) -> Self {
        let load = Self::default();
        let viewers = join_all((0..VIEWERS).map(|_| load.until_over(|| load.view(deployment))));
        let staff = load.until_over(|| load.publish(deployment));
        let crm = load.until_over(|| load.grant(deployment));
        let visitors = load.until_over(|| load.browse(deployment));
        let end = async {
            tokio::time::sleep(time).await;
            load.over.store(true, Ordering::SeqCst);
        };
        tokio::join!(viewers, staff, crm, visitors, end);
        load
    }

    async fn until_over<F: Future<Output = Option<()>>>(&self, work: impl Fn() -> F) {
        while !self.over.load(Ordering::SeqCst) {
            // `None` has been told already.
            work().await;
        }
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub(super) fn failures(&self) -> Vec<String> {
        self.failures.lock().expect("nobody panics while holding it").clone()
    }

    pub(super) fn bought(&self) -> Vec<Bought> {
        self.bought.lock().expect("nobody panics while holding it").clone()
    }

    pub(super) fn titles(&self) -> BTreeMap<String, usize> {
        self.titles.lock().expect("nobody panics while holding it").clone()
    }

    fn serial(&self) -> usize {
        self.serial.fetch_add(1, Ordering::SeqCst)
    }

    fn failed(&self, what: String) {
        self.failures.lock().expect("nobody panics while holding it").push(what);
    }

    /// Sends it; `None`, and that is kept, when nobody answers.
    async fn send(&self, who: &Browser, what: &str, request: RequestBuilder) -> Option<Answer> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        match who.try_send(request).await {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.failed(format!("{what}: {error}"));
                None
            }
        }
    }

    /// The same, where only a success is right.
    async fn done(&self, who: &Browser, what: &str, request: RequestBuilder) -> Option<Value> {
        let answer = self.send(who, what, request).await?;
        if !answer.status.is_success() {
            self.failed(format!("{what}: {} {}", answer.status, answer.text()));
            return None;
        }
        Some(answer.json())
    }

    async fn get(&self, who: &Browser, path: &str) -> Option<Value> {
        self.done(who, path, who.request(Method::GET, path)).await
    }

    async fn post(&self, who: &Browser, path: &str, body: &Value) -> Option<Value> {
        let key = format!("skew-{}", self.serial());
        self.done(who, path, who.request(Method::POST, path).header("idempotency-key", key).json(body)).await
    }

    /// Whether something is as it should be; kept when not.
    fn held(&self, what: &str, holds: bool, said: &Value) {
        if !holds {
            self.failed(format!("{what}: {said}"));
        }
    }

    /// Somebody signs up, buys the plan, watches and leaves.
    async fn view(&self, deployment: &Deployment) -> Option<()> {
        let (name, title) = (format!("viewer-{}", self.serial()), deployment.title());
        let mut viewer = deployment.site.browser();
        self.requests.fetch_add(1, Ordering::SeqCst);
        if let Err(refusal) = viewer.try_sign_up(&format!("{name}@viewer.example"), "correct horse battery").await {
            self.failed(format!("signing up: {refusal}"));
            return None;
        }
        let offers = self.get(&viewer, "/billing/v1/offers?plan=basic").await?;
        let card = json!({"card_number": CARD, "expiry_month": 1, "expiry_year": 2190, "security_code": "123"});
        let token = self.post(&viewer, "/payment-gateway/v1/tokens", &card).await?;
        let checkout = json!({"offer_id": offers["data"][0]["offer_id"], "payment_token": token["payment_token"]});
        let bought = self.post(&viewer, "/billing/v1/checkouts", &checkout).await?;
        self.held("a checkout succeeds", bought["state"] == "succeeded", &bought);
        let playback = self.start(&viewer, &title).await?;
        let player = deployment.site.visitor();
        let dash = playback["sources"][0]["dash_url"].as_str()?.to_owned();
        let manifest = self.send(&player, "a manifest", player.request(Method::GET, &dash)).await?;
        self.held("a manifest", manifest.status.is_success(), &manifest.text().into());
        let session = format!("/playback/v1/sessions/{}", playback["session_id"].as_str()?);
        for position in 1..=BEATS {
            self.post(&viewer, &format!("{session}/heartbeat"), &json!({"position_seconds": position})).await?;
        }
        let profiles = self.get(&viewer, "/viewers/v1/profiles").await?;
        let profile = &profiles["data"][0];
        let path = format!("/viewers/v1/profiles/{}", profile["profile_id"].as_str()?);
        let edit = json!({"name": name, "expected_version": profile["version"]});
        self.done(&viewer, "a profile's name", viewer.request(Method::PUT, &path).json(&edit)).await?;
        self.post(&viewer, &format!("{session}/stop"), &json!({"position_seconds": BEATS + 1})).await?;
        let text = |name: &str| bought[name].as_str().map(str::to_owned);
        let (checkout_id, subscription_id) = (text("checkout_id")?, text("subscription_id")?);
        let bought = Bought { checkout_id, subscription_id, viewer, stopped_at: BEATS + 1 };
        self.bought.lock().expect("nobody panics while holding it").push(bought);
        Some(())
    }

    /// Starts as soon as what was bought has become a grant.
    async fn start(&self, viewer: &Browser, title: &str) -> Option<Value> {
        let until = Instant::now() + GRANTING;
        loop {
            let press = json!({"title_id": title, "device_id": "television", "device_name": "The television"});
            let key = format!("skew-{}", self.serial());
            let request = viewer.request(Method::POST, "/playback/v1/sessions").header("idempotency-key", key);
            let answer = self.send(viewer, "a start", request.json(&press)).await?;
            if answer.status.is_success() {
                return Some(answer.json());
            }
            if answer.json()["code"] != "not_entitled" || Instant::now() > until {
                self.failed(format!("a start: {} {}", answer.status, answer.text()));
                return None;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A title is made, edited, published, seen and withdrawn.
    async fn publish(&self, deployment: &Deployment) -> Option<()> {
        let (staff, visitor) = (deployment.staff(), deployment.site.visitor());
        let draft = |name: String| json!({"name": {"en": name}, "asset_id": "ast_any", "access": {"free": true}});
        let path = "/catalog/v1/management/titles";
        let made = self.post(&staff, path, &json!({"title": draft(format!("Film {}", self.serial()))})).await?;
        let title = made["title_id"].as_str()?.to_owned();
        let path = format!("{path}/{title}");
        let edit = json!({"title": draft(format!("Cut {}", self.serial())), "expected_version": made["version"]});
        self.done(&staff, "an edit", staff.request(Method::PUT, &path).json(&edit)).await?;
        self.post(&staff, &format!("{path}/publish"), &json!({})).await?;
        self.get(&visitor, &format!("/catalog/v1/titles/{title}")).await?;
        self.post(&staff, &format!("{path}/withdraw"), &json!({})).await?;
        self.titles.lock().expect("nobody panics while holding it").insert(title, 4);
        Some(())
    }

    /// A CRM states a grant and takes it back; what is decided follows at once.
    async fn grant(&self, deployment: &Deployment) -> Option<()> {
        let (staff, number) = (deployment.staff(), self.serial());
        let (account, path) = (format!("acc_{number}"), format!("/entitlement/v1/grants/crm/{number}"));
        let grant = json!({
            "account_id": account, "scope": {"kind": "plan", "plan": "basic"}, "starts_at": "2020-01-01T00:00:00Z",
            "max_streams": 1, "version": 1,
        });
        let facts = json!({"title_id": deployment.title(), "free": false, "plans": ["basic"], "minimum_age": 0});
        let question = json!({"viewing": {"account_id": account}, "facts": facts});
        self.done(&staff, "a grant", staff.request(Method::PUT, &path).json(&grant)).await?;
        let decision = self.post(&staff, "/entitlement/v1/decisions", &question).await?;
        self.held("who has a grant may watch", decision["allowed"] == true, &decision);
        self.post(&staff, &format!("{path}/revoke"), &json!({"version": 2})).await?;
        let decision = self.post(&staff, "/entitlement/v1/decisions", &question).await?;
        self.held("a revocation holds at once", decision["allowed"] == false, &decision);
        Some(())
    }

    /// Somebody looks around; staff look at what there is.
    async fn browse(&self, deployment: &Deployment) -> Option<()> {
        let (visitor, staff) = (deployment.site.visitor(), deployment.staff());
        for path in ["/catalog/v1/titles", "/billing/v1/offers", "/tenancy/v1/brand"] {
            self.get(&visitor, path).await?;
        }
        for path in
            ["/media/v1/assets", "/identity/v1/management/api-keys", "/audit/v1/records", "/webhooks/v1/endpoints"]
        {
            self.get(&staff, path).await?;
        }
        Some(())
    }
}
