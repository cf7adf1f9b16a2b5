//! Load over HTTP/1.1, from beside the server: an open loop with latencies counted from when a request was due, and a closed
//! loop that finds the most a server takes. Load by gRPC is in `grpc_load.rs`.
//!
//! A slow answer does not slow the schedule down: a request that has to wait for a free connection has waited since it was
//! due, which is what leaving waits out ("coordinated omission") would hide.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures::future::join_all;
use hdrhistogram::Histogram;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
    time::Instant,
};

/// Makes the bytes of the n-th request.
pub(crate) type Request = Arc<dyn Fn(u64) -> Bytes + Send + Sync>;

/// What came of a load.
pub(crate) struct Outcome {
    /// Answers a second.
    pub(crate) rate: f64,
    /// Answers that were not 2xx, and connections that broke.
    pub(crate) failed: u64,
    /// Latencies in microseconds.
    pub(crate) latency: Histogram<u64>,
    /// Until an answer's first byte, in microseconds.
    pub(crate) first_byte: Histogram<u64>,
    /// The first thing that failed.
    pub(crate) complaint: Option<String>,
}

impl Outcome {
    /// A percentile of the latency, in milliseconds.
    pub(crate) fn milliseconds(&self, percentile: f64) -> f64 {
        self.latency.value_at_percentile(percentile) as f64 / 1000.0
    }

    /// Nothing yet.
    pub(crate) fn none() -> Self {
        Self { rate: 0.0, failed: 0, latency: histogram(), first_byte: histogram(), complaint: None }
    }

    /// An answer.
    pub(crate) fn counts(&mut self, latency: Duration, first_byte: Duration) {
        let micros = |since: Duration| u64::try_from(since.as_micros()).unwrap_or(u64::MAX).max(1);
        self.latency.saturating_record(micros(latency));
        self.first_byte.saturating_record(micros(first_byte));
    }

    /// A failure; what it `says` is kept of the first.
    pub(crate) fn fails(&mut self, says: impl FnOnce() -> String) {
        self.failed += 1;
        self.complaint.get_or_insert_with(says);
    }

    /// Panics when anything failed: a figure with failures in it is none.
    pub(crate) fn whole(self, what: &str) -> Self {
        assert!(self.failed == 0, "{what}: {} requests failed, the first: {:?}", self.failed, self.complaint);
        self
    }
}

/// How the requests are paced.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// So many a second are due, whatever becomes of those before.
    Open(f64),
    /// Each connection sends its next as soon as it has its answer.
    Closed,
}

/// Loads `server` for `length` over `connections` of HTTP/1.1.
pub(crate) async fn load(
    server: SocketAddr,
    pace: Pace,
    connections: usize,
    length: Duration,
    request: Request,
) -> Outcome {
    load_all(&[server], pace, connections, length, request).await
}

/// The same, the connections in turn to these servers.
pub(crate) async fn load_all(
    servers: &[SocketAddr],
    pace: Pace,
    connections: usize,
    length: Duration,
    request: Request,
) -> Outcome {
    let mut open = Vec::with_capacity(connections);
    for server in servers.iter().cycle().take(connections) {
        let connection = Connection::open(*server).await.expect("the server takes connections");
        open.push((connection, Outcome::none()));
    }
    let next = Arc::new(AtomicU64::new(0));
    let turns = Arc::new(Semaphore::new(0));
    let begun = Instant::now();
    if let Pace::Open(rate) = pace {
        let turns = turns.clone();
        thread::spawn(move || open_turns(rate, begun, length, &turns));
    }
    let workers = open.into_iter().map(|(connection, outcome)| {
        let (next, turns) = (next.clone(), turns.clone());
        let worker =
            Worker { server: servers[0], connection, pace, begun, length, next, turns, request: request.clone() };
        tokio::spawn(worker.run(outcome))
    });
    let mut all = Outcome::none();
    let mut last = begun;
    for done in join_all(workers).await {
        let (one, ended) = done.expect("a worker does not panic");
        all.failed += one.failed;
        all.complaint = all.complaint.or(one.complaint);
        all.latency.add(&one.latency).expect("histograms of one kind");
        all.first_byte.add(&one.first_byte).expect("histograms of one kind");
        last = last.max(ended);
    }
    all.rate = all.latency.len() as f64 / (last - begun).as_secs_f64().max(length.as_secs_f64());
    all
}

