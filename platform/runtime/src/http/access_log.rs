//! One line a request.

use std::{net::IpAddr, time::Duration};

use http::{Method, StatusCode, request::Parts};

use super::notes::Noted;
use crate::edge::Client;

/// A path segment longer than this is shortened: signed media addresses carry their token in the path.
const LONGEST_SEGMENT: usize = 48;

/// The half of the line that is known when the request arrives.
pub(super) struct Line {
    method: Method,
    path: String,
    host: String,
    client: Option<IpAddr>,
    request_id: String,
}

impl Line {
    pub(super) fn of(head: &Parts, client: Option<&Client>, request_id: &str) -> Self {
        Self {
            method: head.method.clone(),
            path: printable(head.uri.path()),
            host: client.map(|client| client.host.clone()).unwrap_or_default(),
            client: client.map(|client| client.address),
            request_id: request_id.to_owned(),
        }
    }

    /// Writes it once the answer's head is there.
    pub(super) fn write(self, status: StatusCode, took: Duration, noted: &Noted) {
        let labels = [("method", method(&self.method)), ("status", status.as_str().to_owned())];
        metrics::histogram!("tessera_http_request_seconds", &labels).record(took.as_secs_f64());
        tracing::info!(
            target: "tessera::access",
            method = %self.method,
            path = self.path,
            status = status.as_u16(),
            took_ms = took.as_secs_f64() * 1000.0,
            request_id = self.request_id,
            host = self.host,
            client = self.client.map(tracing::field::display),
            tenant = noted.tenant.as_ref().map(tracing::field::display),
            caller = noted.caller.as_deref(),
            "request"
        );
    }
}

/// Without the query, which may hold what is nobody's business, and with long segments shortened.
fn printable(path: &str) -> String {
    let segment = |segment: &str| match segment.char_indices().nth(LONGEST_SEGMENT) {
        None => segment.to_owned(),
        Some(_) => segment.chars().take(8).chain(['…']).collect(),
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// A stranger's invented method makes no new time series.
fn method(method: &Method) -> String {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    if known.contains(method) { method.to_string() } else { "other".to_owned() }
}
