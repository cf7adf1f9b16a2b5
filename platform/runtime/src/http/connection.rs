//! One connection: HTTP/1.1, or HTTP/2 where the client begins so, which gRPC does.

use std::{convert::Infallible, net::SocketAddr, pin::pin, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::Watcher,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::write_pause::limit_write_pauses;
use crate::{config::LimitsConfig, edge::Peer};

/// Requests under way on one connection of HTTP/2.
const STREAMS: u32 = 256;
/// How often a client of HTTP/2 is asked whether it is still there, and how long it may take to say so.
const ALIVE: Duration = Duration::from_secs(20);
/// After so long a connection of HTTP/2 ends with what is under way, and its client connects anew: where several processes
/// stand behind one address, all of them are asked.
const OLDEST: Duration = Duration::from_secs(60);

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    Http2,
}

impl Version {
    /// By what the client sends first: the preface of HTTP/2 (RFC 9113 §3.4) begins as no method of ours does.
    pub(super) async fn begun(stream: &TcpStream) -> Self {
        let mut first = [0; 3];
        match stream.peek(&mut first).await {
            Ok(3) if first == *b"PRI" => Version::Http2,
            _ => Version::Http1,
        }
    }

    /// By what both sides agreed on (RFC 7301).
    pub(super) fn agreed(protocol: Option<&[u8]>) -> Self {
        match protocol {
            Some(b"h2") => Version::Http2,
            _ => Version::Http1,
        }
    }
}

/// Both protocols, within the same limits.
#[derive(Clone)]
pub(super) struct Protocols {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl Protocols {
    pub(super) fn new(limits: &LimitsConfig) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_header_size(limits.head_bytes)
            .max_headers(limits.header_fields);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
            .max_concurrent_streams(STREAMS)
            .keep_alive_interval(ALIVE)
            .keep_alive_timeout(ALIVE);
        Self { http1, http2 }
    }
}

/// What one connection is served with.
pub(super) struct Serving {
    pub(super) protocols: Protocols,
    pub(super) write_pause: Duration,
    pub(super) watcher: Watcher,
    pub(super) leaving: CancellationToken,
    pub(super) router: Router,
    pub(super) peer: SocketAddr,
}

impl Serving {
    pub(super) async fn serve(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        version: Version,
        certified: Option<Peer>,
    ) {
        let Self { protocols, write_pause, watcher, leaving, router, peer } = self;
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
        let ended = match version {
            Version::Http1 => watcher.watch(protocols.http1.serve_connection(io, service)).await,
            Version::Http2 => {
                let mut connection = pin!(protocols.http2.serve_connection(io, service));
                let leave = tokio::time::timeout(OLDEST, leaving.cancelled());
                tokio::select! {
                    ended = connection.as_mut() => ended,
                    _ = leave => {
                        connection.as_mut().graceful_shutdown();
                        connection.await
                    }
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "connection ended");
        }
    }
}
