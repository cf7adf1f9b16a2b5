//! `entitlement.decide`: the pure function beside Cedar, and over its store and HTTP.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::json;
use tessera_contract::Cx;
use tessera_contract_entitlement::{DecisionRequest, Grant, GrantScope, PlayFacts, Viewing};
use tessera_entitlement::decide;
use tessera_types::{SystemClock, Timestamp};

use crate::{
    figure::{Better, Figure},
    load::{Outcome, Pace, Request, load, post},
    server::Server,
    world::World,
};

const RATE: f64 = 10_000.0;
const NOW: i64 = 1_800_000_000_000_000;

/// A question with every restriction in it, and an account with three grants of which the last opens the title.
fn question() -> (DecisionRequest, Vec<Grant>) {
    let at = |days: i64| Timestamp::from_micros(NOW + days * 86_400_000_000);
    let facts = PlayFacts {
        title_id: "ttl_1".parse().expect("an id"),
        free: false,
        plans: vec!["premium".into(), "basic".into()],
        available_from: Some(at(-10)),
        available_until: Some(at(100)),
        territories: Some(["AT", "CH", "DE"].map(|t| t.parse().expect("a territory")).to_vec()),
        minimum_age: 12,
    };
    let account: tessera_types::AccountId = "acc_1".parse().expect("an id");
    let viewing = Viewing { account_id: account.clone(), territory: "DE".parse().ok(), age_limit: Some(16) };
    let grant = |number: i64, plan: &str, from: i64, until: i64| Grant {
        grant_id: format!("grt_{number}").parse().expect("an id"),
        source: "billing".into(),
        reference: format!("r{number}"),
        account_id: account.clone(),
        scope: GrantScope::Plan { plan: plan.into() },
        starts_at: at(from),
        ends_at: Some(at(until)),
        max_streams: 2,
        revoked: false,
        version: 1,
    };
    let grants = vec![grant(1, "sports", -30, 30), grant(2, "basic", -60, -30), grant(3, "basic", -5, 25)];
    (DecisionRequest { viewing, facts }, grants)
}

/// Calls a second on one core, the best of five rounds.
fn rate(mut call: impl FnMut() -> bool) -> f64 {
    let mut best = 0.0_f64;
    for _ in 0..5 {
        let (begun, mut calls) = (Instant::now(), 0_u32);
        while begun.elapsed() < Duration::from_millis(400) {
            for _ in 0..256 {
                assert!(call(), "the answer is yes");
            }
            calls += 256;
        }
        best = best.max(f64::from(calls) / begun.elapsed().as_secs_f64());
    }
    best
}

/// The pure function, beside Cedar where that was built in.
pub(crate) fn pure() -> Vec<Figure> {
    let (request, grants) = question();
    let now = Timestamp::from_micros(NOW);
    let ours = rate(|| decide(black_box(&request), black_box(&grants), now, 2).allowed);
    let method = "one core; window, territory, age, three grants; best of five rounds";
    let mut figures =
        vec![Figure::against("entitlement.decide, pure: rate", ours, "1/s", Better::Higher, 1_000_000.0).by(method)];
    match cedar() {
        Some(theirs) => figures.push(
            Figure::beside("entitlement.decide, pure, beside Cedar", ours, "1/s", Better::Higher, ("Cedar", theirs))
                .by("the same rules as a policy a grant and a forbid a restriction; policies and entities parsed before"),
        ),
        None => eprintln!("built without the feature `peers`: Cedar is left out"),
    }
    figures
}

