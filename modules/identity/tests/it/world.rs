//! A deployment with two tenants, served on a port of its own, and browsers that go there.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use http::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url, header, redirect::Policy};
use serde_json::{Map, Value, json};
use tessera_contract::{Authenticate, Caller, Contract, Failure};
use tessera_contract_identity::IdentityManagement;
use tessera_identity::{
    AttemptsConfig, BelowDomain, ClientConfig, Deps, IdentityConfig, IdentityService, PasswordConfig, Providers,
};
use tessera_runtime::{
    config::{Quota, RateLimitsConfig, Secret, ServerConfig},
    directory::{Directory, NewTenant},
    edge::{Edge, TenantKind},
    secrets::KeyRing,
};
use tessera_testing::{Engine, ManualClock, clock};

pub(crate) const PASSWORD: &str = "correct horse battery";
/// An application of acme's besides its own, and where it wants people back.
pub(crate) const TV: &str = "tv";
pub(crate) const TV_CALLBACK: &str = "https://tv.example/callback";
/// The scopes that there are.
pub(crate) const SCOPES: &[&str] = &[
    "billing:read",
    "billing:write",
    "catalog:read",
    "catalog:write",
    "identity:read",
    "identity:write",
    "media:write",
];
/// RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A deployment.
pub(crate) struct World {
    pub(crate) identity: Arc<IdentityService>,
    pub(crate) edge: Arc<Edge>,
    pub(crate) clock: Arc<ManualClock>,
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Hashes that cost nothing, and as many attempts as a test likes.
pub(crate) fn config() -> IdentityConfig {
    let many = Quota { requests: 10_000, window: Duration::from_secs(60) };
    let client = ClientConfig {
        tenant: "acme".parse().unwrap(),
        client_id: TV.into(),
        name: "TV app".into(),
        redirect_uris: vec![TV_CALLBACK.into()],
        post_logout_redirect_uris: vec!["https://tv.example/bye".into()],
    };
    IdentityConfig {
        password: PasswordConfig { memory_kib: 64, iterations: 1, ..PasswordConfig::default() },
        attempts: AttemptsConfig { address: many, account_at_address: many, account: many, sign_up: many },
        clients: vec![client],
        ..IdentityConfig::default()
    }
}

impl World {
    pub(crate) async fn start(engine: &Engine) -> Self {
        Self::with(engine, config()).await
    }

    pub(crate) async fn with(engine: &Engine, config: IdentityConfig) -> Self {
        let (clock, listener) = (clock(), tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap());
        let address = listener.local_addr().unwrap();
        let directory = Directory::open(&engine.config, clock.clone()).await.unwrap();
        for (tenant, name, kind) in
            [("acme", "Acme Cinema", TenantKind::Live), ("globex", "Globex TV", TenantKind::Test)]
        {
            let (id, default_locale) = (tenant.parse().unwrap(), "en".parse().unwrap());
            let new = NewTenant {
                id,
                display_name: name.into(),
                kind,
                default_locale,
                default_territory: None,
                hosts: vec![],
            };
            directory.create(new).await.unwrap();
        }
        let tenants = Arc::new(directory);
        let deps = Deps {
            clock: clock.clone(),
            tenants: tenants.clone(),
            origins: Arc::new(BelowDomain { https: false, domain: "localhost".into(), port: address.port() }),
            master_keys: KeyRing::new("1", Secret::new([7; 32])).unwrap(),
            brands: None,
            scopes: SCOPES.to_vec(),
            providers: Providers::default(),
        };
        let identity = tessera_identity::open(config, &engine.config, deps).await.unwrap();
        let server = ServerConfig {
            rate_limits: RateLimitsConfig { enabled: false, ..RateLimitsConfig::default() },
            ..ServerConfig::default()
        };
        let edge = Edge::new(&server, tenants, clock.clone());
        let edge = edge.with_issuers(identity.clone()).with_api_keys(identity.clone()).with_sessions(identity.clone());
        let edge = Arc::new(edge);
        let weak = Arc::downgrade(&edge);
        identity.when_a_key_is_revoked(move || {
            if let Some(edge) = weak.upgrade() {
                edge.forget_api_keys();
            }
        });
        let task = serve(listener, &identity, &edge);
        Self { identity, edge, clock, address, task }
    }

