//! The origin's routes: what players and CDNs speak, not operations.

use std::{ops::Range, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header, request::Parts},
    routing::get,
};
use futures::{StreamExt, stream};
use tessera_contract::{ContractError, Cx, Failure, FailureKind, Problem, sent_request_id};
use tessera_contract_delivery::DeliveryError;
use tessera_runtime::edge::TenantOfHost;

use crate::{
    entity::{Selection, select},
    layout::cut,
    origin::{Content, Entity, Freshness, Made},
    pieces::Pieces,
    segment_cache,
    service::DeliveryService,
};

/// Any origin: what may be fetched stands in the path, and no browser adds anything to it by itself. So no answer differs
/// from one origin to another, and none says `Vary`.
const TO_ANYONE: [(HeaderName, &str); 4] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (header::ACCESS_CONTROL_EXPOSE_HEADERS, "content-length,content-range,etag,accept-ranges,date"),
    // Pages elsewhere may show it and measure how long it took (Fetch §3.7, Resource Timing §4.5).
    (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    (HeaderName::from_static("timing-allow-origin"), "*"),
];

/// What a page elsewhere may ask for, for a day (Fetch §3.2.3).
const PREFLIGHT: [(HeaderName, &str); 3] = [
    (header::ACCESS_CONTROL_ALLOW_METHODS, "GET,HEAD"),
    (header::ACCESS_CONTROL_ALLOW_HEADERS, "range,if-none-match,if-range"),
    (header::ACCESS_CONTROL_MAX_AGE, "86400"),
];

/// Headers of an answer by the time it leaves: room is made for them once.
const HEADERS: usize = 24;

#[derive(Clone)]
struct Origin {
    delivery: Arc<DeliveryService>,
    hosts: Arc<dyn TenantOfHost>,
}

impl DeliveryService {
    /// The origin's routes, below the mount `delivery`: `/v1/o/{token}/{asset_id}/…` and `/v1/posters/{asset_id}.jpg`.
    pub fn router(self: Arc<Self>, hosts: Arc<dyn TenantOfHost>) -> Router {
        Router::new()
            .route("/v1/o/{token}/{asset_id}/{*path}", get(media).options(preflight))
            .route("/v1/posters/{file}", get(poster).options(preflight))
            .with_state(Origin { delivery: self, hosts })
    }
}

async fn preflight() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    say(response.headers_mut(), &TO_ANYONE);
    say(response.headers_mut(), &PREFLIGHT);
    response
}

async fn media(
    State(origin): State<Origin>,
    Path((token, asset, path)): Path<(String, String, String)>,
    request: Request,
) -> Response<Body> {
    let (head, _) = request.into_parts();
    let found = async |cx: &Cx| origin.delivery.entity(cx, &token, &asset, &path).await;
    origin.answer(&head, found).await
}

async fn poster(State(origin): State<Origin>, Path(file): Path<String>, request: Request) -> Response<Body> {
    let (head, _) = request.into_parts();
    let found = async |cx: &Cx| {
        let asset = file.strip_suffix(".jpg").and_then(|name| name.parse().ok());
        let unknown = || Failure::new(FailureKind::NotFound, "a poster is called by its asset's id and .jpg");
        origin.delivery.poster(cx, &asset.ok_or_else(unknown)?).await
    };
    origin.answer(&head, found).await
}

impl Origin {
    /// Answers with what `find` finds for the tenant of the request's host.
    async fn answer(
        &self,
        head: &Parts,
        find: impl AsyncFnOnce(&Cx) -> Result<Entity, DeliveryError>,
    ) -> Response<Body> {
        let request_id = sent_request_id(&head.headers);
        let outcome = match self.hosts.visitor(head).await {
            Ok(cx) => {
                let work = async { self.send(head, find(&cx).await?).await };
                let late =
                    || Failure::new(FailureKind::DeadlineExceeded, "the origin had no answer in time; try again");
                tokio::time::timeout_at(cx.deadline, work).await.unwrap_or_else(|_| Err(late().into()))
            }
            Err(failure) => Err(failure.into()),
        };
        let mut response = outcome.unwrap_or_else(|error| refused(&error, &request_id));
        say(response.headers_mut(), &TO_ANYONE);
        response
    }

