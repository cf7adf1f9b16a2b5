//! Load by gRPC: calls as streams of few connections, as a client of it has them.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Request, Uri};
use tokio::{net::TcpStream, task::JoinHandle, time::Instant};

use crate::load::{Line, Outcome, Pace, load_over};

/// A call: where to, with which metadata, and the framed message.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) uri: Uri,
    pub(crate) metadata: HeaderMap,
    pub(crate) message: Bytes,
}

/// Loads `servers` for `length` with `calls` at a time over `connections`, these in turn to the servers.
pub(crate) async fn load(
    servers: &[SocketAddr],
    pace: Pace,
    (connections, calls): (usize, usize),
    length: Duration,
    call: Arc<dyn Fn(u64) -> Call + Send + Sync>,
) -> Outcome {
    let mut shared = Vec::with_capacity(connections);
    for server in servers.iter().cycle().take(connections) {
        shared.push(Stream::open(*server).await.expect("the server takes connections"));
    }
    let streams = (0..calls).map(|number| shared[number % connections].clone()).collect();
    load_over(streams, servers[0], pace, length, call).await
}

/// A place for one call at a time on a connection.
#[derive(Clone)]
struct Stream {
    send: SendRequest<Bytes>,
    said: String,
    _connection: Arc<Driver>,
}

/// Reads and writes for all calls of a connection, for as long as somebody has one.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Line for Stream {
    type Request = Call;

    async fn open(server: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let (send, connection) = h2::client::handshake(stream).await.map_err(io::Error::other)?;
        let driver = tokio::spawn(async move {
            let _ended = connection.await; // its calls say what is wrong
        });
        Ok(Self { send, said: String::new(), _connection: Arc::new(Driver(driver)) })
    }

    async fn exchange(&mut self, call: &Call) -> io::Result<(u16, Instant)> {
        let Call { uri, metadata, message } = call.clone();
        let mut request = Request::new(());
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = uri;
        *request.headers_mut() = metadata;
        self.send = self.send.clone().ready().await.map_err(io::Error::other)?;
        let (answer, mut body) = self.send.send_request(request, false).map_err(io::Error::other)?;
        body.send_data(message, true).map_err(io::Error::other)?;
        let (head, mut body) = answer.await.map_err(io::Error::other)?.into_parts();
        let begun = Instant::now();
        while let Some(data) = body.data().await {
            let length = data.map_err(io::Error::other)?.len();
            body.flow_control().release_capacity(length).map_err(io::Error::other)?;
        }
        let trailers = body.trailers().await.map_err(io::Error::other)?.unwrap_or(head.headers);
        let fine = trailers.get("grpc-status").is_some_and(|status| status == "0");
        if !fine {
            self.said = format!("{:?} {trailers:?}", head.status);
        }
        Ok((if fine { 200 } else { 500 }, begun))
    }

    fn said(&self) -> String {
        self.said.clone()
    }
}
