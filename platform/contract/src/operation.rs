//! An operation and a contract, as data.

use std::{marker::PhantomData, ops::Deref, time::Duration};

use crate::{Caller, Cx, DEFAULT_TIMEOUT, ErrorCode, Failure, FailureKind, Grpc, event::EventInfo};

/// HTTP method of an operation (RFC 9110 §9, RFC 5789).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads; fields travel in path and query.
    Get,
    /// Creates or acts; fields travel in path and body.
    Post,
    /// Creates or replaces under a known id.
    Put,
    /// Changes some fields.
    Patch,
    /// Removes; fields travel in path and query.
    Delete,
}

impl Method {
    /// Whether fields that are not in the path travel in a JSON body (else in the query).
    pub const fn has_body(self) -> bool {
        matches!(self, Method::Post | Method::Put | Method::Patch)
    }

    /// The method's name, `GET`.
    pub const fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody at the tenant's host.
    Public,
    /// A signed-in viewer, about what is theirs.
    Viewer,
    /// Staff or an API key with this scope.
    Staff(&'static str),
    /// An operator of the deployment itself: an API key of [`TenantId::platform`](tessera_types::TenantId::platform)
    /// with this scope. No tenant's key will do, whatever its scopes.
    Platform(&'static str),
    /// Another module of the deployment, nobody else.
    Service,
    /// Another module, or an operator's own system with an API key of this scope.
    ServiceOrStaff(&'static str),
}

impl Access {
    /// Whether `cx`'s caller may call; says what is missing when not.
    pub fn authorize(self, cx: &Cx) -> Result<(), Failure> {
        let caller = &cx.caller;
        let service = matches!(caller, Caller::Service { .. });
        let (allowed, wanted) = match self {
            Access::Public => return Ok(()),
            Access::Viewer => (matches!(caller, Caller::Viewer { .. }), "a signed-in viewer".to_owned()),
            Access::Staff(scope) => (caller.has_scope(scope), format!("an API key or staff with scope {scope:?}")),
            Access::Platform(scope) => (
                cx.tenant.is_platform() && caller.has_scope(scope),
                format!("operators of the deployment, with a key of the platform itself and the scope {scope:?}"),
            ),
            Access::Service => (service, "another module of this deployment".to_owned()),
            Access::ServiceOrStaff(scope) => {
                (service || caller.has_scope(scope), format!("a module, or an API key with scope {scope:?}"))
            }
        };
        match (allowed, caller) {
            (true, _) => Ok(()),
            (false, Caller::Anonymous) => {
                Err(Failure::new(FailureKind::Unauthenticated, format!("this is for {wanted}: sign in or send a key")))
            }
            (false, _) => Err(Failure::new(FailureKind::Forbidden, format!("this is for {wanted}"))),
        }
    }

    /// The scope that staff or an API key needs, where they may call at all.
    pub fn scope(self) -> Option<&'static str> {
        match self {
            Access::Staff(scope) | Access::Platform(scope) | Access::ServiceOrStaff(scope) => Some(scope),
            Access::Public | Access::Viewer | Access::Service => None,
        }
    }

    /// For documents and tables: `public`, `viewer`, `staff catalog:write`, …
    pub fn describe(self) -> String {
        match self {
            Access::Public => "public".into(),
            Access::Viewer => "viewer".into(),
            Access::Staff(scope) => format!("staff {scope}"),
            Access::Platform(scope) => format!("platform {scope}"),
            Access::Service => "service".into(),
            Access::ServiceOrStaff(scope) => format!("service or staff {scope}"),
        }
    }
}

/// What a repeated call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// Reads, and writes that say the whole result: repeating changes nothing more.
    Natural,
    /// Creates or charges: an `Idempotency-Key` is required, and repeating it replays the stored answer.
    Key,
}

/// What an operation takes at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the request's body.
    pub body_bytes: usize,
    /// Time until the answer.
    pub timeout: Duration,
}

