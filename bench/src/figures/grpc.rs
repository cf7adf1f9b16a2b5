//! `entitlement.decide` by gRPC: over the store of one process.

use std::{sync::Arc, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use serde_json::{Value, json};
use tessera_contract::{CX_HEADER, Contract, Cx, Grpc};
use tessera_contract_entitlement::Entitlement;
use tessera_types::SystemClock;

use crate::{
    figure::{Better, Figure},
    grpc_load::{Call, load},
    load::{Outcome, Pace},
    server::Server,
    world::World,
};

/// What is wanted, a second.
const RATE: f64 = 25_000.0;
/// Connections, and calls under way on all of them together.
const SHAPE: (usize, usize) = (2, 64);
/// How often the load at [`RATE`] is measured; the best round is the one in which the machine was taken away least.
const ROUNDS: u32 = 5;
/// Different calls of a load, made before it.
const CALLS: u64 = 4096;

/// As many as the server takes, and the wanted rate in rounds.
pub(crate) async fn decisions(world: &World, server: &Server, length: Duration) -> Vec<Figure> {
    let go = async |pace, length| -> Outcome {
        let calls = calls(world, server); // signed anew for each load: a context holds for thirty seconds
        load(&[server.address], pace, SHAPE, length, calls).await.whole("a decision by gRPC")
    };
    go(Pace::Closed, length / 4).await; // warm
    let most = go(Pace::Closed, length).await;
    let mut due = Vec::new();
    for _ in 0..ROUNDS {
        due.push(go(Pace::Open(RATE), length).await);
    }
    let all: Vec<String> = due.iter().map(|round| format!("{:.1}", round.milliseconds(99.0))).collect();
    let best =
        due.iter().min_by(|a, b| a.milliseconds(99.0).total_cmp(&b.milliseconds(99.0))).expect("there is a round");
    let (connections, calls) = SHAPE;
    let shape = format!("{connections} connections, {calls} calls at a time");
    vec![
        Figure::against("entitlement.decide by gRPC: most", most.rate, "1/s", Better::Higher, RATE)
            .by(format!("closed loop, {shape}; 1,000,000 other grants stored; p99 {:.1} ms", most.milliseconds(99.0))),
        Figure::against("entitlement.decide by gRPC: rate", best.rate, "1/s", Better::Higher, RATE * 0.99)
            .by(format!("open loop at {RATE}/s, {shape}; a service's signed context each")),
        Figure::against(
            "entitlement.decide by gRPC at that rate: p99",
            best.milliseconds(99.0),
            "ms",
            Better::Lower,
            3.0,
        )
        .by(format!(
            "from when it was due; p50 {:.2} ms; best of {ROUNDS} rounds: {}",
            best.milliseconds(50.0),
            all.join(", ")
        )),
    ]
}

/// Questions of the kind that `decision.rs` asks over HTTP.
fn calls(world: &World, server: &Server) -> Arc<dyn Fn(u64) -> Call + Send + Sync> {
    let token = || {
        let cx = Cx::service(world.tenant(), "playback", &SystemClock);
        world.signer.sign(&cx, "entitlement").expect("a context can be signed")
    };
    questions(&world.host(server), token, |number| {
        json!({
            "viewing": {"account_id": format!("acc_unrelated{}", 1 + number % 2400), "territory": "DE"},
            "facts": {"title_id": "ttl_1", "free": false, "plans": ["basic"], "territories": ["AT", "DE"], "minimum_age": 6},
        })
    })
}

/// Calls of `decide`, each with a token of its own, made before they are sent.
pub(crate) fn questions(
    host: &str,
    token: impl Fn() -> String,
    fields: impl Fn(u64) -> Value,
) -> Arc<dyn Fn(u64) -> Call + Send + Sync> {
    let grpc: &'static Grpc = <dyn Entitlement>::INFO
        .by_grpc()
        .find_map(|(operation, grpc)| (operation.name == "decide").then_some(grpc))
        .expect("decide travels by gRPC");
    let uri: Uri = format!("http://{host}{}", grpc.path()).parse().expect("an address");
    let call = |number: u64| {
        let fields = fields(number);
        let message = grpc.encode_request(fields.as_object().expect("an object")).expect("it is the request");
        let mut metadata = HeaderMap::new();
        metadata.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        metadata.insert(header::TE, HeaderValue::from_static("trailers"));
        metadata.insert(HeaderName::from_static("grpc-timeout"), HeaderValue::from_static("5000m"));
        let mut token = HeaderValue::from_str(&token()).expect("a token is text");
        token.set_sensitive(true); // as the client of modules has it: not in the connection's table of headers
        metadata.insert(HeaderName::from_static(CX_HEADER), token);
        Call { uri: uri.clone(), metadata, message: framed(&message) }
    };
    let calls: Vec<Call> = (0..CALLS).map(call).collect();
    Arc::new(move |number| calls[usize::try_from(number % CALLS).unwrap_or(0)].clone())
}

/// A message with its prefix (gRPC over HTTP2, "Length-Prefixed-Message").
fn framed(message: &[u8]) -> Bytes {
    let mut body = BytesMut::with_capacity(5 + message.len());
    body.put_u8(0);
    body.put_u32(u32::try_from(message.len()).expect("a short message"));
    body.put_slice(message);
    body.freeze()
}
