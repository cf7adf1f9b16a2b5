//! The notes served on loopback, as other modules and as strangers reach them.

use std::sync::Arc;

use axum::{Router, http::request::Parts};
use reqwest::Response;
use serde_json::Value;
use tessera_contract::{
    Authenticate, Authenticated, Caller, Contract, Credential, Cx, CxSigner, Failure, FailureKind, Remote, async_trait,
    http_client, sent_request_id,
};
use tessera_types::{ManualClock, TenantId, Timestamp};

use crate::notes::{InMemory, Notes};

/// Takes `Bearer viewer`, `Bearer staff` (all scopes) and `Bearer powerless`, as a public edge would.
struct TestEdge;

#[async_trait]
impl Authenticate for TestEdge {
    async fn authenticate(&self, head: &Parts, _: &str) -> Result<Authenticated, Failure> {
        let token = head.headers.get("authorization").and_then(|v| v.to_str().ok());
        let caller = match token {
            None => Caller::Anonymous,
            Some("Bearer viewer") => viewer(),
            Some("Bearer staff") => Caller::Staff { subject: "key_1".into(), scopes: vec!["*".into()] },
            Some("Bearer powerless") => Caller::Staff { subject: "key_2".into(), scopes: vec![] },
            Some(_) => return Err(Failure::new(FailureKind::Unauthenticated, "the token does not hold")),
        };
        let mut cx = Cx::new(acme(), caller, now());
        cx.request_id = sent_request_id(&head.headers);
        Ok(Authenticated { cx, internal: false })
    }
}

pub fn viewer() -> Caller {
    Caller::Viewer { account: "acc_1".parse().unwrap(), profile: None }
}

pub fn acme() -> TenantId {
    "acme".parse().unwrap()
}

pub fn now() -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000)
}

pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(now()))
}

pub fn signer() -> CxSigner {
    CxSigner::new(&[7; 32], clock())
}

pub fn service() -> Cx {
    Cx::new(acme(), Caller::Service { name: "tests".into() }, now())
}

/// An address at which nobody listens: TCP's multiplexer (RFC 1078), which no machine has.
pub const NOBODY: &str = "http://127.0.0.1:1";

/// A router on a loopback port for as long as the value lives.
pub struct Served {
    pub base: String,
    task: tokio::task::JoinHandle<()>,
}

impl Served {
    pub async fn router(router: Router) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        Self { base, task: tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }) }
    }

    /// The notes as strangers reach them.
    pub async fn public() -> Self {
        let notes: Arc<dyn Notes> = InMemory::with_notes();
        Self::router(<dyn Notes>::api(notes).into_router(Arc::new(TestEdge))).await
    }

    /// The notes as other modules reach them.
    pub async fn internal(notes: Arc<InMemory>) -> Self {
        Self::router(<dyn Notes>::api(notes).into_router(Arc::new(signer()))).await
    }

    /// A client that is itself the contract.
    pub fn remote(&self) -> Arc<dyn Notes> {
        <dyn Notes>::remote(Remote::new(http_client(), &self.base, Credential::Service(signer())))
    }

    /// Sends a request as it stands and reads the answer.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = http_client().request(method, format!("{}{path}", self.base)).body(body.into());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        Answer::read(request.send().await.unwrap()).await
    }

    /// The same with a JSON content type.
    pub async fn json(&self, method: &str, path: &str, token: &str, body: &str) -> Answer {
        let authorization = format!("Bearer {token}");
        let headers = [("content-type", "application/json"), ("authorization", &authorization)];
        self.send(method, path, if token.is_empty() { &headers[..1] } else { &headers }, body).await
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    async fn read(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.unwrap();
        Self { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Panics unless this is a problem with this status, code and `param` (empty: none).
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str, param: &str) {
        let found = (self.status, self.body["code"].as_str().unwrap_or_default());
        assert_eq!(found, (status, code), "{self:?}");
        assert_eq!(self.body["param"].as_str().unwrap_or_default(), param, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        assert_eq!(self.header("x-request-id"), self.body["request_id"].as_str().unwrap(), "{self:?}");
    }
}
