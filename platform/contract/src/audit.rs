//! What staff do, as the audit trail tells of it.
//!
//! The guard binds a [`Deed`] to the context of each call that belongs into the trail
//! ([`OperationInfo::is_recorded`](crate::OperationInfo::is_recorded)). The store writes its record into the outbox in
//! the commit of the call's first write, so that a change is never without its record and a change undone never has
//! one. What no store of ours commits goes to the [`AuditTrail`] directly. This file knows neither where records are
//! kept nor for how long.

mod redact;

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tessera_types::{AuditRecordId, Timestamp};

use crate::{Cx, Event, Failure, OperationInfo};

pub use redact::{REDACTED, REQUEST_BYTES};

/// What became of a call that the trail tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// The caller lacks the scope; nothing was done.
    Refused,
    /// An outcome that this version does not know.
    #[serde(other)]
    Unknown,
}

/// Something that a call was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditTarget {
    /// The field that names it, `title_id`.
    pub field: String,
    /// Its id.
    pub id: String,
}

/// An event that was committed together with the record: what the call changed, and to which version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditChange {
    /// The event's type, `tessera.catalog.title.published.v1`.
    pub event: String,
    /// What it is about.
    pub subject: String,
    /// The subject's version after the change.
    pub version: i64,
}

/// Staff, an API key or the operator at the machine did something, or was refused to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperationRecorded {
    /// One id for one call, however often it is told of.
    pub record_id: AuditRecordId,
    /// When, wall time.
    pub at: Timestamp,
    /// Who: an API key's id, a member of staff, or `operator@machine`.
    pub subject: String,
    /// From where, as the edge knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The contract, `catalog-management`.
    pub contract: String,
    /// The operation, `publish_title`.
    pub operation: String,
    /// What became of it.
    pub outcome: AuditOutcome,
    /// What it was about: ids in the request and in the answer.
    pub targets: Vec<AuditTarget>,
    /// The request's fields, secrets taken out and long texts cut.
    pub request: Value,
    /// What was told in the same commit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<AuditChange>,
    /// The request's id, as in the log. The caller may have chosen it.
    pub request_id: String,
}

impl Event for OperationRecorded {
    const TYPE: &'static str = "tessera.audit.operation.recorded.v1";
    fn subject(&self) -> String {
        self.record_id.to_string()
    }
    fn version(&self) -> i64 {
        1
    }
}

/// Where records go that no store's commit carries.
#[async_trait]
pub trait AuditTrail: Send + Sync + 'static {
    /// Keeps the record of a call that succeeded and wrote nothing in a store of ours: another system did its work.
    ///
    /// # Errors
    /// The trail cannot be written. The call has happened all the same.
    async fn keep(&self, cx: &Cx, deed: &Deed) -> Result<(), Failure>;

    /// Hears that staff was refused `operation` for want of its scope. Does not wait, and may forget what is repeated
    /// or too much.
    fn refused(&self, cx: &Cx, operation: &OperationInfo);
}

/// A call under way that the trail is to tell of, bound to its context.
#[derive(Debug)]
pub struct Deed {
    contract: String,
    operation: String,
    targets: Vec<AuditTarget>,
    request: Value,
    record_id: OnceLock<AuditRecordId>,
    settled: AtomicBool,
}

impl Deed {
    /// Of a call that is no operation of a contract, such as a command at the machine; see [`Cx::with_deed`].
    pub fn new<Req: Serialize>(contract: &str, operation: &str, request: &Req) -> Self {
        Self::with_path(contract, operation, request, &mut std::iter::empty())
    }

    /// Of a call of an operation.
    pub(crate) fn of<Req: Serialize>(info: &OperationInfo, request: &Req) -> Self {
        Self::with_path(info.contract, info.name, request, &mut info.path_fields())
    }

    fn with_path<Req: Serialize>(
        contract: &str,
        operation: &str,
        request: &Req,
        path: &mut dyn Iterator<Item = &'static str>,
    ) -> Self {
        // A request that cannot be written as JSON never got here; its record would still say who and what.
        let request = tessera_types::redacted(|| serde_json::to_value(request)).unwrap_or_default();
        let mut targets = Vec::new();
        for field in path {
            redact::add_target(&mut targets, field, &request[field]);
        }
        redact::ids(&mut targets, &request);
        let request = redact::request(request);
        let (contract, operation) = (contract.to_owned(), operation.to_owned());
        Self { contract, operation, targets, request, record_id: OnceLock::new(), settled: AtomicBool::new(false) }
    }

    /// The record, as of `now` (wall time), of a call by `cx`'s caller that had `answer` and `changes`.
    pub fn record(
        &self,
        cx: &Cx,
        now: Timestamp,
        changes: &[AuditChange],
        answer: Option<&Value>,
    ) -> OperationRecorded {
        let mut targets = self.targets.clone();
        if let Some(answer) = answer {
            redact::ids(&mut targets, answer);
        }
        OperationRecorded {
            record_id: self.record_id.get_or_init(|| AuditRecordId::mint(now)).clone(),
            at: now,
            subject: cx.caller.subject(),
            address: cx.address.map(|address| address.expose().to_string()),
            contract: self.contract.clone(),
            operation: self.operation.clone(),
            outcome: AuditOutcome::Done,
            targets,
            request: self.request.clone(),
            changes: changes.to_vec(),
            request_id: cx.request_id.to_string(),
        }
    }

    /// Nothing more is to be recorded: the record is durable, or the call replays an answer whose call is recorded.
    pub fn settle(&self) {
        self.settled.store(true, Ordering::Release);
    }

    /// Whether nothing more is to be recorded.
    pub fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }
}

impl OperationRecorded {
    /// The record of a refusal.
    pub fn refused(cx: &Cx, operation: &OperationInfo, now: Timestamp) -> Self {
        let deed = Deed::new(operation.contract, operation.name, &serde_json::Map::new());
        Self { outcome: AuditOutcome::Refused, ..deed.record(cx, now, &[], None) }
    }
}

/// After a call that succeeded: what no commit has recorded is recorded now.
pub(crate) async fn settle(cx: &Cx) {
    let Some(deed) = cx.deed().filter(|deed| !deed.is_settled()) else { return };
    let kept = match cx.trail() {
        Some(trail) => trail.keep(cx, deed).await,
        None => Ok(()),
    };
    deed.settle();
    // Too late to undo what was done: the log has what the trail could not take.
    if let Err(failure) = kept {
        let (subject, request_id) = (cx.caller.subject(), &cx.request_id);
        tracing::error!(%failure, subject, %request_id, ?deed, "an operation was done and its audit record is not kept");
        metrics::counter!("tessera_audit_lost_total", "why" => "failed").increment(1);
    }
}
