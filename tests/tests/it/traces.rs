//! A press of play as a tree of what was done for it, in one process and in fourteen: `tessera trace`, and what a collector hears.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use reqwest::Method;
use serde_json::{Value, json};
use tessera_testing::{Served, eventually, free_port, temp_dir};
use tessera_tests::{Answer, Browser, Demo, Split, run};

use crate::journey::{GOOD_CARD, buy, newcomer_called, start_bought};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A collector of OpenTelemetry, which takes what comes or does not.
#[derive(Clone, Default)]
struct Collector {
    bodies: Arc<Mutex<Vec<Bytes>>>,
    is_ill: Arc<AtomicBool>,
}

impl Collector {
    async fn serve(&self) -> Served {
        let take = async |State(collector): State<Self>, headers: HeaderMap, body: Bytes| {
            assert_eq!(headers["content-type"], "application/x-protobuf");
            if collector.is_ill.load(Ordering::Relaxed) {
                return StatusCode::SERVICE_UNAVAILABLE;
            }
            collector.bodies.lock().expect("nobody panics while holding it").push(body);
            StatusCode::OK
        };
        Served::router(Router::new().route("/v1/traces", post(take)).with_state(self.clone())).await
    }

    /// The spans so far, read by OpenTelemetry's own schema.
    fn spans(&self) -> Vec<Value> {
        let bodies = self.bodies.lock().expect("nobody panics while holding it").clone();
        let requests = bodies.iter().map(|body| judged(body));
        requests.flat_map(|request| all(&request, &["resourceSpans", "scopeSpans", "spans"])).collect()
    }
}

/// Everything in lists within lists.
fn all(value: &Value, names: &[&str]) -> Vec<Value> {
    names.iter().fold(vec![value.clone()], |found, name| {
        found.iter().flat_map(|value| value[*name].as_array().cloned().unwrap_or_default()).collect()
    })
}

/// OpenTelemetry's schema in Python: installed by scripts/setup.
fn schema() -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cache = std::env::var_os("TESSERA_CACHE").map_or_else(|| home.join(".cache/tessera"), PathBuf::from);
    cache.join("opentelemetry-proto")
}

