//! The remote binding: a client of a contract over HTTP or gRPC, wherever it runs.
//!
//! A call goes to one of the module's addresses, within the caller's deadline, and is made again only where that can do
//! no harm. What a sick module does (nothing, too late, too much, something else) stays here: the caller gets a failure
//! of the contract, the log a line that names module and address.

mod addresses;
mod answer;
mod breaker;
mod carrier;
mod config;
mod grpc;
mod outgoing;
mod places;
mod target;

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{
    ContractError, Cx, CxSigner, Deed, Failure, FailureKind, Operation, OperationInfo, TRACE_HEADER,
    guard::check_key,
    signature::{CX_HEADER, RECORDED_HEADER},
};
use answer::{Answer, Content, Lost, Refused, bad_answer, late, lost, read, retry_after};
use carrier::{IDLE, Incoming};
use outgoing::Outgoing;
use places::Wish;
use target::{Attempt, Outcome};

pub use addresses::{Addresses, Protocol};
pub use carrier::Clients;
pub use config::RemoteConfig;
pub use target::{Target, begin_remote_figures};

/// What is kept of a caller's time to say to it that a module did not answer: a twentieth, and no more than this.
const WAY_BACK: Duration = Duration::from_millis(250);
/// The longest random pause before the second attempt; it doubles with each further one.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long connecting may take where no configuration says it.
const CONNECTING: Duration = Duration::from_secs(3);

/// An answer as it came, for whoever judges it.
#[derive(Debug)]
pub struct RawAnswer {
    /// Its HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
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

/// An answer of the status that success has, with the attempt that got it and is to be ended; or a refusal.
type Answered = Result<Result<(Attempt, Answer), Refused>, Failure>;

/// A client of one contract.
#[derive(Clone)]
pub struct Remote {
    target: Arc<Target>,
    host: Option<String>,
    credential: Credential,
}

/// The process's HTTP client settings: pooled, no redirects, bounded connect time.
pub fn http_client() -> reqwest::Client {
    built(client_builder(CONNECTING).http1_only())
}

/// The same for gRPC. `at` are hosts whose names do not resolve, with their addresses.
pub fn grpc_client(at: &[(String, SocketAddr)]) -> reqwest::Client {
    let builder = client_builder(CONNECTING).http2_prior_knowledge();
    built(at.iter().fold(builder, |builder, (host, address)| builder.resolve(host, *address)))
}

/// For what is no operation and goes to other modules, as `config` says; with `tls` in place of the web's authorities, where there
/// is one. For calls there is [`Clients::between`].
pub fn remote_client(config: &RemoteConfig, tls: Option<rustls::ClientConfig>) -> reqwest::Client {
    let builder = client_builder(config.connect_timeout()).pool_max_idle_per_host(config.connections.get());
    with_tls(builder.http1_only(), tls)
}

/// The same for gRPC: one connection to an address, and on it as many calls as there are.
pub fn remote_grpc_client(config: &RemoteConfig, tls: Option<rustls::ClientConfig>) -> reqwest::Client {
    let tls = tls.map(|mut tls| {
        tls.alpn_protocols = vec![b"h2".to_vec()];
        tls
    });
    with_tls(client_builder(config.connect_timeout()).http2_prior_knowledge(), tls)
}

fn with_tls(builder: reqwest::ClientBuilder, tls: Option<rustls::ClientConfig>) -> reqwest::Client {
    built(match tls {
        Some(tls) => builder.tls_backend_preconfigured(tls).https_only(true),
        None => builder,
    })
}

fn client_builder(connect_timeout: Duration) -> reqwest::ClientBuilder {
    install_tls();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(connect_timeout)
        .pool_idle_timeout(IDLE)
}

fn install_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default(); // an error says it is installed already
}

fn built(builder: reqwest::ClientBuilder) -> reqwest::Client {
    builder.build().expect("a client with these settings always builds once a TLS provider is installed")
}

impl Remote {
    /// A client of the contract at `base` (its own mount included, no trailing slash needed) that asks once: for
    /// commands and tests. Between modules, [`Remote::at`].
    pub fn new(clients: impl Into<Clients>, base: &str, credential: Credential) -> Self {
        Self::at(Target::plain(base, clients.into()), credential)
    }

    /// A client of the contract that stands at `target`.
    pub fn at(target: Arc<Target>, credential: Credential) -> Self {
        Self { target, host: None, credential }
    }

    /// The same, naming the tenant's host where its name does not resolve.
    pub fn with_host(self, host: impl Into<String>) -> Self {
        Self { host: Some(host.into()), ..self }
    }

