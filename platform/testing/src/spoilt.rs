//! The layer that spoils what passes it.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{HeaderValue, StatusCode, Uri, header, response::Parts},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use futures::{StreamExt, stream};
use serde_json::{Map, Value, json};
use tessera_contract::{CX_HEADER, Caller, Cx, CxSigner, OperationInfo, PROBLEM_JSON};

use crate::{
    faults::{EVERY, Fault, Spoil},
    places,
};

/// A body of a test is never larger.
const WHOLE: usize = 16 << 20;
/// How much of the padding is sent at a time.
const PIECE: usize = 64 << 10;

/// One fault, and what it has to remember.
pub(crate) struct Spoiler {
    fault: Fault,
    operations: Vec<&'static OperationInfo>,
    signer: CxSigner,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    /// The first answer to each request.
    first: HashMap<String, (StatusCode, Bytes)>,
    /// The last success.
    last: Option<Value>,
    /// The first cursor that a page gave.
    cursor: Option<Value>,
    calls: u64,
}

/// A request as the fault sees it.
struct Asked {
    operation: &'static OperationInfo,
    /// Everything that makes it this request and no other.
    name: String,
    has_cursor: bool,
}

impl Spoiler {
    pub(crate) fn new(fault: Fault, operations: Vec<&'static OperationInfo>, signer: CxSigner) -> Arc<Self> {
        Arc::new(Self { fault, operations, signer, memory: Mutex::default() })
    }

    /// `router` with the fault.
    pub(crate) fn around(self: Arc<Self>, router: Router) -> Router {
        router.layer(from_fn(move |request: Request, next: Next| {
            let spoiler = self.clone();
            async move { spoiler.pass(request, next).await }
        }))
    }

    async fn pass(&self, request: Request, next: Next) -> Response {
        let path = request.uri().path();
        let operation = self
            .operations
            .iter()
            .find(|operation| operation.method.name() == request.method().as_str() && fits(operation.path, path));
        let Some(operation) = operation.filter(|operation| [EVERY, operation.name].contains(&self.fault.at)) else {
            return next.run(request).await;
        };
        if let Spoil::Hasty = self.fault.spoil {
            return hasty();
        }
        let (asked, request) = self.request(operation, request).await;
        if let (Spoil::Stale, Some((status, body))) = (self.fault.spoil, self.remembered(&asked.name)) {
            return answer(status, "application/json", Body::from(body));
        }
        self.answer(&asked, next.run(request).await).await
    }