    /// The part of the entity that is asked for. What needs no bytes reads none.
    async fn send(&self, head: &Parts, entity: Entity) -> Result<Response<Body>, DeliveryError> {
        let selection = select(&head.headers, &entity.tag, entity.length);
        let mut response = described(&entity, &selection);
        let range = match &selection {
            Selection::Whole => 0..entity.length,
            Selection::Part(range) => range.clone(),
            Selection::Unchanged | Selection::OutOfRange => return Ok(response),
        };
        if head.method != Method::HEAD {
            *response.body_mut() = match entity.content {
                Content::Ready(bytes) => Body::from(cut(&bytes, &range)),
                Content::Made(made) => Box::pin(self.stream(made, range)).await?,
            };
        }
        Ok(response)
    }

    /// What is made as the client takes it.
    async fn stream(&self, made: Made, range: Range<u64>) -> Result<Body, DeliveryError> {
        let mut pieces = Pieces::new(self.delivery.clone(), made, range);
        let first = pieces.first().await?;
        Ok(match pieces.is_done() {
            true => Body::from(first),
            false => Body::from_stream(stream::once(async { Ok(first) }).chain(pieces.further())),
        })
    }
}

/// Status and headers, without the bytes.
fn described(entity: &Entity, selection: &Selection) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let (status, length, content_range) = match selection {
        Selection::Whole => (StatusCode::OK, Some(entity.length), None),
        Selection::Part(range) => {
            let said = format!("bytes {}-{}/{}", range.start, range.end - 1, entity.length);
            (StatusCode::PARTIAL_CONTENT, Some(range.end - range.start), Some(said))
        }
        Selection::Unchanged => (StatusCode::NOT_MODIFIED, None, None),
        Selection::OutOfRange => {
            (StatusCode::RANGE_NOT_SATISFIABLE, Some(0), Some(format!("bytes */{}", entity.length)))
        }
    };
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(HEADERS);
    let mut set = |name: HeaderName, value: Result<HeaderValue, _>| {
        headers.insert(name, value.expect("printable ASCII"));
    };
    let fixed = |text| Ok(HeaderValue::from_static(text));
    set(header::ETAG, HeaderValue::from_str(&entity.tag));
    set(header::ACCEPT_RANGES, fixed("bytes"));
    set(
        header::CACHE_CONTROL,
        match entity.freshness {
            _ if status == StatusCode::RANGE_NOT_SATISFIABLE => fixed("no-store"),
            Freshness::Forever => fixed("public, max-age=31536000, immutable"),
            Freshness::Seconds(seconds) => HeaderValue::try_from(format!("public, max-age={seconds}")),
        },
    );
    if status != StatusCode::NOT_MODIFIED {
        set(header::CONTENT_TYPE, fixed(entity.content_type));
    }
    if let Some(length) = length {
        set(header::CONTENT_LENGTH, Ok(length.into()));
    }
    if let Some(said) = content_range {
        set(header::CONTENT_RANGE, HeaderValue::try_from(said));
    }
    response
}

fn say(headers: &mut HeaderMap, what: &[(HeaderName, &'static str)]) {
    what.iter().for_each(|(name, value)| drop(headers.insert(name, HeaderValue::from_static(value))));
}

fn count(code: String, times: u64) {
    metrics::counter!("tessera_origin_refusals_total", "code" => code).increment(times);
}

/// Begins the usual counts at zero, so that the first one is seen as a rise.
pub(crate) fn announce() {
    for code in ["url_invalid", "asset_not_found", "unavailable"] {
        count(code.into(), 0);
    }
    segment_cache::announce();
}

fn refused(error: &DeliveryError, request_id: &str) -> Response<Body> {
    count(error.code().to_owned(), 1);
    if let DeliveryError::Failure(failure) = error
        && failure.kind.status() >= 500
    {
        let mut causes = String::new();
        let mut next = std::error::Error::source(failure);
        while let Some(cause) = next {
            causes = format!("{causes}: {cause}");
            next = cause.source();
        }
        tracing::error!(request_id, "{failure}{causes}");
    }
    Problem::of(error, request_id).into_response()
}