    /// Calls the operation there. Errors besides the contract's: [`FailureKind::Unavailable`] when it cannot be
    /// reached or has failed too often to be asked now, [`FailureKind::DeadlineExceeded`], and
    /// [`FailureKind::BadAnswer`] when what came back is not what the contract says.
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
        let (attempt, answer) = match self.answer(operation.info(), cx, fields).await? {
            Ok(answered) => answered,
            Err(refused) => return Err(refused.error(operation)),
        };
        let Answer { status, content, .. } = answer;
        match content.parse() {
            Ok(response) => {
                attempt.end(operation, Outcome::Answered, &"");
                Ok(response)
            }
            Err(error) => {
                let failure = bad_answer(operation, status, &error);
                attempt.end(operation, Outcome::BadAnswer, &failure);
                Err(failure.into())
            }
        }
    }

    /// Sends the fields as the operation's request, once, to the first address; gives back the answer, whatever it is.
    pub async fn exchange(
        &self,
        operation: &OperationInfo,
        cx: &Cx,
        fields: Map<String, Value>,
    ) -> Result<RawAnswer, Failure> {
        let outgoing = Outgoing::new(operation, fields, &self.target.clients)?;
        let sent = in_time(operation, cx, self.send(operation, cx, &outgoing, self.target.first())).await;
        let response = sent.map_err(|lost| lost.failure)?;
        if let Some(form) = outgoing.by_grpc() {
            let answer = in_time(operation, cx, grpc::read(operation, form, response)).await;
            return answer.map_err(|lost| lost.failure)?.into_raw(operation);
        }
        let (head, body) = response.into_parts();
        let body = in_time(operation, cx, read(operation, body)).await.map_err(|lost| lost.failure);
        Ok(RawAnswer { status: head.status.as_u16(), headers: head.headers, body })
    }

    /// What comes of a call, after as many attempts as it takes and may take. Boxed here, for the
    /// compiler would copy all that is beneath into the crate of each contract.
    #[inline(never)]
    fn answer<'c>(
        &'c self,
        operation: &'static OperationInfo,
        cx: &'c Cx,
        fields: Map<String, Value>,
    ) -> BoxFuture<'c, Answered> {
        Box::pin(self.answered(operation, cx, fields))
    }

    async fn answered(&self, operation: &'static OperationInfo, cx: &Cx, fields: Map<String, Value>) -> Answered {
        // Whoever waits for us is to hear who did not answer: this ends before our own time does.
        let left = cx.remaining();
        let mut cx = cx.with_timeout(left.saturating_sub((left / 20).min(WAY_BACK)));
        let trace = cx.trace;
        let outgoing = Outgoing::new(operation, fields, &self.target.clients)?;
        let repeatable = outgoing.is_repeatable(operation, &cx);
        let mut wish = Wish { been: 0, repeatable, turn: rand::random::<u32>() as usize };
        let mut before: Option<Result<Refused, Failure>> = None;
        let mut number = 0;
        self.target.called();
        loop {
            number += 1;
            let earlier = before.take();
            cx.trace = trace;
            let attempt = match self.target.begin(operation, &cx, wish).await {
                Ok(attempt) => attempt,
                Err(failure) => return earlier.unwrap_or(Err(failure)).map(Err),
            };
            wish.been |= attempt.place();
            let elsewhere = attempt.has_other(wish.been);
            let mut wait = Duration::ZERO;
            cx.trace = attempt.trace();
            let asked = self.attempt(operation, &cx, &outgoing, attempt.base());
            let (ended, may) = match in_time(operation, &cx, asked).await {
                Ok(answer) if answer.status == operation.status => return Ok(Ok((attempt, answer))),
                Ok(answer) => {
                    let refused = Refused::new(answer);
                    attempt.end(operation, refused.outcome(), &format_args!("it answered {}", refused.status));
                    let told = refused.retry_after.filter(|_| refused.status == 503);
                    wait = told.filter(|_| !elsewhere).unwrap_or_default();
                    (Ok(refused), told.is_some() && repeatable)
                }
                Err(Lost { outcome, failure }) => {
                    attempt.end(operation, outcome, &Causes(&failure));
                    let harmless = outcome == Outcome::Unreachable || (outcome == Outcome::Broken && repeatable);
                    (Err(after(earlier.as_ref(), failure)), harmless)
                }
            };
            let wait = wait.saturating_add(pause(number, rand::random()));
            if !may || number >= self.target.attempts || wait >= cx.remaining() || !self.target.may_repeat() {
                return ended.map(Err);
            }
            tokio::time::sleep(wait).await;
            before = Some(ended);
        }
    }

    async fn attempt(
        &self,
        operation: &OperationInfo,
        cx: &Cx,
        outgoing: &Outgoing,
        base: &str,
    ) -> Result<Answer, Lost> {
        let response = self.send(operation, cx, outgoing, base).await?;
        let recorded = response.headers().contains_key(RECORDED_HEADER);
        let answer = match outgoing.by_grpc() {
            Some(form) => grpc::read(operation, form, response).await?,
            None => {
                let (head, body) = response.into_parts();
                let (status, retry_after) = (head.status.as_u16(), retry_after(&head.headers));
                Answer { status, retry_after, content: Content::Json(read(operation, body).await?) }
            }
        };
        if answer.status == operation.status && recorded {
            cx.deed().into_iter().for_each(Deed::settle);
        }
        Ok(answer)
    }

    async fn send(
        &self,
        operation: &OperationInfo,
        cx: &Cx,
        outgoing: &Outgoing,
        base: &str,
    ) -> Result<Response<Incoming>, Lost> {
        let not_written = |failure| Lost { outcome: Outcome::Abandoned, failure };
        let mut request = outgoing.to(operation, base, self.host.as_deref(), cx).map_err(not_written)?;
        self.authenticate(&mut request, operation, cx).map_err(not_written)?;
        let sent = outgoing.carrier(&self.target.clients).send(request).await;
        sent.map_err(|error| lost(operation, error))
    }

    /// Says who calls.
    fn authenticate(&self, request: &mut Request<Bytes>, operation: &OperationInfo, cx: &Cx) -> Result<(), Failure> {
        let headers = request.headers_mut();
        match &self.credential {
            // Nor does HTTP/2 keep a secret in its table, where it would push out the others.
            Credential::Service(signer) => {
                headers.insert(HeaderName::from_static(CX_HEADER), secret(signer.sign(cx, operation.contract)?)?);
            }
            Credential::Bearer(token) => {
                headers.insert(header::AUTHORIZATION, secret(format!("Bearer {token}"))?);
            }
            Credential::Anonymous => {}
        }
        // Of a signed context the headers say the same; the other side's front tells its requests apart by them.
        headers.insert(HeaderName::from_static("x-request-id"), text(cx.request_id.to_string())?);
        headers.insert(HeaderName::from_static(TRACE_HEADER), text(cx.trace.to_string())?);
        if let (Some(key), false) = (&cx.idempotency_key, matches!(self.credential, Credential::Service(_))) {
            check_key(key)?;
            headers.insert(HeaderName::from_static("idempotency-key"), text(key.to_string())?);
        }
        Ok(())
    }
}

