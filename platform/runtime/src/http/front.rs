//! The outermost layer: a request id, nothing that only we may say, no panic that takes the connection with it.

use std::{panic::AssertUnwindSafe, sync::Arc};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use futures::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, request::Parts};
use tessera_contract::{
    CX_HEADER, CxSigner, FORWARDED_HEADER, Failure, FailureKind, Problem, TraceContext, sent_request_id,
};

use super::{
    Notes,
    access_log::{Line, Owners},
};
use crate::edge::{Client, Proxies};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const TRACE: HeaderName = HeaderName::from_static("traceparent");

const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// What the layer needs to know.
pub(super) struct Front {
    proxies: Proxies,
    owners: Owners,
    /// Checks what fronts of the deployment say.
    signer: Option<CxSigner>,
}

impl Front {
    pub(super) fn new(proxies: Proxies, owners: Owners, signer: Option<CxSigner>) -> Self {
        Self { proxies, owners, signer }
    }

    /// Where the request comes from, as far as a front of the deployment or trusted proxies tell.
    fn client(&self, head: &mut Parts) -> Result<Client, Failure> {
        let said = head.headers.get(FORWARDED_HEADER).and_then(|token| token.to_str().ok());
        if let Some((token, signer)) = said.zip(self.signer.as_ref()) {
            let forwarded = signer.verify_forwarded(token)?;
            head.extensions.insert(forwarded);
        }
        self.proxies.client(head)
    }
}

pub(super) async fn front(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    let id = sent_request_id(&head.headers);
    let id_value = HeaderValue::from_str(&id).unwrap_or_else(|_| HeaderValue::from_static("unprintable"));
    let client = front.client(&mut head);
    strip_ours(&mut head.headers);
    head.headers.insert(REQUEST_ID, id_value.clone());
    let notes = Notes::default();
    head.extensions.insert(notes.clone());
    let about = (id.to_string(), trace_of(&mut head.headers));
    let line = Line::of(&head, client.as_ref().ok(), &front.owners, about, notes.clone());
    let https = client.as_ref().is_ok_and(|client| client.https);

    let mut response = match client {
        // A load balancer's probe may be HTTP/1.0 and name no host.
        Err(failure) if !PROBES.contains(&head.uri.path()) => Problem::of_failure(&failure, &id).into_response(),
        client => {
            client.map(|client| head.extensions.insert(client)).ok();
            contained(next.run(Request::from_parts(head, body)), &id).await
        }
    };
    let noted = notes.read();
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id_value);
    super::rates::say(headers, &noted.verdicts);
    if https {
        let a_year = HeaderValue::from_static("max-age=31536000");
        headers.entry(http::header::STRICT_TRANSPORT_SECURITY).or_insert(a_year);
    }
    line.follow(response)
}

/// The id of the trace that the request belongs to. What the client sent of it counts when it is sound; otherwise a new
/// one begins here, and everything behind finds it in the same header.
fn trace_of(headers: &mut HeaderMap) -> String {
    let sent = headers.get(TRACE).and_then(|value| TraceContext::parse(value.to_str().ok()?));
    let trace = sent.unwrap_or_else(TraceContext::fresh);
    if let (None, Ok(value)) = (sent, HeaderValue::from_str(&trace.to_string())) {
        headers.insert(TRACE, value);
    }
    format!("{:032x}", trace.trace_id)
}

/// Context headers are ours to set; a signed one proves itself.
fn strip_ours(headers: &mut HeaderMap) {
    let ours = |name: &&HeaderName| name.as_str().starts_with("tessera-") && name.as_str() != CX_HEADER;
    let unsigned: Vec<HeaderName> = headers.keys().filter(ours).cloned().collect();
    for name in unsigned {
        headers.remove(name);
    }
}

/// A panic is a fault of ours and the end of this request alone.
async fn contained(answer: impl Future<Output = Response>, request_id: &str) -> Response {
    match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().copied();
            let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text");
            tracing::error!(request_id, panic = text, "a request's handler panicked");
            metrics::counter!("tessera_http_panics_total").increment(1);
            let failure = Failure::new(FailureKind::Internal, "a fault of ours; the log has more under the request id");
            Problem::of_failure(&failure, request_id).into_response()
        }
    }
}
