//! `tessera contract check` at a running deployment, as an operator uses it: no false alarm.

use std::fs;

use serde_json::{Value, json};
use tessera_testing::eventually;
use tessera_tests::{Browser, Demo, run};

use crate::journey::{GOOD_CARD, newcomer_called, token};

const DECLINED_CARD: &str = "4000 0000 0000 0002";

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
        staff.send(staff.request(reqwest::Method::PUT, &path).json(&grant)).await.ok();
    }
    let state = json!({
        "viewer": ada, "other_viewer": grace, "title": demo.title("Seahorse Valley"),
        "denied_title": demo.title("Northern Lights"), "other_title": others,
    });
    all.conforms("playback", state);
}