/// How often turns are opened: each wakes the generator, which would otherwise cost the two cores more than what it measures.
pub(crate) const TICK: Duration = Duration::from_micros(500);

/// Opens the turns of the requests that have become due, every [`TICK`], and closes when `length` has passed. On a thread of its own: the
/// kernel's clock keeps to some microseconds, tokio's to a millisecond.
fn open_turns(rate: f64, begun: Instant, length: Duration, turns: &Semaphore) {
    let mut opened = 0;
    while begun.elapsed() < length {
        let due = (begun.elapsed().as_secs_f64() * rate) as usize + 1;
        turns.add_permits(due - opened);
        opened = due;
        let next = begun + Duration::from_secs_f64(due as f64 / rate).max(begun.elapsed() + TICK);
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    turns.close();
}

/// In memory that is there: the kernel clears it when it is first written, which for a hundred connections takes the two cores longer
/// than a hundred requests.
fn histogram() -> Histogram<u64> {
    let mut histogram = Histogram::new_with_bounds(1, 600_000_000, 3).expect("sensible bounds");
    histogram.clear();
    histogram
}

struct Worker {
    server: SocketAddr,
    connection: Connection,
    pace: Pace,
    begun: Instant,
    length: Duration,
    next: Arc<AtomicU64>,
    turns: Arc<Semaphore>,
    request: Request,
}

impl Worker {
    async fn run(mut self, mut outcome: Outcome) -> (Outcome, Instant) {
        loop {
            if let Pace::Open(_) = self.pace {
                let Ok(turn) = self.turns.acquire().await else { return (outcome, Instant::now()) };
                turn.forget();
            }
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let due = match self.pace {
                Pace::Open(rate) => self.begun + Duration::from_secs_f64(number as f64 / rate),
                Pace::Closed => Instant::now(),
            };
            if due >= self.begun + self.length {
                return (outcome, Instant::now());
            }
            let request = (self.request)(number);
            match self.connection.exchange(&request).await {
                Ok((status, begun)) => {
                    outcome.counts(due.elapsed(), begun - due);
                    if !(200..300).contains(&status) {
                        outcome.fails(|| self.connection.said());
                    }
                }
                Err(error) => {
                    outcome.fails(|| error.to_string());
                    match Connection::open(self.server).await {
                        Ok(fresh) => self.connection = fresh,
                        Err(_) => return (outcome, Instant::now()),
                    }
                }
            }
        }
    }
}

/// A kept-alive connection.
struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Connection {
    /// A fresh one.
    async fn open(server: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: BytesMut::with_capacity(256 * 1024) })
    }

    /// Sends a request and reads the whole answer; gives its status, and when its first bytes came.
    async fn exchange(&mut self, request: &Bytes) -> io::Result<(u16, Instant)> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let mut begun = None;
        let head = loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection"));
            }
            begun.get_or_insert_with(Instant::now);
        };
        let text = String::from_utf8_lossy(&self.buffer[..head]).to_ascii_lowercase();
        let status = text.get(9..12).and_then(|status| status.parse().ok());
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        let (Some(status), Some(length)) = (status, length) else {
            return Err(io::Error::other(format!("an answer without status or length: {text}")));
        };
        let mut missing = (head + length).saturating_sub(self.buffer.len());
        let small = head + length <= 64 * 1024;
        while missing > 0 {
            if !small {
                self.buffer.clear(); // a long body is counted, not kept
            }
            let read = self.stream.read_buf(&mut self.buffer).await?;
            if read == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection in a body"));
            }
            missing = missing.saturating_sub(read);
        }
        Ok((status, begun.unwrap_or_else(Instant::now)))
    }

    /// The last answer, for a complaint.
    fn said(&self) -> String {
        String::from_utf8_lossy(&self.buffer[..self.buffer.len().min(1500)]).into_owned()
    }
}

/// A request without a body.
pub(crate) fn get(host: &str, path: &str) -> Bytes {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").into()
}

/// The same for all bytes but the first.
pub(crate) fn get_rest(host: &str, path: &str) -> Bytes {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nRange: bytes=1-\r\n\r\n").into()
}

/// A request with a JSON body and these header lines, each ended by CRLF.
pub(crate) fn post(host: &str, path: &str, headers: &str, body: &str) -> Bytes {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
    .into()
}
