//! Listening, and stopping without cutting anyone off.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tessera_mtls::Mtls;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use super::{
    Readiness,
    seats::{Seat, Seats},
    write_pause::limit_write_pauses,
};
use crate::{config::LimitsConfig, edge::Peer, shutdown::Shutdown};

/// Why an address cannot be listened on. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another program has it.
    #[error(
        "port {} on {} is taken by another program: stop that one, or choose another port with PORT=…, --port, \
         server.listen or TESSERA_SERVER__LISTEN",
        .0.port(), .0.ip()
    )]
    Taken(SocketAddr),
    /// It is not ours to take.
    #[error("port {} needs privileges that this process has not: choose a port of 1024 or above", .0.port())]
    Privileged(SocketAddr),
    /// Something else.
    #[error("listening on {address}: {source}; check that the address is one of this machine's")]
    Other {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

/// Takes the address; nobody is answered before the listener is served.
///
/// # Errors
/// [`ListenError`].
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::Taken(address),
        io::ErrorKind::PermissionDenied => ListenError::Privileged(address),
        _ => ListenError::Other { address, source },
    })
}

/// A connection that is open, for metrics.
struct Open(metrics::Gauge);

impl Open {
    fn new() -> Self {
        let gauge = metrics::gauge!("tessera_http_connections");
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// How a listener's connections ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were open when the stop was asked for.
    pub open: usize,
    /// Those of them that had not finished when the time was up, and were cut off.
    pub cut_off: usize,
    /// How long it took from the request to stop.
    pub took: Duration,
}

impl Drained {
    /// Of two listeners that were stopped together.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self { open: self.open + other.open, cut_off: self.cut_off + other.cut_off, took: self.took.max(other.took) }
    }
}

/// The connections of one listener.
struct Connections {
    http: http1::Builder,
    write_pause: Duration,
    /// How long a client may take for a TLS handshake.
    handshake: Duration,
    tls: Option<TlsAcceptor>,
    graceful: GracefulShutdown,
    tasks: TaskTracker,
    cut: CancellationToken,
    router: Router,
}

pub(super) async fn serve(
    listener: TcpListener,
    tls: Option<&Mtls>,
    router: Router,
    (limits, seats): (&LimitsConfig, Seats),
    readiness: &Readiness,
    shutdown: &Shutdown,
) -> Drained {
    let connections = Connections {
        http: http(limits),
        write_pause: limits.write_pause,
        handshake: limits.head,
        tls: tls.map(|mtls| TlsAcceptor::from(mtls.server())),
        graceful: GracefulShutdown::new(),
        tasks: TaskTracker::new(),
        cut: CancellationToken::new(),
        router,
    };
    metrics::gauge!("tessera_http_connections_limit").set(limits.connections as f64);
    let slots = Arc::new(Semaphore::new(limits.connections));
    let notice = async {
        shutdown.requested().await;
        readiness.drain();
        tokio::time::sleep(limits.drain_notice).await;
    };
    tokio::pin!(notice);
    loop {
        tokio::select! {
            biased;
            () = &mut notice => break,
            (stream, peer, slot) = accept(&listener, &slots) => match seats.take(peer.ip()) {
                Some(seat) => connections.take(stream, peer, (slot, seat)),
                None => metrics::counter!("tessera_http_connections_refused_total").increment(1),
            },
        }
    }
    drop(listener);
    connections.drain(limits.drain).await
}

fn http(limits: &LimitsConfig) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_header_size(limits.head_bytes)
        .max_headers(limits.header_fields);
    http
}

/// The next connection, once there is room for it. What keeps one from being taken (no more file handles) passes.
async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let slot = slots.clone().acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, slot),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

impl Connections {
    fn take(&self, stream: TcpStream, peer: SocketAddr, place: (OwnedSemaphorePermit, Seat)) {
        // Without it the tail of each answer may wait for the client's delayed acknowledgement.
        let _speed_only = stream.set_nodelay(true);
        let (cut, open) = (self.cut.clone(), Open::new());
        let serving = Serving {
            http: self.http.clone(),
            write_pause: self.write_pause,
            watcher: self.graceful.watcher(),
            router: self.router.clone(),
            peer,
        };
        let (tls, handshake) = (self.tls.clone(), self.handshake);
        self.tasks.spawn(async move {
            let ended = async {
                let Some(tls) = tls else { return serving.serve(stream, None).await };
                match tokio::time::timeout(handshake, tls.accept(stream)).await {
                    Ok(Ok(stream)) => {
                        let names = Mtls::peer(stream.get_ref().1.peer_certificates());
                        serving.serve(stream, Some(Peer(names.into()))).await;
                    }
                    Ok(Err(error)) => tracing::warn!(%error, "a connection between modules was refused"),
                    Err(_) => tracing::debug!("a TLS handshake took too long"),
                }
            };
            tokio::select! {
                () = ended => {}
                () = cut.cancelled() => {}
            }
            drop((place, open));
        });
    }

    async fn drain(self, limit: Duration) -> Drained {
        let (begun, open) = (Instant::now(), self.tasks.len());
        self.tasks.close();
        let all = async { tokio::join!(self.graceful.shutdown(), self.tasks.wait()) };
        let in_time = tokio::time::timeout(limit, all).await.is_ok();
        let cut_off = if in_time { 0 } else { self.tasks.len() };
        self.cut.cancel();
        self.tasks.wait().await;
        Drained { open, cut_off, took: begun.elapsed() }
    }
}

/// What one connection is served with.
struct Serving {
    http: http1::Builder,
    write_pause: Duration,
    watcher: Watcher,
    router: Router,
    peer: SocketAddr,
}

impl Serving {
    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, certified: Option<Peer>) {
        let Self { http, write_pause, watcher, router, peer } = self;
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            if let Some(certified) = certified.clone() {
                request.extensions_mut().insert(certified);
            }
            let router = router.clone();
            async move { Ok::<_, Infallible>(router.oneshot(request).await.unwrap_or_else(|never| match never {})) }
        });
        let io = TokioIo::new(limit_write_pauses(stream, write_pause));
        if let Err(error) = watcher.watch(http.serve_connection(io, service)).await {
            tracing::debug!(%error, "connection ended");
        }
    }
}
