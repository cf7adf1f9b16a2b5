//! A tenant's site, as a client of it sees it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use reqwest::{
    Method, StatusCode,
    cookie::{CookieStore, Jar},
    header,
    redirect::Policy,
};
use serde_json::Value;

/// A tenant's site on this machine.
#[derive(Clone)]
pub struct Site {
    /// `http://demo.localhost:PORT`.
    pub url: String,
    host: String,
    address: SocketAddr,
    /// A certificate to be believed besides those of the machine.
    certificate: Option<reqwest::Certificate>,
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
        let (url, address) = (format!("http://{host}:{port}"), SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        Self { url, host, address, certificate: None }
    }

    /// A site as browsers see it behind a proxy on this machine: `https://HOST`, whatever `port` the proxy really has.
    pub fn behind_tls(host: &str, port: u16, certificate: &[u8]) -> Self {
        let certificate = reqwest::Certificate::from_pem(certificate).expect("a certificate in PEM");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self { url: format!("https://{host}"), host: host.into(), address, certificate: Some(certificate) }
    }

    /// The same server's site of another tenant.
    pub fn of(&self, tenant: &str) -> Self {
        Self::new(tenant, self.address.port())
    }

    /// The same tenant's site at another port: another process of the deployment.
    pub fn at(&self, port: u16) -> Self {
        let tenant = self.host.strip_suffix(".localhost").expect("a site below localhost");
        Self::new(tenant, port)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// A client without cookies or credentials.
    pub fn visitor(&self) -> Browser {
        let jar = Arc::default();
        Browser { site: self.clone(), http: self.client(None), jar, bearer: None, csrf: None }
    }

    /// A client with an API key or access token.
    pub fn with_token(&self, token: &str) -> Browser {
        Browser { bearer: Some(token.to_owned()), ..self.visitor() }
    }

    /// A client that keeps cookies, as a browser does. It does not follow redirects by itself.
    pub fn browser(&self) -> Browser {
        let jar: Arc<Jar> = Arc::default();
        Browser { site: self.clone(), http: self.client(Some(jar.clone())), jar, bearer: None, csrf: None }
    }

    fn client(&self, jar: Option<Arc<Jar>>) -> reqwest::Client {
        let _ = rustls::crypto::ring::default_provider().install_default(); // an error says it is there already
        let plain = reqwest::Client::builder().resolve(&self.host, self.address).redirect(Policy::none());
        let plain = match &self.certificate {
            Some(certificate) => plain.tls_certs_only([certificate.clone()]),
            None => plain,
        };
        let client = match jar {
            Some(jar) => plain.cookie_provider(jar),
            None => plain,
        };
        client.build().expect("a client with these settings builds")
    }
}

/// Somebody at a site.
#[derive(Clone)]
pub struct Browser {
    site: Site,
    http: reqwest::Client,
    jar: Arc<Jar>,
    bearer: Option<String>,
    csrf: Option<String>,
}

impl Browser {
    /// The headers by which a signed-in browser is known, for a client of another kind: its cookies and its token.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let url = self.site.url.parse().expect("a site's address is a URL");
        let cookies = self.jar.cookies(&url).and_then(|line| line.to_str().ok().map(str::to_owned));
        let cookies = cookies.map(|line| ("cookie", line));
        cookies.into_iter().chain(self.csrf.clone().map(|csrf| ("x-csrf-token", csrf))).collect()
    }

    /// The whole URL of a path of the site, or of what is one already.
    pub fn address(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.site.url) }
    }

    /// A request to a path of the site, or to a whole URL of it.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = self.address(path);
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
        self.try_send(request).await.expect("the server answers, and whole")
    }

    /// Sends a request and reads the answer, from a server that may be gone.
    pub async fn try_send(&self, request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await?.to_vec();
        Ok(Answer { status, headers, bytes })
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
        self.try_visit(path).await.unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    async fn try_visit(&self, path: &str) -> Result<(String, Answer), Refusal> {
        let mut url = self.address(path);
        for _ in 0..10 {
            let answer = self.try_send(self.request(Method::GET, &url)).await?;
            let Some(next) = answer.headers.get(header::LOCATION).and_then(|v| v.to_str().ok()) else {
                return Ok((url, answer));
            };
            let base = reqwest::Url::parse(&url).expect("an address");
            url = base.join(next).expect("a redirect's address").into();
        }
        panic!("{path} redirects without end");
    }

    /// Signs up on the issuer's page and comes back to the app with a session.
    pub async fn sign_up(&mut self, email: &str, password: &str) {
        self.try_sign_up(email, password).await.unwrap_or_else(|refusal| panic!("{refusal}"));
    }

    /// Signs up, if nobody has that address and the server stays.
    pub async fn try_sign_up(&mut self, email: &str, password: &str) -> Result<(), Refusal> {
        self.sign("/auth/login?return_to=/&prompt=create", email, password).await
    }

    /// Signs in on the issuer's page and comes back to the app with a session.
    pub async fn sign_in(&mut self, email: &str, password: &str) {
        self.try_sign_in(email, password).await.unwrap_or_else(|refusal| panic!("{refusal}"));
    }

    /// Signs in, if that is the password and the server stays.
    pub async fn try_sign_in(&mut self, email: &str, password: &str) -> Result<(), Refusal> {
        self.sign("/auth/login?return_to=/", email, password).await
    }

    async fn sign(&mut self, start: &str, email: &str, password: &str) -> Result<(), Refusal> {
        let (url, page) = self.try_visit(start).await?;
        let html = page.text();
        if !html.contains("name=\"password\"") {
            return self.arrived().await; // the issuer knows this browser still, and has sent it on
        }
        let mut fields: Vec<(String, String)> = hidden_fields(&html);
        fields.push(("email".into(), email.into()));
        fields.push(("password".into(), password.into()));
        let action = attribute(&html, "<form", "action").unwrap_or_default();
        let target = reqwest::Url::parse(&url).expect("an address").join(&action.replace("&amp;", "&"));
        let target: String = target.expect("a form's address").into();
        let origin = reqwest::Url::parse(&target).expect("an address").origin().ascii_serialization();
        let form = self.request(Method::POST, &target).header(header::ORIGIN, origin).form(&fields);
        let posted = self.try_send(form).await?;
        let next = posted.headers.get(header::LOCATION).and_then(|v| v.to_str().ok());
        let next = next.ok_or_else(|| Refusal::Said(format!("{} {}", posted.status, posted.text())))?;
        let next: String = reqwest::Url::parse(&url).expect("an address").join(next).expect("an address").into();
        self.try_visit(&next).await?;
        self.arrived().await
    }

    /// The app has a session, and tells what goes with it.
    async fn arrived(&mut self) -> Result<(), Refusal> {
        let session = self.try_send(self.request(Method::GET, "/auth/session")).await?.json();
        if session["signed_in"] != true {
            return Err(Refusal::Said(format!("signing in brought no session: {session}")));
        }
        self.csrf = session["csrf_token"].as_str().map(str::to_owned);
        Ok(())
    }
}

/// Why somebody is not signed in.
#[derive(Debug)]
pub enum Refusal {
    /// The server is gone, or went before its answer was whole.
    Gone(reqwest::Error),
    /// What it said.
    Said(String),
}

impl From<reqwest::Error> for Refusal {
    fn from(error: reqwest::Error) -> Self {
        Self::Gone(error)
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gone(error) => write!(f, "the server is gone: {error}"),
            Self::Said(what) => write!(f, "the form was refused: {what}"),
        }
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
