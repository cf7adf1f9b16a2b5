//! The HTTP binding: an axum router for any implementation of a contract.

use std::sync::Arc;

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{RawPathParams, Request, rejection::RawPathParamsRejection},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header, request::Parts as Head},
    routing::{MethodFilter, on},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};

use crate::{
    Api, Cx, CxSigner, Failure, FailureKind, Method, OperationInfo, Problem,
    api::{Answer, Endpoint},
    cx::request_id,
    fields,
    signature::{CX_HEADER, RECORDED_HEADER},
};

/// Makes the caller's context out of a request's head: the edge, or another process's signature.
#[async_trait]
pub trait Authenticate: Send + Sync + 'static {
    /// The context of the caller of `audience` (a contract's name).
    async fn authenticate(&self, head: &Head, audience: &str) -> Result<Authenticated, Failure>;

    /// Whether this caller may call the operation at all, before the contract's own access is looked at. Yes, unless
    /// there is a table of [`crate::Callers`] that says otherwise of a module of another process.
    ///
    /// # Errors
    /// [`FailureKind::Forbidden`].
    fn permit(&self, _caller: &Authenticated, _operation: &OperationInfo) -> Result<(), Failure> {
        Ok(())
    }
}

/// Who calls, and from where.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// The caller's context.
    pub cx: Cx,
    /// Another module called over a signed context: fields that we do not know are ignored and counted, not refused.
    pub internal: bool,
}

/// Takes nothing but contexts signed for the contract: for listeners that only other modules reach.
#[async_trait]
impl Authenticate for CxSigner {
    async fn authenticate(&self, head: &Head, audience: &str) -> Result<Authenticated, Failure> {
        let token = head.headers.get(CX_HEADER).and_then(|v| v.to_str().ok()).ok_or_else(|| {
            Failure::new(FailureKind::Unauthenticated, format!("a {CX_HEADER} header signed for {audience} is missing"))
        })?;
        let mut cx = self.verify(token, audience)?;
        cx.trace = cx.trace.at_front(&head.headers);
        Ok(Authenticated { cx, internal: true })
    }
}

impl Api {
    /// The router of the contract's operations, below its mount.
    pub fn into_router(self, authenticate: Arc<dyn Authenticate>) -> Router {
        self.endpoints().fold(Router::new(), |router, endpoint| {
            let (endpoint, authenticate) = (endpoint.clone(), authenticate.clone());
            let operation = endpoint.operation;
            let handler = move |path: Result<RawPathParams, RawPathParamsRejection>, request: Request| {
                let (endpoint, authenticate) = (endpoint.clone(), authenticate.clone());
                async move { respond(&endpoint, authenticate.as_ref(), path, request).await }
            };
            router.route(operation.path, on(filter(operation.method), handler))
        })
    }
}

fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Put => MethodFilter::PUT,
        Method::Patch => MethodFilter::PATCH,
        Method::Delete => MethodFilter::DELETE,
    }
}

