//! The operations.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::{Cx, contract, errors};
use tessera_types::{AccountId, PlaybackSessionId, Sensitive, Timestamp};

use crate::{
    decision::{Decision, DecisionRequest, PlayFacts, Viewing},
    grant::{Grant, GrantAdded, GrantPage, GrantRevoked, PutGrant, RevokeGrant},
    numbers::NUMBERS,
};

/// Which grants, from where.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct ListGrants {
    /// Only this account's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    /// `next_cursor` of the answer before; from the beginning when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Entries at most, 1 to 100; 20 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A stream slot is wanted. Idempotent by session; replaces a lease that the same account's device already has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AcquireLease {
    /// The playback session that wants it.
    pub session_id: PlaybackSessionId,
    /// The viewer's device, a stable opaque name that the device chose.
    pub device_id: String,
    /// A name of the device that its owner would recognise, such as `Firefox on Linux`.
    pub device_name: Sensitive<String>,
    /// Who watches, and where.
    pub viewing: Viewing,
    /// What.
    pub facts: PlayFacts,
}

/// The session goes on: its lease is wanted for longer. Decides again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RenewLease {
    /// Whose lease.
    pub session_id: PlaybackSessionId,
}

/// The session is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReleaseLease {
    /// Whose lease.
    pub session_id: PlaybackSessionId,
}

/// A stream slot, held until it runs out or is released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lease {
    /// The session that holds it.
    pub session_id: PlaybackSessionId,
    /// When it frees itself, wall time.
    pub expires_at: Timestamp,
    /// Renew after so many seconds.
    pub renew_after_seconds: u32,
    /// The decision it rests on.
    pub decision: Decision,
}

/// The slot is free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Released {
    /// Whether there was a lease to release; releasing twice is fine.
    pub released: bool,
}

errors! {
    /// Why entitlement refused or failed.
    pub enum EntitlementError {
        /// No grant opens the title.
        NotEntitled = 403 "not_entitled",
        /// There was a grant, and it has run out.
        GrantEnded = 403 "grant_ended",
        /// There was a grant, and it was revoked.
        GrantRevoked = 403 "grant_revoked",
        /// The title's window has not opened.
        NotYetAvailable = 403 "not_yet_available",
        /// The title's window has closed.
        NoLongerAvailable = 403 "no_longer_available",
        /// The title may not be watched where the viewer is.
        TerritoryBlocked = 403 "territory_blocked",
        /// The title is for older viewers than the profile allows.
        AgeLimit = 403 "age_limit",
        /// All of the account's streams are in use; the detail names the devices.
        StreamLimitReached = 409 "stream_limit_reached",
        /// The session has no lease: it ran out, was released, or the same device started something else.
        LeaseNotFound = 404 "lease_not_found",
        /// The session has no lease where decisions are made now, and who may hold one cannot be asked: acquire it anew.
        LeaseOutOfReach = 503 "lease_out_of_reach",
        /// No such grant from this source.
        GrantNotFound = 404 "grant_not_found",
    }
}

/// Decides who may watch what, and counts streams.
///
/// A revocation that was acknowledged is seen by every later decision. A restriction (window, territory, age) never
/// turns a deny into an allow. Leases of an account never exceed what its grants allow.
#[contract(
    name = "entitlement",
    version = "1.0",
    events = [GrantAdded, GrantRevoked],
    numbers = NUMBERS,
    own = ["grant_id", "message", "next_cursor"]
)]
pub trait Entitlement: Send + Sync + 'static {
    /// State a grant.
    ///
    /// Upsert by source and reference. A version not above the stored one changes nothing and answers what is stored,
    /// so that repeats and late arrivals do no harm.
    #[put("/v1/grants/{source}/{reference}", access = service_or_staff("entitlement:write"))]
    async fn put_grant(&self, cx: &Cx, request: PutGrant) -> Result<Grant, EntitlementError>;

    /// Revoke a grant. Once this is answered, no later decision rests on it.
    #[post("/v1/grants/{source}/{reference}/revoke", access = service_or_staff("entitlement:write"))]
    async fn revoke_grant(&self, cx: &Cx, request: RevokeGrant) -> Result<Grant, EntitlementError>;

    /// List grants in the order they last changed; with a cursor, what changed since.
    #[get("/v1/grants", access = service_or_staff("entitlement:read"))]
    async fn list_grants(&self, cx: &Cx, request: ListGrants) -> Result<GrantPage, EntitlementError>;

    /// Decide whether a viewer may play a title now. Has no effect; a denial is an answer, not an error.
    #[post("/v1/decisions", access = service_or_staff("entitlement:read"), safe, grpc)]
    async fn decide(&self, cx: &Cx, request: DecisionRequest) -> Result<Decision, EntitlementError>;

    /// Decide and take a stream slot in one step.
    ///
    /// Idempotent by session. Replaces a lease that the same device of the account holds.
    #[post("/v1/leases", access = service, status = 201)]
    async fn acquire_lease(&self, cx: &Cx, request: AcquireLease) -> Result<Lease, EntitlementError>;

    /// Decide again and hold the slot for longer.
    #[post("/v1/leases/{session_id}/renew", access = service)]
    async fn renew_lease(&self, cx: &Cx, request: RenewLease) -> Result<Lease, EntitlementError>;

    /// Free the slot. Releasing twice is fine.
    #[delete("/v1/leases/{session_id}", access = service)]
    async fn release_lease(&self, cx: &Cx, request: ReleaseLease) -> Result<Released, EntitlementError>;
}
