//! What the deployment's processes remember of what they did: each tells the others at `GET /{module}/v1/spans`, and the one that
//! is asked by `tessera trace` gathers it all.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
    routing::get,
};
use futures::future::join_all;
use http::{HeaderValue, header, request::Parts};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tessera_contract::{Authenticate, CX_HEADER, Caller, Cx, Failure, FailureKind, Problem, sent_request_id};
use tessera_runtime::{
    http::{Routine, Server},
    telemetry::{SpanTold, Told, Wanted},
};
use tessera_types::TenantId;

use crate::{
    deployment::Deployment,
    elsewhere::Elsewhere,
    modules::{Here, Part},
    places::Way,
};

/// How long a process may take to tell.
const PATIENCE: Duration = Duration::from_secs(3);
/// Bytes of an answer at most.
const LARGEST: usize = 16 << 20;

/// What a process is called where spans are told: the first of its parts, how many more, and where it listens.
pub(crate) fn process_name(here: &Here, listen: SocketAddr) -> String {
    let parts: Vec<Part> = Part::ALL.iter().copied().filter(|part| here.has(*part)).collect();
    let name = match &parts[..] {
        all if all.len() == Part::ALL.len() => "tessera".to_owned(),
        [only] => only.to_string(),
        [first, others @ ..] => format!("{first}+{}", others.len()),
        [] => "tessera".to_owned(),
    };
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { listen.ip().to_string() } else { host.trim().to_owned() };
    format!("{name}@{host}:{}", listen.port())
}

/// Which spans, as one process asks another.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Trace ids with commas between.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    traces: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<String>,
}

impl Asked {
    fn of(wanted: &Wanted) -> Self {
        let traces: Vec<String> = wanted.traces.iter().map(|id| format!("{id:032x}")).collect();
        Self { traces: traces.join(","), request: wanted.request_id.clone() }
    }

    fn wanted(self) -> Wanted {
        let traces = self.traces.split(',').filter_map(|id| u128::from_str_radix(id, 16).ok());
        Wanted { request_id: self.request, ..Wanted::traces(traces) }
    }
}

/// The name that contexts for a module's spans are signed for.
fn audience(mount: &str) -> String {
    format!("{mount}-spans")
}

#[derive(Clone)]
struct Served {
    told: Told,
    mount: &'static str,
    authenticate: Arc<dyn Authenticate>,
}

/// The server with the spans of this process below every module that is here.
pub(crate) fn told_by(server: Server, deployment: &Deployment, told: &Told) -> Server {
    let here = Part::ALL.iter().filter(|part| **part != Part::Front && deployment.here.has(**part));
    here.fold(server, |server, part| {
        let served = Served { told: told.clone(), mount: part.mount(), authenticate: deployment.edge.clone() };
        server.mount(part.mount(), Router::new().route("/v1/spans", get(spans)).with_state(served))
    })
}

async fn spans(State(served): State<Served>, asked: Result<Query<Asked>, QueryRejection>, head: Parts) -> Response {
    let answer = async {
        let cx = served.authenticate.authenticate(&head, &audience(served.mount)).await?.cx;
        if !(cx.tenant.is_platform() && matches!(cx.caller, Caller::Service { .. })) {
            let why = "what a process remembers is for the deployment's other processes";
            return Err(Failure::new(FailureKind::Forbidden, why));
        }
        let Query(asked) = asked.map_err(|e| Failure::invalid("query", e.body_text()))?;
        Ok(served.told.find(&asked.wanted()))
    };
    match answer.await {
        Ok(found) => {
            let mut response = Json(found).into_response();
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response.extensions_mut().insert(Routine);
            response
        }
        Err(failure) => Problem::of_failure(&failure, &sent_request_id(&head.headers)).into_response(),
    }
}

/// All that could be had.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Gathered {
    pub(crate) spans: Vec<SpanTold>,
    /// Whoever told nothing.
    pub(crate) silent: Vec<Silent>,
}

