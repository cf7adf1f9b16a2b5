//! Load by gRPC: frames of HTTP/2 (RFC 9113) made before they are sent, a few connections on one thread. What a client's
//! library spends on a call would not be there for the server, which shares its cores.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use crate::load::{Outcome, Pace, TICK};

/// What a connection begins with (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// No table of header fields, no pushes, and 16 MB of an answer (RFC 9113 §6.5.2).
const SETTINGS: [(u16, u32); 3] = [(1, 0), (2, 0), (4, 1 << 24)];
/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most that calls under way on a connection may send: what a server grants at first (RFC 9113 §6.9.2).
const WINDOW: usize = 65_535 / 2;

/// Types of frames and their flags (RFC 9113 §6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS_FRAME: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A call: its block of header fields, and its message with the prefix.
pub(crate) struct Call {
    head: Bytes,
    body: Bytes,
}

impl Call {
    /// A call of `path` at `authority`, with metadata and a message.
    pub(crate) fn new(authority: &str, path: &str, metadata: &[(&str, &str)], message: &[u8]) -> Self {
        let mut head = BytesMut::new();
        head.put_slice(&[0x83, 0x86]); // POST, http: in HPACK's static table (RFC 7541 appendix A)
        for (name, value) in [(0x04, path), (0x01, authority)] {
            head.put_u8(name);
            text(&mut head, value);
        }
        for (name, value) in metadata {
            head.put_u8(0x00);
            text(&mut head, name);
            text(&mut head, value);
        }
        let mut body = BytesMut::with_capacity(5 + message.len());
        body.put_u8(0);
        body.put_u32(u32::try_from(message.len()).expect("a short message"));
        body.put_slice(message);
        Self { head: head.freeze(), body: body.freeze() }
    }
}

/// A string as it is (RFC 7541 §5.2), its length with a prefix of seven bits (§5.1).
fn text(block: &mut BytesMut, text: &str) {
    match text.len() {
        short @ 0..127 => block.put_u8(short as u8),
        long => {
            block.put_u8(127);
            let mut left = long - 127;
            while left >= 128 {
                block.put_u8((left % 128) as u8 | 128);
                left /= 128;
            }
            block.put_u8(left as u8);
        }
    }
    block.put_slice(text.as_bytes());
}

/// Loads `servers` for `length` with `calls` at a time over `connections`, these in turn to the servers; the calls are
/// `of` these, again and again.
pub(crate) async fn load(
    servers: &[SocketAddr],
    pace: Pace,
    (connections, calls): (usize, usize),
    length: Duration,
    of: Vec<Call>,
) -> Outcome {
    let largest = of.iter().map(|call| call.body.len()).max().unwrap_or_default();
    assert!(calls.div_ceil(connections) * largest <= WINDOW, "the calls under way fit the window of a connection");
    let servers: Vec<SocketAddr> = servers.iter().copied().cycle().take(connections).collect();
    let load = move || Load::open(&servers, pace, calls / connections, length, of).and_then(Load::run);
    tokio::task::spawn_blocking(load).await.expect("a load does not panic").expect("the server keeps its connections")
}

/// A load under way.
struct Load {
    lines: Vec<Line>,
    pace: Pace,
    /// Calls under way on a connection, at most.
    most: usize,
    length: Duration,
    calls: Vec<Call>,
    begun: Instant,
    next: usize,
    outcome: Outcome,
}

impl Load {
    fn open(servers: &[SocketAddr], pace: Pace, most: usize, length: Duration, calls: Vec<Call>) -> io::Result<Self> {
        let lines = servers.iter().map(|server| Line::open(*server)).collect::<io::Result<Vec<Line>>>()?;
        Ok(Self { lines, pace, most, length, calls, begun: Instant::now(), next: 0, outcome: Outcome::none() })
    }

    fn run(mut self) -> io::Result<Outcome> {
        self.begun = Instant::now();
        let mut last = self.begun;
        loop {
            let now = Instant::now();
            if now < self.begun + self.length {
                self.send(now);
            } else if self.lines.iter().all(|line| line.under_way.is_empty()) {
                break;
            } else if now > self.begun + self.length + PATIENCE {
                return Err(io::Error::other("calls are not answered"));
            }
            for line in &mut self.lines {
                line.flush()?;
            }
            self.wait()?;
            for line in &mut self.lines {
                if line.receive(&mut self.outcome)? {
                    last = Instant::now();
                }
            }
        }
        let took = (last - self.begun).max(self.length);
        self.outcome.rate = self.outcome.latency.len() as f64 / took.as_secs_f64();
        Ok(self.outcome)
    }

    /// Puts what is due on connections that have room.
    fn send(&mut self, now: Instant) {
        let (most, count) = (self.most, self.lines.len());
        let due = match self.pace {
            Pace::Open(rate) => ((now - self.begun).as_secs_f64() * rate) as usize + 1,
            Pace::Closed => usize::MAX,
        };
        while self.next < due {
            let turn = self.next;
            let free =
                (0..count).map(|other| (turn + other) % count).find(|line| self.lines[*line].under_way.len() < most);
            let Some(line) = free else { return };
            let since = match self.pace {
                Pace::Open(rate) => self.begun + Duration::from_secs_f64(turn as f64 / rate),
                Pace::Closed => now,
            };
            self.lines[line].send(&self.calls[turn % self.calls.len()], since);
            self.next += 1;
        }
    }