#[cfg(feature = "peers")]
fn cedar() -> Option<f64> {
    use cedar_policy::{Authorizer, Context, Decision, Entities, PolicySet, Request};
    let at = |days: i64| NOW + days * 86_400_000_000;
    let permit = |plan: &str, from: i64, until: i64| {
        format!(
            "permit(principal == Account::\"acc_1\", action == Action::\"play\", resource in Plan::\"{plan}\") \
             when {{ context.now >= {} && context.now < {} }};\n",
            at(from),
            at(until)
        )
    };
    let restrictions = "forbid(principal, action, resource) when { context.now < resource.available_from };\n\
         forbid(principal, action, resource) when { context.now >= resource.available_until };\n\
         forbid(principal, action, resource) unless { resource.territories.contains(context.territory) };\n\
         forbid(principal, action, resource) when { resource.minimum_age > context.age_limit };\n";
    let policies: PolicySet =
        (permit("sports", -30, 30) + &permit("basic", -60, -30) + &permit("basic", -5, 25) + restrictions)
            .parse()
            .expect("policies");
    let entities = json!([
        {"uid": {"type": "Title", "id": "ttl_1"}, "attrs": {"available_from": at(-10), "available_until": at(100),
            "territories": ["AT", "CH", "DE"], "minimum_age": 12},
            "parents": [{"type": "Plan", "id": "premium"}, {"type": "Plan", "id": "basic"}]},
        {"uid": {"type": "Account", "id": "acc_1"}, "attrs": {}, "parents": []},
    ]);
    let entities = Entities::from_json_value(entities, None).expect("entities");
    let context = json!({"now": NOW, "territory": "DE", "age_limit": 16});
    let context = Context::from_json_value(context, None).expect("a context");
    let uid = |text: &str| text.parse().expect("an entity's id");
    let request =
        Request::new(uid("Account::\"acc_1\""), uid("Action::\"play\""), uid("Title::\"ttl_1\""), context, None)
            .expect("a request");
    let authorizer = Authorizer::new();
    Some(rate(|| {
        let answer = authorizer.is_authorized(black_box(&request), black_box(&policies), &entities);
        answer.decision() == Decision::Allow
    }))
}

#[cfg(not(feature = "peers"))]
fn cedar() -> Option<f64> {
    None
}

/// What one pass over HTTP gives.
pub(crate) struct Pass {
    due: Outcome,
    most: Outcome,
}

/// Decisions over store and HTTP, about accounts with four grants each, among all that are stored.
pub(crate) async fn over_http(world: &World, server: &Server, length: Duration) -> Pass {
    // Signed anew for each load: a context holds for thirty seconds.
    let go = async |pace, connections, length| {
        load(server.address, pace, connections, length, decisions(world, server)).await.whole("entitlement.decide")
    };
    go(Pace::Closed, 32, length / 4).await; // warm
    let most = go(Pace::Closed, 64, length).await;
    let due = go(Pace::Open(RATE), 128, length).await;
    Pass { due, most }
}

/// The figures of a pass among few grants and one among a hundred times more.
pub(crate) fn figures(few: &Pass, many: &Pass) -> Vec<Figure> {
    let method = "a service's signed context each, 1,000,000 other grants stored";
    vec![
        Figure::against("entitlement.decide, store and HTTP: rate", many.due.rate, "1/s", Better::Higher, RATE * 0.99)
            .by(format!("open loop at {RATE}/s, 128 connections; {method}")),
        Figure::against("entitlement.decide at that rate: p99", many.due.milliseconds(99.0), "ms", Better::Lower, 5.0)
            .by(format!("from when it was due; p50 {:.2} ms", many.due.milliseconds(50.0))),
        Figure::against("entitlement.decide, store and HTTP: most", many.most.rate, "1/s", Better::Higher, RATE)
            .by("closed loop, 64 connections"),
        Figure::beside(
            "entitlement.decide at 100 times more unrelated grants",
            many.most.rate,
            "1/s",
            Better::Higher,
            ("at 10,000 grants", few.most.rate),
        )
        .wanting(0.9)
        .by("closed loop, 64 connections, same run"),
    ]
}

/// Different requests of a load, made before it: what making them costs is not the server's.
const REQUESTS: u64 = 4096;

fn decisions(world: &World, server: &Server) -> Request {
    let host = world.host(server);
    let request = |number: u64| {
        let cx = Cx::service(world.tenant(), "playback", &SystemClock);
        let token = world.signer.sign(&cx, "entitlement").expect("a context can be signed");
        let body = json!({
            "viewing": {"account_id": format!("acc_unrelated{}", 1 + number % 2400), "territory": "DE"},
            "facts": {"title_id": "ttl_1", "free": false, "plans": ["basic"], "territories": ["AT", "DE"], "minimum_age": 6},
        });
        let header = format!("{}: {token}\r\n", tessera_contract::CX_HEADER);
        post(&host, "/entitlement/v1/decisions", &header, &body.to_string())
    };
    let requests: Vec<_> = (0..REQUESTS).map(request).collect();
    Arc::new(move |number| requests[usize::try_from(number % REQUESTS).unwrap_or(0)].clone())
}
