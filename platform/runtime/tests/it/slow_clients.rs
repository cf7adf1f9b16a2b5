//! Clients that take their time, or too much of ours.

use std::time::Duration;

use axum::{
    Router,
    body::{Body, Bytes},
    routing::{get, post},
};
use tessera_runtime::{
    config::{LimitsConfig, ServerConfig},
    http::Server,
    shutdown::Shutdown,
    telemetry::Metrics,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

/// A server with short patience: `/echo/` reads a body, `/flood/` never stops answering and says when it was dropped.
async fn connect(adjust: impl FnOnce(&mut LimitsConfig)) -> (TcpStream, mpsc::Receiver<()>) {
    let mut config = ServerConfig::default();
    adjust(&mut config.limits);
    let (dropped, gone) = mpsc::channel(1);
    let flood = move || {
        let guard = SaysWhenDropped(dropped.clone());
        async move {
            let chunks = futures::stream::repeat_with(move || {
                let _held = &guard;
                Ok::<_, std::io::Error>(Bytes::from_static(&[0; 65_536]))
            });
            Body::from_stream(chunks)
        }
    };
    let routes = Router::new()
        .route("/echo", post(async |body: Bytes| format!("{} bytes", body.len())))
        .route("/flood", get(flood));
    let server = Server::new(&config, Metrics::detached()).merge(routes);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { server.serve(listener, &Shutdown::new()).await });
    (TcpStream::connect(address).await.unwrap(), gone)
}

struct SaysWhenDropped(mpsc::Sender<()>);

impl Drop for SaysWhenDropped {
    fn drop(&mut self) {
        self.0.try_send(()).expect("it is dropped once");
    }
}

const SHORT: Duration = Duration::from_millis(50);

async fn end_of(mut stream: TcpStream) -> String {
    let mut text = String::new();
    let ended = tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut text)).await;
    // Reset or closed: either way it is over, in time.
    let _reset = ended.expect("the server ends the connection");
    text
}

#[tokio::test]
async fn a_head_that_never_ends_is_not_waited_for() {
    let (mut stream, _) = connect(|limits| limits.head = SHORT).await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: ").await.unwrap();
    let answer = end_of(stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn a_body_that_stalls_is_not_waited_for() {
    let (mut stream, _) = connect(|limits| limits.body_pause = SHORT).await;
    stream.write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n12345").await.unwrap();
    let answer = end_of(stream).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
}

#[tokio::test]
async fn a_client_that_stops_reading_is_let_go() {
    let (mut stream, mut gone) = connect(|limits| limits.write_pause = SHORT).await;
    stream.write_all(b"GET /flood HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(10), gone.recv()).await;
    assert!(ended.is_ok(), "the answer is still being made for nobody");
}

#[tokio::test]
async fn a_head_beyond_the_limits_is_refused() {
    for (name, head) in [
        ("bytes", format!("x-long: {}\r\n", "a".repeat(40_000))),
        ("fields", (0..150).map(|nth| format!("x-{nth}: 1\r\n")).collect()),
    ] {
        let (mut stream, _) = connect(|_| {}).await;
        stream.write_all(format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{head}\r\n").as_bytes()).await.unwrap();
        let answer = end_of(stream).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{name}: {answer}");
    }
}
