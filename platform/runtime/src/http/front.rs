//! Around every route: a request id, nothing that only we may say, limits, no panic that takes the connection with it.
//!
//! One layer does it all: each layer of a router costs every request a copy of what is below it.

use std::{panic::AssertUnwindSafe, sync::Arc};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use futures::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, request::Parts};
use tessera_contract::{
    About, CX_HEADER, CxSigner, FORWARDED_HEADER, Failure, FailureKind, Problem, SpanEnd, SpanKind, SpanName,
    SpanUnderWay, TRACE_HEADER, TraceContext, sent_request_id,
};

use super::{
    Notes, Routine,
    access_log::{Line, method, route},
    bare::as_problem,
    body_pace::Pace,
    counts::Owners,
    harden::harden,
    rates::{self, Rates},
};
use crate::edge::{Client, Peer, Proxies};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const TRACE: HeaderName = HeaderName::from_static(TRACE_HEADER);

const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// What the layer needs to know.
pub(super) struct Front {
    pub(super) proxies: Proxies,
    pub(super) owners: Owners,
    /// `None`: nothing is limited.
    pub(super) rates: Option<Rates>,
    pub(super) pace: Pace,
    /// Checks what fronts of the deployment say.
    pub(super) signer: Option<CxSigner>,
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
    let (trace, mut span) = trace_of(&mut head, &id);
    let line = Line::of(&head, client.as_ref().ok(), &front.owners, (id.clone(), trace), notes.clone());
    let https = client.as_ref().is_ok_and(|client| client.https);

    let admitted = match client {
        Ok(client) => front.admit(&head, &client, &notes).map(|()| drop(head.extensions.insert(client))),
        // A load balancer's probe may be HTTP/1.0 and name no host.
        Err(_) if PROBES.contains(&head.uri.path()) => Ok(()),
        Err(failure) => Err(failure),
    };
    let mut response = match admitted {
        Ok(()) => {
            let asked = (head.method.clone(), head.uri.clone());
            let answer = contained(next.run(Request::from_parts(head, front.pace.keep(body))), &id).await;
            as_problem(answer, &asked, &id)
        }
        Err(failure) => Problem::of_failure(&failure, &id).into_response(),
    };
    let headers = response.headers_mut();
    harden(headers);
    headers.insert(REQUEST_ID, id_value);
    notes.rates(|verdicts| rates::say(headers, verdicts));
    if https {
        let a_year = HeaderValue::from_static("max-age=31536000");
        headers.entry(http::header::STRICT_TRANSPORT_SECURITY).or_insert(a_year);
    }
    notes.with(|noted| span.note(|span| span.tenant.clone_from(&noted.tenant)));
    match response.extensions().get::<Routine>() {
        Some(Routine) => span.forget(),
        None => span.end(SpanEnd::Answered(response.status().as_u16())),
    }
    line.follow(response)
}

impl Front {
    /// Where the request comes from, as far as a front of the deployment or trusted proxies tell.
    fn client(&self, head: &mut Parts) -> Result<Client, Failure> {
        let said = head.headers.get(FORWARDED_HEADER).and_then(|token| token.to_str().ok());
        if let Some((token, signer)) = said.zip(self.signer.as_ref()) {
            let forwarded = signer.verify_forwarded(token)?;
            head.extensions.insert(forwarded);
        }
        self.proxies.client(head)
    }

    fn admit(&self, head: &Parts, client: &Client, notes: &Notes) -> Result<(), Failure> {
        // A module of this deployment calls for as many people as there are.
        let rates = self.rates.as_ref().filter(|_| head.extensions.get::<Peer>().is_none());
        rates.map_or(Ok(()), |rates| rates.admit(client, &head.method, head.uri.path(), notes))
    }
}

/// Where the request stands in the trace that it belongs to. What the client sent of that counts when it is sound; otherwise a
/// new one begins here. Everything behind finds it in the same header.
fn trace_of(head: &mut Parts, id: &Arc<str>) -> (TraceContext, SpanUnderWay) {
    let before = TraceContext::sent(&head.headers).unwrap_or_else(TraceContext::fresh);
    let span = match PROBES.contains(&head.uri.path()) {
        true => SpanUnderWay::none(),
        false => SpanUnderWay::begin(before, SpanKind::Server, || About {
            request_id: Some(id.clone()),
            tenant: None,
            name: SpanName::Request { method: method(&head.method), route: route(head).into() },
        }),
    };
    let trace = span.within(before);
    if let Ok(value) = HeaderValue::from_str(&trace.to_string()) {
        head.headers.insert(TRACE, value);
    }
    (trace, span)
}

/// Context headers are ours to set; a signed one proves itself.
fn strip_ours(headers: &mut HeaderMap) {
    let ours = |name: &&HeaderName| name.as_str().starts_with("tessera-") && name.as_str() != CX_HEADER;
    let unsigned: Vec<HeaderName> = headers.keys().filter(ours).cloned().collect(); // which takes no memory while empty
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
