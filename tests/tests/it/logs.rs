//! What an operator reads in the log, and what must never stand there.

use std::{collections::BTreeSet, fs};

use reqwest::{Method, header};
use serde_json::{Value, json};
use tessera_testing::{eventually, temp_dir};
use tessera_tests::{Browser, Demo, run};

use crate::journey::{GOOD_CARD, licence, offer, session_path, start_bought};

const EMAIL: &str = "ada.lovelace@viewer.example";
const PASSWORD: &str = "a rather unusual passphrase";
const WRONG_PASSWORD: &str = "not the passphrase at all";
const DEVICE: &str = "Ada's own television";
const NAME: &str = "Countess Lovelace";
const SETTINGS: &str = "[log]\nlevel = \"trace\"\nformat = \"json\"\n";

/// Everything that was used and is nobody's business.
#[derive(Default)]
struct Secrets(BTreeSet<String>);

impl Secrets {
    fn keep(&mut self, secret: &str) {
        assert!(secret.len() >= 8, "{secret:?} is too short to be looked for");
        self.0.insert(secret.to_owned());
        self.0.insert(secret.replace(' ', "+").replace('@', "%40"));
        self.0.insert(secret.replace(' ', ""));
    }

    fn keep_at(&mut self, answer: &Value, pointer: &str) -> String {
        let secret = answer.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {answer}"));
        self.keep(secret);
        secret.to_owned()
    }

    /// The keys of a data folder, as they may be written: hexadecimal, or their bytes.
    fn keep_folder(&mut self, folder: &std::path::Path) {
        for file in fs::read_dir(folder).expect("the secrets are there") {
            let bytes = fs::read(file.expect("an entry").path()).unwrap_or_default();
            if !bytes.is_empty() {
                self.keep(&bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
            }
        }
    }

    fn found_in<'a>(&'a self, said: &str) -> Vec<&'a str> {
        self.0.iter().map(String::as_str).filter(|secret| said.contains(secret)).collect()
    }
}

