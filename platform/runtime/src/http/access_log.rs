//! One line a request, and what is counted of it.
//!
//! A line holds nothing that a client wrote but its method, where that is a known one, and a host and request id that
//! were checked: the route is the router's template, never the path, which may carry a signed token, an email or an id;
//! there is no query, no cookie, no credential. Of the client's address the network remains.

use std::{
    pin::Pin,
    sync::Arc,
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
use tessera_contract::TraceContext;
use tokio::time::Instant;

use super::{
    Notes,
    counts::{Counts, Owners},
};
use crate::edge::Client;

/// What answers a path that no route knows: the app's files, and refusals.
const NO_ROUTE: &str = "-";

/// The half of the line that is known when the request arrives.
pub(super) struct Line {
    method: &'static str,
    route: Option<MatchedPath>,
    counts: Arc<Counts>,
    host: String,
    client: Option<IpNet>,
    request_id: Arc<str>,
    trace: TraceContext,
    notes: Notes,
    begun: Instant,
    active: metrics::Gauge,
}

impl Line {
    pub(super) fn of(
        head: &Parts,
        client: Option<&Client>,
        owners: &Owners,
        (request_id, trace): (Arc<str>, TraceContext),
        notes: Notes,
    ) -> Self {
        let route = head.extensions.get::<MatchedPath>().cloned();
        let active = owners.active();
        active.increment(1.0);
        Self {
            method: method(&head.method),
            counts: owners.of(route.as_ref().map_or("/", MatchedPath::as_str)),
            route,
            host: client.map(|client| client.host.clone()).unwrap_or_default(),
            client: client.map(Client::network),
            request_id,
            trace,
            notes,
            begun: Instant::now(),
            active,
        }
    }

    /// Counts the answer, whose head is there now. The line is written when its body is gone, sent or not.
    pub(super) fn follow(self, response: Response) -> Response {
        let status = response.status();
        let seconds = self.begun.elapsed().as_secs_f64();
        self.counts.answered(status, seconds);
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
        let Line { method, route, counts, host, client, request_id, trace, notes, begun, active } = &self.line;
        active.decrement(1.0);
        counts.sent(self.bytes);
        // A body of known length is not asked for its end, and the one of an answer to HEAD not at all.
        let whole = self.ended || *method == "HEAD" || self.promised == Some(self.bytes);
        notes.with(|noted| {
            tracing::info!(
                target: "tessera::access",
                method,
                route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str),
                status = self.status.as_u16(),
                ms = milliseconds(self.head_ms),
                total_ms = milliseconds(begun.elapsed().as_secs_f64() * 1000.0),
                bytes = self.bytes,
                cut_off = (!whole).then_some(true),
                module = counts.module,
                tenant = noted.tenant.as_ref().map(tracing::field::display),
                caller = noted.caller,
                request_id = &**request_id,
                trace_id = %format_args!("{:032x}", trace.trace_id),
                host,
                client = client.map(tracing::field::display),
                "request"
            );
        });
    }
}

/// To the microsecond.
fn milliseconds(exact: f64) -> f64 {
    (exact * 1000.0).round() / 1000.0
}

/// The router's template for the request's path.
pub(super) fn route(head: &Parts) -> &str {
    head.extensions.get::<MatchedPath>().map_or(NO_ROUTE, MatchedPath::as_str)
}

/// A stranger's invented method is not repeated.
pub(super) fn method(method: &Method) -> &'static str {
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
