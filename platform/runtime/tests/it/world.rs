//! Two tenants, an edge that knows them, and a server with one route that says what the edge made of a request.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Json, Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    response::{IntoResponse, Response},
    routing::any,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk, jwk::JwkSet};
use serde_json::{Value, json};
use tessera_contract::{Authenticate, Caller, CxSigner, Failure, FailureKind, Problem, sent_request_id};
use tessera_runtime::{
    config::{Secret, ServerConfig},
    directory::{Directory, NewTenant},
    edge::{ApiKeys, Edge, Issuer, IssuerKeys, ResolvedKey, Session, Sessions, TenantKind},
    http::Server,
    telemetry::Metrics,
};
use tessera_store::StoreConfig;
use tessera_testing::{ManualClock, TempDir};
use tessera_types::{Clock, TenantId};
use tower::ServiceExt;

pub(crate) const SECRET: [u8; 32] = [7; 32];
pub(crate) const ACME: &str = "acme.localhost:8080";
pub(crate) const GLOBEX: &str = "globex.localhost:8080";

pub(crate) fn tenant(id: &str) -> TenantId {
    id.parse().unwrap()
}

/// `acme` is live and also answers to `watch.acme.example`; `globex` is a test tenant in Germany.
pub(crate) async fn directory(clock: Arc<ManualClock>) -> (Directory, TempDir) {
    let folder = tessera_testing::temp_dir();
    let directory = Directory::open(&StoreConfig::sqlite(folder.path()), clock).await.unwrap();
    for new in [acme(), globex()] {
        directory.create(new).await.unwrap();
    }
    (directory, folder)
}

pub(crate) fn acme() -> NewTenant {
    NewTenant {
        id: tenant("acme"),
        display_name: "Acme".into(),
        kind: TenantKind::Live,
        default_locale: "en".parse().unwrap(),
        default_territory: None,
        hosts: vec!["watch.acme.example".into()],
    }
}

pub(crate) fn globex() -> NewTenant {
    let territory = Some("DE".parse().unwrap());
    NewTenant {
        id: tenant("globex"),
        display_name: "Globex".into(),
        kind: TenantKind::Test,
        default_territory: territory,
        hosts: vec![],
        ..acme()
    }
}

/// Keys of issuers, API keys and sessions, as a test wants them.
#[derive(Default)]
pub(crate) struct Ports {
    pub(crate) keys: Mutex<HashMap<String, Vec<Jwk>>>,
    pub(crate) reads: AtomicUsize,
    pub(crate) down: Mutex<bool>,
}

pub(crate) fn issuer_url(tenant: &str) -> String {
    format!("http://{tenant}.localhost:8080/identity")
}

#[async_trait]
impl IssuerKeys for Ports {
    async fn issuer(&self, tenant: &TenantId) -> Result<Issuer, Failure> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        if *self.down.lock().unwrap() {
            return Err(Failure::new(FailureKind::Unavailable, "the issuer is down"));
        }
        let keys = self.keys.lock().unwrap().get(tenant.as_str()).cloned().unwrap_or_default();
        Ok(Issuer {
            url: issuer_url(tenant.as_str()),
            audience: "tessera".into(),
            token_type: Some("at+jwt".into()),
            keys: JwkSet { keys },
        })
    }
}

#[async_trait]
impl ApiKeys for Ports {
    async fn resolve(&self, secret: &str) -> Result<Option<ResolvedKey>, Failure> {
        let of = |tenant_id: &str| {
            let scopes = vec!["catalog:write".to_owned()];
            Some(ResolvedKey { tenant: tenant(tenant_id), id: "key_1".parse().unwrap(), scopes })
        };
        Ok(match secret {
            "sk_live_acme" | "sk_test_acme" => of("acme"),
            "sk_test_globex" => of("globex"),
            "sk_platform_1" | "sk_live_platform" => of("platform"),
            _ => None,
        })
    }
}

#[async_trait]
impl Sessions for Ports {
    async fn resolve(&self, tenant: &TenantId, cookie: &str) -> Result<Option<Session>, Failure> {
        let caller = Caller::Viewer { account: "acc_cookie".parse().unwrap(), profile: None };
        let session = Session { caller, csrf_token: Secret::new("csrf-1".into()) };
        Ok((cookie == format!("{tenant}-session")).then_some(session))
    }
}

/// Moves monotonic time, and lets it run on: an engine's threads do not know of a clock that stands.
pub(crate) async fn later(by: Duration) {
    tokio::time::pause();
    tokio::time::advance(by).await;
    tokio::time::resume();
}

pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) directory: Directory,
    pub(crate) ports: Arc<Ports>,
    pub(crate) router: Router,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(adjust: impl FnOnce(&mut ServerConfig)) -> Self {
        let clock = tessera_testing::clock();
        let (directory, folder) = directory(clock.clone()).await;
        let mut config = ServerConfig::default();
        adjust(&mut config);
        let ports = Arc::new(Ports::default());
        let edge = Edge::new(&config, Arc::new(directory.clone()), clock.clone())
            .with_signer(CxSigner::new(&SECRET, clock.clone()))
            .with_issuers(ports.clone())
            .with_api_keys(ports.clone())
            .with_sessions(ports.clone());
        let probe = Router::new().route("/whoami", any(whoami)).with_state(Arc::new(edge));
        let server = Server::new(&config, Metrics::detached()).mount("probe", probe).sensitive(&["/probe"]);
        Self { clock, directory, ports, router: server.into_router(), _folder: folder }
    }

    /// Publishes the key as `tenant`'s issuer's.
    pub(crate) fn publish(&self, tenant: &str, key: &SigningKey) {
        self.ports.keys.lock().unwrap().entry(tenant.into()).or_default().push(key.public());
    }

    pub(crate) async fn send(&self, call: Call) -> Answer {
        let peer = call.0.extensions().get::<ConnectInfo<SocketAddr>>().is_some();
        let call = if peer { call } else { call.peer("203.0.113.9") };
        Answer::of(self.router.clone().oneshot(call.0).await.unwrap()).await
    }
}

/// A request to be made.
pub(crate) struct Call(pub(crate) Request);

pub(crate) fn get(host: &str) -> Call {
    call("GET", "/probe/whoami").header("host", host)
}

pub(crate) fn post(host: &str) -> Call {
    call("POST", "/probe/whoami").header("host", host)
}

pub(crate) fn call(method: &str, path: &str) -> Call {
    Call(Request::builder().method(method).uri(path).body(Body::empty()).unwrap())
}

impl Call {
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.0.headers_mut().append(name, value.parse().unwrap());
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn peer(mut self, address: &str) -> Self {
        let address: IpAddr = address.parse().unwrap();
        self.0.extensions_mut().insert(ConnectInfo(SocketAddr::from((address, 4711))));
        self
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let (head, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Self { status: head.status.as_u16(), headers: head.headers, text, json }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) -> &Self {
        assert_eq!((self.status, self.json["code"].as_str()), (status, Some(code)), "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.json["request_id"].as_str(), Some(self.header("x-request-id")));
        self
    }

    #[track_caller]
    pub(crate) fn is(&self, tenant: &str, caller: &str) -> &Self {
        assert_eq!(self.status, 200, "{self:?}");
        let got = (self.json["tenant"].as_str(), self.json["caller"].as_str());
        assert_eq!(got, (Some(tenant), Some(caller)));
        self
    }
}

async fn whoami(State(edge): State<Arc<Edge>>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    match edge.authenticate(&head, "probe").await {
        Err(failure) => Problem::of_failure(&failure, &sent_request_id(&head.headers)).into_response(),
        Ok(who) => {
            let client = edge.client(&head).unwrap();
            Json(json!({
                "tenant": who.cx.tenant, "caller": who.cx.caller.key(), "internal": who.internal,
                "request_id": &*who.cx.request_id, "trace": format!("{:032x}", who.cx.trace.trace_id),
                "territory": who.cx.territory, "business_now": who.cx.business_now,
                "client": client.address, "https": client.https,
                "may_write": who.cx.caller.has_scope("catalog:write"),
                "context_headers": head.headers.keys().filter(|n| n.as_str().starts_with("tessera-")).count(),
            }))
            .into_response()
        }
    }
}

/// A key that an issuer signs with.
pub(crate) struct SigningKey {
    pub(crate) kid: String,
    pub(crate) algorithm: Algorithm,
    pub(crate) private: EncodingKey,
}

impl SigningKey {
    /// RFC 8410 §7: the fixed head of a PKCS #8 Ed25519 key, and the seed.
    pub(crate) fn ed25519(kid: &str) -> Self {
        let head = hex("302e020100300506032b657004220420");
        let der = [head, rand::random::<[u8; 32]>().to_vec()].concat();
        Self { kid: kid.into(), algorithm: Algorithm::EdDSA, private: EncodingKey::from_ed_der(&der) }
    }

    /// RFC 5915 and RFC 5208: the fixed head of a PKCS #8 P-256 key, and the scalar.
    pub(crate) fn p256(kid: &str) -> Self {
        let head = hex("3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420");
        let mut scalar = rand::random::<[u8; 32]>();
        scalar[0] = 1; // below the group's order
        let der = [head, scalar.to_vec()].concat();
        Self { kid: kid.into(), algorithm: Algorithm::ES256, private: EncodingKey::from_ec_der(&der) }
    }

    pub(crate) fn rsa(kid: &str) -> Self {
        let private = EncodingKey::from_rsa_der(include_bytes!("rsa-2048-for-tests.der"));
        Self { kid: kid.into(), algorithm: Algorithm::RS256, private }
    }

    pub(crate) fn public(&self) -> Jwk {
        let mut jwk = Jwk::from_encoding_key(&self.private, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.kid.clone());
        jwk
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        (header.kid, header.typ) = (Some(self.kid.clone()), Some("at+jwt".into()));
        self.sign_with(&header, claims)
    }

    pub(crate) fn sign_with(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.private).unwrap()
    }
}

fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// Claims of a good token of `tenant`'s issuer, good for five minutes.
pub(crate) fn claims(tenant: &str, clock: &dyn Clock) -> Value {
    json!({
        "iss": issuer_url(tenant), "sub": "acc_1", "profile": "prf_1", "aud": "tessera",
        "exp": clock.now().as_seconds() + 300, "iat": clock.now().as_seconds(),
    })
}
