//! `tessera contract check` at a running deployment, as an operator uses it: no false alarm.

use std::{fs, path::Path, process::Command, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use tessera_testing::{eventually, within};
use tessera_tests::{Browser, Demo, run};

use crate::{
    audit::{upload, upload_of},
    journey::{DECLINED_CARD, GOOD_CARD, newcomer_called, session_path, start, token},
};

/// The demo's tenant and another, each with somebody of the staff and viewers.
struct Deployment {
    demo: Demo,
    staff: Browser,
    rivals_staff: Browser,
    viewer: Browser,
    rivals_viewer: Browser,
}

impl Deployment {
    async fn start() -> Self {
        let demo = Demo::start();
        let created = run(demo.folder(), &["tenant", "create", "rival", "--test", "--data", "data"]);
        let printed = String::from_utf8_lossy(&created.stdout).into_owned();
        let key = printed.lines().find(|line| line.starts_with("sk_test_")).expect("the first staff key");
        let rival = demo.site.of("rival");
        let mut rivals_viewer = rival.browser();
        eventually("the rival's host to answer", || async {
            rivals_viewer.get("/catalog/v1/titles").await.status.is_success().then_some(())
        })
        .await;
        rivals_viewer.sign_up("ada@viewer.example", "correct horse battery").await;
        let viewer = newcomer_called(&demo, "ada").await;
        newcomer_called(&demo, "grace").await;
        let (staff, rivals_staff) = (demo.site.with_token(demo.fact("staff_key")), rival.with_token(key));
        Self { demo, staff, rivals_staff, viewer, rivals_viewer }
    }

    /// Checks the contract from outside, signed as a module, with this starting state. Panics with the report.
    fn conforms(&self, contract: &str, state: Value) {
        let fixtures = format!("{contract}.json");
        fs::write(self.demo.folder().join(&fixtures), json!({ "state": state }).to_string())
            .expect("it can be written");
        let url = format!("http://127.0.0.1:{}/{contract}", self.demo.site.port());
        let check = ["contract", "check", contract, "--url", &url, "--fixtures", &fixtures];
        let output = run(self.demo.folder(), &[&check[..], &["--data", "data", "--tenants", "demo,rival"]].concat());
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A title of a tenant, published or not.
async fn title(staff: &Browser, name: &str, published: bool) -> Value {
    let title = json!({"name": {"en": name}, "asset_id": "ast_any", "access": {"free": true}});
    let made = staff.post("/catalog/v1/management/titles", json!({ "title": title })).await.ok();
    let id = made["title_id"].as_str().expect("a title").to_owned();
    if published {
        staff.post(&format!("/catalog/v1/management/titles/{id}/publish"), json!({})).await.ok();
    }
    id.into()
}

async fn account(staff: &Browser, name: &str) -> Value {
    let path = format!("/identity/v1/management/accounts?email={name}%40viewer.example");
    staff.get(&path).await.ok()["data"][0]["account_id"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contracts_of_a_running_deployment_pass_the_check_from_outside() {
    let all = Deployment::start().await;
    let Deployment { demo, staff, rivals_staff, viewer, rivals_viewer } = &all;
    let (ada, grace) = (account(staff, "ada").await, account(staff, "grace").await);
    let others = title(rivals_staff, "Metropolis", true).await;

    let brand = demo.site.visitor().get("/tenancy/v1/brand").await.ok();
    all.conforms("tenancy", json!({"name": brand["name"]}));
    let published = "tessera.catalog.title.published.v1";
    all.conforms("webhooks", json!({"url": "https://hooks.example/tessera", "event_type": published}));
    all.conforms("drm", json!({"asset": "ast_one", "other_asset": "ast_two"}));
    let tokens = json!({
        "token": token(viewer, GOOD_CARD).await, "declined_token": token(viewer, DECLINED_CARD).await,
        "others_token": token(rivals_viewer, GOOD_CARD).await, "currency": "EUR",
    });
    all.conforms("payment-gateway", tokens);

    let key = staff.post("/identity/v1/management/api-keys", json!({"name": "ours", "scopes": ["catalog:read"]}));
    let (key, rivals) = (key.await.ok(), rivals_staff.get("/identity/v1/management/api-keys").await.ok());
    let state = json!({
        "secret": key["secret"], "key": key["key"]["key_id"], "scope": "catalog:read",
        "others": rivals["data"][0]["key_id"], "email": "ada@viewer.example", "account": ada,
        "others_account": account(rivals_staff, "ada").await,
    });
    all.conforms("identity", state);

    let (draft, published) = (title(staff, "Draft", false).await, title(staff, "Arrival", true).await);
    let state = json!({
        "published": published, "published_name": "Arrival", "locale": "en", "draft": draft, "others": others,
        "asset": "ast_any",
    });
    all.conforms("catalog", state);

    for (reference, account) in [("ada", &ada), ("grace", &grace)] {
        let grant = json!({
            "account_id": account, "scope": {"kind": "plan", "plan": "basic"}, "starts_at": "2020-01-01T00:00:00Z",
            "max_streams": 3, "version": 1,
        });
        let path = format!("/entitlement/v1/grants/crm/{reference}");
        staff.send(staff.request(Method::PUT, &path).json(&grant)).await.ok();
    }
    let state = json!({
        "viewer": ada, "other_viewer": grace, "title": demo.title("Seahorse Valley"),
        "denied_title": demo.title("Northern Lights"), "other_title": others,
    });
    all.conforms("playback", state);
}

/// A second of film, quickly encoded.
fn film(folder: &Path) -> Vec<u8> {
    let file = folder.join("film.mp4");
    let made = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=1"])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"])
        .arg(&file)
        .status();
    assert!(made.is_ok_and(|status| status.success()), "FFmpeg makes a film");
    fs::read(file).expect("the film is there")
}

/// How long a second of film may take to be made into an asset, on a machine that is busy.
const MAKING: Duration = Duration::from_secs(120);

/// The asset that is made of these bytes, when its making has ended so.
async fn asset(staff: &Browser, bytes: &[u8], protection: &str, state: &str) -> Value {
    let upload_id = upload(staff, bytes.to_vec()).await;
    let made = staff.post("/media/v1/assets", json!({"upload_id": upload_id, "protection": protection})).await.ok();
    let path = format!("/media/v1/assets/{}", made["asset_id"].as_str().expect("an asset"));
    within(MAKING, "the work on an asset to end", || async {
        let asset = staff.get(&path).await.ok();
        let ended = asset["state"] != "processing";
        assert!(!ended || asset["state"] == state, "it became {asset}");
        ended.then_some(())
    })
    .await;
    made["asset_id"].clone()
}

/// Watches a free title of this asset up to a position; gives the title.
async fn watched(staff: &Browser, viewer: &Browser, asset: &Value, seconds: u32) -> Value {
    let title = json!({"name": {"en": format!("Up to {seconds}")}, "asset_id": asset, "access": {"free": true}});
    let made = staff.post("/catalog/v1/management/titles", json!({ "title": title })).await.ok();
    let id = made["title_id"].as_str().expect("a title").to_owned();
    staff.post(&format!("/catalog/v1/management/titles/{id}/publish"), json!({})).await.ok();
    let playback = start(viewer, &id, "laptop").await.ok();
    viewer.post(&session_path(&playback, "stop"), json!({ "position_seconds": seconds })).await.ok();
    id.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn contracts_about_films_watching_and_the_trail_pass_the_check_from_outside() {
    let all = Deployment::start().await;
    let Deployment { demo, staff, rivals_staff, viewer, .. } = &all;
    let film = film(demo.folder());
    let ready = staff.get("/media/v1/assets?state=ready").await.ok()["data"][0]["asset_id"].clone();
    let (clear, failed) =
        (asset(staff, &film, "clear", "ready").await, asset(staff, b"a letter", "cbcs", "failed").await);
    let others = asset(rivals_staff, &film, "cbcs", "ready").await;

    all.conforms("delivery", json!({"asset": ready, "clear_asset": clear, "pending": failed, "others": others}));
    let state = json!({
        "ready": ready, "failed": failed, "others": others, "complete_upload": upload(staff, film.clone()).await,
        "incomplete_upload": upload_of(staff, 1000, Vec::new()).await,
        "others_upload": upload(rivals_staff, film).await,
    });
    all.conforms("media", state.clone());
    all.conforms("media", state); // again, with what the first check left

    let profile = viewer.get("/viewers/v1/profiles").await.ok()["data"][0]["profile_id"].clone();
    let mut latest = Value::Null;
    for seconds in 4..=6 {
        latest = watched(staff, viewer, &clear, seconds).await;
        eventually("it to be remembered as watched last", || async {
            let path = format!("/viewers/v1/profiles/{}/progress", profile.as_str().expect("a profile"));
            (viewer.get(&path).await.ok()["data"][0]["title_id"] == latest).then_some(())
        })
        .await;
    }
    let ada = account(staff, "ada").await;
    let state = json!({"viewer": ada, "profile": profile, "latest_title": latest, "latest_position_seconds": 6});
    all.conforms("viewers", state);

    for version in 1..=3 {
        let grant = json!({
            "account_id": ada, "scope": {"kind": "plan", "plan": "basic"}, "starts_at": "2020-01-01T00:00:00Z",
            "max_streams": 3, "version": version,
        });
        let put = staff.request(Method::PUT, "/entitlement/v1/grants/crm/audited").json(&grant);
        staff.send(put).await.ok();
    }
    let record = eventually("the trail to tell of it", || async {
        let records = staff.get("/audit/v1/records?operation=put_grant").await.ok();
        (records["data"].as_array().map(Vec::len) == Some(3)).then(|| records["data"][0].clone())
    })
    .await;
    let others = title(rivals_staff, "Metropolis", true).await;
    let state = json!({
        "subject": record["subject"], "contract": record["contract"], "operation": record["operation"],
        "target": record["targets"][0]["id"], "others": others,
    });
    all.conforms("audit", state);
}

/// An offer of a rental of any title.
async fn any_title(staff: &Browser) -> Value {
    let offer = json!({
        "name": {"en": "Any film"}, "terms": {"kind": "rental", "hours": 48},
        "price": {"amount_minor": 399, "currency": "EUR"}, "max_streams": 1,
    });
    staff.post("/billing/v1/management/offers", offer).await.ok()["offer_id"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_running_billing_passes_the_check_from_outside_as_often_as_one_likes() {
    let all = Deployment::start().await;
    let Deployment { demo, staff, rivals_staff, viewer, .. } = &all;
    let archived = any_title(staff).await;
    let path = format!("/billing/v1/management/offers/{}/archive", archived.as_str().expect("an offer"));
    staff.post(&path, json!({})).await.ok();
    let title = demo.title("Northern Lights");
    let sold = |query: String| async move { viewer.get(&query).await.ok()["data"][0]["offer_id"].clone() };
    let state = json!({
        "plan_offer": sold("/billing/v1/offers?plan=basic".into()).await, "plan": "basic",
        "title_offer": sold(format!("/billing/v1/offers?title_id={title}")).await, "title": title,
        "any_title_offer": any_title(staff).await, "archived_offer": archived,
        "others_offer": any_title(rivals_staff).await,
        "token": token(viewer, GOOD_CARD).await, "declined_token": token(viewer, DECLINED_CARD).await,
        "viewer": account(staff, "ada").await, "neighbour": account(staff, "grace").await,
    });
    all.conforms("billing", state.clone());
    all.conforms("billing", state);
}
