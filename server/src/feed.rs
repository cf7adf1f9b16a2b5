//! A module's events for the deployment's other processes: `GET /{module}/v1/events`, a batch of CloudEvents.
//!
//! It shows what the outbox holds, in its order; who has read how far is kept where it is read.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::{Query, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderValue, header, request::Parts};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tessera_contract::{
    Authenticate, CX_HEADER, Caller, CloudEvent, Cx, CxSigner, Failure, FailureKind, Problem, async_trait,
    sent_request_id,
};
use tessera_events::{Feed, Position};
use tessera_runtime::http::Routine;
use tessera_store::{Batch, Store};
use tessera_types::{Clock, TenantId};

use crate::places::{PartPlaces, Way};

/// CloudEvents 1.0, JSON batch format (CloudEvents JSON §4).
const MEDIA_TYPE: &str = "application/cloudevents-batch+json";
/// Events in one answer at most.
const MOST: u32 = 256;
/// Bytes of an answer at most: events are small, and a batch of them is.
const LARGEST: usize = 64 << 20;
/// How long an answer may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// Which events.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The `position` of the last event that was read; the beginning without it.
    after: Option<String>,
    /// At most so many, 1 to 256.
    limit: Option<u32>,
}

/// An event with its place in the log, as a CloudEvents extension.
#[derive(Debug, Serialize)]
struct Placed {
    #[serde(flatten)]
    event: CloudEvent,
    position: String,
}

/// What [`Placed`] says of the place. The event is read by itself: taken apart from what it is flattened with it would be read
/// twice, each field first as whatever it is.
#[derive(Debug, Deserialize)]
struct Place<'a> {
    #[serde(borrow)]
    position: Cow<'a, str>,
}

/// The name that contexts for a module's feed are signed for.
fn audience(mount: &str) -> String {
    format!("{mount}-events")
}

fn written(position: Position) -> String {
    format!("{}.{}", position.xact, position.seq)
}

fn read(text: &str) -> Option<Position> {
    let (xact, seq) = text.split_once('.')?;
    Some(Position { xact: xact.parse().ok()?, seq: seq.parse().ok()? })
}

#[derive(Clone)]
struct Served {
    store: Store,
    mount: &'static str,
    authenticate: Arc<dyn Authenticate>,
}

/// The route of the events in `store`, below the mount of its module.
pub(crate) fn router(store: Store, mount: &'static str, authenticate: Arc<dyn Authenticate>) -> Router {
    Router::new().route("/v1/events", get(events)).with_state(Served { store, mount, authenticate })
}

async fn events(
    State(served): State<Served>,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
    head: Parts,
) -> Response {
    let answer = async {
        let cx = served.authenticate.authenticate(&head, &audience(served.mount)).await?.cx;
        if !(cx.tenant.is_platform() && matches!(cx.caller, Caller::Service { .. })) {
            let why = "a module's events are for the deployment's other processes";
            return Err(Failure::new(FailureKind::Forbidden, why));
        }
        let Query(asked) = asked.map_err(|e| Failure::invalid("query", e.body_text()))?;
        let after = match &asked.after {
            None => Position::default(),
            Some(text) => read(text).ok_or_else(|| Failure::invalid("after", "after is a position such as 0.17"))?,
        };
        served.store.events_after(after, asked.limit.unwrap_or(MOST).clamp(1, MOST)).await
    };
    match answer.await {
        Ok(batch) => shown(batch),
        Err(failure) => Problem::of_failure(&failure, &sent_request_id(&head.headers)).into_response(),
    }
}

fn shown(Batch { events, more }: Batch) -> Response {
    let placed: Vec<Placed> =
        events.into_iter().map(|(position, event)| Placed { event, position: written(position) }).collect();
    let mut response = Json(placed).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if more {
        headers.insert(header::LINK, HeaderValue::from_static("<>; rel=\"next\""));
    }
    response.extensions_mut().insert(Routine);
    response
}

/// The feed of a module at an address: the first of its places.
pub(crate) struct RemoteFeed {
    places: Arc<PartPlaces>,
    /// Reads so far: each asks the next address.
    reads: AtomicUsize,
    mount: &'static str,
    signer: CxSigner,
    speaker: &'static str,
    clock: Arc<dyn Clock>,
}

