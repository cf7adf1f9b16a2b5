//! What a front passes on: requests that are no operation, for modules in other processes. Bodies stream both ways.
//!
//! Where the request came from travels signed, and so does the caller, where a front knows who that is. Cookies go to
//! identity alone, whose they are.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, BodyDataStream, Bytes, HttpBody},
    extract::{OriginalUri, Request, State},
    response::Response,
    routing::any,
};
use futures::Stream;
use http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts};
use tessera_contract::{
    Authenticate, CX_HEADER, CxSigner, FORWARDED_HEADER, Failure, FailureKind, Problem, sent_request_id,
};
use tessera_runtime::{edge::Edge, http::Server};
use tokio::{sync::watch, time::timeout};

use crate::{
    deployment::Deployment,
    modules::Part,
    places::{self, PartPlaces},
};

/// How long a module may take to begin its answer, once it has the whole request.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a body may make no way: longer than a client may pause, so that then it is the module that does not read.
const STALLED: Duration = Duration::from_secs(60);
/// When to come back to a module that is out of reach.
const COME_BACK: Duration = Duration::from_secs(2);

/// Headers that are about one connection (RFC 9110 §7.6.1), besides those that `connection` names.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A module's routes that are no operations, as a front passes them on.
#[derive(Debug, Clone, Copy)]
struct Beside {
    part: Part,
    /// For whom the caller's context is signed, where the route wants to know the caller. Elsewhere a credential is the
    /// module's own to check.
    audience: Option<&'static str>,
    cookies: bool,
}

const BESIDE: &[Beside] = &[
    Beside { part: Part::Delivery, audience: None, cookies: false },
    Beside { part: Part::Drm, audience: None, cookies: false },
    Beside { part: Part::Identity, audience: None, cookies: true },
    Beside { part: Part::Media, audience: Some("media"), cookies: false },
    Beside { part: Part::Tenancy, audience: Some("tenancy-platform"), cookies: false },
];

/// Identity's routes that stand beside its mount.
const OF_IDENTITY: &[&str] = &["/.well-known/openid-configuration", "/auth/{*rest}"];

/// The way to one module.
struct Way {
    beside: Beside,
    /// Requests so far: each goes to the next address.
    requests: AtomicUsize,
    places: Arc<PartPlaces>,
    signer: CxSigner,
    edge: Arc<Edge>,
}

/// The server with ways to the modules that are elsewhere.
pub(crate) fn passed_on(mut server: Server, deployment: &Deployment) -> Server {
    for beside in BESIDE.iter().filter(|beside| !deployment.here.has(beside.part)) {
        let places = deployment.elsewhere.places(beside.part);
        if places.way().is_none() {
            continue;
        }
        let way = Arc::new(Way {
            beside: *beside,
            requests: AtomicUsize::new(0),
            places: places.clone(),
            signer: deployment.elsewhere.remotes.signer.clone(),
            edge: deployment.edge.clone(),
        });
        let mount = beside.part.mount();
        server = server.mount(mount, Router::new().route("/{*rest}", any(pass_on)).with_state(way.clone()));
        if beside.part == Part::Identity {
            let routes = OF_IDENTITY.iter().fold(Router::new(), |router, path| router.route(path, any(pass_on)));
            server = server.merge(routes.with_state(way));
        }
    }
    server
}

async fn pass_on(State(way): State<Arc<Way>>, OriginalUri(uri): OriginalUri, request: Request) -> Response {
    let (mut head, body) = request.into_parts();
    head.uri = uri;
    let request_id = sent_request_id(&head.headers);
    match way.answer(head, body).await {
        Ok(response) => response,
        Err(failure) => {
            if failure.kind.status() >= 500 {
                tracing::warn!(part = %way.beside.part, error = &failure as &dyn std::error::Error, "not passed on");
            }
            Problem::of_failure(&failure, &request_id).into_response()
        }
    }
}

