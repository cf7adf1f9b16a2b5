//! An operator keeps the billing system that they have: the bridge of `examples/billing-bridge` stands in billing's place.

use std::{fs, io::Write, path::Path, time::Duration};

use serde_json::{Value, json};
use tessera_testing::{eventually, free_port, temp_dir, within};
use tessera_tests::{BillingBridge, Browser, Demo, TesseraAt, npm_run, run};

use crate::{
    beating::{Plays, many_streams},
    journey::{DECLINED_CARD, GOOD_CARD, buy, newcomer_called, offer, start, start_bought, token},
    pages::browser,
};

/// A card of the billing system that is charged, and whose answer is lost.
const LOST_ANSWER: &str = "4000 0000 0000 0259";
const SOURCE: &str = "billing-bridge";
const CHANGED: &str = "tessera.billing.subscription.changed.v1";
/// How soon what is sold is a grant.
const GRANTED: Duration = Duration::from_secs(5);

fn price(id: &str, amount: u32, more: &Value) -> Value {
    let mut price = json!({"id": id, "active": true, "name": {"en": "Basic"}, "amount": amount, "currency": "EUR"});
    price.as_object_mut().into_iter().zip(more.as_object()).for_each(|(price, more)| price.extend(more.clone()));
    price
}

/// The demo's prices, and a second plan.
fn prices(rental: &str) -> Value {
    let monthly = |plan: &str, streams: &str| json!({"plan": plan, "max_streams": streams});
    json!([
        price("basic", 799, &json!({"interval": "month", "metadata": monthly("basic", "2")})),
        price("premium", 1299, &json!({"interval": "month", "metadata": monthly("premium", "4")})),
        price(
            "rental",
            399,
            &json!({
                "name": {"en": "Rent for 48 hours"},
                "metadata": {"title_id": rental, "rental_hours": "48", "max_streams": "1"},
            })
        ),
        price(
            "any",
            299,
            &json!({"metadata": {"rental_hours": "48", "max_streams": "1"}, "active": rental == "ttl_1"})
        ),
        price("gone", 299, &json!({"metadata": {"rental_hours": "48", "max_streams": "1"}, "active": false})),
        price("merchandise", 1900, &json!({})),
    ])
}

async fn card_token(billing: &BillingBridge, tenant: &str, number: &str) -> Value {
    let card = json!({"number": number, "exp_month": 12, "exp_year": 2039, "cvc": "123"});
    billing.at_biller(tenant, "/v1/tokens", card).await["id"].clone()
}