    fn remembered(&self, name: &str) -> Option<(StatusCode, Bytes)> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).first.get(name).cloned()
    }

    /// What the implementation learns of the request.
    async fn request(&self, operation: &'static OperationInfo, request: Request) -> (Asked, Request) {
        let (mut head, body) = request.into_parts();
        let mut body = to_bytes(body, WHOLE).await.expect("a test's request is small");
        match self.fault.spoil {
            Spoil::Ignores(field) => (head.uri, body) = with_field(&head.uri, &body, field, None),
            Spoil::Reads(field, value) => {
                (head.uri, body) = with_field(&head.uri, &body, field, Some(places::literal(value)));
            }
            _ => {}
        }
        let token = head.headers.get(CX_HEADER).and_then(|value| value.to_str().ok());
        let cx = token.and_then(|token| self.signer.verify(token, operation.contract).ok());
        let cx = cx.expect("the rules' calls are signed");
        let name = format!("{:?} {} {} {}", cx.caller, cx.tenant, head.uri, String::from_utf8_lossy(&body));
        let token = self.signer.sign(&self.context(operation, cx, &body), operation.contract).expect("it was signed");
        head.headers.insert(CX_HEADER, HeaderValue::try_from(token).expect("a token is visible ASCII"));
        head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        let has_cursor = head.uri.query().is_some_and(|query| query.contains("cursor="));
        (Asked { operation, name, has_cursor }, Request::from_parts(head, Body::from(body)))
    }

    fn context(&self, operation: &OperationInfo, mut cx: Cx, body: &[u8]) -> Cx {
        let service = || Caller::Service { name: "anybody".into() };
        let staff = || Caller::Staff { subject: "key_anybody".into(), scopes: vec!["*".into()] };
        let fresh = || {
            let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
            memory.calls += 1;
            format!("forgotten-{}-{:p}", memory.calls, self)
        };
        match (self.fault.spoil, &cx.caller) {
            (Spoil::LetsInAnybody, Caller::Anonymous) => cx.caller = insider(operation, service(), staff()),
            (Spoil::IgnoresScopes, Caller::Staff { .. }) => cx.caller = insider(operation, staff(), staff()),
            (Spoil::TrustsViewers, Caller::Viewer { .. }) | (Spoil::TrustsStaff, Caller::Staff { .. }) => {
                cx.caller = insider(operation, service(), staff());
            }
            (Spoil::TimeStands, _) => cx.business_now = crate::engines::START,
            (Spoil::OneTenant, _) => cx.tenant = "acme".parse().expect("a literal tenant"),
            (Spoil::OneAccount(account), Caller::Viewer { .. }) => {
                let account = account.parse().expect("a fault's account is an id");
                cx.caller = Caller::Viewer { account, profile: None };
            }
            (Spoil::ForgetsKeys, _) if cx.idempotency_key.is_some() => cx.idempotency_key = Some(fresh().into()),
            (Spoil::NeedsNoKey, _) if cx.idempotency_key.is_none() => cx.idempotency_key = Some(fresh().into()),
            (Spoil::KeysAreOfTheRequest, _) => {
                let of_body = |key: &str| {
                    format!("{key}-{}", body.iter().fold(7_u64, |sum, byte| sum.wrapping_mul(31) ^ u64::from(*byte)))
                };
                cx.idempotency_key = cx.idempotency_key.as_deref().map(|key| of_body(key).into());
            }
            _ => {}
        }
        cx
    }

    /// What comes back.
    async fn answer(&self, asked: &Asked, response: Response) -> Response {
        let (mut head, body) = response.into_parts();
        let bytes = to_bytes(body, WHOLE).await.expect("a test's answer is small");
        let mut body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let success = head.status.as_u16() == asked.operation.status;
        if success {
            memory.first.entry(asked.name.clone()).or_insert((head.status, bytes));
            self.success(asked, &mut head, &mut body, memory.cursor.as_ref());
            memory.last = Some(body.clone());
            if !asked.has_cursor && body["next_cursor"].is_string() {
                memory.cursor = Some(body["next_cursor"].clone());
            }
        } else if let Some(made_up) = self.refusal(asked, &mut head, &mut body, memory.last.as_ref()) {
            return made_up;
        }
        drop(memory);
        head.headers.remove(header::CONTENT_LENGTH);
        Response::from_parts(head, self.body(body.to_string().into_bytes(), success))
    }

    fn success(&self, asked: &Asked, head: &mut Parts, body: &mut Value, first_cursor: Option<&Value>) {
        let first_cursor = || first_cursor.cloned().unwrap_or_default();
        match self.fault.spoil {
            Spoil::Status(status) => head.status = StatusCode::from_u16(status).expect("a status"),
            Spoil::Without(place) => places::each(body, place, &mut |object, name| drop(object.remove(name))),
            Spoil::Renamed(place, other) => places::each(body, place, &mut |object, name| {
                if let Some(value) = object.remove(name) {
                    object.insert(other.to_owned(), value);
                }
            }),
            Spoil::Set(place, value) => places::set(body, place, value),
            Spoil::AsText(place) => places::change(body, place, |value| value.to_string().into()),
            Spoil::WithoutZone(place) => {
                places::change(body, place, |value| value.as_str().unwrap_or_default().trim_end_matches('Z').into())
            }
            Spoil::Header(name, Some(value)) => drop(head.headers.insert(name, HeaderValue::from_static(value))),
            Spoil::Header(name, None) => drop(head.headers.remove(name)),
            Spoil::Skips if asked.has_cursor => {
                if let Some(data) = body["data"].as_array_mut().filter(|data| !data.is_empty()) {
                    data.remove(0);
                }
            }
            Spoil::RepeatsCursor if asked.has_cursor => body["next_cursor"] = first_cursor(),
            Spoil::NeverEnds if body["next_cursor"].is_null() => body["next_cursor"] = first_cursor(),
            _ => {}
        }
    }

    /// Spoils a refusal, or gives a success in its place.
    fn refusal(&self, asked: &Asked, head: &mut Parts, body: &mut Value, last: Option<&Value>) -> Option<Response> {
        match self.fault.spoil {
            Spoil::Refuses(code, status, other) if body["code"] == code => {
                head.status = StatusCode::from_u16(status).expect("a status");
                (body["code"], body["status"]) = (other.into(), status.into());
            }
            Spoil::SetInRefusals(place, value) => places::set(body, place, value),
            Spoil::Succeeds(code, otherwise) if body["code"] == code => {
                let body = last.cloned().unwrap_or_else(|| places::literal(otherwise));
                let status = StatusCode::from_u16(asked.operation.status).expect("a contract's status");
                let mut made_up = answer(status, "application/json", Body::from(body.to_string()));
                if let Some(version) = body["version"].as_i64() {
                    let tag = HeaderValue::try_from(format!("\"{version}\"")).expect("digits");
                    made_up.headers_mut().insert(header::ETAG, tag);
                }
                return Some(made_up);
            }
            _ => {}
        }
        None
    }

    fn body(&self, whole: Vec<u8>, success: bool) -> Body {
        let half = Bytes::copy_from_slice(&whole[..whole.len() / 2]);
        match self.fault.spoil {
            Spoil::Halved if success => Body::from(half),
            Spoil::BreaksOff if success => {
                let broken = async {
                    tokio::task::yield_now().await; // the half is sent before the connection ends
                    Err(io::Error::from(io::ErrorKind::ConnectionReset))
                };
                Body::from_stream(stream::once(async { Ok(half) }).chain(stream::once(broken)))
            }
            Spoil::Padded(bytes) if success => {
                let spaces = Bytes::from_static(&[b' '; PIECE]);
                let pieces = std::iter::repeat_n(spaces, bytes / PIECE);
                let all = std::iter::once(Bytes::from(whole)).chain(pieces).map(Ok::<_, io::Error>);
                Body::from_stream(stream::iter(all))
            }
            _ => Body::from(whole),
        }
    }
}

