//! The gRPC side of a contract's router.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header, request::Parts},
    routing::post,
};
use http_body_util::{BodyExt, Full};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{ACCEPTED, Grpc, frame::PREFIX, framed, is_grpc, status, timeout_of, unframed};
use crate::{
    Api, Authenticate, Failure, FailureKind, Problem,
    api::Endpoint,
    http::{sent_request_id, whole_body, with_key},
    signature::RECORDED_HEADER,
};

/// The status that a refusal by gRPC, whose own is 200, has over HTTP: an extension of the answer, for logs and metrics.
#[derive(Debug, Clone, Copy)]
pub struct MeantStatus(pub StatusCode);

impl Api {
    /// The contract's gRPC service with the router of its operations that travel so; to be mounted below the service's
    /// name at the server's root. `None` where there are none.
    pub fn grpc_router(&self, authenticate: &Arc<dyn Authenticate>) -> Option<(String, Router)> {
        let (_, first) = self.info.by_grpc().next()?;
        let router = self.info.by_grpc().fold(Router::new(), |router, (operation, grpc)| {
            let Some(endpoint) = self.endpoint(operation.name).cloned() else { return router };
            let authenticate = authenticate.clone();
            let handler = async move |request: Request| respond(&endpoint, grpc, authenticate.as_ref(), request).await;
            router.route(&format!("/{}", grpc.method), post(handler))
        });
        Some((first.service(), router))
    }
}

async fn respond(
    endpoint: &Endpoint,
    grpc: &'static Grpc,
    authenticate: &dyn Authenticate,
    request: Request,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    if !is_grpc(&head.headers) {
        let failure = Failure::new(FailureKind::UnsupportedMediaType, format!("this is gRPC: send {ACCEPTED}"));
        return Problem::of_failure(&failure, &sent_request_id(&head.headers)).into_response();
    }
    match answer(endpoint, grpc, authenticate, &head, body).await {
        Ok((message, recorded)) => {
            let trailers = async { Some(Ok(status::success())) };
            let mut response =
                response(Body::new(Full::new(framed(&message)).with_trailers(trailers)), HeaderMap::new());
            if recorded {
                response.headers_mut().insert(RECORDED_HEADER, HeaderValue::from_static("1"));
            }
            response
        }
        Err(problem) => {
            // Trailers alone, in the place of headers.
            let mut response = response(Body::empty(), status::refusal(&problem));
            let meant = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            response.extensions_mut().insert(MeantStatus(meant));
            response
        }
    }
}

fn response(body: Body, headers: HeaderMap) -> Response<Body> {
    let mut response = Response::new(body);
    *response.headers_mut() = headers;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(ACCEPTED));
    response
}

/// The answer's message, and whether the audit of the deployment hears of the call from here.
async fn answer(
    endpoint: &Endpoint,
    grpc: &'static Grpc,
    authenticate: &dyn Authenticate,
    head: &Parts,
    body: Body,
) -> Result<(Vec<u8>, bool), Problem> {
    let operation = endpoint.operation;
    let caller = authenticate.authenticate(head, operation.contract).await;
    let mut caller = caller.map_err(|failure| Problem::of_failure(&failure, &sent_request_id(&head.headers)))?;
    if let Some(patience) = timeout_of(&head.headers) {
        caller.cx.deadline = caller.cx.deadline.min(Instant::now() + patience);
    }
    let request_id = caller.cx.request_id.clone();
    let refused = |failure: Failure| Problem::of_failure(&failure, &request_id);
    authenticate.permit(&caller, operation).and_then(|()| operation.authorize(&caller.cx)).map_err(refused)?;
    let limit = operation.limits.body_bytes + PREFIX;
    let body = whole_body(operation, &caller.cx, &head.headers, body, limit).await.map_err(refused)?;
    let input = input(grpc, &body).map_err(refused)?;
    let cx = with_key(caller.cx, &head.headers);
    let message = endpoint.call_by_grpc(grpc, cx, input, caller.internal).await?;
    Ok((message, caller.internal && operation.is_recorded()))
}

fn input(grpc: &Grpc, body: &Bytes) -> Result<Map<String, Value>, Failure> {
    let message = unframed(body).map_err(|why| Failure::invalid("body", why))?;
    grpc.decode_request(message)
}