    /// `http://acme.localhost:PORT`.
    pub(crate) fn origin(&self, tenant: &str) -> String {
        format!("http://{tenant}.localhost:{}", self.address.port())
    }

    pub(crate) fn browser(&self, tenant: &str) -> Browser {
        self.browser_at(tenant, [127, 0, 0, 1])
    }

    /// A browser at a network address of its own: all of 127.0.0.0/8 is this machine.
    pub(crate) fn browser_at(&self, tenant: &str, address: [u8; 4]) -> Browser {
        let _ = tessera_contract::http_client(); // installs the TLS provider that every client wants
        let client = Client::builder()
            .local_address(std::net::IpAddr::from(address))
            .cookie_store(true)
            .redirect(Policy::none())
            .resolve(&format!("{tenant}.localhost"), self.address)
            .build()
            .unwrap();
        Browser { client, origin: self.origin(tenant) }
    }

    /// A browser that went through the sign-up page, and is at the issuer's sign-in for that.
    pub(crate) async fn member(&self, tenant: &str, email: &str) -> Browser {
        let browser = self.browser(tenant);
        let done = browser.fill("/identity/sign-up", email, PASSWORD).await;
        assert_eq!(done.status(), StatusCode::SEE_OTHER, "signing up");
        browser
    }

    /// Whom the edge takes a request for.
    pub(crate) async fn caller(
        &self,
        tenant: &str,
        method: Method,
        headers: &[(&str, &str)],
    ) -> Result<Caller, Failure> {
        let mut request = http::Request::builder().method(method).uri("/anything");
        request = request.header("host", self.origin(tenant).trim_start_matches("http://"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        self.edge.authenticate(&head, "catalog").await.map(|authenticated| authenticated.cx.caller)
    }

    /// Whom the edge takes the bearer of this token for.
    pub(crate) async fn bearer(&self, tenant: &str, token: &str) -> Result<Caller, Failure> {
        self.caller(tenant, Method::GET, &[("authorization", &format!("Bearer {token}"))]).await
    }
}

fn serve(
    listener: tokio::net::TcpListener,
    identity: &Arc<IdentityService>,
    edge: &Arc<Edge>,
) -> tokio::task::JoinHandle<()> {
    let routes = identity.routes(edge.clone());
    let operations = <dyn IdentityManagement>::api(identity.clone()).into_router(edge.clone());
    let router = Router::new().nest("/identity", routes.mounted.merge(operations)).merge(routes.root);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() })
}

/// Somebody's browser at a tenant's host. It follows no redirect by itself.
#[derive(Clone)]
pub(crate) struct Browser {
    client: Client,
    pub(crate) origin: String,
}

impl Browser {
    pub(crate) fn request(&self, method: Method, to: &str) -> RequestBuilder {
        let url = if to.starts_with('/') { format!("{}{to}", self.origin) } else { to.to_owned() };
        self.client.request(method, url)
    }

    pub(crate) async fn get(&self, to: &str) -> Response {
        self.request(Method::GET, to).send().await.unwrap()
    }

    pub(crate) async fn post(&self, to: &str, form: &[(&str, &str)]) -> Response {
        self.request(Method::POST, to).form(form).send().await.unwrap()
    }

    /// Opens a sign-in or sign-up page, fills it in and sends it.
    pub(crate) async fn fill(&self, page: &str, email: &str, password: &str) -> Response {
        let token = form_token(&self.get(page).await.text().await.unwrap());
        self.post(page, &[("form_token", &token), ("email", email), ("password", password)]).await
    }

    pub(crate) async fn session(&self) -> Value {
        self.get("/auth/session").await.json().await.unwrap()
    }

