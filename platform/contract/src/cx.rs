//! The caller's context: all that crosses a boundary besides the request.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tessera_types::{AccountId, Clock, ProfileId, Sensitive, TenantId, Territory, Timestamp};
use tokio::time::Instant;

use crate::{AuditTrail, Deed, trace::TraceContext};

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Caller {
    /// Nobody in particular: no credential was sent.
    Anonymous,
    /// A person who signed in.
    Viewer {
        /// The account that signed in.
        account: AccountId,
        /// The profile the token was made for, where the issuer knows one.
        profile: Option<ProfileId>,
    },
    /// A member of staff or an operator's server with an API key.
    Staff {
        /// The staff member's or the key's id, for the audit trail.
        subject: String,
        /// What it may do, such as `catalog:write`; `*` is everything.
        scopes: Vec<String>,
    },
    /// Another module of this deployment.
    Service {
        /// The module's name.
        name: String,
    },
}

impl Caller {
    /// A stable name of the caller: the scope of its idempotency keys and its name in the logs.
    pub fn key(&self) -> String {
        match self {
            Caller::Anonymous => "anonymous".into(),
            Caller::Viewer { account, .. } => format!("viewer:{account}"),
            Caller::Staff { subject, .. } => format!("staff:{subject}"),
            Caller::Service { name } => format!("service:{name}"),
        }
    }

    /// Who, for the audit trail: a key's or member of staff's own id, else as [`Caller::key`].
    pub fn subject(&self) -> String {
        match self {
            Caller::Staff { subject, .. } => subject.clone(),
            Caller::Anonymous | Caller::Viewer { .. } | Caller::Service { .. } => self.key(),
        }
    }

    /// What kind of caller, in a word: all that a log says of one.
    pub fn kind(&self) -> &'static str {
        match self {
            Caller::Anonymous => "anonymous",
            Caller::Viewer { .. } => "viewer",
            Caller::Staff { .. } => "staff",
            Caller::Service { .. } => "service",
        }
    }

    /// Whether this is staff (or a key) that holds `scope`.
    pub fn has_scope(&self, scope: &str) -> bool {
        matches!(self, Caller::Staff { scopes, .. } if scopes.iter().any(|s| s == scope || s == "*"))
    }
}

/// One use of an idempotency key, bound to its operation and request by the guard; the store keeps the answer under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// Which operation.
    pub operation: &'static str,
    /// [`Caller::key`] of the caller: keys of different callers do not meet.
    pub caller: String,
    /// The `Idempotency-Key` as sent.
    pub key: String,
    /// SHA-256 of the request, in hexadecimal: the same key with another request is a conflict.
    pub fingerprint: String,
}

/// The caller's context. Made by the edge (or a test), handed on from module to module, never changed in place.
#[derive(Debug, Clone)]
pub struct Cx {
    /// Whose data this call may touch.
    pub tenant: TenantId,
    /// Who calls.
    pub caller: Caller,
    /// One id for all that a request causes, `req_…`; echoed in `x-request-id` and in every problem.
    pub request_id: Arc<str>,
    /// W3C trace context.
    pub trace: TraceContext,
    /// When the answer stops being of use. Monotonic.
    pub deadline: Instant,
    /// The tenant's time: what windows, rentals and renewals are measured by.
    pub business_now: Timestamp,
    /// Where the viewer is, as the edge knows it; never from the request.
    pub territory: Option<Territory>,
    /// The network address that the request came from, as the edge knows it.
    pub address: Option<Sensitive<IpAddr>>,
    /// The caller's `Idempotency-Key`, if it sent one.
    pub idempotency_key: Option<Arc<str>>,
    effect: Option<Arc<Effect>>,
    deed: Option<Arc<Deed>>,
    trail: Option<Trail>,
}

/// Where records go that no commit carries.
#[derive(Clone)]
struct Trail(Arc<dyn AuditTrail>);

impl fmt::Debug for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trail")
    }
}

