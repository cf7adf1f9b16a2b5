//! Whether today's contracts read what a release answered: by the frozen documents, and by the clients that modules call each
//! other with.

use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{Response, StatusCode},
};
use serde_json::{Value, json};
use tessera_contract::{CX_HEADER, Caller, Credential, Cx, CxSigner, Remote, http_client};
use tessera_contracts::ALL;
use tessera_testing::Served;
use tessera_types::{Clock, SystemClock};

use super::{
    Answered, Exchange,
    likeness::{Likeness, lacking},
    people::tenant,
    recorder::answered,
};
use crate::{Answer, project};

/// What of the recorded answers today's documents forbid, or today's clients do not find in them: a line each.
///
/// # Panics
/// A frozen document cannot be read, or a loopback port not be had.
pub async fn read(exchanges: &[Exchange]) -> Vec<String> {
    let reader = Reader::open().await;
    let mut found = Vec::new();
    for exchange in exchanges {
        let unlike = [allowed(exchange), reader.read(exchange).await].concat();
        found.extend(unlike.into_iter().map(|what| format!("{}: {what}", exchange.name())));
    }
    found
}

/// What the frozen document says against a recorded answer.
fn allowed(exchange: &Exchange) -> Vec<String> {
    let Answered { status, content_type, body, .. } = &exchange.answered;
    let (entry, info) = exchange.operation();
    let file = project().join("contracts").join(entry.module).join("v1").join(entry.file_name());
    let text = fs::read(&file).expect("a frozen document can be read");
    let document: Value = serde_json::from_slice(&text).expect("a frozen document is JSON");
    let answers = &document["paths"][info.path][info.method.name().to_ascii_lowercase()]["responses"];
    let schema = &answers[status.to_string()]["content"][content_type]["schema"];
    if schema.is_null() {
        return vec![format!("the document has no answer {status} {content_type}")];
    }
    let whole = json!({"allOf": [schema], "components": document["components"]});
    let rules = jsonschema::options().should_validate_formats(true).build(&whole).expect("a schema compiles");
    rules.iter_errors(body).map(|error| format!("{} {error}", error.instance_path())).collect()
}

/// What the release answers next.
type Next = Arc<Mutex<Option<Answered>>>;

/// The operations of every contract over today's clients, which ask somebody who says what the release said.
struct Reader {
    release: Served,
    front: Served,
    next: Next,
    signer: CxSigner,
    http: reqwest::Client,
}

impl Reader {
    async fn open() -> Self {
        let next = Next::default();
        let say = async |State(next): State<Next>| {
            let answered =
                next.lock().expect("nobody panics while holding it").take().expect("one answer for one call");
            let response = Response::builder().status(answered.status).header("content-type", answered.content_type);
            let response = answered.etag.into_iter().fold(response, |response, etag| response.header("etag", etag));
            response.body(Body::from(answered.body.to_string())).expect("a response of valid parts")
        };
        let release = Served::router(Router::new().fallback(say).with_state(next.clone())).await;
        let signer = CxSigner::new(&[7; 32], Arc::new(SystemClock));
        let mut mounts: BTreeMap<&str, Router> = BTreeMap::new();
        for entry in ALL {
            let base = format!("{}/{}", release.base, entry.info.mount);
            let api = (entry.over)(Remote::new(http_client(), &base, Credential::Service(signer.clone())));
            let beside = mounts.remove(entry.info.mount).unwrap_or_default();
            mounts.insert(entry.info.mount, beside.merge(api.into_router(Arc::new(signer.clone()))));
        }
        let routes = |all: Router, (mount, router): (&str, Router)| all.nest(&format!("/{mount}"), router);
        let front = Served::router(mounts.into_iter().fold(Router::new(), routes)).await;
        Self { release, front, next, signer, http: http_client() }
    }

    /// What a client of today does not find in a recorded answer, or takes to be something else.
    async fn read(&self, exchange: &Exchange) -> Vec<String> {
        let (was, asked) = (&exchange.answered, &exchange.asked);
        *self.next.lock().expect("nobody panics while holding it") = Some(was.clone());
        let cx = self.signer.sign(&caller(&exchange.caller), &exchange.contract).expect("a context can be signed");
        let method = reqwest::Method::from_bytes(asked.method.as_bytes()).expect("a method");
        let request = self.http.request(method, format!("{}{}", self.front.base, asked.path)).header(CX_HEADER, cx);
        let request = asked.key.iter().fold(request, |request, key| request.header("idempotency-key", key));
        let request = if asked.body.is_null() { request } else { request.json(&asked.body) };
        let response = request.send().await.unwrap_or_else(|error| panic!("{}: {error}", self.release.base));
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.expect("an answer is whole").to_vec();
        let now = answered(&Answer { status, headers, bytes });
        if now.status != was.status {
            return vec![format!("read as {} {} and was {}", now.status, now.body, was.status)];
        }
        match status >= StatusCode::BAD_REQUEST {
            true => lacking(&json!({"code": was.body["code"]}), &now.body, Likeness::Value),
            false => lacking(&was.body, &now.body, Likeness::Value),
        }
    }
}

/// Who asked, as a module's signed context has it.
fn caller(name: &str) -> Cx {
    let everything = || vec!["*".to_owned()];
    let (tenant, caller) = match name {
        "viewer" => {
            (tenant(), Caller::Viewer { account: "acc_recorded".parse().expect("an account's id"), profile: None })
        }
        "staff" => (tenant(), Caller::Staff { subject: "key_recorded".into(), scopes: everything() }),
        "operator" => {
            let platform = "platform".parse().expect("a tenant's name");
            (platform, Caller::Staff { subject: "key_recorded".into(), scopes: everything() })
        }
        _ => match name.strip_prefix("service:") {
            Some(module) => (tenant(), Caller::Service { name: module.into() }),
            None => (tenant(), Caller::Anonymous),
        },
    };
    Cx::new(tenant, caller, SystemClock.now())
}