async fn respond(
    endpoint: &Endpoint,
    authenticate: &dyn Authenticate,
    path: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Response<Body> {
    let operation = endpoint.operation;
    let (head, body) = request.into_parts();
    let caller = match authenticate.authenticate(&head, operation.contract).await {
        Ok(caller) => caller,
        Err(failure) => return Problem::of_failure(&failure, &sent_request_id(&head.headers)).into_response(),
    };
    let request_id = caller.cx.request_id.clone();
    let refused = |failure: Failure| Problem::of_failure(&failure, &request_id).into_response();
    let permitted = authenticate.permit(&caller, operation).and_then(|()| operation.authorize(&caller.cx));
    if let Err(failure) = permitted {
        return refused(failure);
    }
    let body = match read_body(operation, &caller.cx, &head.headers, body).await {
        Ok(body) => body,
        Err(failure) => return refused(failure),
    };
    let input = match input(endpoint, &head, path, &body) {
        Ok(input) => input,
        Err(failure) => return refused(failure),
    };
    let cx = with_key(caller.cx, &head.headers);
    match endpoint.call(cx, input, caller.internal).await {
        Ok(answer) => {
            let mut response = success(operation, &head, answer, &request_id);
            if caller.internal && operation.is_recorded() {
                // Whoever passed the call on need not record it too.
                response.headers_mut().insert(RECORDED_HEADER, HeaderValue::from_static("1"));
            }
            response
        }
        Err(problem) => problem.into_response(),
    }
}

/// The request's fields, from wherever in the message they travelled.
fn input(
    endpoint: &Endpoint,
    head: &Head,
    path: Result<RawPathParams, RawPathParamsRejection>,
    body: &[u8],
) -> Result<Map<String, Value>, Failure> {
    let path = path.map_err(|_| Failure::invalid("path", "the path is not percent-encoded UTF-8"))?;
    let path: Vec<(String, String)> = path.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let if_match = if_match(&head.headers)?;
    endpoint.fields.gather(&fields::Parts { path: &path, query: head.uri.query(), body, if_match })
}

/// The one `If-Match` of a request. One that cannot be read must not turn an edit into an unconditional one.
fn if_match(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    let mut sent = headers.get_all(header::IF_MATCH).iter();
    match (sent.next(), sent.next()) {
        (None, _) => Ok(None),
        (Some(tag), None) => {
            tag.to_str().map(Some).map_err(|_| Failure::invalid("If-Match", "If-Match is not visible ASCII"))
        }
        (Some(_), Some(_)) => Err(Failure::invalid("If-Match", "send one If-Match, with one version")),
    }
}

/// The caller's idempotency key, unless its context already carries one. The guard refuses a malformed one by name.
pub(crate) fn with_key(cx: Cx, headers: &HeaderMap) -> Cx {
    match headers.get("idempotency-key") {
        Some(key) if cx.idempotency_key.is_none() => cx.with_idempotency_key(String::from_utf8_lossy(key.as_bytes())),
        _ => cx,
    }
}

/// The request id a client sent, if it is a sane one, else a fresh one: for answers before there is a context.
pub fn sent_request_id(headers: &HeaderMap) -> Arc<str> {
    let sane = |id: &&str| {
        (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
    };
    let sent = headers.get("x-request-id").and_then(|v| v.to_str().ok()).filter(sane);
    sent.map_or_else(request_id, Arc::from)
}

/// The whole body: within the operation's size, within its time and what is left of the caller's.
async fn read_body(operation: &OperationInfo, cx: &Cx, headers: &HeaderMap, body: Body) -> Result<Bytes, Failure> {
    let limit = if operation.method.has_body() { operation.limits.body_bytes } else { 0 };
    let bytes = whole_body(operation, cx, headers, body, limit).await?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let is_json = kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json");
    if !bytes.is_empty() && !is_json {
        let detail = format!("send the body as content-type: application/json, not {kind:?}");
        return Err(Failure::new(FailureKind::UnsupportedMediaType, detail));
    }
    Ok(bytes)
}

/// The body of at most `limit` bytes, whatever is in it.
pub(crate) async fn whole_body(
    operation: &OperationInfo,
    cx: &Cx,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<Bytes, Failure> {
    let too_large = || {
        let detail = format!("{} takes a body of at most {limit} bytes", operation.name);
        Failure::new(FailureKind::PayloadTooLarge, detail)
    };
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let patience = operation.limits.timeout.min(cx.remaining());
    let whole = tokio::time::timeout(patience, Limited::new(body, limit).collect()).await;
    let bytes = whole.map_err(|_| Failure::invalid("body", "the body did not arrive in time"))?;
    let bytes = bytes.map_err(|error| match error.is::<LengthLimitError>() {
        true => too_large(),
        false => Failure::invalid("body", "the body ended before it was whole"),
    })?;
    Ok(bytes.to_bytes())
}

fn success(operation: &OperationInfo, head: &Head, answer: Answer, request_id: &str) -> Response<Body> {
    let etag = answer.version.map(|version| format!("\"{version}\""));
    let unchanged = operation.method == Method::Get && etag.as_deref().is_some_and(|etag| has_tag(&head.headers, etag));
    let mut response = Response::new(if unchanged { Body::empty() } else { Body::from(answer.body) });
    *response.status_mut() = match unchanged {
        true => StatusCode::NOT_MODIFIED,
        false => StatusCode::from_u16(operation.status).unwrap_or(StatusCode::OK),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    let mut set = |name: &'static str, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    };
    set("x-request-id", request_id);
    if let Some(etag) = etag {
        set("etag", &etag);
    }
    response
}

/// Whether `If-None-Match` names this version (RFC 9110 §13.1.2: a list, compared weakly, or `*`).
fn has_tag(headers: &HeaderMap, etag: &str) -> bool {
    let sent = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    let mut tags = sent.flat_map(|list| list.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}
