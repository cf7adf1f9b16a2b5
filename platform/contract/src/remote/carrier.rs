//! What carries calls: hyper's own client between modules; where more is asked of a client (a proxy of the environment, names that
//! do not resolve), reqwest's, which is the same beneath.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Frame;
use hyper_rustls::{HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::{
    client::{
        legacy::{self, connect::HttpConnector},
        proxy::matcher::Matcher,
    },
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::net::TcpStream;
use tower::{BoxError, ServiceBuilder, util::BoxCloneSyncService};

use super::{Addresses, Protocol, RemoteConfig, addresses::written, install_tls, remote_client, remote_grpc_client};

/// How long a connection is kept that nobody uses: less than the other side keeps it, so that none is used as it closes.
pub(super) const IDLE: Duration = Duration::from_secs(20);
/// How often an idle connection is tried by TCP itself.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// What carries calls.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Over HTTP.
    pub(super) http: Carrier,
    /// By gRPC, of operations that travel so; all go over HTTP without it.
    pub(super) grpc: Option<Carrier>,
}

impl Clients {
    /// By these clients, whatever they are set to.
    pub fn of(http: reqwest::Client, grpc: Option<reqwest::Client>) -> Self {
        Self { http: Carrier::Whole(http), grpc: grpc.map(Carrier::Whole) }
    }

    /// For calls to the module at `addresses`, as `config` says; with `tls` in place of the web's authorities, where there is one.
    /// Where the environment names a proxy for one of them (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, but for `NO_PROXY`), calls go by it.
    pub fn between(addresses: &Addresses, config: &RemoteConfig, tls: Option<&rustls::ClientConfig>) -> Self {
        let by_grpc = addresses.protocol() == Protocol::Grpc;
        if by_proxy(addresses, &Matcher::from_env()) {
            let grpc = by_grpc.then(|| remote_grpc_client(config, tls.cloned()));
            return Self::of(remote_client(config, tls.cloned()), grpc);
        }
        let (http, grpc) = (connector(config, tls, false), by_grpc.then(|| connector(config, tls, true)));
        let client = |connector, http2| {
            let mut builder = legacy::Client::builder(TokioExecutor::new());
            builder.pool_timer(TokioTimer::new()).timer(TokioTimer::new()).pool_idle_timeout(IDLE);
            builder.pool_max_idle_per_host(config.connections.get()).http2_only(http2);
            Carrier::Direct(Arc::new(builder.build(connector)))
        };
        Self { http: client(http, false), grpc: grpc.map(|grpc| client(grpc, true)) }
    }
}

impl From<reqwest::Client> for Clients {
    fn from(http: reqwest::Client) -> Self {
        Self::of(http, None)
    }
}

fn by_proxy(addresses: &Addresses, proxies: &Matcher) -> bool {
    let uris = addresses.iter().filter_map(|address| written(address).parse::<Uri>().ok());
    uris.into_iter().any(|uri| proxies.intercept(&uri).is_some())
}

/// Makes connections, within a time.
type Connector = BoxCloneSyncService<Uri, MaybeHttpsStream<TokioIo<TcpStream>>, BoxError>;

fn connector(config: &RemoteConfig, tls: Option<&rustls::ClientConfig>, http2: bool) -> Connector {
    install_tls();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEPALIVE));
    tcp.set_connect_timeout(Some(config.connect_timeout()));
    let builder = match tls {
        Some(tls) => {
            let mut tls = tls.clone();
            tls.alpn_protocols = Vec::new(); // the builder says them
            HttpsConnectorBuilder::new().with_tls_config(tls).https_only()
        }
        None => HttpsConnectorBuilder::new().with_tls_config(of_the_web()).https_or_http(),
    };
    let connector = match http2 {
        true => builder.enable_http2().wrap_connector(tcp),
        false => builder.enable_http1().wrap_connector(tcp),
    };
    BoxCloneSyncService::new(ServiceBuilder::new().timeout(config.connect_timeout()).service(connector))
}

/// TLS by the machine's authorities, which are read once.
fn of_the_web() -> rustls::ClientConfig {
    static READ: OnceLock<rustls::ClientConfig> = OnceLock::new();
    let read = || {
        let config = rustls::ClientConfig::builder().with_platform_verifier();
        config.expect("a verifier is made once a TLS provider is installed").with_no_client_auth()
    };
    READ.get_or_init(read).clone()
}

/// One of them.
#[derive(Debug, Clone)]
pub(super) enum Carrier {
    Direct(Arc<legacy::Client<Connector, Full<Bytes>>>),
    Whole(reqwest::Client),
}

impl Carrier {
    /// The head of the answer, and its body as it comes. Nothing here ends with a deadline.
    pub(super) async fn send(&self, request: Request<Bytes>) -> Result<Response<Incoming>, NoAnswer> {
        match self {
            Carrier::Direct(client) => {
                let answer = client.request(request.map(Full::new)).await.map_err(NoAnswer::Direct)?;
                Ok(answer.map(Incoming::Direct))
            }
            Carrier::Whole(client) => {
                let request = reqwest::Request::try_from(request).map_err(NoAnswer::Whole)?;
                let answer = client.execute(request).await.map_err(NoAnswer::Whole)?;
                Ok(Response::from(answer).map(Incoming::Whole))
            }
        }
    }
}

/// The body of an answer.
pub(super) enum Incoming {
    Direct(hyper::body::Incoming),
    Whole(reqwest::Body),
}

impl Incoming {
    /// Its next piece, or its trailers.
    pub(super) async fn frame(&mut self) -> Option<Result<Frame<Bytes>, NoAnswer>> {
        match self {
            Incoming::Direct(body) => Some(body.frame().await?.map_err(NoAnswer::Body)),
            Incoming::Whole(body) => Some(body.frame().await?.map_err(NoAnswer::Whole)),
        }
    }
}

/// Why there is no answer, or no more of it.
pub(super) enum NoAnswer {
    Direct(legacy::Error),
    Body(hyper::Error),
    Whole(reqwest::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_environment_names_a_proxy_it_is_taken() {
        let proxies = Matcher::builder().https("http://proxy.example:3128").no("inside.example,10.0.0.0/8").build();
        for (addresses, expected) in [
            (&["https://crm.example/entitlement"][..], true),
            (&["https://inside.example/e", "https://crm.example/e"], true),
            (&["https://inside.example/e", "https://10.0.0.1:8443/e"], false),
            (&["http://crm.example/e"], false),
            (&["https://b\u{fc}cher.example/e"], true),
        ] {
            let addresses = Addresses::new(addresses.iter().map(|address| (*address).to_owned())).unwrap();
            assert_eq!(by_proxy(&addresses, &proxies), expected, "{addresses}");
        }
    }
}
