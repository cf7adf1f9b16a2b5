//! One line a request, and what is counted of it.
//!
//! A line holds nothing that a client wrote but its method, where that is a known one, and a host and request id that
//! were checked: the route is the router's template, never the path, which may carry a signed token, an email or an id;
//! there is no query, no cookie, no credential. Of the client's address the network remains.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes},
    extract::MatchedPath,
    response::Response,
};
use http::{Method, StatusCode, request::Parts};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use ipnet::IpNet;
use tokio::time::Instant;

use super::Notes;
use crate::edge::Client;

/// What answers a path that no route knows: the app's files, and refusals.
const NO_ROUTE: &str = "-";

/// Which module a route belongs to: the first segment of its template, when a module is mounted there.
pub(super) struct Owners(BTreeSet<String>);

impl Owners {
    pub(super) fn new(mounts: impl IntoIterator<Item = String>) -> Self {
        let mounts: BTreeSet<String> = mounts.into_iter().collect();
        for module in mounts.iter().map(String::as_str).chain(["app", "identity", "server"]) {
            failed(module, 0); // from zero, so that the first ones are seen as a rise
        }
        Self(mounts)
    }

    fn of(&self, route: &str) -> Cow<'static, str> {
        match route.split('/').nth(1).unwrap_or_default() {
            // The issuer's own pages and its discovery stand where OpenID Connect and browsers want them.
            "auth" | ".well-known" => "identity".into(),
            "" => "app".into(),
            mount if self.0.contains(mount) => mount.to_owned().into(),
            _ => "server".into(),
        }
    }
}

/// The half of the line that is known when the request arrives.
pub(super) struct Line {
    method: &'static str,
    route: String,
    module: Cow<'static, str>,
    host: String,
    client: Option<IpNet>,
    request_id: String,
    trace_id: String,
    notes: Notes,
    begun: Instant,
    active: metrics::Gauge,
}

impl Line {
    pub(super) fn of(
        head: &Parts,
        client: Option<&Client>,
        owners: &Owners,
        about: (String, String),
        notes: Notes,
    ) -> Self {
        let (request_id, trace_id) = about;
        let route = head.extensions.get::<MatchedPath>().map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
        let active = metrics::gauge!("tessera_http_requests_active");
        active.increment(1.0);
        Self {
            method: method(&head.method),
            module: owners.of(if route == NO_ROUTE { "/" } else { &route }),
            route,
            host: client.map(|client| client.host.clone()).unwrap_or_default(),
            client: client.map(Client::network),
            request_id,
            trace_id,
            notes,
            begun: Instant::now(),
            active,
        }
    }

    /// Counts the answer, whose head is there now. The line is written when its body is gone, sent or not.
    pub(super) fn follow(self, response: Response) -> Response {
        let status = response.status();
        let seconds = self.begun.elapsed().as_secs_f64();
        let labels = [("module", self.module.to_string()), ("status", status.as_str().to_owned())];
        metrics::histogram!("tessera_http_request_seconds", &labels).record(seconds);
        if status.is_server_error() {
            failed(&self.module, 1);
        }
        response.map(|body| {
            let promised = body.size_hint().exact();
            Body::new(Followed {
                body,
                line: self,
                status,
                head_ms: seconds * 1000.0,
                bytes: 0,
                promised,
                ended: false,
            })
        })
    }
}

/// An answer's body on its way.
struct Followed {
    body: Body,
    line: Line,
    status: StatusCode,
    head_ms: f64,
    bytes: u64,
    /// Its length, where that is known beforehand.
    promised: Option<u64>,
    ended: bool,
}

impl HttpBody for Followed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
            Poll::Ready(None) => self.ended = true,
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        let Line { method, route, module, host, client, request_id, trace_id, notes, begun, active } = &self.line;
        active.decrement(1.0);
        metrics::counter!("tessera_http_response_bytes_total", "module" => module.clone()).increment(self.bytes);
        let noted = notes.read();
        // A body of known length is not asked for its end, and the one of an answer to HEAD not at all.
        let whole = self.ended || *method == "HEAD" || self.promised == Some(self.bytes);
        tracing::info!(
            target: "tessera::access",
            method,
            route,
            status = self.status.as_u16(),
            ms = milliseconds(self.head_ms),
            total_ms = milliseconds(begun.elapsed().as_secs_f64() * 1000.0),
            bytes = self.bytes,
            cut_off = (!whole).then_some(true),
            module = %module,
            tenant = noted.tenant.as_ref().map(tracing::field::display),
            caller = noted.caller,
            request_id,
            trace_id,
            host,
            client = client.map(tracing::field::display),
            "request"
        );
    }
}

fn failed(module: &str, count: u64) {
    metrics::counter!("tessera_http_failures_total", "module" => module.to_owned()).increment(count);
}

/// To the microsecond.
fn milliseconds(exact: f64) -> f64 {
    (exact * 1000.0).round() / 1000.0
}

/// A stranger's invented method is not repeated.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
