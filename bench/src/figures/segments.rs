//! The origin beside nginx serving the same bytes from files: encrypted segments made on request and from memory, manifests,
//! and how long a client waits for the first byte.

use std::{fs, path::Path, process::Stdio, sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::{Value, json};
use tessera_tests::{Browser, Site};

use crate::{
    figure::{Better, Figure},
    figures::footage,
    load::{Outcome, Pace, Request, get, get_rest, load},
    server::Server,
    world::{Viewer, World, folder},
};

const NGINX: &str = "daemon off;\nworker_processes auto;\npid nginx.pid;\nevents { worker_connections 1024; }\n\
    http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; client_body_temp_path body; \
    proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n\
    server { listen 127.0.0.1:{port}; root {root}/files; location = /ready { return 200 'ready'; } } }\n";
/// Clients that wait for a first byte.
const CLIENTS: usize = 256;
/// How often each of them is due a segment: as long as one lasts.
const SEGMENT_SECONDS: usize = 4;
/// Rounds, in which each side has its turn.
const ROUNDS: usize = 3;
/// The film with long manifests: half an hour, of which little has to be coded.
const LONG: &str = "A Very Long Watch";
const LONG_SECONDS: u32 = 2400;

/// What the origin serves, and nginx beside it.
pub(crate) struct Served {
    /// Paths and bytes.
    segments: Vec<(String, Bytes)>,
    manifests: Vec<(String, Bytes)>,
}

/// Fetches what is to be served, so that nginx can serve the same.
pub(crate) async fn served(world: &World, server: &Server, viewers: &[Viewer]) -> Served {
    let long = folder("long").join("film.mp4");
    let mut manifests = Vec::new();
    if footage::make_still(&long, LONG_SECONDS) {
        let words = ["ingest", long.to_str().expect("a path is text"), "--title", LONG, "--free", "--json"];
        let ingested = world.command(server, &words).stderr(Stdio::inherit()).output().expect("the binary starts");
        let title: Value = serde_json::from_slice(&ingested.stdout).expect("the long film is published");
        let playing = Playing::start(server, viewers, title["title_id"].as_str().expect("an id")).await;
        let (playlist, text) = playing.best_playlist().await;
        let dash = playing.fetch(&playing.dash).await;
        manifests = vec![(playlist, text), (playing.dash.clone(), dash)];
    }
    Served { segments: largest(world, server, viewers).await, manifests }
}

/// Each kind alternately from the origin and from nginx. The server has just begun: it has packaged nothing.
pub(crate) async fn segments(world: &World, server: &Server, served: &Served, length: Duration) -> Vec<Figure> {
    let root = folder("nginx");
    fs::create_dir(root.join("files")).expect("a folder for nginx can be made");
    write(&root, "m4s", &served.segments);
    write(&root, "txt", &served.manifests);
    let Some(nginx) = Server::nginx(&root, NGINX).await else { return Vec::new() };
    let sides = Sides { ours: (world.host(server), server), theirs: &nginx, length };
    let mean = |of: &[(String, Bytes)], unit: f64| {
        of.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() as f64 / of.len().max(1) as f64 / unit
    };
    let (count, size) = (served.segments.len(), mean(&served.segments, 1e6));
    let beside = |name: &str, (ours, theirs): (f64, f64), wanted: f64, method: String| {
        Figure::beside(name, ours, "1/s", Better::Higher, ("nginx, files", theirs)).wanting(wanted).by(method)
    };
    let mut figures = Vec::new();

    // All but the first byte: what is not whole is not kept.
    let method = format!(
        "closed loop, 16 connections, {count} segments of {size:.2} MB without their first byte, cbcs: packaged each time; alternating"
    );
    let rates = sides.rates(&served.segments, "m4s", get_rest).await;
    figures.push(beside("encrypted segments, made on request", rates, 0.6, method));

    figures.push(sides.first_byte(&served.segments, get_rest, "made on request each time").await);
    figures.push(sides.first_byte(&served.segments, get, "from memory").await);

    let method = format!("closed loop, 16 connections, {count} segments of {size:.2} MB, cbcs; alternating");
    let rates = sides.rates(&served.segments, "m4s", get).await;
    figures.push(beside("encrypted segments, from memory", rates, 0.8, method));

    if !served.manifests.is_empty() {
        let size = mean(&served.manifests, 1e3);
        let method = format!(
            "closed loop, 16 connections, an HLS playlist and a DASH description of {size:.1} kB on average, written once and kept; alternating"
        );
        let rates = sides.rates(&served.manifests, "txt", get).await;
        figures.push(beside("manifests", rates, 0.5, method));
    }
    figures
}

fn write(root: &Path, kind: &str, served: &[(String, Bytes)]) {
    for (number, (_, bytes)) in served.iter().enumerate() {
        fs::write(root.join(format!("files/{number}.{kind}")), bytes).expect("a file for nginx can be written");
    }
}

/// The origin and nginx.
struct Sides<'s> {
    /// The tenant's host, and the server.
    ours: (String, &'s Server),
    theirs: &'s Server,
    length: Duration,
}

impl Sides<'_> {
    /// Requests for the same things to each side.
    fn requests(&self, of: &[(String, Bytes)], kind: &str, get: fn(&str, &str) -> Bytes) -> (Request, Request) {
        let ours = of.iter().map(|(path, _)| get(&self.ours.0, path)).collect();
        let theirs = (0..of.len()).map(|number| get("localhost", &format!("/{number}.{kind}"))).collect();
        (around(ours), around(theirs))
    }

    /// Answers a second of each side, in three alternating rounds.
    async fn rates(&self, of: &[(String, Bytes)], kind: &str, get: fn(&str, &str) -> Bytes) -> (f64, f64) {
        let (ours, theirs) = self.requests(of, kind, get);
        let (mut origin, mut files) = (0.0, 0.0);
        for _ in 0..ROUNDS {
            let round = |server: &Server, requests: &Request| {
                load(server.address, Pace::Closed, 16, self.length / ROUNDS as u32, requests.clone())
            };
            origin += round(self.ours.1, &ours).await.whole("the origin").rate / ROUNDS as f64;
            files += round(self.theirs, &theirs).await.whole("nginx").rate / ROUNDS as f64;
        }
        (origin, files)
    }

    /// How long many clients that play wait for first bytes.
    async fn first_byte(&self, of: &[(String, Bytes)], get: fn(&str, &str) -> Bytes, how: &str) -> Figure {
        let (ours, theirs) = self.requests(of, "m4s", get);
        let play = |server: &Server, requests: &Request| {
            let pace = Pace::Open(CLIENTS as f64 / SEGMENT_SECONDS as f64);
            load(server.address, pace, CLIENTS, self.length * 2, requests.clone())
        };
        let (mut origin, mut files) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            origin.push(p99(&play(self.ours.1, &ours).await.whole("the origin")));
            files.push(p99(&play(self.theirs, &theirs).await.whole("nginx")));
        }
        let best = origin.iter().copied().fold(f64::MAX, f64::min);
        let listed = |rounds: &[f64]| rounds.iter().map(|p99| format!("{p99:.1}")).collect::<Vec<_>>().join(", ");
        let method = format!(
            "open loop, {CLIENTS} clients that play, each due a segment every {SEGMENT_SECONDS} s; best of {ROUNDS} rounds: {}; nginx's: {}",
            listed(&origin),
            listed(&files)
        );
        let name = format!("first byte of a segment, {how}: p99");
        Figure::against(&name, best, "ms", Better::Lower, 10.0).by(method)
    }
}

