//! A server that does to each request what it is told to: a module that is sick in one way or another.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// A page without notes.
    Well,
    /// 503 with this `Retry-After`.
    Busy(u32),
    /// 503, and from then on nothing.
    BusyOnce,
    /// A fault that it tells of.
    Fault,
    /// The connection is closed without a word.
    Drop,
    /// The connection is closed within the answer.
    Half,
    /// Nothing, for ever.
    Hang,
    /// A byte now and then.
    Trickle,
    /// What is not HTTP.
    Garbage,
    /// JSON of another shape.
    OtherShape,
    /// An answer of 100 MB.
    Flood,
}

/// The server, for as long as the value lives.
pub struct Sick {
    pub base: String,
    act: Arc<Mutex<Act>>,
    asked: Arc<AtomicUsize>,
    written: Arc<AtomicUsize>,
    contexts: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

const FLOOD: usize = 100 << 20;

impl Sick {
    pub async fn new(act: Act) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let act = Arc::new(Mutex::new(act));
        let (asked, written) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let contexts = Arc::<Mutex<Vec<String>>>::default();
        let seen = (act.clone(), asked.clone(), written.clone(), contexts.clone());
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, seen.clone()));
            }
        });
        Self { base, act, asked, written, contexts, task }
    }

    /// What happens from now on.
    pub fn acts(&self, act: Act) {
        *self.act.lock().unwrap() = act;
    }

    /// How many requests came.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// The signed contexts that came.
    pub fn contexts(&self) -> Vec<String> {
        self.contexts.lock().unwrap().clone()
    }

    /// How many bytes of floods went out.
    pub fn written(&self) -> usize {
        self.written.load(Ordering::SeqCst)
    }
}

impl Drop for Sick {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Seen = (Arc<Mutex<Act>>, Arc<AtomicUsize>, Arc<AtomicUsize>, Arc<Mutex<Vec<String>>>);

async fn serve(mut stream: TcpStream, (acts, asked, written, contexts): Seen) -> Option<()> {
    loop {
        let context = request(&mut stream).await?;
        contexts.lock().unwrap().extend(context);
        asked.fetch_add(1, Ordering::SeqCst);
        let act = *acts.lock().unwrap();
        match act {
            Act::Well => answer(&mut stream, "200 OK", r#"{"data": []}"#).await?,
            Act::Busy(wait) => busy(&mut stream, wait).await?,
            Act::BusyOnce => {
                *acts.lock().unwrap() = Act::Hang;
                busy(&mut stream, 0).await?;
            }
            Act::Fault => answer(&mut stream, "500 Oh", r#"{"code": "internal", "detail": "a fault"}"#).await?,
            Act::OtherShape => answer(&mut stream, "200 OK", r#"{"notes": [1, 2, 3]}"#).await?,
            Act::Drop => return None,
            Act::Half => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"data\": [").await.ok()?;
                return None;
            }
            Act::Garbage => {
                stream.write_all(b"\x00\x01SSH-2.0-what\r\n\r\n").await.ok()?;
                return None;
            }
            Act::Hang => std::future::pending().await,
            Act::Trickle => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").await.ok()?;
                loop {
                    stream.write_all(b" ").await.ok()?;
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
            }
            Act::Flood => {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {FLOOD}\r\n\r\n");
                stream.write_all(head.as_bytes()).await.ok()?;
                let piece = vec![b' '; 1 << 16];
                for _ in 0..FLOOD / piece.len() {
                    stream.write_all(&piece).await.ok()?;
                    written.fetch_add(piece.len(), Ordering::SeqCst);
                }
            }
        }
    }
}

async fn busy(stream: &mut TcpStream, wait: u32) -> Option<()> {
    let status = format!("503 Service Unavailable\r\nretry-after: {wait}");
    answer(stream, &status, r#"{"code": "unavailable", "detail": "busy"}"#).await
}

async fn answer(stream: &mut TcpStream, status: &str, body: &str) -> Option<()> {
    let answer =
        format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).await.ok()
}

/// Reads one request, body and all; gives its signed context.
async fn request(stream: &mut TcpStream) -> Option<Option<String>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let value = |name: &str| {
        let named = |line: &&str| line.split_once(": ").is_some_and(|(found, _)| found.eq_ignore_ascii_case(name));
        Some(head.lines().find(named)?.split_once(": ")?.1.to_owned())
    };
    let mut body = vec![0; value("content-length").map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    Some(value("tessera-cx"))
}