/// Guesses a password on the sign-in page, and keeps the cookies that it sets.
async fn guess(demo: &Demo, secrets: &mut Secrets) {
    let browser = demo.site.browser();
    let (url, page) = browser.visit("/auth/login?return_to=/").await;
    for cookie in page.headers.get_all(header::SET_COOKIE) {
        let pair = cookie.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
        let value = pair.split_once('=').expect("a cookie has a name").1;
        if !value.is_empty() {
            secrets.keep(value); // an empty one is taken back
        }
    }
    let html = page.text();
    let token = html.split("name=\"form_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let token = token.expect("the form has its token");
    let form = [("form_token", token), ("email", EMAIL), ("password", WRONG_PASSWORD)];
    let post = browser.request(Method::POST, &url).header(header::ORIGIN, &demo.site.url).form(&form);
    assert_eq!(browser.send(post).await.status, 422);
}

async fn pay(viewer: &Browser, secrets: &mut Secrets) {
    let card = json!({"card_number": GOOD_CARD, "expiry_month": 12, "expiry_year": 2039, "security_code": "123"});
    let token = secrets.keep_at(&viewer.post("/payment-gateway/v1/tokens", card).await.ok(), "/payment_token");
    secrets.keep(GOOD_CARD);
    let unquoted =
        json!({"card_number": 5555444433332222u64, "expiry_month": 1, "expiry_year": 2039, "security_code": "1"});
    viewer.post("/payment-gateway/v1/tokens", unquoted).await.refused(400, "invalid_request");
    secrets.keep("5555444433332222");
    let checkout = json!({"offer_id": offer(viewer, "plan=basic").await, "payment_token": token});
    viewer.post("/billing/v1/checkouts", checkout).await.ok();
}

async fn watch(demo: &Demo, viewer: &Browser, secrets: &mut Secrets) {
    let title = demo.title("Seahorse Valley");
    let began = start_bought(viewer, &title, "laptop").await;
    viewer.post(&session_path(&began, "stop"), json!({})).await.ok();
    let press = json!({"title_id": title, "device_id": "laptop", "device_name": DEVICE});
    let playback = viewer.post("/playback/v1/sessions", press).await.ok();
    secrets.keep(DEVICE);
    secrets.keep_at(&playback, "/licence/token");
    let dash = playback["sources"][0]["dash_url"].as_str().expect("a manifest").to_owned();
    secrets.keep(dash.split('/').find(|segment| segment.len() > 40).expect("a signed segment"));
    let player = demo.site.visitor();
    let manifest = player.get(&dash).await.text();
    let keys = licence(&player, &playback, &manifest).await.ok();
    secrets.keep_at(&keys, "/keys/0/k");
    viewer.post(&session_path(&playback, "heartbeat"), json!({"position_seconds": 2})).await.ok();
    viewer.post(&session_path(&playback, "stop"), json!({})).await.ok();
}

async fn rename(viewer: &Browser, secrets: &mut Secrets) {
    let profile = viewer.get("/viewers/v1/profiles").await.ok()["data"][0].clone();
    let path = format!("/viewers/v1/profiles/{}", profile["profile_id"].as_str().expect("an id"));
    let edit = json!({"name": NAME, "expected_version": profile["version"]});
    viewer.send(viewer.request(Method::PUT, &path).json(&edit)).await.ok();
    secrets.keep(NAME);
}

async fn manage(demo: &Demo, secrets: &mut Secrets) {
    let staff = demo.site.with_token(demo.fact("staff_key"));
    secrets.keep(demo.fact("staff_key"));
    let key = json!({"name": "a key of the test", "scopes": ["catalog:read"]});
    let key = staff.post("/identity/v1/management/api-keys", key).await.ok();
    let key = secrets.keep_at(&key, "/secret");
    demo.site.with_token(&key).get("/catalog/v1/management/titles?limit=1").await.ok();
    let found = staff.get(&format!("/identity/v1/management/accounts?email={}", EMAIL.replace('@', "%40"))).await.ok();
    assert_eq!(found["data"].as_array().map(Vec::len), Some(1), "{found}");
    demo.site.with_token(&format!("{key}x")).get("/catalog/v1/management/titles").await.refused(401, "unauthenticated");
}

fn access_lines(said: &str) -> Vec<Value> {
    let lines = said.lines().filter(|line| line.starts_with('{'));
    let parsed = lines.map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|e| panic!("{e}: {line}")));
    parsed.filter(|line| line["target"] == "tessera::access").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_finest_level_the_log_tells_every_request_and_no_secret() {
    let demo = Demo::configured(temp_dir(), SETTINGS);
    let banner = demo.process.said().len();
    let mut secrets = Secrets::default();
    [EMAIL, PASSWORD, WRONG_PASSWORD].into_iter().for_each(|secret| secrets.keep(secret));
    let mut viewer = demo.site.browser();
    viewer.sign_up(EMAIL, PASSWORD).await;
    secrets.keep_at(&viewer.get("/auth/session").await.ok(), "/csrf_token");
    guess(&demo, &mut secrets).await;
    pay(&viewer, &mut secrets).await;
    watch(&demo, &viewer, &mut secrets).await;
    rename(&viewer, &mut secrets).await;
    manage(&demo, &mut secrets).await;
    secrets.keep_folder(&demo.folder().join("data/secrets"));
    let traced = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = viewer.request(Method::GET, "/nothing/at.txt?all=secret-in-a-query");
    let request = request.header("x-request-id", "req-of-the-test");
    let request = request.header("traceparent", format!("00-{traced}-00f067aa0ba902b7-01"));
    assert_eq!(viewer.send(request).await.status, 404);
    secrets.keep("secret-in-a-query");
    let level = run(demo.folder(), &["log-level", "--data", "data"]);
    assert_eq!(String::from_utf8_lossy(&level.stdout).trim(), "trace");
    let (_, said) = demo.stop();
    let said = &said[banner..];

    let found = secrets.found_in(said);
    let lines: Vec<&str> = said.lines().filter(|line| found.iter().any(|secret| line.contains(secret))).collect();
    assert!(found.is_empty(), "{found:?} stand in the log:\n{}", lines.join("\n"));

    let lines = access_lines(said);
    let line = |route: &str| {
        let found = lines.iter().find(|line| line["route"] == route);
        found.unwrap_or_else(|| panic!("no line of {route} in {lines:#?}"))
    };
    let media = line("/delivery/v1/o/{token}/{asset_id}/{*path}");
    assert_eq!(
        (&media["method"], &media["status"], &media["module"]),
        (&json!("GET"), &json!(200), &json!("delivery"))
    );
    assert!(media["bytes"].as_u64() > Some(100) && media["ms"].is_number() && media["total_ms"].is_number(), "{media}");
    let bought = line("/billing/v1/checkouts");
    assert_eq!((&bought["caller"], &bought["tenant"]), (&json!("viewer"), &json!("demo")), "{bought}");
    assert_eq!(line("/catalog/v1/management/titles")["caller"], "staff");
    assert_eq!(line("/auth/login")["module"], "identity");
    let lost = lines.iter().find(|line| line["request_id"] == "req-of-the-test").expect("the line of the lost request");
    assert_eq!(
        (&lost["route"], &lost["trace_id"], &lost["status"]),
        (&json!("-"), &json!(traced), &json!(404)),
        "{lost}"
    );
    assert!(lines.iter().all(|line| line["client"] == "127.0.0.0/24"), "networks, not addresses: {lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_level_is_changed_at_run_time_and_comes_back() {
    let demo = Demo::configured(temp_dir(), "[log]\nlevel = \"info\"\nformat = \"json\"\n");
    let command = |arguments: &[&str]| {
        let arguments = [&["log-level", "--data", "data"], arguments].concat();
        let output = run(demo.folder(), &arguments);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    let lines = || access_lines(&demo.process.said()).len();
    assert_eq!(command(&[]), (true, "info".into(), String::new()));
    demo.site.visitor().get("/catalog/v1/titles").await.ok();
    let before = eventually("the line of a request", || async { Some(lines()).filter(|lines| *lines > 0) }).await;

    let (done, level, until) = command(&["error", "--for", "3s"]);
    assert!(done && level == "error" && until.starts_with("Back to info in "), "{level} {until}");
    demo.site.visitor().get("/catalog/v1/titles").await.ok();
    eventually("the level to come back", || async { (command(&[]).1 == "info").then_some(()) }).await;
    let silent = lines();
    demo.site.visitor().get("/catalog/v1/titles").await.ok();
    let after = eventually("the next line", || async { Some(lines()).filter(|lines| *lines > silent) }).await;
    assert_eq!((silent, after), (before, before + 1), "the request at level error left no line");

    assert!(command(&["debug,tessera_store=trace"]).0);
    assert_eq!(command(&[]).1, "debug,tessera_store=trace");
    assert_eq!(command(&["--reset"]).1, "info");
    let (done, _, why) = command(&["loud=enough"]);
    assert!(!done && why.contains("write error, warn, info, debug or trace"), "{why}");

    let (folder, _) = demo.stop();
    let output = run(folder.path(), &["log-level", "--data", "data"]);
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && why.contains("no server runs on data"), "{why}");
}