/// An address that told nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Silent {
    pub(crate) address: String,
    pub(crate) why: String,
}

/// Carries `tessera trace` out in the server.
pub(crate) async fn handle(deployment: Arc<Deployment>, told: Told, details: Value) -> Result<Value, String> {
    let id = details["id"].as_str().unwrap_or_default();
    let gathered = gather(&deployment.elsewhere, &told, &Wanted::named(id)).await;
    serde_json::to_value(gathered).map_err(|e| e.to_string())
}

/// Asks here and at every address of the configuration. Whoever does not know the request may know its trace: what is found by a
/// request's id is asked for by the trace's.
async fn gather(elsewhere: &Elsewhere, told: &Told, wanted: &Wanted) -> Gathered {
    let mut spans = told.find(wanted);
    let mut silent = Vec::new();
    if spans.is_empty() {
        (spans, silent) = ask_all(elsewhere, wanted).await;
    }
    let traces: BTreeSet<u128> =
        spans.iter().filter_map(|span| u128::from_str_radix(&span.trace_id, 16).ok()).collect();
    if !traces.is_empty() {
        let whole = Wanted::traces(traces);
        let (others, told_nothing) = ask_all(elsewhere, &whole).await;
        spans = [told.find(&whole), others].concat();
        silent = told_nothing;
    }
    let mut seen = HashSet::new();
    spans.retain(|span| seen.insert((span.trace_id.clone(), span.span_id.clone())));
    Gathered { spans, silent }
}

async fn ask_all(elsewhere: &Elsewhere, wanted: &Wanted) -> (Vec<SpanTold>, Vec<Silent>) {
    let mut processes = BTreeMap::new();
    for part in Part::ALL {
        for Way { addresses, http, .. } in elsewhere.places(*part).ways() {
            for address in addresses.iter() {
                let origin = reqwest::Url::parse(address).map(|url| url.origin().ascii_serialization());
                let origin = origin.unwrap_or_else(|_| address.to_owned());
                processes.entry(origin).or_insert((part.mount(), address.to_owned(), http.clone()));
            }
        }
    }
    let asked = processes.into_values().map(async |(mount, address, http)| {
        let spans = ask(elsewhere, &http, (mount, &address), wanted).await;
        spans.map_err(|why| Silent { address, why })
    });
    let mut gathered = (Vec::new(), Vec::new());
    for answer in join_all(asked).await {
        match answer {
            Ok(spans) => gathered.0.extend(spans),
            Err(silent) => gathered.1.push(silent),
        }
    }
    gathered
}

async fn ask(
    elsewhere: &Elsewhere,
    http: &reqwest::Client,
    (mount, address): (&str, &str),
    wanted: &Wanted,
) -> Result<Vec<SpanTold>, String> {
    let cx = Cx::service(TenantId::platform(), elsewhere.speaker, elsewhere.clock().as_ref());
    let signed = elsewhere.remotes.signer.sign(&cx, &audience(mount)).map_err(|e| e.to_string())?;
    let lost = |error: reqwest::Error| match error {
        error if error.is_timeout() => format!("no answer within {} s", PATIENCE.as_secs()),
        error if error.is_connect() => "cannot be reached".to_owned(),
        error => error.to_string(),
    };
    let base = address.trim_end_matches('/');
    let request = http.get(format!("{base}/v1/spans")).query(&Asked::of(wanted)).header(CX_HEADER, signed);
    let mut answer = request.timeout(PATIENCE).send().await.map_err(lost)?;
    match answer.status().as_u16() {
        200 => {}
        404 => return Err("tells no spans: it is no process of Tessera".to_owned()),
        status => return Err(format!("answered {status}")),
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(lost)? {
        if body.len() + chunk.len() > LARGEST {
            return Err("answered more than a trace".to_owned());
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(|e| format!("answered no spans: {e}"))
}
