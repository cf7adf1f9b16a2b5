//! What the server answers around the modules' routes.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Router,
    response::{Html, IntoResponse},
    routing::{get, post},
};
use http::StatusCode;
use tessera_contract::{Failure, FailureKind};
use tessera_runtime::{
    config::ServerConfig,
    http::{PAGE_POLICY, Server, listen},
    telemetry::Metrics,
};
use tower::ServiceExt;

use crate::world::{Answer, Call, call};

fn server() -> Server {
    let module = Router::new()
        .route("/v1/things", get(async || "things").post(async || StatusCode::CREATED))
        .route("/v1/panic", post(async || -> StatusCode { panic!("with a secret: hunter2") }))
        .route("/v1/gone", get(async || (StatusCode::NOT_FOUND, [("tus-resumable", "1.0.0")])))
        .route("/v1/broken", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .route("/v1/own", get(async || ([("content-security-policy", "default-src 'none'; img-src *")], "own")));
    let app = Router::new().fallback(get(async || Html("<p>the app</p>").into_response()));
    Server::new(&ServerConfig::default(), Metrics::detached()).mount("things", module).fallback(app)
}

async fn send(server: Server, call: Call) -> Answer {
    Answer::of(server.into_router().oneshot(call.header("host", "acme.localhost").0).await.unwrap()).await
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_and_the_app_has_the_rest() {
    let answer = send(server(), call("GET", "/things/v1/nothing")).await;
    assert_eq!(answer.refused(404, "not_found").json["detail"], "there is nothing at /things/v1/nothing");
    let answer = send(server(), call("DELETE", "/things/v1/things")).await;
    answer.refused(405, "method_not_allowed");
    assert!(answer.header("allow").contains("POST"), "{answer:?}");
    assert_eq!(send(server(), call("GET", "/watch/ttl_1")).await.text, "<p>the app</p>");
    send(server(), call("POST", "/watch/ttl_1")).await.refused(405, "method_not_allowed");
    assert_eq!(send(server(), call("POST", "/things/v1/things")).await.status, 201);
    send(server(), call("POST", "/healthz")).await.refused(405, "method_not_allowed");
    let gone = send(server(), call("GET", "/things/v1/gone")).await;
    assert_eq!(gone.refused(404, "not_found").header("tus-resumable"), "1.0.0", "a route's own headers stay");
}

#[tokio::test]
async fn two_contracts_can_share_a_mount() {
    let both = server().mount("things", Router::new().route("/v1/more", get(async || "more")));
    assert_eq!(send(both, call("GET", "/things/v1/more")).await.text, "more");
}

#[tokio::test]
async fn without_an_app_everything_unknown_is_a_problem() {
    let bare = Server::new(&ServerConfig::default(), Metrics::detached());
    send(bare, call("GET", "/x")).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_panic_is_a_problem_that_tells_nothing() {
    let answer = send(server(), call("POST", "/things/v1/panic")).await;
    answer.refused(500, "internal");
    assert!(!answer.text.contains("hunter2"));
    send(server(), call("GET", "/things/v1/broken")).await.refused(500, "internal");
}

#[tokio::test]
async fn answers_carry_the_headers_that_keep_a_browser_in_bounds() {
    let page = send(server(), call("GET", "/")).await;
    assert_eq!(page.header("content-security-policy"), PAGE_POLICY);
    let data = send(server(), call("GET", "/things/v1/things")).await;
    assert_eq!(data.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
    let problem = send(server(), call("GET", "/things/nothing")).await;
    let own = send(server(), call("GET", "/things/v1/own")).await;
    assert_eq!(own.header("content-security-policy"), "default-src 'none'; img-src *");
    for answer in [&page, &data, &problem, &own] {
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert!(answer.header("permissions-policy").contains("camera=()"), "{answer:?}");
        assert!(!answer.header("x-request-id").is_empty());
        assert_eq!(answer.header("strict-transport-security"), "", "not over plain http");
    }
}

#[tokio::test]
async fn readiness_names_what_fails_and_nothing_more() {
    let up = Arc::new(AtomicBool::new(true));
    let seen = up.clone();
    let store = move || {
        let up = seen.load(Ordering::SeqCst);
        let down = || Failure::new(FailureKind::Unavailable, "connecting to db.internal:5432");
        async move { up.then_some(()).ok_or_else(down) }
    };
    let router = server().ready_when("store", store).ready_when("blobs", async || Ok(())).into_router();
    let ask = async |path: &str| {
        Answer::of(router.clone().oneshot(call("GET", path).header("host", "x").0).await.unwrap()).await
    };
    let ready = ask("/readyz").await;
    assert_eq!((ready.status, &ready.json["checks"]["store"]), (200, &"ok".into()));
    up.store(false, Ordering::SeqCst);
    let not = ask("/readyz").await;
    assert_eq!(
        (not.status, &not.json["checks"]["store"], &not.json["checks"]["blobs"]),
        (503, &"failed".into(), &"ok".into())
    );
    assert!(!not.text.contains("db.internal"));
    assert_eq!(ask("/healthz").await.status, 200);
    let hostless = router.clone().oneshot(call("GET", "/healthz").0).await.unwrap();
    assert_eq!(hostless.status(), 200, "a probe need not name a host");
    let hostless = router.clone().oneshot(call("GET", "/things/v1/things").0).await.unwrap();
    assert_eq!(hostless.status(), 400, "everything else does");
}

#[tokio::test]
async fn metrics_are_for_this_machine_or_for_their_own_listener() {
    let from = |peer: &str, host: &str| call("GET", "/metrics").peer(peer).header("host", host);
    let ask = async |call: Call| {
        let metrics_for = Server::new(&ServerConfig::default(), Metrics::detached()).into_router();
        Answer::of(metrics_for.oneshot(call.0).await.unwrap()).await
    };
    assert_eq!(ask(from("127.0.0.1", "localhost:8080")).await.status, 200);
    assert_eq!(ask(from("::1", "[::1]:8080")).await.status, 200);
    for (what, call) in [
        ("another machine", from("192.0.2.1", "localhost")),
        ("a tenant's host", from("127.0.0.1", "acme.localhost")),
        ("through a proxy here", from("127.0.0.1", "localhost").header("x-forwarded-for", "192.0.2.1")),
    ] {
        assert_eq!(ask(call).await.status, 404, "{what}");
    }
    let config = ServerConfig { metrics_listen: Some(([127, 0, 0, 1], 9).into()), ..ServerConfig::default() };
    let elsewhere = Server::new(&config, Metrics::detached()).into_router();
    let answer = Answer::of(elsewhere.oneshot(from("127.0.0.1", "localhost").0).await.unwrap()).await;
    assert_eq!(answer.status, 404);
    let own = tessera_runtime::http::metrics_router(Metrics::detached());
    assert_eq!(Answer::of(own.oneshot(call("GET", "/metrics").0).await.unwrap()).await.status, 200);
}

#[test]
fn a_process_counts_its_requests_and_itself() {
    let metrics = Metrics::install().unwrap();
    assert!(Metrics::install().is_err());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(send(server(), call("GET", "/things/v1/things")));
    runtime.block_on(send(server(), call("BREW", "/things/v1/things")));
    let text = metrics.render();
    for line in [
        "tessera_http_request_seconds_count{module=\"things\",status=\"200\"}",
        "tessera_http_request_seconds_bucket{module=\"things\",status=\"405\",le=\"0.1\"}",
        "process_resident_memory_bytes ",
        "process_open_fds ",
        "process_cpu_seconds_total ",
        "tessera_build_info{version=",
    ] {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
}

#[tokio::test]
async fn a_taken_port_is_named_with_what_to_do() {
    let first = listen(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = first.local_addr().unwrap();
    let error = listen(address).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("port {} on 127.0.0.1 is taken by another program", address.port())), "{error}");
    assert!(error.contains("TESSERA_SERVER__LISTEN"), "{error}");
}
