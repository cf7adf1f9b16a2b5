//! The licence server: what players speak, not operations.
//!
//! `POST /v1/clearkey` takes a ClearKey licence request and answers a licence (W3C EME §9.1.3, §9.1.4).
//! `GET /v1/clearkey/{key_id}` answers the key's 16 bytes, for HLS players that take the `identity` key format
//! (RFC 8216bis §4.4.4.4). Both want the session's token as `Authorization: Bearer`, and both decide again.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, Method, Response, header, request::Parts},
    routing::{get, post},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tessera_contract::{ContractError, Cx, Failure, FailureKind, Problem, sent_request_id};
use tessera_contract_drm::DrmError;
use tessera_runtime::edge::TenantOfHost;
use tower_http::cors::{Any, CorsLayer};

use crate::{
    content_key::{ContentKey, from_hex},
    licence,
    service::DrmService,
};

/// A request with the most key ids is under a kilobyte.
const BODY_BYTES: usize = 4 * 1024;
const PREFLIGHT_HOLDS: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Clone)]
struct Licensing {
    drm: Arc<DrmService>,
    hosts: Arc<dyn TenantOfHost>,
}

impl DrmService {
    /// The licence server's routes, below the mount `drm`: `POST /v1/clearkey`, `GET /v1/clearkey/{key_id}`.
    ///
    /// `hosts` says whose host a request names; the bearer token is this module's own.
    pub fn router(self: Arc<Self>, hosts: Arc<dyn TenantOfHost>) -> Router {
        // Any origin: a player may stand on another one, and what counts is a token that no browser sends by itself.
        let cors = CorsLayer::new()
            .allow_origin(Any)
            .allow_methods([Method::GET, Method::POST])
            .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::RANGE])
            .max_age(PREFLIGHT_HOLDS);
        Router::new()
            .route("/v1/clearkey", post(clearkey))
            .route("/v1/clearkey/{key_id}", get(identity))
            .layer(cors)
            .with_state(Licensing { drm: self, hosts })
    }
}

async fn clearkey(State(licensing): State<Licensing>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    licensing.answer(&head, "clearkey", "application/json", read(body), licence::licence).await
}

async fn identity(State(licensing): State<Licensing>, Path(key_id): Path<String>, request: Request) -> Response<Body> {
    let (head, _) = request.into_parts();
    let wanted = async move {
        let key_id = from_hex(&key_id);
        key_id.map(|id| vec![id]).ok_or_else(|| Failure::invalid("key_id", "a key id is 32 hexadecimal digits"))
    };
    let bare = |keys: &[ContentKey]| keys.iter().flat_map(|key| key.key).collect();
    licensing.answer(&head, "identity", "application/octet-stream", wanted, bare).await
}

fn count(form: &'static str, outcome: String, times: u64) {
    metrics::counter!("tessera_drm_licences_total", "form" => form, "outcome" => outcome).increment(times);
}

/// Begins the usual counts at zero, so that the first one is seen as a rise.
pub(crate) fn announce() {
    for outcome in ["given", "token_invalid", "licence_denied", "unavailable"] {
        count("clearkey", outcome.into(), 0);
        count("identity", outcome.into(), 0);
    }
}

impl Licensing {
    /// Gives the session's keys in the form that `write` makes, or says why not.
    async fn answer(
        &self,
        head: &Parts,
        form: &'static str,
        content_type: &'static str,
        wanted: impl Future<Output = Result<Vec<[u8; 16]>, Failure>>,
        write: impl Fn(&[ContentKey]) -> Vec<u8>,
    ) -> Response<Body> {
        let request_id = sent_request_id(&head.headers);
        let outcome = match self.hosts.visitor(head).await {
            Ok(cx) => self.keys(&cx, &head.headers, wanted).await,
            Err(failure) => Err(failure.into()),
        };
        let counted = outcome.as_ref().map_or_else(|error| error.code().to_owned(), |_| "given".into());
        count(form, counted, 1);
        match outcome {
            Ok(keys) => given(content_type, write(&keys), &request_id),
            Err(error) => refused(&error, &request_id),
        }
    }

    async fn keys(
        &self,
        cx: &Cx,
        headers: &HeaderMap,
        wanted: impl Future<Output = Result<Vec<[u8; 16]>, Failure>>,
    ) -> Result<Vec<ContentKey>, DrmError> {
        let token = bearer(headers)?;
        let work = async { self.drm.licensed_keys(cx, token, &wanted.await?).await };
        let late = || Failure::new(FailureKind::DeadlineExceeded, "no licence could be given in time; try again");
        tokio::time::timeout_at(cx.deadline, work).await.unwrap_or_else(|_| Err(late().into()))
    }
}

/// The one credential of a licence request.
fn bearer(headers: &HeaderMap) -> Result<&str, DrmError> {
    let missing = || DrmError::TokenInvalid("send the playback token as Authorization: Bearer".into());
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(missing)?;
    let (scheme, token) = value.split_once(' ').ok_or_else(missing)?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim()).ok_or_else(missing)
}

/// The key ids of the request's body. Any content type: decryption modules hand out bytes, and players label them as
/// they like.
async fn read(body: Body) -> Result<Vec<[u8; 16]>, Failure> {
    let bytes: Bytes = match Limited::new(body, BODY_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let detail = format!("a licence request has at most {BODY_BYTES} bytes");
            return Err(Failure::new(FailureKind::PayloadTooLarge, detail));
        }
        Err(_) => return Err(Failure::invalid("body", "the body ended before it was whole")),
    };
    licence::requested_keys(&bytes)
}

fn given(content_type: &'static str, body: Vec<u8>, request_id: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-request-id", id);
    }
    response
}

fn refused(error: &DrmError, request_id: &str) -> Response<Body> {
    if let DrmError::Failure(failure) = error
        && failure.kind.status() >= 500
    {
        let cause = std::error::Error::source(failure).map(ToString::to_string).unwrap_or_default();
        tracing::error!(request_id, cause, "{failure}");
    }
    Problem::of(error, request_id).into_response()
}
