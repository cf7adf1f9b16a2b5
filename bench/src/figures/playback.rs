//! `playback.start` over HTTP, as a browser with a session sends it: decided, slot taken, three durable commits.

use std::{path::Path, process::Command, sync::Arc, time::Duration};

use serde_json::json;

use crate::{
    figure::{Better, Figure},
    load::{Outcome, Pace, Request, load, post},
    server::Server,
    world::{Viewer, World},
};

/// Accounts that start.
pub(crate) const VIEWERS: usize = 240;
const RATE: f64 = 1500.0;

/// Starts at the wanted rate, then as many as it takes; a flame graph is drawn meanwhile.
pub(crate) async fn start(
    world: &World,
    server: &Server,
    viewers: &[Viewer],
    length: Duration,
    flames: Option<&Path>,
) -> Vec<Figure> {
    let request = starts(world, server, viewers);
    let go = async |pace, connections, length| -> Outcome {
        load(server.address, pace, connections, length, request.clone()).await.whole("playback.start")
    };
    go(Pace::Open(RATE / 2.0), 64, length / 4).await; // warm
    let due = go(Pace::Open(RATE), 128, length).await;
    let most = match flames {
        Some(file) => tokio::join!(go(Pace::Closed, 64, length), record(server, length, file)).0,
        None => go(Pace::Closed, 64, length).await,
    };
    vec![
        Figure::against("playback.start, durable: rate", due.rate, "1/s", Better::Higher, RATE * 0.99)
            .by(format!("open loop at {RATE}/s, {VIEWERS} accounts with session cookies, 128 connections")),
        Figure::against("playback.start at that rate: p99", due.milliseconds(99.0), "ms", Better::Lower, 30.0)
            .by(format!("from when it was due; p50 {:.1} ms", due.milliseconds(50.0))),
        Figure::against("playback.start, durable: most", most.rate, "1/s", Better::Higher, RATE)
            .by(format!("closed loop, 64 connections; p99 {:.1} ms; perf samples meanwhile", most.milliseconds(99.0))),
    ]
}

pub(crate) fn starts(world: &World, server: &Server, viewers: &[Viewer]) -> Request {
    let viewers: Vec<String> = viewers.iter().map(|viewer| viewer.headers.clone()).collect();
    let (host, title) = (world.host(server), world.title("Seahorse Valley"));
    Arc::new(move |number| {
        let viewer = &viewers[usize::try_from(number).unwrap_or(0) % viewers.len()];
        let key = format!("idempotency-key: {:032x}\r\n", rand::random::<u128>());
        let body = json!({"title_id": title, "device_id": "bench"}).to_string();
        post(&host, "/playback/v1/sessions", &(viewer.clone() + &key), &body)
    })
}

/// Samples the server with `perf` for as long, and draws what it did.
async fn record(server: &Server, length: Duration, file: &Path) {
    let data = file.with_extension("perf");
    let (pid, seconds, out) = (server.id().to_string(), length.as_secs().max(1).to_string(), data.clone());
    let recorded = tokio::task::spawn_blocking(move || {
        let mut perf = Command::new("perf");
        perf.args(["record", "-q", "-F", "149", "--call-graph", "dwarf,16384", "-p", &pid, "-o"]).arg(&out);
        perf.args(["--", "sleep", &seconds]).stderr(std::process::Stdio::null()).status()
    });
    match recorded.await {
        Ok(Ok(status)) if status.success() => draw(&data, file),
        _ => eprintln!("perf cannot sample here (apt-get install linux-perf): there is no flame graph"),
    }
    let _ = std::fs::remove_file(&data);
}

#[cfg(feature = "peers")]
fn draw(data: &Path, file: &Path) {
    use inferno::{collapse::Collapse, collapse::perf::Folder, flamegraph};
    let script = Command::new("perf")
        .args(["script", "--no-inline", "-i"])
        .arg(data)
        .stderr(std::process::Stdio::null())
        .output();
    let Ok(script) = script else { return eprintln!("perf script cannot be run: there is no flame graph") };
    let mut folded = Vec::new();
    if Folder::default().collapse(&script.stdout[..], &mut folded).is_err() {
        return eprintln!("perf's samples cannot be read: there is no flame graph");
    }
    let mut options = flamegraph::Options::default();
    options.title = "playback.start: where the server's time goes".into();
    options.min_width = 0.1;
    let svg = std::fs::File::create(file).expect("the flame graph's folder can be written");
    let text = String::from_utf8_lossy(&folded).into_owned();
    if let Err(error) = flamegraph::from_lines(&mut options, text.lines(), svg) {
        eprintln!("no flame graph: {error}");
    }
}

#[cfg(not(feature = "peers"))]
fn draw(_: &Path, _: &Path) {
    eprintln!("built without the feature `peers`: there is no flame graph");
}
