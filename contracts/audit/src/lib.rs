//! The audit contract: what staff, API keys and the operator at the machine did, and what they were refused.
//!
//! No caller writes to it: each management operation emits [`OperationRecorded`] in the commit of its effect, and an audit
//! follows those events into a record that is only ever added to. What no commit carries, such as a refusal, modules in
//! other processes send to [`AuditIntake`].

pub mod conformance;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::{Cx, Page, contract, errors};
use tessera_types::Timestamp;

pub use tessera_contract::{AuditChange, AuditOutcome, AuditTarget, OperationRecorded};

/// One entry of the trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditRecord {
    /// Its place in the tenant's trail, from 1 without a gap.
    pub number: i64,
    /// What happened.
    #[serde(flatten)]
    pub what: OperationRecorded,
    /// When it was taken into the trail, wall time.
    pub taken_at: Timestamp,
    /// Its place in the chain: a hash, in hexadecimal, of the record and of the hash before it.
    pub hash: String,
}

/// Which page of which records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListRecords {
    /// Only what this caller did: an API key's id, or `operator@machine`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Only operations of this contract, such as `catalog-management`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// Only this operation, such as `publish_title`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Only what was about the thing with this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Only what happened at this time or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Only what happened before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Entries a page, 1 to 100; 20 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A record for the trail of the caller's tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeepRecord {
    /// What happened. Kept once, by its id, however often it is sent.
    pub record: OperationRecorded,
}

/// The record is durable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordKept {}

errors! {
    /// Why the trail was not shown. It has no errors of its own.
    pub enum AuditError {}
}

/// Shows what was done: who, when, what, to what. A record is never changed; after its retention it is deleted, and that
/// is a record too. It refuses to know what an operation means.
#[contract(name = "audit", version = "1.0", events = [OperationRecorded])]
pub trait Audit: Send + Sync + 'static {
    /// List records, newest first.
    #[get("/v1/records", access = staff("audit:read"))]
    async fn list_records(&self, cx: &Cx, request: ListRecords) -> Result<Page<AuditRecord>, AuditError>;
}

/// Takes what no commit carries from the deployment's other processes: refusals, and work that other systems did.
#[contract(name = "audit-intake", version = "1.0", mount = "audit")]
pub trait AuditIntake: Send + Sync + 'static {
    /// Keep a record in the trail of the caller's tenant.
    #[post("/v1/intake", access = service, body_bytes = 131072)]
    async fn keep_record(&self, cx: &Cx, request: KeepRecord) -> Result<RecordKept, AuditError>;
}
