//! The remote binding: an HTTP client of a contract, wherever it runs.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{RequestBuilder, header};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{
    ContractError, Cx, CxSigner, Deed, Failure, FailureKind, Operation, OperationInfo,
    guard::check_key,
    signature::{CX_HEADER, RECORDED_HEADER},
};

/// The largest answer that is read.
const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// When to come back to a contract that is out of reach.
const COME_BACK: Duration = Duration::from_secs(2);

/// An answer as it came, for whoever judges it.
#[derive(Debug)]
pub struct RawAnswer {
    /// Its HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: header::HeaderMap,
    /// Its whole body. Errors: [`FailureKind::BadAnswer`] when it is larger than a client reads,
    /// [`FailureKind::Unavailable`] when it broke off, [`FailureKind::DeadlineExceeded`].
    pub body: Result<Vec<u8>, Failure>,
}

/// How a client proves who calls.
#[derive(Clone)]
pub enum Credential {
    /// As a module of the deployment: the context travels signed.
    Service(CxSigner),
    /// From outside, with an access token or API key: the context is made by the other side's edge.
    Bearer(String),
    /// Not at all.
    Anonymous,
}

/// A client of one contract at one address.
#[derive(Clone)]
pub struct Remote {
    http: reqwest::Client,
    base: String,
    host: Option<String>,
    credential: Credential,
}

/// The process's HTTP client settings: pooled, no redirects, bounded connect time.
pub fn http_client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default(); // an error says it is installed already
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(3))
        .build()
        .expect("a client with these settings always builds once a TLS provider is installed")
}

impl Remote {
    /// A client of the contract at `base` (its own mount included, no trailing slash needed).
    pub fn new(http: reqwest::Client, base: &str, credential: Credential) -> Self {
        Self { http, base: base.trim_end_matches('/').to_owned(), host: None, credential }
    }

    /// The same, naming the tenant's host where its name does not resolve.
    pub fn with_host(self, host: impl Into<String>) -> Self {
        Self { host: Some(host.into()), ..self }
    }

    /// Calls the operation there. Errors besides the contract's: [`FailureKind::Unavailable`] when it cannot be
    /// reached, [`FailureKind::DeadlineExceeded`], and [`FailureKind::BadAnswer`] when what came back is not what the
    /// contract says.
    pub async fn call<Req, Res, Err>(
        &self,
        operation: &'static Operation<Req, Res, Err>,
        cx: &Cx,
        request: Req,
    ) -> Result<Res, Err>
    where
        Req: Serialize,
        Res: DeserializeOwned,
        Err: ContractError,
    {
        let fields = match serde_json::to_value(&request) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) => return Err(Failure::new(FailureKind::Internal, "a request is a struct with named fields").into()),
            Err(error) => return Err(Failure::internal("writing the request as JSON", error).into()),
        };
        let response = self.send(operation, cx, fields).await?;
        let (status, retry_after) = (response.status().as_u16(), retry_after(&response));
        if status == operation.status && response.headers().contains_key(RECORDED_HEADER) {
            cx.deed().into_iter().for_each(Deed::settle);
        }
        let body = read(operation, response).await?;
        if status == operation.status {
            return serde_json::from_slice(&body).map_err(|error| bad_answer(operation, status, &error).into());
        }
        Err(refusal(operation, status, &body, retry_after))
    }

    /// Sends the fields as the operation's request; gives back the answer, whatever it is.
    pub async fn exchange(
        &self,
        operation: &OperationInfo,
        cx: &Cx,
        fields: Map<String, Value>,
    ) -> Result<RawAnswer, Failure> {
        let mut response = self.send(operation, cx, fields).await?;
        let (status, headers) = (response.status().as_u16(), std::mem::take(response.headers_mut()));
        Ok(RawAnswer { status, headers, body: read(operation, response).await })
    }

    async fn send(
        &self,
        operation: &OperationInfo,
        cx: &Cx,
        fields: Map<String, Value>,
    ) -> Result<reqwest::Response, Failure> {
        let request = self.request(operation, fields)?.timeout(cx.remaining());
        let request = self.authenticated(request, operation, cx)?;
        request.send().await.map_err(|error| unreachable_failure(operation, error))
    }

    fn request(&self, operation: &OperationInfo, mut fields: Map<String, Value>) -> Result<RequestBuilder, Failure> {
        let mut path = operation.path.to_owned();
        for name in operation.path_fields() {
            let value = texts(fields.remove(name).unwrap_or_default()).pop().unwrap_or_default();
            if ["", ".", ".."].contains(&value.as_str()) {
                // A URL's parser takes these for another path, percent-encoded or not (WHATWG URL, "double-dot segment").
                return Err(Failure::invalid(name, format!("{name} travels in the path and cannot be {value:?}")));
            }
            let value = utf8_percent_encode(&value, NON_ALPHANUMERIC).to_string();
            path = path.replace(&format!("{{{name}}}"), &value);
        }
        let method = reqwest::Method::from_bytes(operation.method.name().as_bytes()).expect("a standard method");
        let request = self.http.request(method, format!("{}{path}", self.base));
        if operation.method.has_body() {
            return Ok(request.json(&fields));
        }
        let pairs = fields.into_iter().flat_map(|(k, v)| texts(v).into_iter().map(move |text| (k.clone(), text)));
        Ok(request.query(&pairs.collect::<Vec<_>>()))
    }

    fn authenticated(
        &self,
        mut request: RequestBuilder,
        operation: &OperationInfo,
        cx: &Cx,
    ) -> Result<RequestBuilder, Failure> {
        if let Some(host) = &self.host {
            request = request.header(header::HOST, host);
        }
        request = match &self.credential {
            Credential::Service(signer) => request.header(CX_HEADER, signer.sign(cx, operation.contract)?),
            Credential::Bearer(token) => request.bearer_auth(token),
            Credential::Anonymous => request,
        };
        if !matches!(self.credential, Credential::Service(_)) {
            request =
                request.header("x-request-id", &*cx.request_id).header("traceparent", cx.trace.child().to_string());
            if let Some(key) = &cx.idempotency_key {
                check_key(key)?;
                request = request.header("idempotency-key", &**key);
            }
        }
        Ok(request)
    }
}