impl Limits {
    /// 64 KiB and [`DEFAULT_TIMEOUT`].
    pub const DEFAULT: Limits = Limits { body_bytes: 64 * 1024, timeout: DEFAULT_TIMEOUT };
}

/// All there is to say of an operation but its types.
#[derive(Debug, Clone, Copy)]
pub struct OperationInfo {
    /// The contract's name.
    pub contract: &'static str,
    /// What implements it: the contract's mount, under which metrics count.
    pub module: &'static str,
    /// The operation's name within its contract, `get_title`.
    pub name: &'static str,
    /// Its method.
    pub method: Method,
    /// Its path below the mount, `/v1/titles/{title_id}`.
    pub path: &'static str,
    /// The trait method's documentation.
    pub docs: &'static str,
    /// Who may call it.
    pub access: Access,
    /// What repeating it does.
    pub idempotency: Idempotency,
    /// HTTP status of success.
    pub status: u16,
    /// What it takes at most.
    pub limits: Limits,
    /// Whether it changes nothing: then it can be asked elsewhere too, and the answers compared ("safe", RFC 9110 §9.2.1).
    pub safe: bool,
    /// Fields of its answers that each implementation has of its own, such as ids that it mints and texts for people.
    pub own: &'static [&'static str],
    /// How it travels by gRPC, where it does besides HTTP.
    pub grpc: Option<fn() -> &'static Grpc>,
}

impl OperationInfo {
    /// Names of the request fields that travel in the path.
    pub fn path_fields(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|s| s.strip_prefix('{')?.strip_suffix('}'))
    }

    /// Whether `cx`'s caller may call it. That staff was refused is told to the audit trail.
    pub fn authorize(&self, cx: &Cx) -> Result<(), Failure> {
        let verdict = self.access.authorize(cx);
        if let (Err(_), Caller::Staff { .. }, Some(trail)) = (&verdict, &cx.caller, cx.trail()) {
            trail.refused(cx, self);
        }
        verdict
    }

    /// Whether what staff do with it belongs into the audit trail: it changes something. An operation whose scope is
    /// for reading (`…:read`) changes nothing, whatever its method.
    pub fn is_recorded(&self) -> bool {
        self.method != Method::Get && self.access.scope().is_some_and(|scope| !scope.ends_with(":read"))
    }
}

/// An operation with its types.
pub struct Operation<Req, Res, Err> {
    info: &'static OperationInfo,
    types: PhantomData<fn(Req) -> Result<Res, Err>>,
}

impl<Req, Res, Err> Operation<Req, Res, Err> {
    /// Gives `info` its types; written by `#[contract]`.
    pub const fn new(info: &'static OperationInfo) -> Self {
        Self { info, types: PhantomData }
    }

    /// The operation without its types.
    pub const fn info(&self) -> &'static OperationInfo {
        self.info
    }
}

impl<Req, Res, Err> Deref for Operation<Req, Res, Err> {
    type Target = OperationInfo;
    fn deref(&self) -> &OperationInfo {
        self.info
    }
}

/// Names the two sides of an operation's result; for `#[contract]`.
pub trait Outcome {
    /// The response.
    type Success;
    /// The contract's error.
    type Error;
}

impl<T, E> Outcome for Result<T, E> {
    type Success = T;
    type Error = E;
}

/// A contract: its name, version and operations.
pub struct ContractInfo {
    /// Its name, also the audience of a signed context: `catalog`, `catalog-management`.
    pub name: &'static str,
    /// Major and minor, `1.0`.
    pub version: &'static str,
    /// The path it is mounted under, `catalog`.
    pub mount: &'static str,
    /// The trait's documentation: what it promises and what it refuses to know.
    pub docs: &'static str,
    /// Its operations, in the order of the trait.
    pub operations: &'static [&'static OperationInfo],
    /// Codes of its own errors.
    pub errors: &'static [ErrorCode],
    /// The events it emits.
    pub events: &'static [EventInfo],
}
