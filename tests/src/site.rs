//! A tenant's site, as a client of it sees it.

use std::net::{Ipv4Addr, SocketAddr};

use reqwest::{Method, StatusCode, header};
use serde_json::Value;

/// A tenant's site on this machine.
#[derive(Clone)]
pub struct Site {
    /// `http://demo.localhost:PORT`.
    pub url: String,
    host: String,
    address: SocketAddr,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: header::HeaderMap,
    /// Its body.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The body as JSON; `null` when it is not.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The JSON of a success; panics with the answer otherwise.
    pub fn ok(&self) -> Value {
        assert!(self.status.is_success(), "{}: {}", self.status, self.text());
        self.json()
    }

    /// Expects a problem with this status and code; gives its detail.
    pub fn refused(&self, status: u16, code: &str) -> String {
        let body = self.json();
        assert_eq!((self.status.as_u16(), body["code"].as_str()), (status, Some(code)), "{}", self.text());
        body["detail"].as_str().unwrap_or_default().to_owned()
    }
}

impl Site {
    /// The tenant's site on `port`.
    pub fn new(tenant: &str, port: u16) -> Self {
        let host = format!("{tenant}.localhost");
        Self { url: format!("http://{host}:{port}"), host, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) }
    }

    /// The same server's site of another tenant.
    pub fn of(&self, tenant: &str) -> Self {
        Self::new(tenant, self.address.port())
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// A client without cookies or credentials.
    pub fn visitor(&self) -> Browser {
        Browser { site: self.clone(), http: self.client(false), bearer: None, csrf: None }
    }

    /// A client with an API key or access token.
    pub fn with_token(&self, token: &str) -> Browser {
        Browser { bearer: Some(token.to_owned()), ..self.visitor() }
    }

    /// A client that keeps cookies, as a browser does. It does not follow redirects by itself.
    pub fn browser(&self) -> Browser {
        Browser { site: self.clone(), http: self.client(true), bearer: None, csrf: None }
    }

    fn client(&self, cookies: bool) -> reqwest::Client {
        let _ = rustls::crypto::ring::default_provider().install_default(); // an error says it is there already
        reqwest::Client::builder()
            .resolve(&self.host, self.address)
            .redirect(reqwest::redirect::Policy::none())
            .cookie_store(cookies)
            .build()
            .expect("a client with these settings builds")
    }
}

/// Somebody at a site.
#[derive(Clone)]
pub struct Browser {
    site: Site,
    http: reqwest::Client,
    bearer: Option<String>,
    csrf: Option<String>,
}

impl Browser {
    /// A request to a path of the site, or to a whole URL of it.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.site.url) };
        let mut request = self.http.request(method, url);
        if let Some(token) = &self.bearer {
            request = request.bearer_auth(token);
        }
        if let Some(csrf) = &self.csrf {
            request = request.header("x-csrf-token", csrf);
        }
        request
    }

    /// Sends a request and reads the answer.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.expect("the answer is whole").to_vec();
        Answer { status, headers, bytes }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// POST of JSON, with a fresh idempotency key.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.post_once(path, &format!("{:x}", unique()), body).await
    }

    /// POST of JSON with this idempotency key.
    pub async fn post_once(&self, path: &str, key: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).header("idempotency-key", key).json(&body)).await
    }

    /// Follows redirects from a path until a page, which it gives with its address.
    pub async fn visit(&self, path: &str) -> (String, Answer) {
        let mut url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.site.url) };
        for _ in 0..10 {
            let answer = self.get(&url).await;
            let Some(next) = answer.headers.get(header::LOCATION).and_then(|v| v.to_str().ok()) else {
                return (url, answer);
            };
            let base = reqwest::Url::parse(&url).expect("an address");
            url = base.join(next).expect("a redirect's address").into();
        }
        panic!("{path} redirects without end");
    }

    /// Signs up on the issuer's page and comes back to the app with a session.
    pub async fn sign_up(&mut self, email: &str, password: &str) {
        self.sign("/auth/login?return_to=/&prompt=create", email, password).await;
    }

    /// Signs in on the issuer's page and comes back to the app with a session.
    pub async fn sign_in(&mut self, email: &str, password: &str) {
        self.sign("/auth/login?return_to=/", email, password).await;
    }

    async fn sign(&mut self, start: &str, email: &str, password: &str) {
        let (url, page) = self.visit(start).await;
        let html = page.text();
        let mut fields: Vec<(String, String)> = hidden_fields(&html);
        fields.push(("email".into(), email.into()));
        fields.push(("password".into(), password.into()));
        let action = attribute(&html, "<form", "action").unwrap_or_default();
        let target = reqwest::Url::parse(&url).expect("an address").join(&action.replace("&amp;", "&"));
        let target: String = target.expect("a form's address").into();
        let origin = self.site.url.clone();
        let posted = self.send(self.request(Method::POST, &target).header(header::ORIGIN, origin).form(&fields)).await;
        let next = posted.headers.get(header::LOCATION).and_then(|v| v.to_str().ok());
        let next = next.unwrap_or_else(|| panic!("the form was refused: {} {}", posted.status, posted.text()));
        let next: String = reqwest::Url::parse(&url).expect("an address").join(next).expect("an address").into();
        self.visit(&next).await;
        let session = self.get("/auth/session").await.ok();
        assert_eq!(session["signed_in"], true, "{session}");
        self.csrf = session["csrf_token"].as_str().map(str::to_owned);
    }
}

fn hidden_fields(html: &str) -> Vec<(String, String)> {
    let inputs = html.split("<input").skip(1).filter_map(|rest| rest.split('>').next());
    let hidden = inputs.filter(|tag| tag.contains("type=\"hidden\""));
    hidden
        .filter_map(|tag| {
            let value = attribute(tag, "", "value").unwrap_or_default().replace("&amp;", "&");
            Some((attribute(tag, "", "name")?, value))
        })
        .collect()
}

/// The attribute of the first tag after `from`.
fn attribute(html: &str, from: &str, name: &str) -> Option<String> {
    let tag = &html[html.find(from)? + from.len()..];
    let tag = tag.split('>').next()?;
    let start = tag.find(&format!("{name}=\""))? + name.len() + 2;
    tag[start..].split('"').next().map(str::to_owned)
}

fn unique() -> u128 {
    use std::{
        hash::{BuildHasher, Hasher},
        sync::atomic::{AtomicU64, Ordering},
    };
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let random = std::hash::RandomState::new().build_hasher().finish();
    (u128::from(random) << 64) | u128::from(COUNT.fetch_add(1, Ordering::Relaxed))
}
