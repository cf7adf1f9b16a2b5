//! Encrypted segments from the origin, beside nginx serving the same bytes from files.

use std::{fs, sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::json;
use tessera_tests::{Browser, Site};

use crate::{
    figure::{Better, Figure},
    load::{Pace, Request, get, load},
    server::Server,
    world::{Viewer, World, folder},
};

const NGINX: &str = "daemon off;\nworker_processes auto;\npid nginx.pid;\nevents { worker_connections 1024; }\n\
    http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; client_body_temp_path body; \
    proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n\
    server { listen 127.0.0.1:{port}; root {root}/files; location = /ready { return 200 'ready'; } } }\n";

/// Segments near 1 MB, alternately from the origin and from nginx.
pub(crate) async fn segments(world: &World, server: &Server, viewers: &[Viewer], length: Duration) -> Vec<Figure> {
    let segments = largest(world, server, viewers).await;
    let mean = segments.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() as f64 / segments.len() as f64 / 1e6;
    let root = folder("nginx");
    fs::create_dir(root.join("files")).expect("a folder for nginx can be made");
    for (number, (_, bytes)) in segments.iter().enumerate() {
        fs::write(root.join(format!("files/{number}.m4s")), bytes).expect("a segment can be written");
    }
    let host = world.host(server);
    let ours: Vec<Bytes> = segments.iter().map(|(path, _)| get(&host, path)).collect();
    let theirs: Vec<Bytes> = (0..segments.len()).map(|number| get("localhost", &format!("/{number}.m4s"))).collect();
    let nginx = Server::nginx(&root, NGINX).await;
    let (mut origin, mut files) = (0.0, 0.0);
    for _ in 0..3 {
        origin +=
            load(server.address, Pace::Closed, 16, length / 3, around(ours.clone())).await.whole("segments").rate / 3.0;
        if let Some(nginx) = &nginx {
            files +=
                load(nginx.address, Pace::Closed, 16, length / 3, around(theirs.clone())).await.whole("nginx").rate
                    / 3.0;
        }
    }
    let method = format!("closed loop, 16 connections, {} segments of {mean:.2} MB, cbcs; alternating", segments.len());
    match nginx {
        Some(_) => vec![
            Figure::beside(
                "encrypted segments from the origin",
                origin,
                "1/s",
                Better::Higher,
                ("nginx, files", files),
            )
            .wanting(0.5)
            .by(method),
        ],
        None => vec![],
    }
}

fn around(requests: Vec<Bytes>) -> Request {
    Arc::new(move |number| requests[usize::try_from(number).unwrap_or(0) % requests.len()].clone())
}

/// The segments of the film's best rendition, with their paths; the short last one left out.
pub(super) async fn largest(world: &World, server: &Server, viewers: &[Viewer]) -> Vec<(String, Bytes)> {
    let site = Site::new("demo", server.address.port());
    let visitor = site.visitor();
    let start = json!({"title_id": world.title("Seahorse Valley"), "device_id": "bench"}).to_string();
    let headers = viewers[0].headers.clone() + "idempotency-key: segments\r\n";
    let playback = send(&visitor, "/playback/v1/sessions", &headers, start).await;
    let master = playback["sources"][0]["hls_url"].as_str().expect("a source has an HLS address").to_owned();
    let text = visitor.get(&master).await.text();
    let mut best = (0, String::new());
    for (line, next) in text.lines().zip(text.lines().skip(1)) {
        let Some(attributes) = line.strip_prefix("#EXT-X-STREAM-INF:") else { continue };
        let bandwidth = attributes.split(',').find_map(|a| a.strip_prefix("BANDWIDTH=")?.parse::<u64>().ok());
        best = best.max((bandwidth.unwrap_or(0), next.to_owned()));
    }
    let playlist = join(&site.url, &master, &best.1);
    let text = visitor.get(&playlist).await.text();
    let mut segments = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let path = join(&site.url, &playlist, line);
        let bytes = Bytes::from(visitor.get(&path).await.bytes);
        segments.push((path, bytes));
    }
    let longest = segments.iter().map(|(_, bytes)| bytes.len()).max().expect("a film has segments");
    segments.retain(|(_, bytes)| bytes.len() * 2 > longest);
    segments
}

/// A relative address of a playlist, as a path of the site.
fn join(site: &str, from: &str, to: &str) -> String {
    let base = reqwest::Url::parse(site).and_then(|site| site.join(from)).expect("an address");
    let joined = base.join(to).expect("an address");
    joined.path().to_owned()
}

async fn send(visitor: &Browser, path: &str, headers: &str, body: String) -> serde_json::Value {
    let mut request =
        visitor.request(reqwest::Method::POST, path).header("content-type", "application/json").body(body);
    for (name, value) in headers.lines().filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
    }
    visitor.send(request).await.ok()
}
