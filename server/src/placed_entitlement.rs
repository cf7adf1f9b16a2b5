//! Entitlement where the configuration says it is. The place may change while the process runs: new plays ask the new
//! place, and those that began at the former one go on there until they end.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tessera_contract::{Addresses, Cx, async_trait};
use tessera_contract_entitlement::{
    AcquireLease, Decision, DecisionRequest, Entitlement, EntitlementError, Grant, GrantPage, Lease, ListGrants,
    PutGrant, ReleaseLease, Released, RenewLease, RevokeGrant,
};
use tokio::time::{Instant, timeout};

use crate::{error::CommandError, remotes::Remotes};

/// How long plays go on at the former place: longer than any film.
const DRAIN: Duration = Duration::from_secs(6 * 3600);
/// How long the former place may take to hear of a change; the new one has taken it by then.
const TELLING: Duration = Duration::from_secs(2);

/// Asks the built-in entitlement, or the one that is elsewhere.
pub(crate) struct PlacedEntitlement {
    built_in: Option<Arc<dyn Entitlement>>,
    remotes: Remotes,
    places: RwLock<Places>,
}

struct Places {
    url: Option<Addresses>,
    asked: Arc<dyn Entitlement>,
    /// Where it was before, and since when it is not.
    former: Option<(Arc<dyn Entitlement>, Instant)>,
}

impl PlacedEntitlement {
    /// At `url`, or built in where there is none.
    ///
    /// # Errors
    /// There is neither, or as [`Remotes::remote`].
    pub(crate) fn new(
        built_in: Option<Arc<dyn Entitlement>>,
        remotes: Remotes,
        url: Option<&Addresses>,
    ) -> Result<Arc<Self>, CommandError> {
        let asked = place(built_in.as_ref(), &remotes, url)?;
        let places = Places { url: url.cloned(), asked, former: None };
        Ok(Arc::new(Self { built_in, remotes, places: RwLock::new(places) }))
    }

    /// Calls from now on go to `url`, or to the built-in one. Answers whether that is another place than before.
    ///
    /// # Errors
    /// It is to be the built-in one, and there is none in this process; or as [`Remotes::remote`]. Nothing changes then.
    pub(crate) fn place(&self, url: Option<&Addresses>) -> Result<bool, CommandError> {
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        if places.url.as_ref() == url {
            return Ok(false);
        }
        let asked = place(self.built_in.as_ref(), &self.remotes, url)?;
        let left = std::mem::replace(&mut places.asked, asked);
        places.former = Some((left, Instant::now()));
        places.url = url.cloned();
        Ok(true)
    }

    fn asked(&self) -> Arc<dyn Entitlement> {
        self.places.read().unwrap_or_else(PoisonError::into_inner).asked.clone()
    }

    /// The place that is asked, and the one where plays may still go on that began before: as they are at one moment.
    fn both(&self) -> (Arc<dyn Entitlement>, Option<Arc<dyn Entitlement>>) {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        let former = places.former.as_ref().filter(|(_, left)| left.elapsed() < DRAIN);
        (places.asked.clone(), former.map(|(former, _)| former.clone()))
    }
}

fn place(
    built_in: Option<&Arc<dyn Entitlement>>,
    remotes: &Remotes,
    url: Option<&Addresses>,
) -> Result<Arc<dyn Entitlement>, CommandError> {
    let nowhere = || {
        CommandError::new(
            "entitlement is neither in this process nor at an address: set [entitlement] url, or add it to modules",
        )
    };
    match url {
        Some(url) => remotes.remote(url),
        None => built_in.cloned().ok_or_else(nowhere),
    }
}

/// Waits a little for the former place to take a change: what plays there is decided on what it knows.
async fn told(telling: impl Future<Output = Result<Grant, EntitlementError>>) {
    match timeout(TELLING, telling).await {
        Ok(Ok(_) | Err(EntitlementError::GrantNotFound(_))) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the former entitlement did not take a change of a grant"),
        Err(_) => tracing::warn!("the former entitlement did not take a change of a grant in time"),
    }
}

#[async_trait]
impl Entitlement for PlacedEntitlement {
    async fn put_grant(&self, cx: &Cx, request: PutGrant) -> Result<Grant, EntitlementError> {
        let (asked, former) = self.both();
        let grant = asked.put_grant(cx, request.clone()).await?;
        if let Some(former) = former {
            told(former.put_grant(cx, request)).await;
        }
        Ok(grant)
    }

    async fn revoke_grant(&self, cx: &Cx, request: RevokeGrant) -> Result<Grant, EntitlementError> {
        let (asked, former) = self.both();
        let grant = asked.revoke_grant(cx, request.clone()).await?;
        if let Some(former) = former {
            told(former.revoke_grant(cx, request)).await;
        }
        Ok(grant)
    }

    async fn list_grants(&self, cx: &Cx, request: ListGrants) -> Result<GrantPage, EntitlementError> {
        self.asked().list_grants(cx, request).await
    }

    async fn decide(&self, cx: &Cx, request: DecisionRequest) -> Result<Decision, EntitlementError> {
        self.asked().decide(cx, request).await
    }

    async fn acquire_lease(&self, cx: &Cx, request: AcquireLease) -> Result<Lease, EntitlementError> {
        self.asked().acquire_lease(cx, request).await
    }

    async fn renew_lease(&self, cx: &Cx, request: RenewLease) -> Result<Lease, EntitlementError> {
        let (asked, former) = self.both();
        match (asked.renew_lease(cx, request.clone()).await, former) {
            (Err(EntitlementError::LeaseNotFound(_)), Some(former)) => former.renew_lease(cx, request).await,
            (answer, _) => answer,
        }
    }

    async fn release_lease(&self, cx: &Cx, request: ReleaseLease) -> Result<Released, EntitlementError> {
        let (asked, former) = self.both();
        match (asked.release_lease(cx, request.clone()).await, former) {
            (Ok(Released { released: false }), Some(former)) => former.release_lease(cx, request).await,
            (answer, _) => answer,
        }
    }
}