/// The [`Caller::Staff`] subject of commands that are run at the machine itself, in the audit trail.
pub const OPERATOR: &str = "operator@machine";

/// How long a call may take when nobody said otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

impl Cx {
    /// A fresh context for one request. Business time is `business_now`; the deadline is [`DEFAULT_TIMEOUT`] away.
    pub fn new(tenant: TenantId, caller: Caller, business_now: Timestamp) -> Self {
        Self {
            tenant,
            caller,
            request_id: request_id(),
            trace: TraceContext::fresh(),
            deadline: Instant::now() + DEFAULT_TIMEOUT,
            business_now,
            territory: None,
            address: None,
            idempotency_key: None,
            effect: None,
            deed: None,
            trail: None,
        }
    }

    /// A command that the operator runs at the machine, for `tenant`: it may do everything, and what it does through a
    /// guarded contract is recorded under [`OPERATOR`]. What it does otherwise needs [`Cx::with_deed`] for that.
    pub fn operator(tenant: TenantId, clock: &dyn Clock) -> Self {
        let caller = Caller::Staff { subject: OPERATOR.into(), scopes: vec!["*".into()] };
        Self::new(tenant, caller, clock.now())
    }

    /// A module acting on its own account (a job, an event handler): business time equals wall time unless the caller
    /// knows the tenant's.
    pub fn service(tenant: TenantId, name: &str, clock: &dyn Clock) -> Self {
        Self::new(tenant, Caller::Service { name: name.into() }, clock.now())
    }

    /// The same request, carried on by module `name` in its own right: no inherited idempotency key.
    pub fn as_service(&self, name: &str) -> Self {
        Self {
            caller: Caller::Service { name: name.into() },
            idempotency_key: None,
            effect: None,
            deed: None,
            ..self.clone()
        }
    }

    /// The same context with an idempotency key.
    pub fn with_idempotency_key(&self, key: impl Into<Arc<str>>) -> Self {
        Self { idempotency_key: Some(key.into()), effect: None, ..self.clone() }
    }

    /// The same context with at most `timeout` from now.
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { deadline: self.deadline.min(Instant::now() + timeout), ..self.clone() }
    }

    /// What is left until the deadline; zero when it has passed.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The bound idempotency key, when the operation takes one and the caller sent one. The store's
    /// `write_once` keeps the answer under it, in the effect's own transaction.
    pub fn effect(&self) -> Option<&Effect> {
        self.effect.as_deref()
    }

    /// For the guard: binds the key to its operation and request.
    pub fn with_effect(&self, effect: Effect) -> Self {
        Self { effect: Some(Arc::new(effect)), ..self.clone() }
    }

    /// What the audit trail is to tell of this call; the store does, in the commit of its first write.
    pub fn deed(&self) -> Option<&Deed> {
        self.deed.as_deref()
    }

    /// Binds what the audit trail is to tell: the guard does for operations, and whoever makes a context for anything
    /// else that staff do (an upload, a command).
    pub fn with_deed(&self, deed: impl Into<Arc<Deed>>) -> Self {
        Self { deed: Some(deed.into()), ..self.clone() }
    }

    /// Where records go that no commit carries; `None` where there is no trail.
    pub fn trail(&self) -> Option<&dyn AuditTrail> {
        self.trail.as_ref().map(|trail| &*trail.0)
    }

    /// The same context with a trail: for the edge.
    pub fn with_trail(&self, trail: Arc<dyn AuditTrail>) -> Self {
        Self { trail: Some(Trail(trail)), ..self.clone() }
    }

    /// The account that calls, if a viewer does.
    pub fn account(&self) -> Option<&AccountId> {
        match &self.caller {
            Caller::Viewer { account, .. } => Some(account),
            Caller::Anonymous | Caller::Staff { .. } | Caller::Service { .. } => None,
        }
    }
}

/// A fresh request id: `req_` and 32 hexadecimal digits.
pub fn request_id() -> Arc<str> {
    format!("req_{:032x}", rand::random::<u128>()).into()
}