fn text(value: String) -> Result<HeaderValue, Failure> {
    HeaderValue::try_from(value).map_err(|error| Failure::internal("writing a header", error))
}

fn secret(value: String) -> Result<HeaderValue, Failure> {
    let mut value = text(value)?;
    value.set_sensitive(true);
    Ok(value)
}

/// What `asked` comes to, unless its time is over first.
async fn in_time<T>(
    operation: &OperationInfo,
    cx: &Cx,
    asked: impl Future<Output = Result<T, Lost>>,
) -> Result<T, Lost> {
    tokio::time::timeout_at(cx.deadline, asked).await.unwrap_or_else(|_| Err(late(operation)))
}

/// A deadline that passed while a refused call was made again also tells of the refusal: it may name who is gone.
fn after(earlier: Option<&Result<Refused, Failure>>, mut failure: Failure) -> Failure {
    let said = match earlier {
        Some(Ok(refused)) => refused.detail(),
        Some(Err(failure)) => Some(failure.detail.as_str()),
        None => None,
    };
    if let (FailureKind::DeadlineExceeded, Some(said)) = (failure.kind, said) {
        failure.detail = format!("{}, and the time before: {said}", failure.detail);
    }
    failure
}

/// The pause before the attempt after the `number`th, `random` being 0 to 1: callers that failed together do not come back
/// together.
fn pause(number: u32, random: f64) -> Duration {
    let longest = PAUSE.saturating_mul(1 << number.saturating_sub(1).min(16)).min(LONGEST_PAUSE);
    longest.mul_f64(random.clamp(0.0, 1.0))
}

/// A failure with its causes, for the log.
struct Causes<'f>(&'f Failure);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match crate::problem::causes(self.0) {
            causes if causes.is_empty() => write!(f, "{}", self.0),
            causes => write!(f, "{}: {causes}", self.0),
        }
    }
}
