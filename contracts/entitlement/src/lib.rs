//! The entitlement contract: who may watch what.
//!
//! Any billing system *puts* grants here (upsert by source and reference, with an increasing version); playback asks for
//! decisions and stream leases. Entitlement knows grants, leases and the rules between them. It knows no offer, price,
//! title text or billing event: the facts about a title come with the question.

pub mod conformance;
mod decision;
mod entitlement;
mod grant;
mod numbers;

pub use decision::{Decision, DecisionReason, DecisionRequest, PlayFacts, Viewing};
pub use entitlement::{
    AcquireLease, Entitlement, EntitlementError, Lease, ListGrants, ReleaseLease, Released, RenewLease,
    entitlement_operations,
};
pub use grant::{Grant, GrantAdded, GrantPage, GrantRevoked, GrantScope, PutGrant, RevokeGrant};
