//! The caller's context: all that crosses a boundary besides the request.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tessera_types::{AccountId, Clock, ProfileId, TenantId, Territory, Timestamp};
use tokio::time::Instant;

use crate::trace::TraceContext;

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
    /// The caller's `Idempotency-Key`, if it sent one.
    pub idempotency_key: Option<Arc<str>>,
    effect: Option<Arc<Effect>>,
}

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
            idempotency_key: None,
            effect: None,
        }
    }

    /// A module acting on its own account (a job, an event handler): business time equals wall time unless the caller
    /// knows the tenant's.
    pub fn service(tenant: TenantId, name: &str, clock: &dyn Clock) -> Self {
        Self::new(tenant, Caller::Service { name: name.into() }, clock.now())
    }

    /// The same request, carried on by module `name` in its own right: a new span, no inherited idempotency key.
    pub fn as_service(&self, name: &str) -> Self {
        Self {
            caller: Caller::Service { name: name.into() },
            trace: self.trace.child(),
            idempotency_key: None,
            effect: None,
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
