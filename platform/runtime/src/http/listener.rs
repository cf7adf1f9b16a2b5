//! Listening, and stopping without cutting anyone off.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper_util::server::graceful::GracefulShutdown;
use tessera_mtls::Mtls;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Readiness,
    connection::{Protocols, Serving, Version},
    seats::{Seat, Seats},
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
    protocols: Protocols,
    write_pause: Duration,
    /// How long a client may take for a TLS handshake, and to begin.
    handshake: Duration,
    tls: Option<TlsAcceptor>,
    graceful: GracefulShutdown,
    /// Asks connections to end with the requests that are under way.
    leaving: CancellationToken,
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
        protocols: Protocols::new(limits),
        write_pause: limits.write_pause,
        handshake: limits.head,
        tls: tls.map(|mtls| TlsAcceptor::from(mtls.server())),
        graceful: GracefulShutdown::new(),
        leaving: CancellationToken::new(),
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
            protocols: self.protocols.clone(),
            write_pause: self.write_pause,
            watcher: self.graceful.watcher(),
            leaving: self.leaving.clone(),
            router: self.router.clone(),
            peer,
        };
        let (tls, handshake) = (self.tls.clone(), self.handshake);
        self.tasks.spawn(async move {
            let ended = async {
                let Some(tls) = tls else {
                    return match tokio::time::timeout(handshake, Version::begun(&stream)).await {
                        Ok(version) => serving.serve(stream, version, None).await,
                        Err(_) => tracing::debug!("a connection began nothing"),
                    };
                };
                match tokio::time::timeout(handshake, tls.accept(stream)).await {
                    Ok(Ok(stream)) => {
                        let session = stream.get_ref().1;
                        let (version, names) =
                            (Version::agreed(session.alpn_protocol()), Mtls::peer(session.peer_certificates()));
                        serving.serve(stream, version, Some(Peer(names.into()))).await;
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
        self.leaving.cancel();
        let all = async { tokio::join!(self.graceful.shutdown(), self.tasks.wait()) };
        let in_time = tokio::time::timeout(limit, all).await.is_ok();
        let cut_off = if in_time { 0 } else { self.tasks.len() };
        self.cut.cancel();
        self.tasks.wait().await;
        Drained { open, cut_off, took: begun.elapsed() }
    }
}
