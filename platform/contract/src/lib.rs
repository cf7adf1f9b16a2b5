//! The contract kit.
//!
//! A contract is declared once, as an object-safe trait with [`contract`] on it. From that declaration come the typed
//! operations, the HTTP router, the HTTP client (which is itself an implementation of the trait), the OpenAPI 3.1
//! document, the operation table, and the guard that applies the same rules (access, deadline, idempotency, tracing,
//! metrics) on every binding. This crate knows no contract in particular and no store.

mod api;
pub mod conformance;
mod contract;
mod cx;
mod document;
mod event;
mod failure;
mod fields;
mod guard;
mod http;
mod operation;
mod page;
mod problem;
mod remote;
mod signature;
mod trace;

pub use api::{Answer, Api, ApiBuilder, Endpoint};
pub use async_trait::async_trait;
pub use contract::Contract;
pub use cx::{Caller, Cx, DEFAULT_TIMEOUT, Effect, request_id};
pub use event::{CloudEvent, Event, EventInfo};
pub use failure::{ContractError, ErrorCode, Failure, FailureKind};
pub use guard::guard;
pub use http::{Authenticate, Authenticated, sent_request_id};
pub use operation::{Access, ContractInfo, Idempotency, Limits, Method, Operation, OperationInfo, Outcome};
pub use page::{DEFAULT_PAGE, MAX_PAGE, Page, decode_cursor, encode_cursor, page_limit};
pub use problem::{PROBLEM_JSON, Problem, Shared};
pub use remote::{Credential, Remote, http_client};
pub use signature::{CX_HEADER, CxSigner};
pub use tessera_contract_macros::contract;
pub use trace::TraceContext;