impl RemoteFeed {
    /// The feed of the module that is asked at `places`, for the module `speaker` of this deployment.
    pub(crate) fn new(
        places: Arc<PartPlaces>,
        mount: &'static str,
        (signer, speaker, clock): (CxSigner, &'static str, Arc<dyn Clock>),
    ) -> Self {
        Self { places, reads: AtomicUsize::new(0), mount, signer, speaker, clock }
    }
}

#[async_trait]
impl Feed for RemoteFeed {
    async fn read(&self, after: Position, limit: u32) -> Result<Batch, Failure> {
        let mount = self.mount;
        let unreachable = |e: reqwest::Error| Failure::unavailable(&format!("the events of {mount} cannot be read"), e);
        let wrong = |why: &str| {
            let why = format!("{mount} answered a request for its events with {why}");
            Failure::new(FailureKind::BadAnswer, why)
        };
        let cx = Cx::service(TenantId::platform(), self.speaker, self.clock.as_ref());
        let way = self.places.way();
        let Way { addresses, http, .. } = way.ok_or_else(|| wrong("nothing: it is at no address"))?;
        let base = addresses.at(self.reads.fetch_add(1, Ordering::Relaxed)).trim_end_matches('/');
        let request = http
            .get(format!("{base}/v1/events"))
            .query(&[("after", written(after)), ("limit", limit.min(MOST).to_string())])
            .header(CX_HEADER, self.signer.sign(&cx, &audience(mount))?)
            .timeout(PATIENCE);
        let mut response = request.send().await.map_err(unreachable)?;
        if response.status() != reqwest::StatusCode::OK {
            return match response.status().as_u16() {
                502..=504 => {
                    Err(Failure::new(FailureKind::Unavailable, format!("{mount} does not serve its events now")))
                }
                status => Err(wrong(&format!("the status {status}"))),
            };
        }
        let more = response.headers().contains_key(header::LINK);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > LARGEST {
                return Err(wrong("more than a batch of events"));
            }
            body.extend_from_slice(&chunk);
        }
        let events = placed_events(&body).map_err(|e| wrong(&e.to_string()))?;
        let events = events.into_iter().map(|(position, event)| {
            let position = position.ok_or_else(|| wrong("an event without a position"))?;
            Ok((position, event))
        });
        Ok(Batch { events: events.collect::<Result<_, Failure>>()?, more })
    }
}

/// The events of a batch, each with its position where that is one.
fn placed_events(body: &[u8]) -> Result<Vec<(Option<Position>, CloudEvent)>, serde_json::Error> {
    let texts: Vec<&RawValue> = serde_json::from_slice(body)?;
    let events = texts.into_iter().map(|text| {
        let Place { position } = serde_json::from_str(text.get())?;
        Ok((read(&position), serde_json::from_str(text.get())?))
    });
    events.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_as_they_were_written() {
        let event: CloudEvent = serde_json::from_value(serde_json::json!({
            "specversion": "1.0", "id": "evt_1", "source": "/tessera/viewers", "type": "tessera.viewers.profile.updated.v1",
            "subject": "prf_\u{e9}\"1", "time": "2026-01-01T00:00:00Z", "tenant": "acme", "subjectversion": 3,
            "datacontenttype": "application/json", "data": {"position": "inside", "name": "Zo\u{eb}"},
        }))
        .unwrap();
        let position = Position { xact: 4, seq: 17 };
        let body = serde_json::to_vec(&[Placed { event: event.clone(), position: written(position) }]).unwrap();
        let read = placed_events(&body).unwrap();
        assert_eq!(read, [(Some(position), event)]);
        assert!(placed_events(b"[{\"position\": \"0.1\"}]").is_err(), "no event");
    }

    #[test]
    fn a_position_is_read_as_it_was_written() {
        let position = Position { xact: 281_474_976_710_656, seq: 17 };
        assert_eq!(read(&written(position)), Some(position));
        for wrong in ["", "17", "0.", "0.x", "0.1.2"] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}