    /// Until there is an answer, room for what is to be sent, or more to send.
    fn wait(&self) -> io::Result<()> {
        let wait = match self.pace {
            Pace::Open(_) => TICK,
            Pace::Closed => Duration::from_millis(100),
        };
        let until = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
        let of = |line: &Line| if line.unsent.is_empty() { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT };
        let mut waiting: Vec<PollFd<'_>> = self.lines.iter().map(|line| PollFd::new(&line.stream, of(line))).collect();
        match poll(&mut waiting, Some(&until)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// A call that waits for its answer.
struct UnderWay {
    /// Since when it is due.
    since: Instant,
    /// When its message came, which only success has.
    answered: Option<Instant>,
}

/// A connection.
struct Line {
    stream: TcpStream,
    unsent: BytesMut,
    unread: BytesMut,
    under_way: HashMap<u32, UnderWay>,
    next_stream: u32,
    /// What the first answer ended with; the others end like it.
    ending: Bytes,
}

impl Line {
    fn open(server: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut unsent = BytesMut::from(PREFACE);
        frame(&mut unsent, SETTINGS_FRAME, 0, 0, SETTINGS.len() * 6);
        for (setting, value) in SETTINGS {
            unsent.put_u16(setting);
            unsent.put_u32(value);
        }
        frame(&mut unsent, WINDOW_UPDATE, 0, 0, 4);
        unsent.put_u32((1 << 31) - 1 - 65_535); // all answers of a load
        let (unread, under_way) = (BytesMut::with_capacity(256 * 1024), HashMap::new());
        Ok(Self { stream, unsent, unread, under_way, next_stream: 1, ending: Bytes::new() })
    }

    fn send(&mut self, call: &Call, since: Instant) {
        let stream = self.next_stream;
        self.next_stream += 2;
        frame(&mut self.unsent, HEADERS, END_HEADERS, stream, call.head.len());
        self.unsent.put_slice(&call.head);
        frame(&mut self.unsent, DATA, END_STREAM, stream, call.body.len());
        self.unsent.put_slice(&call.body);
        self.under_way.insert(stream, UnderWay { since, answered: None });
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(written) => self.unsent.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what has come; whether a call ended with it.
    fn receive(&mut self, outcome: &mut Outcome) -> io::Result<bool> {
        let (mut piece, before) = ([0; 32 * 1024], self.under_way.len());
        match self.stream.read(&mut piece) {
            Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection")),
            Ok(read) => self.unread.put_slice(&piece[..read]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
        let now = Instant::now();
        while let Some((kind, flags, stream, payload)) = self.frame() {
            self.take(kind, flags, stream, &payload, now, outcome)?;
        }
        Ok(self.under_way.len() < before)
    }

    /// The next frame that is there whole (RFC 9113 §4.1).
    fn frame(&mut self) -> Option<(u8, u8, u32, Bytes)> {
        let head = self.unread.first_chunk::<9>()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let (kind, flags) = (head[3], head[4]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & (u32::MAX >> 1);
        if self.unread.len() < 9 + length {
            return None;
        }
        self.unread.advance(9);
        Some((kind, flags, stream, self.unread.split_to(length).freeze()))
    }

    fn take(
        &mut self,
        kind: u8,
        flags: u8,
        stream: u32,
        payload: &Bytes,
        now: Instant,
        outcome: &mut Outcome,
    ) -> io::Result<()> {
        match kind {
            SETTINGS_FRAME if flags & ACK == 0 => frame(&mut self.unsent, SETTINGS_FRAME, ACK, 0, 0),
            PING if flags & ACK == 0 => {
                frame(&mut self.unsent, PING, ACK, 0, payload.len());
                self.unsent.put_slice(payload);
            }
            GOAWAY => return Err(io::Error::other(format!("the server goes away: {payload:?}"))),
            DATA if payload.len() > 5 => {
                if let Some(call) = self.under_way.get_mut(&stream) {
                    call.answered = Some(now);
                }
            }
            HEADERS | RST_STREAM if kind == RST_STREAM || flags & END_STREAM != 0 => {
                let Some(call) = self.under_way.remove(&stream) else { return Ok(()) };
                if self.ending.is_empty() {
                    self.ending = payload.clone();
                }
                // A failure has no message, and its trailers say so in other bytes: nothing is written into a table here.
                match call.answered.filter(|_| kind == HEADERS && *payload == self.ending) {
                    Some(answered) => outcome.counts(now - call.since, answered - call.since),
                    None => outcome.fails(|| String::from_utf8_lossy(payload).into_owned()),
                }
            }
            _ => {} // the beginnings of answers, and what is granted to us
        }
        Ok(())
    }
}

/// The head of a frame.
fn frame(to: &mut BytesMut, kind: u8, flags: u8, stream: u32, length: usize) {
    to.put_uint(length as u64, 3);
    to.put_u8(kind);
    to.put_u8(flags);
    to.put_u32(stream);
}