impl Way {
    async fn answer(&self, head: Parts, body: Body) -> Result<Response, Failure> {
        let part = self.beside.part;
        let headers = self.headers(&head).await?;
        let places::Way { addresses, http, .. } = self.places.way().ok_or_else(|| {
            Failure::new(FailureKind::Unavailable, format!("{part} is at no address")).retry_after(COME_BACK)
        })?;
        let address = addresses.at(self.requests.fetch_add(1, Ordering::Relaxed));
        let mut request = http.request(head.method.clone(), self.target(&head, address)).headers(headers);
        let sent = match body.is_end_stream() {
            true => None,
            false => {
                let (body, sent) = Noted::new(body);
                request = request.body(reqwest::Body::wrap_stream(body));
                Some(sent)
            }
        };
        let late = async {
            if let Some(mut sent) = sent {
                loop {
                    match timeout(STALLED, sent.changed()).await {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) => break, // there is no more to send
                        Err(_) => return,
                    }
                }
            }
            tokio::time::sleep(PATIENCE).await;
        };
        let out_of_reach = || format!("{part} cannot be reached now; try again");
        tokio::select! {
            answer = request.send() => match answer {
                Ok(answer) => Ok(streamed(answer)),
                Err(error) => Err(Failure::unavailable(&out_of_reach(), error).retry_after(COME_BACK)),
            },
            () = late => {
                let late = format!("{part} did not answer in time; try again");
                Err(Failure::new(FailureKind::DeadlineExceeded, late).retry_after(COME_BACK))
            }
        }
    }

    /// Below the module's address what is below its mount, and beside it what is not.
    fn target(&self, head: &Parts, address: &str) -> String {
        let (mount, address) = (self.beside.part.mount(), address.trim_end_matches('/'));
        let path = head.uri.path_and_query().map_or("/", |whole| whole.as_str());
        let below = path.strip_prefix('/').and_then(|path| path.strip_prefix(mount));
        match below.filter(|rest| rest.starts_with('/')) {
            Some(rest) => format!("{address}{rest}"),
            None => format!("{}{path}", address.strip_suffix(mount).unwrap_or(address).trim_end_matches('/')),
        }
    }

    /// The request's headers as the module gets them.
    async fn headers(&self, head: &Parts) -> Result<HeaderMap, Failure> {
        let mut headers = head.headers.clone();
        without_connection(&mut headers);
        headers.remove(header::HOST);
        if !self.beside.cookies {
            headers.remove(header::COOKIE);
        }
        let forwarded = self.signer.sign_forwarded(&self.edge.forwarded(head)?)?;
        headers.insert(HeaderName::from_static(FORWARDED_HEADER), secret(&forwarded)?);
        if let Some(audience) = self.beside.audience.filter(|_| headers.contains_key(header::AUTHORIZATION)) {
            let cx = self.edge.authenticate(head, audience).await?.cx;
            headers.remove(header::AUTHORIZATION);
            headers.insert(HeaderName::from_static(CX_HEADER), secret(&self.signer.sign(&cx, audience)?)?);
        }
        Ok(headers)
    }
}

fn secret(token: &str) -> Result<HeaderValue, Failure> {
    let mut value =
        HeaderValue::from_str(token).map_err(|e| Failure::internal("signing a request that is passed on", e))?;
    value.set_sensitive(true);
    Ok(value)
}

fn without_connection(headers: &mut HeaderMap) {
    let lines = headers.get_all(header::CONNECTION).iter().filter_map(|line| line.to_str().ok());
    let named: Vec<HeaderName> =
        lines.flat_map(|line| line.split(',')).filter_map(|name| name.trim().parse().ok()).collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(*name);
    }
}

fn streamed(mut answer: reqwest::Response) -> Response {
    let (status, mut headers) = (answer.status(), std::mem::take(answer.headers_mut()));
    without_connection(&mut headers);
    let mut response = Response::new(Body::from_stream(answer.bytes_stream()));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// A body that tells of each piece that is sent; its being dropped tells of the end.
struct Noted {
    body: BodyDataStream,
    sent: Option<watch::Sender<()>>,
}

impl Noted {
    fn new(body: Body) -> (Self, watch::Receiver<()>) {
        let (sent, heard) = watch::channel(());
        (Self { body: body.into_data_stream(), sent: Some(sent) }, heard)
    }
}

impl Stream for Noted {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut self.body).poll_next(cx);
        match &next {
            Poll::Ready(Some(_)) => self.sent.iter().for_each(|sent| sent.send_modify(|()| {})),
            Poll::Ready(None) => self.sent = None,
            Poll::Pending => {}
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_one_connection_is_not_passed_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, X-Private"),
            ("x-private", "1"),
            ("transfer-encoding", "chunked"),
            ("te", "trailers"),
            ("range", "bytes=0-1"),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        without_connection(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["range"]);
    }
}