#[test]
fn the_bridge_keeps_its_own_promises() {
    for script in ["check", "test"] {
        let output = npm_run("billing-bridge", script);
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bridge_passes_the_rules_of_billing() {
    let folder = temp_dir();
    fs::write(folder.path().join("cx.key"), format!("{}\n", "5e".repeat(32))).expect("a file can be written");
    let mut billing = BillingBridge::start_biller(folder.path(), &["red", "blue"], &prices("ttl_1"), free_port());
    // Nobody is there: the rules are of what billing answers, and grants wait.
    let nobody = TesseraAt { url: format!("http://127.0.0.1:{}", free_port()), host: "red".into(), key: "none" };
    billing.start_bridge(&folder.path().join("cx.key"), &nobody);
    let state = json!({
        "plan_offer": "basic_red", "plan": "basic", "title_offer": "rental_red", "title": "ttl_1",
        "any_title_offer": "any_red", "archived_offer": "gone_red", "others_offer": "any_blue",
        "token": card_token(&billing, "red", GOOD_CARD).await,
        "declined_token": card_token(&billing, "red", DECLINED_CARD).await,
        "viewer": "acc_viewer", "neighbour": "acc_neighbour",
    });
    fs::write(folder.path().join("fixtures.json"), json!({"state": state}).to_string()).expect("a file can be written");
    let check = ["contract", "check", "billing", "--url", &billing.url, "--tenants", "red,blue"];
    let fixtures = ["--key", "cx.key", "--fixtures", "fixtures.json", "--json"];
    for times in 1..=2 {
        let output = run(folder.path(), &[&check[..], &fixtures[..]].concat());
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "run {times}: {said}{}", String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_str(&said).expect("a report in JSON");
        assert_eq!(report["verdict"], "conforming");
        assert!(report["exchanges"].as_u64() > Some(60), "{said}");
    }
}

/// A demo with the bridge in billing's place; the billing system has its prices.
struct Shop {
    demo: Demo,
    billing: BillingBridge,
    staff: Browser,
    key: String,
}

impl Shop {
    /// Without the bridge yet.
    async fn open() -> Self {
        let port = free_port();
        Self::configured(port, &at_bridge(port)).await
    }

    /// With these settings, for a bridge at this port.
    async fn configured(port: u16, settings: &str) -> Self {
        let demo = Demo::configured(temp_dir(), settings);
        let rental = demo.title("Northern Lights");
        let billing = BillingBridge::start_biller(demo.folder(), &["demo"], &prices(&rental), port);
        let staff = demo.site.with_token(demo.fact("staff_key"));
        let wanted = json!({"name": "billing bridge", "scopes": ["entitlement:read", "entitlement:write"]});
        let key = staff.post("/identity/v1/management/api-keys", wanted).await.ok();
        let key = key["secret"].as_str().expect("a secret").to_owned();
        Self { demo, billing, staff, key }
    }

    async fn with_bridge() -> Self {
        let mut shop = Self::open().await;
        shop.start_bridge(shop.demo.site.port());
        shop
    }

    /// Starts the bridge, which takes the deployment to be at this port.
    fn start_bridge(&mut self, port: u16) {
        let (url, host) = (format!("http://127.0.0.1:{port}"), format!("demo.localhost:{port}"));
        let key = self.demo.folder().join("data/secrets/cx-signing");
        self.billing.start_bridge(&key, &TesseraAt { url, host, key: &self.key });
    }

    /// The grants that an account has of the bridge.
    async fn grants(&self, account: &str) -> Vec<Value> {
        let grants = self.staff.get(&format!("/entitlement/v1/grants?account_id={account}")).await.ok();
        let all = grants["data"].as_array().cloned().unwrap_or_default();
        all.into_iter().filter(|grant| grant["source"] == SOURCE).collect()
    }

    /// Waits until the account's only grant of the bridge is as described.
    async fn granted(&self, account: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        within(GRANTED, what, || async {
            let grants = self.grants(account).await;
            (grants.len() == 1 && is(&grants[0])).then(|| grants[0].clone())
        })
        .await
    }

    /// What the operator's people sell by telephone.
    async fn sold_by_telephone(&self, account: &str) -> Value {
        let token = card_token(&self.billing, "demo", GOOD_CARD).await;
        let order = json!({"customer": account, "price": "basic_demo", "payment_token": token});
        self.billing.at_biller("demo", "/v1/subscriptions", order).await["subscription"].clone()
    }
}

/// The settings that put a bridge at this port in billing's place.
fn at_bridge(port: u16) -> String {
    let bridge = format!("http://127.0.0.1:{port}");
    format!("billing = {{ url = \"{bridge}\" }}\nsandbox_gateway = {{ url = \"{bridge}/vault\" }}\n")
}

async fn account_of(viewer: &Browser) -> String {
    viewer.get("/auth/session").await.ok()["account_id"].as_str().expect("an account").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_buys_goes_over_to_another_plan_and_cancels_at_somebody_elses_billing_system() {
    let shop = Shop::with_bridge().await;
    let title = shop.demo.title("Seahorse Valley");
    let viewer = newcomer_called(&shop.demo, "bridged").await;
    let account = account_of(&viewer).await;
    let hook = json!({"url": "https://crm.example/hook", "event_types": [CHANGED]});
    let hook = shop.staff.post("/webhooks/v1/endpoints", hook).await.ok();
    start(&viewer, &title, "laptop").await.refused(403, "not_entitled");
    let why = buy(&viewer, "plan=basic", DECLINED_CARD).await.refused(402, "card_declined");
    assert!(why.contains("declined"), "{why}");
    let bought = buy(&viewer, "plan=basic", GOOD_CARD).await.ok();
    assert_eq!(bought["state"], "succeeded", "{bought}");
    shop.granted(&account, "the plan to be granted", |grant| grant["scope"]["plan"] == "basic").await;
    start(&viewer, &title, "laptop").await.ok();
    buy(&viewer, "plan=basic", GOOD_CARD).await.refused(409, "already_owned");

    let over = buy(&viewer, "plan=premium", GOOD_CARD).await.ok();
    assert_eq!(over["subscription_id"], bought["subscription_id"], "it is the same subscription");
    assert!(over["amount"]["amount_minor"].as_i64() <= Some(500), "what is left of the month is paid for: {over}");
    shop.granted(&account, "the other plan to be granted", |grant| grant["scope"]["plan"] == "premium").await;
    start(&viewer, &title, "television").await.refused(403, "not_entitled");
    let at_biller = shop.billing.biller_has("demo", &format!("/v1/subscriptions?customer={account}")).await;
    assert_eq!(at_biller["data"].as_array().map(Vec::len), Some(1), "{at_biller}");

    let subscription = bought["subscription_id"].as_str().expect("a subscription");
    let cancel = format!("/billing/v1/subscriptions/{subscription}/cancel");
    let canceled = viewer.post(&cancel, json!({})).await.ok();
    assert_eq!((&canceled["state"], &canceled["plan"]), (&json!("canceled"), &json!("premium")), "{canceled}");
    let ends = |grant: &Value| grant["ends_at"].as_str().map(|text| text[..19].to_owned());
    let paid_until = canceled["period_ends_at"].as_str().map(|text| text[..19].to_owned());
    shop.granted(&account, "the grant to end with what is paid", |grant| ends(grant) == paid_until).await;

    // A refund, at once: the operator's people do it in the billing system, and say nothing to us but by its message.
    let at_once = json!({"at_period_end": false});
    shop.billing.at_biller("demo", &format!("/v1/subscriptions/{subscription}/cancel"), at_once).await;
    shop.granted(&account, "the grant to be revoked", |grant| grant["revoked"] == true).await;
    let management = shop.staff.get("/billing/v1/management/ledger").await;
    management.refused(404, "not_found");
    // What happens in billing is told on, whoever's billing it is.
    let path =
        format!("/webhooks/v1/endpoints/{}/deliveries", hook["endpoint"]["endpoint_id"].as_str().expect("an id"));
    eventually("the operator's own systems to be told", || async {
        let deliveries = shop.staff.get(&path).await.ok();
        let deliveries = deliveries["data"].as_array().cloned().unwrap_or_default();
        deliveries.iter().any(|delivery| delivery["event_type"] == CHANGED).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_message_that_never_comes_would_have_told_is_found_by_reconciling() {
    let shop = Shop::with_bridge().await;
    let title = shop.demo.title("Seahorse Valley");
    let viewer = newcomer_called(&shop.demo, "unheard").await;
    let account = account_of(&viewer).await;
    shop.billing.at_biller("demo", "/v1/webhooks", json!({"enabled": false})).await;
    let subscription = shop.sold_by_telephone(&account).await;

    let report = shop.billing.reconciled(true).await;
    let differs = |report: &Value| report["differences"].clone();
    let unknown = json!([{"reference": subscription["id"], "what": "unknown_here", "healed": false}]);
    assert_eq!(differs(&report), unknown, "a dry run names it");
    start(&viewer, &title, "laptop").await.refused(403, "not_entitled");

    let report = shop.billing.reconciled(false).await;
    assert_eq!(report["differences"][0]["healed"], true, "{report}");
    start_bought(&viewer, &title, "laptop").await;
    assert_eq!(differs(&shop.billing.reconciled(true).await), json!([]));

    // Staff revoke the grant beside the billing system, by a version that its own will not have for long.
    let path = format!("/entitlement/v1/grants/{SOURCE}/{}/revoke", subscription["id"].as_str().expect("an id"));
    shop.staff.post(&path, json!({"version": 1})).await.ok();
    let another = json!([{"reference": subscription["id"], "what": "another_grant", "healed": false}]);
    assert_eq!(differs(&shop.billing.reconciled(false).await), another, "nobody's word is taken over another's");
    let stray = json!({
        "account_id": account, "scope": {"kind": "plan", "plan": "basic"}, "starts_at": "2020-01-01T00:00:00Z",
        "max_streams": 1, "version": 1,
    });
    let put = shop.staff.request(reqwest::Method::PUT, &format!("/entitlement/v1/grants/{SOURCE}/stray"));
    shop.staff.send(put.json(&stray)).await.ok();
    let report = shop.billing.reconciled(false).await;
    assert_eq!(report["differences"][1]["what"], "unknown_to_biller", "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_killed_between_the_message_and_the_grant_loses_nothing_and_doubles_nothing() {
    let mut shop = Shop::open().await;
    shop.start_bridge(free_port()); // nobody is there: what it hears, it cannot tell
    let title = shop.demo.title("Seahorse Valley");
    let viewer = newcomer_called(&shop.demo, "killed").await;
    let account = account_of(&viewer).await;
    let subscription = shop.sold_by_telephone(&account).await;
    eventually("the bridge to take the message", || async {
        let messages = shop.billing.biller_has("demo", "/v1/webhooks").await;
        (messages["delivered"] == 1 && messages["undelivered"] == 0).then_some(())
    })
    .await;
    shop.billing.kill_bridge();
    half_a_line(&shop.billing.bridge_file());
    assert_eq!(shop.grants(&account).await, Vec::<Value>::new());

    shop.start_bridge(shop.demo.site.port());
    start_bought(&viewer, &title, "laptop").await;
    let first = shop.granted(&account, "one grant", |grant| grant["version"] == 1).await;
    shop.billing.kill_bridge();
    shop.start_bridge(shop.demo.site.port());
    assert_eq!(shop.billing.reconciled(false).await["differences"], json!([]));
    assert_eq!(shop.grants(&account).await, vec![first], "once");
    assert_eq!(shop.billing.biller_has("demo", "/v1/subscriptions").await["data"], json!([subscription]));
}

/// What a kill in the midst of a write leaves.
fn half_a_line(file: &Path) {
    let mut file = fs::OpenOptions::new().append(true).open(file).expect("the bridge has a file");
    file.write_all(b"[{\"kind\":\"heard\",\"ten").expect("it can be written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_whose_answer_is_lost_is_asked_after_and_made_once() {
    let shop = Shop::with_bridge().await;
    let viewer = newcomer_called(&shop.demo, "lost").await;
    let checkout = json!({
        "offer_id": offer(&viewer, "plan=basic").await, "payment_token": token(&viewer, LOST_ANSWER).await,
    });
    let pending = viewer.post("/billing/v1/checkouts", checkout).await.ok();
    assert_eq!(pending["state"], "pending", "{pending}");
    let path = format!("/billing/v1/checkouts/{}", pending["checkout_id"].as_str().expect("an id"));
    eventually("the outcome to be known", || async {
        (viewer.get(&path).await.ok()["state"] == "succeeded").then_some(())
    })
    .await;
    start_bought(&viewer, &shop.demo.title("Seahorse Valley"), "laptop").await;
    let sold = shop.billing.biller_has("demo", "/v1/subscriptions").await;
    assert_eq!(sold["data"].as_array().map(Vec::len), Some(1), "{sold}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_pays_in_the_app_and_the_billing_system_is_somebody_elses() {
    let shop = Shop::with_bridge().await;
    browser(&shop.demo, "journey.mjs", &[]);
}

/// Plays that go on while billing changes its place.
const PLAYS: usize = 200;
const UNLIMITED: &str = "[server.rate_limits]\nenabled = false\n";

/// Has the settings read again, until it is said that offers are as `is_foreign` says.
async fn moved(shop: &Shop, settings: &str, is_foreign: bool) {
    fs::write(shop.demo.folder().join("tessera.toml"), format!("{settings}{UNLIMITED}")).expect("it can be written");
    shop.demo.process.signal("HUP");
    eventually("billing to be elsewhere", || async {
        let offers = shop.staff.get("/billing/v1/offers?plan=basic").await.ok();
        let foreign = offers["data"][0]["offer_id"] == "basic_demo";
        (foreign == is_foreign).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn billing_moves_to_the_operators_system_and_back_while_200_plays_go_on() {
    let port = free_port();
    let mut shop = Shop::configured(port, UNLIMITED).await;
    shop.start_bridge(shop.demo.site.port());
    let title = shop.demo.title("Seahorse Valley");
    let mut watching = Vec::new();
    for name in ["ada", "grace"] {
        watching.push(many_streams(&shop.demo, &shop.staff, name).await);
    }
    let plays = Plays::begin(&watching, &title, PLAYS).await;
    let buys = async |name: &str| {
        let viewer = newcomer_called(&shop.demo, name).await;
        assert_eq!(buy(&viewer, "plan=basic", GOOD_CARD).await.ok()["state"], "succeeded");
        start_bought(&viewer, &title, "laptop").await;
        account_of(&viewer).await
    };
    let moving = async {
        plays.all_beat().await;
        moved(&shop, &at_bridge(port), true).await;
        plays.all_beat().await;
        let account = buys("during").await;
        assert_eq!(shop.grants(&account).await.len(), 1, "the bridge stated it");
        moved(&shop, "", false).await;
        plays.all_beat().await;
        let account = buys("after").await;
        assert_eq!(shop.grants(&account).await, Vec::<Value>::new(), "the built-in billing stated it");
        plays.end();
    };
    tokio::join!(plays.beating(), moving);
    eprintln!("{} beats of {PLAYS} plays, none refused", plays.beats());
}
