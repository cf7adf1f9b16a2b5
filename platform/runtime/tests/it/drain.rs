//! Stopping: what is under way finishes, what is new goes elsewhere.

use std::{sync::Arc, time::Duration};

use axum::{Router, extract::State, routing::get};
use tessera_runtime::{
    config::ServerConfig,
    http::{Drained, Server},
    shutdown::Shutdown,
    telemetry::Metrics,
};
use tessera_testing::eventually;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, Semaphore},
    task::JoinHandle,
};

/// A server whose `/slow/` answers when it is released, and says when it was reached.
struct Running {
    address: std::net::SocketAddr,
    shutdown: Shutdown,
    reached: Arc<Semaphore>,
    release: Arc<Notify>,
    ended: JoinHandle<Drained>,
}

async fn start(adjust: impl FnOnce(&mut ServerConfig)) -> Running {
    let mut config = ServerConfig::default();
    adjust(&mut config);
    let (reached, release, shutdown) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()), Shutdown::new());
    let slow = async |State((reached, release)): State<(Arc<Semaphore>, Arc<Notify>)>| {
        reached.add_permits(1);
        release.notified().await;
        "finished"
    };
    let routes = Router::new().route("/", get(slow)).with_state((reached.clone(), release.clone()));
    let server = Server::new(&config, Metrics::detached()).mount("slow", routes);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), shutdown.clone());
    let ended = tokio::spawn(async move { server.serve(listener, &stop).await });
    Running { address, shutdown, reached, release, ended }
}

impl Running {
    async fn ask(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: acme.localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn reached(&self) {
        self.reached.acquire().await.unwrap().forget();
    }
}

async fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    // A connection that was cut ends in an error or in nothing.
    let _cut = stream.read_to_string(&mut text).await;
    text
}

#[tokio::test]
async fn a_request_under_way_finishes_and_new_connections_are_refused() {
    let running = start(|_| {}).await;
    let idle = running.ask("/healthz").await;
    let slow = running.ask("/slow").await;
    running.reached().await;
    running.shutdown.request();
    let refused = async || TcpStream::connect(running.address).await.err();
    eventually("new connections to be refused", refused).await;
    assert!(!running.ended.is_finished(), "it waits for the request");
    running.release.notify_one();
    let answer = rest(slow).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("finished"), "{answer}");
    assert!(rest(idle).await.starts_with("HTTP/1.1 200"), "an idle connection is closed, after its answer");
    let drained = running.ended.await.unwrap();
    assert_eq!(drained.cut_off, 0);
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut_off_and_counted() {
    let running = start(|config| config.limits.drain = Duration::from_millis(50)).await;
    let slow = running.ask("/slow").await;
    running.reached().await;
    running.shutdown.request();
    let drained = running.ended.await.unwrap();
    assert_eq!((drained.open, drained.cut_off), (1, 1));
    assert_eq!(rest(slow).await, "");
}

#[tokio::test]
async fn readyz_says_so_before_the_door_closes() {
    let running = start(|config| config.limits.drain_notice = Duration::from_secs(600)).await;
    running.shutdown.request();
    let draining = async || {
        let mut stream = running.ask("/readyz").await;
        let mut answer = vec![0; 4096];
        let length = stream.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
        (answer.starts_with("HTTP/1.1 503") && answer.contains("\"draining\":true")).then_some(())
    };
    eventually("/readyz to say that it drains", draining).await;
    running.ended.abort();
}

#[tokio::test]
async fn beyond_the_cap_a_connection_waits_for_another_to_end() {
    let running = start(|config| config.limits.connections = 1).await;
    let first = running.ask("/slow").await;
    running.reached().await;
    let second = running.ask("/slow").await;
    assert_eq!(running.reached.available_permits(), 0, "the second is not served yet");
    running.release.notify_one();
    drop(first);
    running.reached().await;
    running.release.notify_one();
    running.shutdown.request();
    assert!(rest(second).await.ends_with("finished"));
}
