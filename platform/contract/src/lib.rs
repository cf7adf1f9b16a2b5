//! The contract kit.
//!
//! A contract is declared once, as an object-safe trait with [`contract`] on it. From that declaration come the typed
//! operations, the HTTP router, the HTTP client (which is itself an implementation of the trait), the OpenAPI 3.1
//! document, the operation table, and the guard that applies the same rules (access, deadline, idempotency, tracing,
//! metrics) on every binding. This crate knows no contract in particular and no store.
//!
//! ```
//! use std::sync::Arc;
//!
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use tessera_contract::{
//!     Caller, Contract, Credential, Cx, CxSigner, Remote, async_trait, contract, errors, http_client,
//! };
//! use tessera_types::{Clock, SystemClock};
//!
//! // Declared: a request and a response each, the contract's own errors, and the trait.
//!
//! /// Whom to greet.
//! #[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
//! pub struct Greet {
//!     /// A name; travels in the path.
//!     pub name: String,
//!     /// Says it louder; travels in the query.
//!     #[serde(default, skip_serializing_if = "Option::is_none")]
//!     pub loud: Option<bool>,
//! }
//!
//! /// What to say.
//! #[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
//! pub struct Greeting {
//!     /// The words.
//!     pub text: String,
//! }
//!
//! errors! {
//!     /// Why nobody was greeted.
//!     pub enum GreetError {
//!         /// Nobody has this name.
//!         NobodyThere = 404 "nobody_there",
//!     }
//! }
//!
//! /// Greets people.
//! #[contract(name = "greeter", version = "1.0")]
//! pub trait Greeter: Send + Sync + 'static {
//!     /// Greet somebody.
//!     #[get("/v1/greetings/{name}", access = service)]
//!     async fn greet(&self, cx: &Cx, request: Greet) -> Result<Greeting, GreetError>;
//! }
//!
//! // Implemented: plain code, which sees only calls that the rules let through.
//!
//! struct Polite;
//!
//! #[async_trait]
//! impl Greeter for Polite {
//!     async fn greet(&self, _: &Cx, request: Greet) -> Result<Greeting, GreetError> {
//!         match (request.name.as_str(), request.loud) {
//!             ("nobody", _) => Err(GreetError::NobodyThere("nobody is there".into())),
//!             (name, Some(true)) => Ok(Greeting { text: format!("HELLO, {name}!") }),
//!             (name, _) => Ok(Greeting { text: format!("Hello, {name}.") }),
//!         }
//!     }
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let bare: Arc<dyn Greeter> = Arc::new(Polite);
//!     let clock = Arc::new(SystemClock);
//!     let cx = Cx::service("acme".parse().unwrap(), "playback", clock.as_ref());
//!     let stranger = Cx::new(cx.tenant.clone(), Caller::Anonymous, clock.now());
//!     let greet = |name: &str| Greet { name: name.into(), loud: Some(true) };
//!
//!     // Called in this process, behind the contract's rules.
//!     let here = <dyn Greeter>::guarded(bare.clone());
//!     assert_eq!(here.greet(&cx, greet("Ada")).await.unwrap().text, "HELLO, Ada!");
//!     assert!(here.greet(&stranger, greet("Ada")).await.is_err());
//!
//!     // Served to other processes, and called there through a client that is itself a `Greeter`.
//!     let signer = CxSigner::new(&[7; 32], clock);
//!     let router = <dyn Greeter>::api(bare).into_router(Arc::new(signer.clone()));
//!     let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
//!     let base = format!("http://{}", listener.local_addr().unwrap());
//!     tokio::spawn(async move { axum::serve(listener, router).await });
//!     let there = <dyn Greeter>::remote(Remote::new(http_client(), &base, Credential::Service(signer)));
//!     assert_eq!(there.greet(&cx, greet("Grace Hopper")).await.unwrap().text, "HELLO, Grace Hopper!");
//!     assert!(matches!(there.greet(&cx, greet("nobody")).await, Err(GreetError::NobodyThere(_))));
//!
//!     // Described: the table of its operations, and with `api` its OpenAPI document.
//!     assert_eq!(<dyn Greeter>::INFO.operations[0].path, "/v1/greetings/{name}");
//! }
//! ```

mod api;
mod audit;
mod callers;
pub mod conformance;
mod contract;
mod cx;
mod document;
mod event;
mod failure;
mod fields;
mod flags;
mod forwarded;
mod grpc;
mod guard;
mod http;
mod operation;
mod page;
mod placed;
mod problem;
mod remote;
mod signature;
mod span;
mod trace;
mod variants;

pub use api::{Answer, Api, ApiBuilder, Endpoint};
pub use async_trait::async_trait;
pub use audit::{AuditChange, AuditOutcome, AuditTarget, AuditTrail, Deed, OperationRecorded, REDACTED, REQUEST_BYTES};
pub use callers::{Callers, EDGE, calling_module};
pub use contract::Contract;
pub use cx::{Caller, Cx, DEFAULT_TIMEOUT, Effect, OPERATOR, request_id};
pub use event::{CloudEvent, Event, EventInfo};
pub use failure::{ContractError, ErrorCode, Failure, FailureKind};
pub use flags::{FlagKeys, FlagSubject, FlagValue, Flags, OPERATION_FLAG, PLACE_FLAG, SpanFlag, ask_flags, flags_are};
pub use forwarded::{FORWARDED_HEADER, Forwarded};
pub use grpc::{Grpc, MeantStatus, Numbers, proto_document};
pub use guard::guard;
pub use http::{Authenticate, Authenticated, sent_request_id};
pub use operation::{Access, ContractInfo, Idempotency, Limits, Method, Operation, OperationInfo, Outcome};
pub use page::{DEFAULT_PAGE, MAX_PAGE, Page, decode_cursor, encode_cursor, page_limit};
pub use placed::{Now, Placed, Rollout, RolloutConfig, Spot, begin_rollout_figures};
pub use problem::{PROBLEM_JSON, Problem, Shared};
pub use remote::{
    Addresses, Clients, Credential, Protocol, RawAnswer, Remote, RemoteConfig, Target, begin_remote_figures,
    grpc_client, http_client, remote_client, remote_grpc_client,
};
pub use signature::{CX_HEADER, CxSigner, RECORDED_HEADER};
pub use span::{About, Span, SpanEnd, SpanKind, SpanName, SpanSink, SpanUnderWay, collect_spans};
pub use tessera_contract_macros::contract;
pub use trace::{TRACE_HEADER, TraceContext};
