//! What is sent, read by the library that Standard Webhooks gives to receivers.

use std::{path::PathBuf, process::Command};

use serde_json::json;
use tessera_contract_webhooks::RotateSecret;
use tessera_testing::Engine;

use crate::world::{Post, Receiver, World, local, staff};

/// Verifies with the secret in `secret`, at the time of the post.
const VERIFY: &str = r#"
import { Webhook } from "standardwebhooks";
const { secret, headers, body } = JSON.parse(process.argv[1]);
Date.now = () => Number(headers["webhook-timestamp"]) * 1000;
try {
  console.log(JSON.stringify(new Webhook(secret).verify(body, headers)));
} catch (error) {
  console.log(`refused: ${error.message}`);
}
"#;

fn library() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser");
    if folder.join("node_modules/standardwebhooks").exists() {
        return Some(folder);
    }
    eprintln!("skipped: standardwebhooks is not installed; npm --prefix tests/browser install does it");
    None
}

fn verified(library: &PathBuf, secret: &str, post: &Post, body: &str) -> String {
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers: serde_json::Map<String, serde_json::Value> =
        names.iter().map(|name| ((*name).to_owned(), post.header(name).into())).collect();
    let given = json!({"secret": secret, "headers": headers, "body": body}).to_string();
    let ran = Command::new("node")
        .args(["--input-type=module", "-e", VERIFY, &given])
        .current_dir(library)
        .output()
        .expect("node runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn receivers_verify_what_is_sent_with_the_old_secret_and_with_the_new() {
    let Some(library) = library() else { return };
    let engine = Engine::sqlite();
    let world = World::open(&engine, local()).await;
    let receiver = Receiver::open().await;
    let made = world.register("acme", &receiver.url(), "one").await;
    let other = world.register("globex", &receiver.url(), "one").await;
    let request = RotateSecret { endpoint_id: made.endpoint.endpoint_id.clone(), grace_seconds: None };
    let rotated = world.api().rotate_secret(&staff("acme").with_idempotency_key("new"), request).await.unwrap();
    let working = world.work();
    world.tell("acme", "a", 1).await;
    let post = receiver.has(1).await.remove(0);
    working.stop().await;
    for secret in [made.secret.expose(), rotated.secret.expose()] {
        let event: serde_json::Value = serde_json::from_str(&verified(&library, secret, &post, &post.body)).unwrap();
        assert_eq!(event["data"]["subject"], "a");
    }
    let altered = post.body.replace("\"a\"", "\"b\"");
    assert!(verified(&library, made.secret.expose(), &post, &altered).starts_with("refused"), "an altered body");
    assert!(verified(&library, other.secret.expose(), &post, &post.body).starts_with("refused"), "another's secret");
}
