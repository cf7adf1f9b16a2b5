//! The billing system and the bridge of `examples/billing-bridge`, at work.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};
use tessera_testing::free_port;

use crate::NodeProgram;

const EXAMPLE: &str = "billing-bridge";
/// The secret that the billing system's messages are signed with.
const MESSAGE_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// Where the bridge's grants go.
pub struct TesseraAt<'a> {
    /// The deployment's address.
    pub url: String,
    /// The tenant's name there.
    pub host: String,
    /// A key of the tenant.
    pub key: &'a str,
}

/// Somebody else's billing system with its prices, and a bridge to it.
pub struct BillingBridge {
    /// The bridge's address.
    pub url: String,
    folder: PathBuf,
    tenants: Vec<String>,
    bridge_port: u16,
    biller: NodeProgram,
    bridge: Option<NodeProgram>,
    http: reqwest::Client,
}

impl BillingBridge {
    /// Starts the billing system with a merchant for each tenant, all with these prices. `bridge_port` is where its messages
    /// go: see [`Self::start_bridge`].
    pub fn start_biller(folder: &Path, tenants: &[&str], prices: &Value, bridge_port: u16) -> Self {
        let merchants: Map<String, Value> = tenants
            .iter()
            .map(|tenant| {
                let url = format!("http://127.0.0.1:{bridge_port}/webhooks/{tenant}");
                let webhook = json!({"url": url, "secret": MESSAGE_SECRET});
                // Each merchant's prices have ids of their own.
                let mut prices = prices.as_array().expect("prices are a list").clone();
                for price in &mut prices {
                    price["id"] = format!("{}_{tenant}", price["id"].as_str().expect("a price has an id")).into();
                }
                ((*tenant).to_owned(), json!({"api_key": key(tenant), "webhook": webhook, "prices": prices}))
            })
            .collect();
        fs::write(folder.join("biller.json"), json!({"merchants": merchants}).to_string())
            .expect("a file can be written");
        let (config, file) = (folder.join("biller.json"), folder.join("biller.jsonl"));
        let port = free_port().to_string();
        let arguments = ["--config".into(), config, "--file".into(), file, "--port".into(), port.into()];
        Self {
            url: format!("http://127.0.0.1:{bridge_port}"),
            folder: folder.to_owned(),
            tenants: tenants.iter().map(|tenant| (*tenant).to_owned()).collect(),
            bridge_port,
            biller: NodeProgram::start(EXAMPLE, "biller/main.ts", &arguments),
            bridge: None,
            http: tessera_contract::http_client(),
        }
    }

    /// Starts the bridge, with this key file, on its file of before if it has one.
    pub fn start_bridge(&mut self, cx_key: &Path, tessera: &TesseraAt<'_>) {
        let biller = &self.biller.url;
        let of = |tenant: &str| {
            json!({
                "biller": {"url": biller, "api_key": key(tenant), "webhook_secret": MESSAGE_SECRET},
                "tessera": {"url": tessera.url, "host": tessera.host, "api_key": tessera.key},
            })
        };
        let tenants: Map<String, Value> = self.tenants.iter().map(|tenant| (tenant.clone(), of(tenant))).collect();
        // Only when it is asked to: a test says when.
        let config = json!({"admin_key": "admin", "reconcile_seconds": 86_400, "tenants": tenants});
        let (config_file, file) = (self.folder.join("bridge.json"), self.folder.join("bridge.jsonl"));
        fs::write(&config_file, config.to_string()).expect("a file can be written");
        let port = self.bridge_port.to_string();
        let arguments = [
            "--config".into(),
            config_file,
            "--file".into(),
            file,
            "--port".into(),
            port.into(),
            "--key".into(),
            cx_key.to_owned(),
        ];
        self.bridge = Some(NodeProgram::start(EXAMPLE, "bridge/main.ts", &arguments));
    }

    /// Kills the bridge.
    pub fn kill_bridge(&mut self) {
        self.bridge = None;
    }

    /// The bridge's own file.
    pub fn bridge_file(&self) -> PathBuf {
        self.folder.join("bridge.jsonl")
    }

    /// What the operator's people do in the billing system itself.
    pub async fn at_biller(&self, tenant: &str, path: &str, body: Value) -> Value {
        self.post(&format!("{}{path}", self.biller.url), &key(tenant), body).await
    }

    /// What the billing system has.
    pub async fn biller_has(&self, tenant: &str, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", self.biller.url)).bearer_auth(key(tenant));
        json_of(request).await
    }

    /// Holds all sides against each other; the report of the only tenant.
    pub async fn reconciled(&self, dry_run: bool) -> Value {
        let url = format!("{}/reconcile?dry_run={dry_run}", self.url);
        self.post(&url, "admin", json!({})).await["data"][0].clone()
    }

    async fn post(&self, url: &str, key: &str, body: Value) -> Value {
        json_of(self.http.post(url).bearer_auth(key).json(&body)).await
    }
}

async fn json_of(request: reqwest::RequestBuilder) -> Value {
    let answer = request.send().await.expect("it answers");
    let (status, text) = (answer.status(), answer.text().await.expect("it answers whole"));
    assert!(status.is_success(), "{status}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"))
}

fn key(tenant: &str) -> String {
    format!("bk_{tenant}")
}