/// Whether a path is one of an operation's.
fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut found) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted.starts_with('{') || wanted == found => {}
            _ => return false,
        }
    }
}

/// Somebody who may call: `service` where a module may, else whoever it takes.
fn insider(operation: &OperationInfo, service: Caller, staff: Caller) -> Caller {
    use tessera_contract::Access;
    match operation.access {
        Access::Service | Access::ServiceOrStaff(_) => service,
        Access::Staff(_) | Access::Platform(_) => staff,
        Access::Public | Access::Viewer => {
            Caller::Viewer { account: "acc_anybody".parse().expect("a literal account"), profile: None }
        }
    }
}

/// A request whose field has another value, or none, wherever it travels.
fn with_field(uri: &Uri, body: &Bytes, field: &str, value: Option<Value>) -> (Uri, Bytes) {
    let mut changed = body.clone();
    if let Ok(mut fields) = serde_json::from_slice::<Map<String, Value>>(body) {
        drop(match &value {
            Some(value) if fields.contains_key(field) => fields.insert(field.to_owned(), value.clone()),
            Some(_) => None,
            None => fields.remove(field),
        });
        changed = Value::Object(fields).to_string().into();
    }
    let Some(query) = uri.query() else { return (uri.clone(), changed) };
    let pairs = query.split('&').filter_map(|pair| match (pair.split('=').next() == Some(field), &value) {
        (false, _) => Some(pair.to_owned()),
        (true, Some(value)) => Some(format!("{field}={}", value.as_str().map_or(value.to_string(), str::to_owned))),
        (true, None) => None,
    });
    let query = pairs.collect::<Vec<_>>().join("&");
    (format!("{}?{query}", uri.path()).parse().expect("it was a URI before"), changed)
}

fn answer(status: StatusCode, kind: &'static str, body: Body) -> Response {
    (status, [(header::CONTENT_TYPE, kind)], body).into_response()
}

fn hasty() -> Response {
    let problem = json!({
        "type": "urn:tessera:problem:rate_limited", "title": "rate limited", "status": 429, "detail": "later",
        "code": "rate_limited", "request_id": "req_hasty",
    });
    answer(StatusCode::TOO_MANY_REQUESTS, PROBLEM_JSON, Body::from(problem.to_string()))
}