/// Of the waits for first bytes, in milliseconds.
fn p99(outcome: &Outcome) -> f64 {
    outcome.first_byte.value_at_quantile(0.99) as f64 / 1000.0
}

fn around(requests: Vec<Bytes>) -> Request {
    Arc::new(move |number| requests[usize::try_from(number).unwrap_or(0) % requests.len()].clone())
}

/// The segments of the film's best rendition, with their paths; the short last one left out.
pub(super) async fn largest(world: &World, server: &Server, viewers: &[Viewer]) -> Vec<(String, Bytes)> {
    let playing = Playing::start(server, viewers, &world.title("Seahorse Valley")).await;
    let (playlist, text) = playing.best_playlist().await;
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut segments = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let path = join(&playing.site.url, &playlist, line);
        let bytes = playing.fetch(&path).await;
        segments.push((path, bytes));
    }
    let longest = segments.iter().map(|(_, bytes)| bytes.len()).max().expect("a film has segments");
    segments.retain(|(_, bytes)| bytes.len() * 2 > longest);
    segments
}

/// A film that somebody plays.
struct Playing {
    site: Site,
    visitor: Browser,
    hls: String,
    dash: String,
}

impl Playing {
    async fn start(server: &Server, viewers: &[Viewer], title: &str) -> Self {
        let site = Site::new("demo", server.address.port());
        let visitor = site.visitor();
        let start = json!({"title_id": title, "device_id": "bench"}).to_string();
        let headers = format!("{}idempotency-key: segments-{title}\r\n", viewers[0].headers);
        let playback = send(&visitor, "/playback/v1/sessions", &headers, start).await;
        let address = |name: &str| playback["sources"][0][name].as_str().expect("a source has addresses").to_owned();
        let (hls, dash) = (address("hls_url"), address("dash_url"));
        Self { site, visitor, hls, dash }
    }

    async fn fetch(&self, path: &str) -> Bytes {
        Bytes::from(self.visitor.get(path).await.bytes)
    }

    /// The media playlist of the best rendition, with its path.
    async fn best_playlist(&self) -> (String, Bytes) {
        let text = self.visitor.get(&self.hls).await.text();
        let mut best = (0, String::new());
        for (line, next) in text.lines().zip(text.lines().skip(1)) {
            let Some(attributes) = line.strip_prefix("#EXT-X-STREAM-INF:") else { continue };
            let bandwidth = attributes.split(',').find_map(|a| a.strip_prefix("BANDWIDTH=")?.parse::<u64>().ok());
            best = best.max((bandwidth.unwrap_or(0), next.to_owned()));
        }
        let path = join(&self.site.url, &self.hls, &best.1);
        let bytes = self.fetch(&path).await;
        (path, bytes)
    }
}

/// A relative address of a playlist, as a path of the site.
fn join(site: &str, from: &str, to: &str) -> String {
    let base = reqwest::Url::parse(site).and_then(|site| site.join(from)).expect("an address");
    let joined = base.join(to).expect("an address");
    joined.path().to_owned()
}

async fn send(visitor: &Browser, path: &str, headers: &str, body: String) -> Value {
    let mut request =
        visitor.request(reqwest::Method::POST, path).header("content-type", "application/json").body(body);
    for (name, value) in headers.lines().filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
    }
    visitor.send(request).await.ok()
}
