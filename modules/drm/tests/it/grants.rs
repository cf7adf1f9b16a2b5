//! An entitlement that holds what a test tells it to: who has which plan.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use tessera_contract::{Caller, Cx, Failure, FailureKind, async_trait};
use tessera_contract_entitlement::{
    AcquireLease, Decision, DecisionReason, DecisionRequest, Entitlement, EntitlementError, Grant, GrantPage, Lease,
    ListGrants, PutGrant, ReleaseLease, Released, RenewLease, RevokeGrant,
};

/// Plans by tenant and account.
#[derive(Default)]
pub(crate) struct Grants {
    held: Mutex<BTreeSet<(String, String, String)>>,
    unreachable: Mutex<bool>,
}

impl Grants {
    pub(crate) fn give(&self, tenant: &str, account: &str, plan: &str) {
        self.held.lock().unwrap().insert((tenant.into(), account.into(), plan.into()));
    }

    pub(crate) fn revoke(&self, tenant: &str, account: &str, plan: &str) {
        self.held.lock().unwrap().remove(&(tenant.into(), account.into(), plan.into()));
    }

    pub(crate) fn cut_off(&self) {
        *self.unreachable.lock().unwrap() = true;
    }

    pub(crate) fn handle(self: &Arc<Self>) -> Arc<dyn Entitlement> {
        self.clone()
    }
}

fn not_asked<T>() -> Result<T, EntitlementError> {
    Err(Failure::new(FailureKind::Internal, "drm asks for decisions and for nothing else").into())
}

#[async_trait]
impl Entitlement for Grants {
    async fn decide(&self, cx: &Cx, request: DecisionRequest) -> Result<Decision, EntitlementError> {
        assert_eq!(cx.caller, Caller::Service { name: "drm".into() });
        if *self.unreachable.lock().unwrap() {
            return Err(Failure::new(FailureKind::Unavailable, "entitlement cannot be reached").into());
        }
        let (tenant, account) = (cx.tenant.to_string(), request.viewing.account_id.to_string());
        let held = self.held.lock().unwrap();
        let opens = |plan: &String| held.contains(&(tenant.clone(), account.clone(), plan.clone()));
        let closed = request.facts.available_until.is_some_and(|end| end <= cx.business_now);
        let (allowed, reason, message) = match (closed, request.facts.plans.iter().any(opens)) {
            (true, _) => (false, DecisionReason::NoLongerAvailable, "It left the programme."),
            (false, true) => (true, DecisionReason::Plan, "Your plan includes it."),
            (false, false) => (false, DecisionReason::NotEntitled, "No plan of yours includes it."),
        };
        Ok(Decision { allowed, reason, message: message.into(), grant_id: None, holds_until: None, max_streams: 1 })
    }

    async fn put_grant(&self, _: &Cx, _: PutGrant) -> Result<Grant, EntitlementError> {
        not_asked()
    }
    async fn revoke_grant(&self, _: &Cx, _: RevokeGrant) -> Result<Grant, EntitlementError> {
        not_asked()
    }
    async fn list_grants(&self, _: &Cx, _: ListGrants) -> Result<GrantPage, EntitlementError> {
        not_asked()
    }
    async fn acquire_lease(&self, _: &Cx, _: AcquireLease) -> Result<Lease, EntitlementError> {
        not_asked()
    }
    async fn renew_lease(&self, _: &Cx, _: RenewLease) -> Result<Lease, EntitlementError> {
        not_asked()
    }
    async fn release_lease(&self, _: &Cx, _: ReleaseLease) -> Result<Released, EntitlementError> {
        not_asked()
    }
}