/// A value as it travels in a path or query: nothing for null, one text for a scalar, one for each entry of a list.
fn texts(value: Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text],
        Value::Array(list) => list.into_iter().flat_map(texts).collect(),
        other => vec![other.to_string()],
    }
}

async fn read(operation: &OperationInfo, mut response: reqwest::Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable_failure(operation, error))? {
        if body.len() + chunk.len() > MAX_ANSWER {
            let detail = format!("{} answered more than {MAX_ANSWER} bytes", operation.contract);
            return Err(Failure::new(FailureKind::BadAnswer, detail));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn unreachable_failure(operation: &OperationInfo, error: reqwest::Error) -> Failure {
    if error.is_timeout() {
        let detail = format!("{} did not answer within the deadline", operation.contract);
        return Failure::new(FailureKind::DeadlineExceeded, detail).retry_after(COME_BACK);
    }
    if error.is_builder() {
        return Failure::internal(&format!("writing a request for {}", operation.contract), error);
    }
    Failure::unavailable(&format!("{} cannot be reached", operation.contract), error).retry_after(COME_BACK)
}

/// `Retry-After` in seconds (RFC 9110 §10.2.3); a date is for browsers and not read.
fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    let seconds = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn bad_answer(operation: &OperationInfo, status: u16, error: &serde_json::Error) -> Failure {
    let detail = format!(
        "{}.{} answered {status} with something its contract does not allow: {error}",
        operation.contract, operation.name
    );
    Failure::new(FailureKind::BadAnswer, detail)
}

/// What a problem needs for a caller to act on; `type` and `title` may be missing in a stranger's answer.
#[derive(Deserialize)]
struct WireProblem {
    code: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    param: Option<String>,
}

fn refusal<Err: ContractError>(
    operation: &OperationInfo,
    status: u16,
    body: &[u8],
    retry_after: Option<Duration>,
) -> Err {
    match serde_json::from_slice::<WireProblem>(body) {
        Ok(WireProblem { code, detail, param }) => match FailureKind::from_code(&code) {
            // What any operation can fail with keeps the field at fault and the time to come back.
            Some(kind) if Err::CODES.iter().all(|own| own.code != code) => {
                Err::from(Failure::reported(kind, detail, param, retry_after))
            }
            _ => Err::from_wire(&code, status, detail),
        },
        Err(_) if matches!(status, 502..=504) => {
            let detail = format!("{} is not reachable: a proxy answered {status}", operation.contract);
            Failure::reported(FailureKind::Unavailable, detail, None, retry_after).into()
        }
        Err(error) => bad_answer(operation, status, &error).into(),
    }
}