fn judged(body: &[u8]) -> Value {
    const READ: &str = "import sys
from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
request = ExportTraceServiceRequest()
request.ParseFromString(sys.stdin.buffer.read())
assert not request.FindInitializationErrors()
print(MessageToJson(request))";
    let mut python = Command::new("python3")
        .args(["-B", "-c", READ])
        .env("PYTHONPATH", schema())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 starts");
    python.stdin.take().expect("it is piped").write_all(body).expect("Python reads");
    let output = python.wait_with_output().expect("it ends");
    assert!(output.status.success(), "no request by OpenTelemetry's schema: {body:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Somebody presses play; the request has this id, and is part of a trace that they began.
async fn press(viewer: &Browser, title: &str, id: &str, flags: &str) -> Answer {
    let request = viewer.request(Method::POST, "/playback/v1/sessions").header("idempotency-key", id);
    let request = request.header("x-request-id", id).header("traceparent", format!("00-{TRACE}-{CALLER}-{flags}"));
    viewer.send(request.json(&json!({"title_id": title, "device_id": "laptop", "device_name": "Ada's laptop"}))).await
}

/// What `tessera trace` prints on both its channels.
fn trace(folder: &Path, data: &str, arguments: &[&str]) -> (bool, String, String) {
    let output = run(folder, &[&["trace", "--data", data], arguments].concat());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

/// The spans of a request, as soon as these operations are among them and ended.
async fn spans(folder: &Path, data: &str, id: &str, wanted: &[&str]) -> Vec<Value> {
    eventually("the whole trace", async || {
        let (_, said, _) = trace(folder, data, &[id, "--json"]);
        let told: Value = serde_json::from_str(&said).ok()?;
        let spans = told["spans"].as_array()?.clone();
        let names: BTreeSet<&str> = spans.iter().filter_map(|span| span["name"].as_str()).collect();
        wanted.iter().all(|name| names.contains(name)).then_some(spans)
    })
    .await
}

/// Each span but the first was done for another one that is there.
fn is_one_tree(spans: &[Value]) {
    let ids: BTreeSet<&str> = spans.iter().filter_map(|span| span["span_id"].as_str()).collect();
    assert_eq!(ids.len(), spans.len(), "no span is told twice");
    let orphans: Vec<&Value> =
        spans.iter().filter(|span| !span["parent_id"].as_str().is_some_and(|id| ids.contains(id))).collect();
    assert_eq!(orphans.len(), 1, "one beginning: {orphans:#?}");
    assert_eq!(orphans[0]["name"], "POST /playback/v1/sessions");
    assert_eq!(orphans[0]["parent_id"], CALLER);
    assert!(spans.iter().all(|span| span["trace_id"] == TRACE), "{spans:#?}");
}

/// What a press of play asks, and what hears of it later.
const ASKED: &[&str] = &[
    "playback.start",
    "catalog.playable",
    "entitlement.acquire_lease",
    "delivery.route",
    "commit entitlement",
    "commit playback",
];

async fn bought(demo: &Demo) -> (Browser, String) {
    let viewer = newcomer_called(demo, "traced").await;
    buy(&viewer, "plan=basic", GOOD_CARD).await.ok();
    let title = demo.title("Seahorse Valley");
    start_bought(&viewer, &title, "laptop").await;
    (viewer, title)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_of_play_is_one_tree_and_a_collector_hears_of_it() {
    let collector = Collector::default();
    let served = collector.serve().await;
    let demo = Demo::configured(temp_dir(), &format!("[telemetry]\notlp = \"{}\"\n", served.base));
    let (viewer, title) = bought(&demo).await;
    let played = press(&viewer, &title, "press-of-play", "01").await;
    assert_eq!(played.headers["x-request-id"], "press-of-play");
    played.ok();

    let told = spans(demo.folder(), "data", "press-of-play", ASKED).await;
    is_one_tree(&told);
    assert_eq!(trace(demo.folder(), "data", &[TRACE, "--json"]).1.matches("\"span_id\"").count(), told.len());
    let (done, tree, _) = trace(demo.folder(), "data", &["press-of-play"]);
    assert!(done && tree.contains("|=") && tree.contains("longest by itself: "), "{tree}");
    assert!(tree.contains(&format!("trace {TRACE}  request press-of-play  tenant demo")), "{tree}");
    for private in ["traced@", "Ada", "127.0.0.", title.as_str()] {
        assert!(!tree.contains(private), "{private} stands in {tree}");
    }
    let (done, _, why) = trace(demo.folder(), "data", &["req_nobody"]);
    assert!(!done && why.contains("no process remembers \"req_nobody\""), "{why}");

    if !schema().exists() {
        eprintln!("SKIPPED: opentelemetry-proto is not installed; scripts/setup test does it");
        return;
    }
    let names = |spans: &[Value]| {
        let mut names: Vec<String> = spans.iter().map(|span| span["name"].to_string()).collect();
        names.sort();
        names
    };
    let traced = base64(&hex(TRACE));
    let heard = eventually("the collector to hear of all that", async || {
        let heard: Vec<Value> = collector.spans().into_iter().filter(|span| span["traceId"] == *traced).collect();
        (names(&heard) == names(&told)).then_some(heard)
    })
    .await;
    let of = |name: &str| heard.iter().find(|span| span["name"] == name).expect("it is there");
    let (request, operation) = (of("POST /playback/v1/sessions"), of("playback.start"));
    assert_eq!(request["parentSpanId"], *base64(&hex(CALLER)));
    assert_eq!((&request["kind"], &operation["parentSpanId"]), (&json!("SPAN_KIND_SERVER"), &request["spanId"]));
    let time = |span: &Value, name: &str| span[name].as_str().and_then(|text| text.parse::<u64>().ok());
    assert!(time(request, "startTimeUnixNano") <= time(operation, "startTimeUnixNano"), "{request} {operation}");
    assert!(time(operation, "startTimeUnixNano") < time(operation, "endTimeUnixNano"), "{operation}");
    let attributes = request["attributes"].to_string();
    assert!(attributes.contains("http.response.status_code") && attributes.contains("press-of-play"), "{request}");

    // Somebody who has decided that their trace is not looked at is heeded: it can be asked for here alone.
    press(&viewer, &title, "not-sampled", "00").await.ok();
    assert!(!spans(demo.folder(), "data", "not-sampled", ASKED).await.is_empty());
    press(&viewer, &title, "sampled", "01").await.ok();
    eventually("the collector to hear of the next one", async || {
        let told = format!("{:?}", collector.spans());
        assert!(!told.contains("not-sampled"), "{told}");
        told.contains("\"sampled\"").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_outside_reads_what_a_process_remembers() {
    let demo = Demo::start();
    demo.site.visitor().get("/catalog/v1/titles").await.ok();
    let path = "/catalog/v1/spans?request=x";
    demo.site.visitor().get(path).await.refused(403, "forbidden");
    demo.site.with_token(demo.fact("staff_key")).get(path).await.refused(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_collector_the_server_goes_on_and_counts_what_is_lost() {
    let (collector, nowhere) = (Collector::default(), free_port());
    collector.is_ill.store(true, Ordering::Relaxed);
    let served = collector.serve().await;
    let ill = Demo::configured(temp_dir(), &format!("[telemetry]\notlp = \"{}\"\n", served.base));
    let gone = Demo::configured(temp_dir(), &format!("[telemetry]\notlp = \"http://127.0.0.1:{nowhere}\"\n"));
    for demo in [&ill, &gone] {
        demo.site.visitor().get("/catalog/v1/titles").await.ok();
        eventually("the log to name the collector", async || {
            demo.process.said().contains("spans cannot be sent").then_some(())
        })
        .await;
        demo.site.visitor().get("/catalog/v1/titles").await.ok();
    }
    collector.is_ill.store(false, Ordering::Relaxed);
    eventually("spans to arrive late", async || {
        (!collector.bodies.lock().expect("nobody panics while holding it").is_empty()).then_some(())
    })
    .await;
    assert!(counted(&gone).await["sent"] == 0);
    eventually("the loss to be counted", async || (counted(&gone).await["failed"] > 0).then_some(())).await;
    gone.site.visitor().get("/catalog/v1/titles").await.ok();
    assert_eq!(counted(&ill).await["dropped"], 0);
}

/// Spans for the collector, by what became of them.
async fn counted(demo: &Demo) -> BTreeMap<String, u64> {
    let page = demo.site.visitor().get(&format!("http://localhost:{}/metrics", demo.site.port())).await.text();
    let lines = page.lines().filter_map(|line| line.strip_prefix("tessera_trace_spans_total{outcome=\""));
    let pairs = lines.filter_map(|line| line.split_once("\"} "));
    pairs.map(|(outcome, count)| (outcome.to_owned(), count.parse().expect("a number"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn in_fourteen_processes_it_is_the_same_tree_and_names_who_fails_or_is_slow() {
    let mut split = Split::whole();
    let mut viewer = split.site.browser();
    viewer.sign_up("traced@viewer.example", "correct horse battery").await;
    buy(&viewer, "plan=basic", GOOD_CARD).await.ok();
    let title = split.title("Seahorse Valley");
    start_bought(&viewer, &title, "laptop").await;

    press(&viewer, &title, "press-of-play", "01").await.ok();
    let folder = split.folder().to_owned();
    let told = spans(&folder, "front", "press-of-play", ASKED).await;
    is_one_tree(&told);
    let processes: BTreeSet<&str> =
        told.iter().filter_map(|span| span["process"].as_str()?.split('@').next()).collect();
    for module in ["front", "playback", "catalog", "entitlement", "delivery"] {
        assert!(processes.contains(module), "{module} took part: {processes:?}");
    }
    let elsewhere = trace(&folder, "catalog", &["press-of-play", "--json"]);
    assert!(elsewhere.1.contains("\"entitlement.acquire_lease\""), "any process can be asked: {elsewhere:?}");

    // Who fails is named, and who cannot be asked.
    split.kill("catalog");
    let refused = press(&viewer, &title, "without-catalog", "01").await;
    assert_eq!(refused.json()["request_id"], "without-catalog", "a problem says what to ask for");
    refused.refused(503, "unavailable");
    let port = split.port("catalog");
    let (done, tree, silent) = trace(&folder, "front", &["without-catalog"]);
    let failed =
        format!("failed first: catalog.playable -> http://127.0.0.1:{port}/catalog, unreachable, in playback@");
    assert!(done && tree.contains(&failed), "{tree}");
    assert!(silent.contains(&format!("nothing from http://127.0.0.1:{port}/catalog: cannot be reached")), "{silent}");
    split.revive("catalog");
    eventually("catalog to be asked again", async || {
        press(&viewer, &title, "again", "01").await.status.is_success().then_some(())
    })
    .await;

    // And who is slow.
    split.process("entitlement").signal("STOP");
    press(&viewer, &title, "waits", "01").await;
    split.process("entitlement").signal("CONT");
    let (_, tree, _) = trace(&folder, "front", &["waits"]);
    let port = split.port("entitlement");
    let late =
        format!("failed first: entitlement.acquire_lease -> http://127.0.0.1:{port}/entitlement, late, in playback@");
    assert!(tree.contains(&late), "{tree}");
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hexadecimal"))
        .collect()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
