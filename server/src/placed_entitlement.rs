//! Entitlement wherever it is asked. What is stated of grants is stated at every place, for each decides on what it knows.

use std::{sync::Arc, time::Duration};

use tessera_contract::{Contract, ContractError, Cx, Placed, async_trait};
use tessera_contract_entitlement::{
    AcquireLease, Decision, DecisionRequest, Entitlement, EntitlementError, Grant, GrantPage, Lease, ListGrants,
    PutGrant, ReleaseLease, Released, RenewLease, RevokeGrant,
};
use tokio::time::timeout;

/// How long a place that decides for nobody now may take to hear of a change; the others have taken it by then.
const TELLING: Duration = Duration::from_secs(2);

/// Asks entitlement at its places.
pub(crate) struct PlacedEntitlement {
    placed: Arc<Placed<dyn Entitlement>>,
    asked: Arc<dyn Entitlement>,
}

impl PlacedEntitlement {
    /// As `placed` says.
    pub(crate) fn new(placed: Arc<Placed<dyn Entitlement>>) -> Arc<Self> {
        Arc::new(Self { asked: <dyn Entitlement>::placed(placed.clone()), placed })
    }

    /// States something of a grant everywhere: acknowledged once each place that decides for anybody has taken it. The
    /// first one's answer counts. The shadow, and places that were left, are told as well as it goes.
    async fn state<F>(&self, say: impl Fn(Arc<dyn Entitlement>) -> F) -> Result<Grant, EntitlementError>
    where
        F: Future<Output = Result<Grant, EntitlementError>>,
    {
        let now = self.placed.now();
        let answer = say(now.places()[0].clone()).await?;
        for (index, place) in now.places().iter().enumerate().skip(1) {
            match now.rollout().is_asked(index) {
                true => taken(say(place.clone()).await)?,
                false => told(&now.rollout().spots()[index].name, say(place.clone())).await,
            }
        }
        for left in now.left() {
            told("a place that was left", say(left.clone())).await;
        }
        Ok(answer)
    }
}

/// What was never stated there need not be revoked.
fn taken(answer: Result<Grant, EntitlementError>) -> Result<(), EntitlementError> {
    match answer {
        Ok(_) | Err(EntitlementError::GrantNotFound(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn told(place: &str, telling: impl Future<Output = Result<Grant, EntitlementError>>) {
    match timeout(TELLING, telling).await.map(taken) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(place, %error, "an entitlement did not take a change of a grant"),
        Err(_) => tracing::warn!(place, "an entitlement did not take a change of a grant in time"),
    }
}

#[async_trait]
impl Entitlement for PlacedEntitlement {
    async fn put_grant(&self, cx: &Cx, request: PutGrant) -> Result<Grant, EntitlementError> {
        self.state(async |place| place.put_grant(cx, request.clone()).await).await
    }

    async fn revoke_grant(&self, cx: &Cx, request: RevokeGrant) -> Result<Grant, EntitlementError> {
        self.state(async |place| place.revoke_grant(cx, request.clone()).await).await
    }

    async fn list_grants(&self, cx: &Cx, request: ListGrants) -> Result<GrantPage, EntitlementError> {
        self.asked.list_grants(cx, request).await
    }

    async fn decide(&self, cx: &Cx, request: DecisionRequest) -> Result<Decision, EntitlementError> {
        self.asked.decide(cx, request).await
    }

    async fn acquire_lease(&self, cx: &Cx, request: AcquireLease) -> Result<Lease, EntitlementError> {
        self.asked.acquire_lease(cx, request).await
    }

    async fn renew_lease(&self, cx: &Cx, request: RenewLease) -> Result<Lease, EntitlementError> {
        let now = self.placed.now();
        let asked = |index: Option<usize>| index.is_some_and(|index| now.rollout().is_asked(index));
        if now.knowing().all(|(index, _)| asked(index)) {
            return self.asked.renew_lease(cx, request).await;
        }
        // Some place decides for nobody any more. Where decisions are made is asked first, and what of others may hold the
        // lease does not keep the viewer waiting.
        let (first, others): (Vec<_>, Vec<_>) = now.knowing().partition(|(index, _)| asked(*index));
        let mut lost = None;
        for (_, place) in first {
            match place.renew_lease(cx, request.clone()).await {
                Err(EntitlementError::LeaseNotFound(detail)) => lost = Some(EntitlementError::LeaseNotFound(detail)),
                answer => return answer,
            }
        }
        let mut out_of_reach = false;
        for (_, place) in others {
            match timeout(cx.remaining() / 2, place.renew_lease(cx, request.clone())).await {
                Ok(Err(EntitlementError::LeaseNotFound(_))) => {}
                Ok(Err(error)) if error.status() < 500 => return Err(error),
                Ok(Ok(lease)) => return Ok(lease),
                Ok(Err(_)) | Err(_) => out_of_reach = true,
            }
        }
        let gone = || EntitlementError::LeaseNotFound("no place has this lease".into());
        Err(match out_of_reach {
            true => {
                EntitlementError::LeaseOutOfReach("who may hold this lease cannot be asked: acquire it anew".into())
            }
            false => lost.unwrap_or_else(gone),
        })
    }

    /// A place that has no such lease says so without an error, so the next one is asked.
    async fn release_lease(&self, cx: &Cx, request: ReleaseLease) -> Result<Released, EntitlementError> {
        let now = self.placed.now();
        let mut answer = Ok(Released { released: false });
        for (_, place) in now.knowing() {
            answer = match place.release_lease(cx, request.clone()).await {
                Ok(Released { released: true }) => return Ok(Released { released: true }),
                Ok(none) => answer.and(Ok(none)),
                Err(error) if error.status() < 500 => return Err(error),
                Err(error) => Err(error),
            };
        }
        answer
    }
}
