//! The ways to reach an implementation under test.

use std::{collections::BTreeMap, fmt, sync::Arc};

use async_trait::async_trait;
use http::header::{self, HeaderName};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tessera_types::{AccountId, Clock, TenantId, Timestamp};
use tokio::time::Instant;

use crate::{Api, Caller, Clients, Credential, Cx, CxSigner, Failure, FailureKind, OperationInfo, Remote};

use super::{Exchange, Obstacle, Sent, Violation, Wire, reach::tls_says};

/// Which of the two tenants that every check has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The tenant whose data the fixture describes.
    Ours,
    /// Another tenant on the same deployment.
    Theirs,
}

/// In what role an actor calls.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Without a credential.
    Anonymous,
    /// A signed-in viewer, by a name that the fixture knows.
    Viewer(String),
    /// Staff with all scopes.
    Staff,
    /// Staff with no scope at all.
    StaffWithoutScope,
    /// Another module.
    Service,
}

/// Who calls in a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Actor {
    /// Of which tenant.
    pub side: Side,
    /// In what role.
    pub role: Role,
    /// With this idempotency key.
    pub key: Option<String>,
    /// At this business time (services only: others cannot choose theirs).
    pub at: Option<Timestamp>,
}

impl Actor {
    /// `role` in our tenant.
    pub fn ours(role: Role) -> Self {
        Self { side: Side::Ours, role, key: None, at: None }
    }

    /// `role` in the other tenant.
    pub fn theirs(role: Role) -> Self {
        Self { side: Side::Theirs, ..Self::ours(role) }
    }

    /// The same with an idempotency key.
    pub fn with_key(&self, key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..self.clone() }
    }

    /// The same at a business time.
    pub fn at(&self, time: Timestamp) -> Self {
        Self { at: Some(time), ..self.clone() }
    }

    /// The context of this actor where we make contexts ourselves.
    pub fn cx(&self, tenants: &[TenantId; 2], now: Timestamp) -> Cx {
        let tenant = tenants[usize::from(self.side == Side::Theirs)].clone();
        let caller = match &self.role {
            Role::Anonymous => Caller::Anonymous,
            Role::Viewer(name) => Caller::Viewer { account: account(name), profile: None },
            Role::Staff => Caller::Staff { subject: "key_conformance".into(), scopes: vec!["*".into()] },
            Role::StaffWithoutScope => Caller::Staff { subject: "key_without_scope".into(), scopes: vec![] },
            Role::Service => Caller::Service { name: "conformance".into() },
        };
        let cx = Cx::new(tenant, caller, self.at.unwrap_or(now));
        match &self.key {
            Some(key) => cx.with_idempotency_key(key.as_str()),
            None => cx,
        }
    }
}

fn account(name: &str) -> AccountId {
    name.parse().or_else(|_| "acc_conformance".parse()).expect("a literal id is URL-safe")
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.side == Side::Ours { "our tenant" } else { "another tenant" };
        match &self.role {
            Role::Anonymous => write!(f, "anonymous of {side}"),
            Role::Viewer(name) => write!(f, "viewer {name} of {side}"),
            Role::Staff => write!(f, "staff of {side}"),
            Role::StaffWithoutScope => write!(f, "staff without scope of {side}"),
            Role::Service => write!(f, "a service of {side}"),
        }
    }
}

/// A way to reach an implementation.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Sends `request` and records what comes back. `Err` only when nothing usable came back.
    async fn send(
        &self,
        operation: &'static OperationInfo,
        actor: &Actor,
        request: Map<String, Value>,
    ) -> Result<Exchange, Violation>;
}

/// In this process, through the erased endpoints.
pub struct InProcess {
    /// The implementation; several traits of one mount may stand side by side.
    pub apis: Vec<Api>,
    /// The two tenants.
    pub tenants: [TenantId; 2],
    /// Business time unless the actor says otherwise.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Probe for InProcess {
    async fn send(
        &self,
        operation: &'static OperationInfo,
        actor: &Actor,
        request: Map<String, Value>,
    ) -> Result<Exchange, Violation> {
        let endpoint = self
            .apis
            .iter()
            .filter(|api| api.info.name == operation.contract)
            .find_map(|api| api.endpoint(operation.name))
            .ok_or_else(|| Violation::not_checked(format!("{} is not served here", operation.contract)))?;
        let cx = actor.cx(&self.tenants, self.clock.now());
        let started = Instant::now();
        let (status, body) = match endpoint.call(cx, request.clone(), false).await {
            Ok(answer) => (operation.status, serde_json::from_slice(&answer.body).unwrap_or_default()),
            Err(problem) => (problem.status, serde_json::to_value(&problem).unwrap_or_default()),
        };
        Ok(Exchange::new(operation, actor, Value::Object(request), status, body, started.elapsed()))
    }
}

/// Over HTTP, as another module of the deployment: contexts signed.
pub struct SignedHttp {
    /// HTTP client, and one for gRPC where operations that travel so are to be called by it.
    pub http: Clients,
    /// The address, mount included.
    pub base: String,
    /// Signs the contexts.
    pub signer: CxSigner,
    /// The two tenants.
    pub tenants: [TenantId; 2],
    /// Business time unless the actor says otherwise.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Probe for SignedHttp {
    async fn send(
        &self,
        operation: &'static OperationInfo,
        actor: &Actor,
        request: Map<String, Value>,
    ) -> Result<Exchange, Violation> {
        let remote = Remote::new(self.http.clone(), &self.base, Credential::Service(self.signer.clone()));
        exchange(&remote, operation, actor, actor.cx(&self.tenants, self.clock.now()), request).await
    }
}

