//! The interactive reference.

use serde_json::json;
use tessera_runtime::{config::ServerConfig, docs_page, http::Server, telemetry::Metrics};
use tower::ServiceExt;

use crate::world::{Answer, Call, call};

async fn send(call: Call) -> Answer {
    let documents = ["catalog", "billing"].map(|name| {
        let document = json!({"openapi": "3.1.0", "info": {"title": name, "version": "1.0"}, "servers": [{"url": format!("/{name}")}]});
        (name.to_owned(), document)
    });
    let docs = docs_page::router("Tessera <dev>", documents.into(), Some(json!({"asyncapi": "3.0.0"})));
    let router = Server::new(&ServerConfig::default(), Metrics::detached()).merge(docs).into_router();
    Answer::of(router.oneshot(call.header("host", "acme.localhost").0).await.unwrap()).await
}

#[tokio::test]
async fn every_contract_can_be_chosen_and_read() {
    let page = send(call("GET", "/docs")).await;
    assert!(page.text.contains("<option value=\"catalog\" selected>catalog</option><option value=\"billing\">"));
    assert!(page.text.contains("Tessera &lt;dev>"), "{}", page.text);
    let chosen = send(call("GET", "/docs?contract=billing")).await;
    assert!(chosen.text.contains("data-contract=\"billing\""));
    let unknown = send(call("GET", "/docs?contract=%22%3E%3Cscript%3E")).await;
    assert!(unknown.text.contains("data-contract=\"catalog\""));
    let document = send(call("GET", "/docs/billing.json")).await;
    assert_eq!(document.json["servers"][0]["url"], "/billing");
    assert!(page.text.contains("href=\"/docs/asyncapi.json\""), "{}", page.text);
    assert_eq!(send(call("GET", "/docs/asyncapi.json")).await.json["asyncapi"], "3.0.0");
    send(call("GET", "/docs/other.json")).await.refused(404, "not_found");
}

#[tokio::test]
async fn the_page_loads_its_own_files_and_nothing_else() {
    let page = send(call("GET", "/docs")).await;
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    assert!(!page.text.contains("http://") && !page.text.contains("https://"), "{}", page.text);
    let quoted = page.text.split('"').filter(|text| text.starts_with("/docs/assets/"));
    let mut seen = 0;
    for path in quoted {
        let asset = send(call("GET", path)).await;
        assert_eq!(asset.status, 200, "{path}");
        assert!(asset.header("cache-control").contains("immutable"));
        seen += 1;
    }
    assert_eq!(seen, 4);
}
