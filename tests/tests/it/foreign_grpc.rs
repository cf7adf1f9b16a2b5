//! gRPC with somebody else's implementation of it on the other side: `grpcio`, with stubs of the frozen .proto files.

use std::{fs, process::Command};

use serde_json::json;
use tessera_testing::{free_port, temp_dir};
use tessera_tests::{Demo, PythonEntitlement, project, python_module, run};

use crate::journey::{GOOD_CARD, buy, licence, newcomer_called, session_path, start, start_bought};

/// The key that a deployment's modules sign with.
const KEY: &str = "data/secrets/cx-signing";

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_client_asks_for_decisions_and_plays_by_grpc() {
    let Some(modules) = python_module("grpcio") else { return };
    let demo = Demo::start();
    let key = fs::read_to_string(demo.folder().join(KEY)).expect("the deployment's secret");
    let facts = json!({
        "port": demo.site.port(), "project": project(), "cx_key": key.trim(), "staff_key": demo.fact("staff_key"),
        "account": "acc_foreign", "free_title": demo.title("A Quiet Colony"), "title": demo.title("Northern Lights"),
    });
    let file = demo.folder().join("facts.json");
    fs::write(&file, facts.to_string()).expect("the facts can be written");
    let client = Command::new("python3")
        .arg("-B")
        .arg(project().join("tests/grpc/client.py"))
        .arg(file)
        .env("PYTHONPATH", modules)
        .output()
        .expect("Python is there: scripts/setup installs it");
    let said = String::from_utf8_lossy(&client.stdout).into_owned();
    assert!(client.status.success(), "{said}{}", String::from_utf8_lossy(&client.stderr));
    assert_eq!(said.lines().count(), 4, "each part of it ran: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_server_decides_by_grpc_and_viewers_watch() {
    let Some(modules) = python_module("grpcio") else { return };
    let port = free_port();
    let place = format!("entitlement = {{ url = \"http://127.0.0.1:{port}\", protocol = \"grpc\" }}\n");
    let demo = Demo::configured(temp_dir(), &place);
    let python = PythonEntitlement::start_by_grpc(demo.folder(), &demo.folder().join(KEY), port, &modules);
    let title = demo.title("Seahorse Valley");

    // Over HTTP it decides nothing: what is decided, was asked by gRPC.
    let staff = demo.site.with_token(demo.fact("staff_key"));
    let question = json!({
        "viewing": {"account_id": "acc_any"},
        "facts": {"title_id": "ttl_any", "free": false, "plans": ["basic"], "minimum_age": 0},
    });
    let decision = staff.post("/entitlement/v1/decisions", question).await.ok();
    assert!(decision["message"].as_str().is_some_and(|words| words.contains("0800 555 0100")), "{decision}");

    let viewer = newcomer_called(&demo, "foreign").await;
    start(&viewer, &title, "laptop").await.refused(403, "not_entitled");
    assert_eq!(buy(&viewer, "plan=basic", GOOD_CARD).await.ok()["state"], "succeeded");
    let playback = start_bought(&viewer, &title, "laptop").await;
    let manifest =
        demo.site.visitor().get(playback["sources"][0]["dash_url"].as_str().expect("a manifest")).await.text();
    licence(&demo.site.visitor(), &playback, &manifest).await.ok();
    viewer.post(&session_path(&playback, "heartbeat"), json!({"position_seconds": 3})).await.ok();

    let check = ["contract", "check", "entitlement", "--url", &python.url, "--protocol", "grpc", "--data", "data"];
    let output = run(demo.folder(), &[&check[..], &["--tenants", "red,blue"]].concat());
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("entitlement is conforming"), "{said}");
}
