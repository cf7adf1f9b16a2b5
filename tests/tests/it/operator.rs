//! An operator sets up a customer by API alone, with the script of `examples/operator` as it stands; then somebody watches.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};
use tessera_testing::{eventually, free_port, temp_dir};
use tessera_tests::{Browser, Process, Site, project, run};

use crate::journey::{GOOD_CARD, buy, start, start_bought};

/// Ten films on two cores: small pictures, and the encoder's fastest way.
const SETTINGS: &str = "[media]\npreset = \"ultrafast\"\n";

fn script(folder: &Path, port: u16, key: &str) -> Output {
    Command::new("python3")
        .arg(project().join("examples/operator/setup_tenant.py"))
        .args(["--platform", &format!("http://platform.localhost:{port}"), "--test", "--size", "160x90"])
        .env("TESSERA_OPERATOR_KEY", key)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(folder)
        .output()
        .expect("Python 3 can be run")
}

/// What it printed; panics with what it complained of.
fn told(output: &Output) -> String {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}\n{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn titles(browser: &Browser) -> Vec<Value> {
    let page = browser.get("/catalog/v1/titles?limit=100&locale=de").await.ok();
    page["data"].as_array().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sets_up_a_tenant_with_ten_films_and_a_newcomer_watches_one() {
    let (folder, port) = (temp_dir(), free_port());
    fs::write(folder.path().join("tessera.toml"), SETTINGS).expect("as the contract says");
    let mut server = Process::start(folder.path(), &["serve", "--data", "data", "--port", &port.to_string()]);
    server.wait_for("ready");
    let printed = run(folder.path(), &["tenant", "operator-key", "--data", "data"]);
    let printed = told(&printed);
    let key = printed.lines().find(|line| line.starts_with("sk_platform_")).expect("the operator's key").to_owned();

    let refused = script(folder.path(), port, "sk_platform_wrong");
    let complaint = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && complaint.contains("tessera tenant operator-key"), "{complaint}");

    let first = told(&script(folder.path(), port, &key));
    assert!(first.contains("10/10 The Clockwork Orchard: published"), "{first}");
    assert!(first.contains(&format!("10 films of Aurora are at http://aurora.localhost:{port}")), "{first}");
    let site = Site::new("aurora", port);
    let before = titles(&site.visitor()).await;
    assert_eq!(before.len(), 10, "{before:?}");

    // Once more, and once more without its notes: nothing is made twice.
    fs::remove_file(folder.path().join("aurora.json")).expect("as the contract says");
    let again = told(&script(folder.path(), port, &key));
    assert!(again.contains("1/10 The Salt Road: is there"), "{again}");
    assert_eq!(titles(&site.visitor()).await, before, "nothing has changed");

    looks_like_itself(&site).await;
    watches(&site, &before).await;
    leaves(&site, folder.path(), &key).await;
    drop(server);
}

/// The brand is on the first page, on the issuer's and in what the app learns, and nowhere at another tenant.
async fn looks_like_itself(site: &Site) {
    let visitor = site.visitor();
    let brand = visitor.get("/tenancy/v1/brand").await.ok();
    let (sheet, logo) = (
        brand["style_url"].as_str().expect("a text, as the contract says"),
        brand["logo"]["url"].as_str().expect("a text, as the contract says"),
    );
    let colours = visitor.get(sheet).await.text();
    assert!(colours.contains("--bg: #06141b;") && colours.contains("--accent: #2dd4bf;"), "{colours}");
    assert_eq!(visitor.get(logo).await.headers["content-type"], "image/svg+xml");
    let config = visitor.get("/app/config.json").await.ok();
    assert_eq!((&config["name"], &config["logo"]["url"]), (&json!("Aurora"), &json!(logo)), "{config}");
    let page = visitor.get("/").await;
    match page.status.is_success() {
        false => eprintln!("SKIPPED: the viewer app was not built into the binary"),
        true => {
            let page = page.text();
            assert!(page.contains("<title>Aurora</title>") && page.contains(sheet) && page.contains(logo), "{page}");
        }
    }
    let (_, sign_in) = visitor.visit("/auth/login").await;
    let sign_in = sign_in.text();
    assert!(sign_in.contains(sheet) && sign_in.contains(logo) && sign_in.contains("– Aurora</title>"), "{sign_in}");
}

async fn watches(site: &Site, titles: &[Value]) {
    let find = |name: &str| titles.iter().find(|title| title["name"] == name).unwrap_or_else(|| panic!("no {name}"));
    let road = find("The Salt Road");
    assert!(road["synopsis"].as_str().expect("a text, as the contract says").starts_with("Elf Menschen"), "{road}");
    assert_eq!((&road["year"], &road["rating"]["minimum_age"]), (&json!(2019), &json!(12)));
    let title = road["title_id"].as_str().expect("a text, as the contract says");
    let mut newcomer = site.browser();
    newcomer.sign_up("newcomer@viewer.example", "correct horse battery").await;
    start(&newcomer, title, "laptop").await.refused(403, "not_entitled");
    assert_eq!(buy(&newcomer, "plan=basic", GOOD_CARD).await.ok()["state"], "succeeded");
    let playback = start_bought(&newcomer, title, "laptop").await;
    let manifest =
        site.visitor().get(playback["sources"][0]["hls_url"].as_str().expect("an HLS playlist")).await.text();
    assert!(manifest.starts_with("#EXTM3U"), "{manifest}");
}

/// The tenant's data, and no other's; then it is suspended, by API, and resumed.
async fn leaves(site: &Site, folder: &Path, key: &str) {
    let operator = site.of("platform").with_token(key);
    let rival = json!({"name": "Rival", "kind": "test", "default_locale": "en"});
    let put = operator.request(reqwest::Method::PUT, "/tenancy/v1/tenants/rival").json(&rival);
    operator.send(put).await.ok();
    site.of("rival").browser().sign_up("rivals-own@viewer.example", "correct horse battery").await;

    told(&run(folder, &["tenant", "export", "aurora", "--to", "aurora.jsonl", "--data", "data"]));
    let file = fs::read_to_string(folder.join("aurora.jsonl")).expect("as the contract says");
    let lines: Vec<Value> = file.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    let count = |table: &str| lines.iter().filter(|line| line["table"] == table).count();
    let counts = ["catalog.titles", "media.assets", "identity.accounts", "billing.subscriptions", "tenancy.brands"];
    assert_eq!(counts.map(count), [10, 10, 1, 1, 1], "{:?}", lines.last());
    assert_eq!(lines.last().expect("as the contract says")["rows"]["catalog.titles"], 10);
    assert!(file.contains("newcomer@viewer.example") && !file.contains("rivals-own") && !file.contains("$argon2"));
    let taken = run(folder, &["tenant", "export", "aurora", "--to", "aurora.jsonl", "--data", "data"]);
    assert!(!taken.status.success(), "a file that is there is not replaced");
    assert!(!folder.join(".aurora.jsonl.part").exists());

    let suspended = operator.post("/tenancy/v1/tenants/aurora/suspend", json!({"reason": "unpaid"})).await.ok();
    assert_eq!((&suspended["state"], &suspended["suspended_because"]), (&json!("suspended"), &json!("unpaid")));
    let refusal = site.visitor().get("/catalog/v1/titles").await.refused(403, "forbidden");
    assert!(!refusal.contains("unpaid"), "viewers are not told why: {refusal}");
    let asked = operator.post("/tenancy/v1/tenants/aurora/exports", json!({})).await.ok();
    let path = format!(
        "/tenancy/v1/tenants/aurora/exports/{}",
        asked["export_id"].as_str().expect("a text, as the contract says")
    );
    let ready = eventually("the export of a suspended tenant", || async {
        let export = operator.get(&path).await.ok();
        (export["state"] == "ready").then_some(export)
    })
    .await;
    let fetched = operator.get(ready["file_url"].as_str().expect("a text, as the contract says")).await;
    assert!(fetched.text().lines().last().is_some_and(|line| line.contains("\"end\":true")), "the file is whole");
    operator.post("/tenancy/v1/tenants/aurora/resume", json!({})).await.ok();
    assert_eq!(titles(&site.visitor()).await.len(), 10);
}