/// Over HTTP at anybody's address, with the credentials that its fixture names.
pub struct HttpProbe {
    /// HTTP client, and one for gRPC where operations that travel so are to be called by it.
    pub http: Clients,
    /// The address, mount included.
    pub base: String,
    /// Bearer credentials by actor (without key and time); an actor that is not there calls without one.
    pub credentials: BTreeMap<(Side, Role), String>,
    /// Host header by tenant, where names do not resolve.
    pub hosts: BTreeMap<Side, String>,
    /// Makes request ids and deadlines.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Probe for HttpProbe {
    async fn send(
        &self,
        operation: &'static OperationInfo,
        actor: &Actor,
        request: Map<String, Value>,
    ) -> Result<Exchange, Violation> {
        if actor.at.is_some() {
            return Err(Violation::not_checked("a bearer credential cannot choose its time"));
        }
        let credential = match self.credentials.get(&(actor.side, actor.role.clone())) {
            Some(token) => Credential::Bearer(token.clone()),
            None if actor.role == Role::Anonymous => Credential::Anonymous,
            None => return Err(Violation::not_checked(format!("the fixture has no credential for {actor}"))),
        };
        let mut remote = Remote::new(self.http.clone(), &self.base, credential);
        if let Some(host) = self.hosts.get(&actor.side) {
            remote = remote.with_host(host);
        }
        let tenants = ["ours", "theirs"].map(|name| name.parse().expect("a literal tenant"));
        exchange(&remote, operation, actor, actor.cx(&tenants, self.clock.now()), request).await
    }
}

/// Sends a request and waits for its answer as long as the contract gives the operation.
async fn exchange(
    remote: &Remote,
    operation: &'static OperationInfo,
    actor: &Actor,
    mut cx: Cx,
    request: Map<String, Value>,
) -> Result<Exchange, Violation> {
    let started = Instant::now();
    cx.deadline = started + operation.limits.timeout;
    let answer = remote.exchange(operation, &cx, request.clone()).await;
    let sent = || Sent::of(operation, actor, Value::Object(request.clone()));
    let answer = answer.map_err(|failure| unanswered(operation, &failure).about(sent()))?;
    let elapsed = started.elapsed();
    let (body, unreadable) = match &answer.body {
        Ok(bytes) => match serde_json::from_slice(bytes) {
            Ok(body) => (body, None),
            Err(error) => (Value::Null, Some(format!("{error}, of {} bytes", bytes.len()))),
        },
        Err(failure) if failure.kind == FailureKind::DeadlineExceeded => {
            return Err(unanswered(operation, failure).about(sent()));
        }
        Err(failure) if failure.kind == FailureKind::BadAnswer => (Value::Null, Some(failure.to_string())),
        Err(_) => (Value::Null, Some("the connection ended before the body was whole".into())),
    };
    let header = |name: HeaderName| Some(answer.headers.get(name)?.to_str().ok()?.to_owned());
    let wire = Wire {
        content_type: header(header::CONTENT_TYPE),
        etag: header(header::ETAG),
        retry_after: header(header::RETRY_AFTER),
        location: header(header::LOCATION),
        unreadable,
    };
    let mut exchange = Exchange::new(operation, actor, Value::Object(request), answer.status, body, elapsed);
    exchange.wire = Some(wire);
    in_its_place(exchange)
}

/// What the lack of an answer means.
fn unanswered(operation: &OperationInfo, failure: &Failure) -> Violation {
    let patience = operation.limits.timeout.as_secs();
    let cause: &(dyn std::error::Error + 'static) = std::error::Error::source(failure).unwrap_or(failure);
    let obstacle = Obstacle::in_error(cause);
    match failure.kind {
        FailureKind::DeadlineExceeded if obstacle != Obstacle::ConnectTimeout => {
            Violation::slow(format!("no answer within {patience} s, which is what the contract gives the operation"))
        }
        FailureKind::InvalidRequest if operation.grpc.is_some() => {
            Violation::not_checked(format!("a message cannot say it: {failure}"))
        }
        FailureKind::InvalidRequest | FailureKind::Internal => Violation::new(failure.to_string()),
        _ => {
            let why = tls_says(cause).unwrap_or_else(|| failure.to_string());
            Violation::not_reachable(obstacle, format!("{}: {why}", obstacle.advice()))
        }
    }
}

/// Tells an answer of the implementation from one that something else gave for it, and from one that says it has none.
fn in_its_place(exchange: Exchange) -> Result<Exchange, Violation> {
    let Some(code) = exchange.body["code"].as_str() else {
        return match exchange.status {
            502..=504 => {
                let why = format!("{} ({})", Obstacle::Proxy.advice(), exchange.status);
                Err(Violation::not_reachable(Obstacle::Proxy, why).shown_by(&exchange))
            }
            _ => Ok(exchange),
        };
    };
    match FailureKind::from_code(code).filter(|kind| kind.status() == exchange.status) {
        Some(FailureKind::Unavailable) => {
            Err(Violation::not_reachable(Obstacle::Unavailable, Obstacle::Unavailable.advice()).shown_by(&exchange))
        }
        Some(FailureKind::DeadlineExceeded) => {
            Err(Violation::slow("it gave up on its own deadline").shown_by(&exchange))
        }
        _ => Ok(exchange),
    }
}
