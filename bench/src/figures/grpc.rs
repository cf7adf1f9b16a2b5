//! `entitlement.decide` by gRPC: over the store of one process.

use std::time::Duration;

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
/// Connections.
const CONNECTIONS: usize = 2;
/// Calls under way on all of them together: for the wanted rate in the wanted time, and for the most.
const CALLS_AT_ONCE: [usize; 2] = [32, 64];
/// How often the wanted rate is measured; the best round is the one in which the machine was taken away least.
const ROUNDS: u32 = 5;
/// Different calls of a load, made before it.
const CALLS: u64 = 4096;

/// As many as the server takes with few calls under way and with more, and the wanted rate when calls are due at it whatever
/// becomes of those before.
pub(crate) async fn decisions(world: &World, server: &Server, length: Duration) -> Vec<Figure> {
    let go = async |pace, at_once, length| -> Outcome {
        let calls = calls(world, server); // signed anew for each load: a context holds for thirty seconds
        load(&[server.address], pace, (CONNECTIONS, at_once), length, calls).await.whole("a decision by gRPC")
    };
    let [few, many] = CALLS_AT_ONCE;
    go(Pace::Closed, many, length / 4).await; // warm
    let most = go(Pace::Closed, many, length).await;
    let (mut closed, mut open) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        closed.push(go(Pace::Closed, few, length).await);
        open.push(go(Pace::Open(RATE), many, length).await);
    }
    let ((closed, closed_rounds), (open, open_rounds)) = (best(&closed), best(&open));
    let named = |what: &str| format!("entitlement.decide by gRPC{what}");
    vec![
        Figure::against(&named(": rate"), closed.rate, "1/s", Better::Higher, RATE).by(format!(
            "closed loop, {CONNECTIONS} connections, {few} calls at a time, a service's signed context each; 1,000,000 other \
             grants stored"
        )),
        Figure::against(&named(" at that rate: p99"), closed.milliseconds(99.0), "ms", Better::Lower, 3.0).by(format!(
            "p50 {:.2} ms; best of {ROUNDS} rounds: {closed_rounds}",
            closed.milliseconds(50.0)
        )),
        Figure::beside(&named(", due at 25,000/s: p99"), open.milliseconds(99.0), "ms", Better::Lower, ("closed loop", closed.milliseconds(99.0)))
            .by(format!(
                "open loop, from when a call was due; {:.0}/s answered, p50 {:.2} ms; best of {ROUNDS} rounds, alternating: \
                 {open_rounds}",
                open.rate,
                open.milliseconds(50.0)
            )),
        Figure::against(&named(": most"), most.rate, "1/s", Better::Higher, RATE)
            .by(format!("closed loop, {many} calls at a time; p99 {:.1} ms", most.milliseconds(99.0))),
    ]
}

/// The round with the best p99, and all of them.
fn best(rounds: &[Outcome]) -> (&Outcome, String) {
    let all: Vec<String> = rounds.iter().map(|round| format!("{:.1}", round.milliseconds(99.0))).collect();
    let best = rounds.iter().min_by(|a, b| a.milliseconds(99.0).total_cmp(&b.milliseconds(99.0)));
    (best.expect("there is a round"), all.join(", "))
}

/// Questions of the kind that `decision.rs` asks over HTTP.
fn calls(world: &World, server: &Server) -> Vec<Call> {
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
pub(crate) fn questions(host: &str, token: impl Fn() -> String, fields: impl Fn(u64) -> Value) -> Vec<Call> {
    let grpc: &'static Grpc = <dyn Entitlement>::INFO
        .by_grpc()
        .find_map(|(operation, grpc)| (operation.name == "decide").then_some(grpc))
        .expect("decide travels by gRPC");
    let call = |number: u64| {
        let (fields, token) = (fields(number), token());
        let message = grpc.encode_request(fields.as_object().expect("an object")).expect("it is the request");
        let metadata =
            [("content-type", "application/grpc"), ("te", "trailers"), ("grpc-timeout", "5000m"), (CX_HEADER, &token)];
        Call::new(host, &grpc.path(), &metadata, &message)
    };
    (0..CALLS).map(call).collect()
}