    /// The whole sign-in of the app: from its link, over the issuer's page, to where it wanted to go.
    pub(crate) async fn sign_in_to_app(&self, email: &str, password: &str, return_to: &str) -> String {
        let login = self.get(&format!("/auth/login?return_to={return_to}")).await;
        let authorize = self.get(&location(&login)).await;
        let entered = self.fill(&location(&authorize), email, password).await;
        assert_eq!(entered.status(), StatusCode::SEE_OTHER, "the issuer's page took the password");
        let issued = self.get(&location(&entered)).await;
        location(&self.get(&location(&issued)).await)
    }

    /// A code for acme's TV application, in the name of who is signed in.
    pub(crate) async fn code(&self, extra: &str) -> String {
        let answer = self.get(&format!("{}{extra}", authorize_path(TV, TV_CALLBACK))).await;
        param(&location(&answer), "code").unwrap_or_else(|| panic!("no code in {}", location(&answer)))
    }

    /// What the token endpoint answers to this form.
    pub(crate) async fn token(&self, form: &[(&str, &str)]) -> (StatusCode, Map<String, Value>) {
        let answer = self.post("/identity/oauth/token", form).await;
        (answer.status(), answer.json().await.unwrap())
    }

    /// Tokens of the TV application for a code.
    pub(crate) async fn redeem(&self, code: &str) -> Result<Tokens, String> {
        self.redeem_with(code, &[]).await
    }

    /// The same with other fields.
    pub(crate) async fn redeem_with(&self, code: &str, instead: &[(&str, &str)]) -> Result<Tokens, String> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("client_id", TV),
            ("redirect_uri", TV_CALLBACK),
            ("code_verifier", VERIFIER),
            ("code", code),
        ];
        form.retain(|(name, _)| !instead.iter().any(|(other, _)| other == name));
        form.extend(instead);
        Tokens::of(self.token(&form).await)
    }

    pub(crate) async fn refresh(&self, token: &str) -> Result<Tokens, String> {
        let form = [("grant_type", "refresh_token"), ("client_id", TV), ("refresh_token", token)];
        Tokens::of(self.token(&form).await)
    }
}

/// What a client got.
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) id: String,
    pub(crate) refresh: String,
}

impl Tokens {
    /// The tokens, or the error's code.
    fn of((status, body): (StatusCode, Map<String, Value>)) -> Result<Self, String> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        match status {
            StatusCode::OK => {
                Ok(Self { access: text("access_token"), id: text("id_token"), refresh: text("refresh_token") })
            }
            _ => Err(text("error")),
        }
    }
}

/// A request for a code that holds.
pub(crate) fn authorize_path(client: &str, redirect_uri: &str) -> String {
    let mut url = Url::parse("http://x/identity/oauth/authorize").unwrap();
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", client)
        .append_pair("redirect_uri", redirect_uri)
        .append_pair("scope", "openid email")
        .append_pair("state", "state-1")
        .append_pair("nonce", "nonce-1")
        .append_pair("code_challenge", CHALLENGE)
        .append_pair("code_challenge_method", "S256");
    format!("{}?{}", url.path(), url.query().unwrap())
}

pub(crate) fn location(response: &Response) -> String {
    let location = response.headers().get(header::LOCATION);
    let location = location.unwrap_or_else(|| panic!("a redirect, not {}", response.status()));
    location.to_str().unwrap().to_owned()
}

pub(crate) fn param(url: &str, name: &str) -> Option<String> {
    let url = Url::parse("http://x").unwrap().join(url).unwrap();
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

pub(crate) fn form_token(html: &str) -> String {
    let after = html.split_once("name=\"form_token\" value=\"").map(|(_, after)| after);
    let value = after.and_then(|after| after.split_once('"')).map(|(value, _)| value);
    value.unwrap_or_else(|| panic!("a form in {html}")).to_owned()
}

/// The claims of a token, unchecked.
pub(crate) fn claims(token: &str) -> Value {
    let decoded = jsonwebtoken::dangerous::insecure_decode::<Value>(token);
    decoded.map_or_else(|error| json!({"error": error.to_string()}), |data| data.claims)
}

pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let set = headers.get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    set.filter_map(|value| value.split_once('=')).find(|(known, _)| *known == name).map(|(_, rest)| rest.to_owned())
}
