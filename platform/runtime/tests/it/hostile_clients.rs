//! Clients that write HTTP in ways that no honest one does, or hold on to what they have.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    routing::{get, post},
};
use tessera_runtime::{
    config::{LimitsConfig, ServerConfig},
    http::Server,
    shutdown::Shutdown,
    telemetry::Metrics,
};
use tessera_testing::eventually;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

/// A server on a port of its own: `/echo` says what it read, `/held` waits for as long as a test likes.
struct Site {
    address: std::net::SocketAddr,
    /// How many requests to `/held` are waiting, as the places they took.
    waiting: Arc<Semaphore>,
}

const PLACES: usize = 1000;

struct Place(Arc<Semaphore>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

impl Site {
    async fn with(adjust: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut config = ServerConfig::default();
        adjust(&mut config);
        let waiting = Arc::new(Semaphore::new(PLACES));
        let places = waiting.clone();
        let held = move || {
            let places = places.clone();
            async move {
                places.acquire().await.unwrap().forget();
                let _place = Place(places);
                std::future::pending::<&str>().await
            }
        };
        let routes = Router::new()
            .route("/echo", post(async |body: Bytes| format!("read {}", String::from_utf8_lossy(&body))))
            .route("/held", get(held));
        let server = Server::new(&config, Metrics::detached()).merge(routes);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { server.serve(listener, &Shutdown::new()).await });
        Self { address, waiting }
    }

    async fn limited(adjust: impl FnOnce(&mut LimitsConfig)) -> Self {
        Self::with(|config| adjust(&mut config.limits)).await
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// All that comes back until the server closes, which it has to.
    async fn all(&self, sent: &str) -> String {
        let mut stream = self.connect().await;
        let _closed_early = stream.write_all(sent.as_bytes()).await;
        end_of(stream).await
    }

    async fn is_up(&self) {
        let answer = self.all("GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "the server does not answer any more: {answer}");
    }
}

async fn end_of(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut bytes)).await;
    // Reset or closed: either way it is over, in time.
    let _reset = ended.expect("the server ends the connection");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// How many answers came.
fn answers(text: &str) -> usize {
    text.matches("HTTP/1.1 ").count()
}

#[tokio::test]
async fn a_message_whose_length_can_be_read_in_two_ways_is_refused() {
    let site = Site::limited(|_| {}).await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n";
    for (name, head) in [
        ("two lengths", "content-length: 5\r\ncontent-length: 6\r\n\r\nhello"),
        ("a list of lengths", "content-length: 5, 6\r\n\r\nhello"),
        ("a signed length", "content-length: +5\r\n\r\nhello"),
        ("a negative length", "content-length: -1\r\n\r\nhello"),
        ("a length beyond all", "content-length: 99999999999999999999\r\n\r\nhello"),
        ("a coding and a length", "transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n"),
        ("a length and a coding", "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("a coding that is not last", "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        ("an unknown coding", "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n"),
        ("a space before the colon", "content-length : 5\r\n\r\nhello"),
        ("a folded header", "x-a: 1\r\n content-length: 5\r\n\r\nhello"),
        ("a bare line feed in a value", "x-a: 1\ncontent-length\n: 5\r\n\r\nhello"),
        ("a zero byte", "x-a: \0\r\ncontent-length: 5\r\n\r\nhello"),
        ("a chunk beyond all", "transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\nhello"),
        ("a chunk of nonsense", "transfer-encoding: chunked\r\n\r\n-1\r\nhello"),
    ] {
        let answer = site.all(&format!("POST /echo HTTP/1.1\r\nhost: x\r\n{head}{smuggled}")).await;
        assert!(answers(&answer) <= 1 && !answer.contains("/smuggled"), "{name}: a second request was read: {answer}");
        // Of a coding and a length the coding counts, and nothing that follows does (RFC 9112 §6.1).
        let one_way = name.contains("a coding and") || name.contains("and a coding");
        let closed = one_way && answer.contains("\r\nconnection: close\r\n");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4") || closed, "{name}: {answer}");
    }
    site.is_up().await;
}

#[tokio::test]
async fn garbage_after_a_request_ends_the_connection_behind_its_answer() {
    let site = Site::limited(|_| {}).await;
    let good = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    for garbage in [
        "\0\0\0\0\r\n\r\n",
        "GET\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}TLS",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
    ] {
        let answer = site.all(&format!("{good}{good}{garbage}\r\n\r\n")).await;
        assert_eq!(answer.matches("HTTP/1.1 200").count(), 2, "{garbage:?}: {answer}");
        assert!(answers(&answer) <= 3, "{garbage:?}: {answer}");
    }
    site.is_up().await;
}

#[tokio::test]
async fn a_flood_of_header_lines_is_cut_off() {
    let site = Site::limited(|_| {}).await;
    let many: String = (0..10_000).map(|nth| format!("x-{nth}: 1\r\n")).collect();
    let same = "cookie: a=b\r\n".repeat(10_000);
    for flood in [many, same, format!("x: {}\r\n", "a".repeat(1 << 20)), "a".repeat(1 << 20)] {
        let answer = site.all(&format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{flood}\r\n")).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let answer = site.all(&format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(100_000))).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    site.is_up().await;
}

#[tokio::test]
async fn a_body_that_drips_is_not_waited_for_however_short_its_pauses() {
    let site = Site::limited(|limits| {
        limits.body_pause = Duration::from_millis(200);
        limits.body_bytes_per_second = 1_000_000;
    })
    .await;
    let mut stream = site.connect().await;
    stream.write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n").await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    let dripping = async {
        // Well within the pause that is allowed, for as long as the server takes it.
        let mut drops = tokio::time::interval(Duration::from_millis(20));
        while writing.write_all(b"x").await.is_ok() {
            drops.tick().await;
        }
    };
    let mut answer = Vec::new();
    let reading = async {
        let _reset = reading.read_to_end(&mut answer).await;
    };
    let both = async { futures::future::select(Box::pin(dripping), Box::pin(reading)).await };
    let ended = tokio::time::timeout(Duration::from_secs(10), both).await;
    assert!(ended.is_ok(), "the server still takes one drop after another");
    site.is_up().await;
}

#[tokio::test]
async fn a_connection_that_is_half_closed_keeps_nothing_waiting() {
    let site = Site::limited(|_| {}).await;
    let mut clients = Vec::new();
    for _ in 0..50 {
        let mut stream = site.connect().await;
        stream.write_all(b"GET /held HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        clients.push(stream);
    }
    let free = |wanted: usize| {
        let waiting = site.waiting.clone();
        async move { (waiting.available_permits() == wanted).then_some(()) }
    };
    eventually("all requests to be waiting", || free(PLACES - 50)).await;
    for client in &mut clients {
        client.shutdown().await.unwrap(); // FIN; the other direction stays open
    }
    eventually("nothing to be waiting for them", || free(PLACES)).await;
    let mut stream = site.connect().await;
    stream.write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n12345").await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = end_of(stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_a_trusted_proxy_any_number() {
    let few = |config: &mut ServerConfig| config.limits.connections_per_address = 3;
    let site = Site::with(few).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = site.connect().await;
        stream.write_all(b"GET /held HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        held.push(stream);
    }
    eventually("the connections to be taken", async || (site.waiting.available_permits() == PLACES - 3).then_some(()))
        .await;
    assert_eq!(site.all("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await, "", "a fourth is closed without an answer");
    drop(held);
    eventually("their places to be free", async || {
        let answer = site.all("GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        answer.starts_with("HTTP/1.1 200").then_some(())
    })
    .await;

    let behind = Site::with(|config| {
        few(config);
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(behind.connect().await);
    }
    behind.is_up().await;
}
