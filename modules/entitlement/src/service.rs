//! The contract, on the store: load, decide, commit with events.

use tessera_contract::{Cx, Failure, async_trait, decode_cursor, encode_cursor, page_limit};
use tessera_contract_entitlement::{
    AcquireLease, Decision, DecisionRequest, Entitlement, EntitlementError, Grant, GrantAdded, GrantPage, GrantRevoked,
    GrantScope, Lease, ListGrants, PutGrant, ReleaseLease, Released, RenewLease, RevokeGrant,
};
use tessera_store::{Store, Tx};
use tessera_types::{GrantId, Timestamp};

use crate::{
    config::EntitlementConfig,
    decision::decide,
    grant,
    lease::{check_slot, in_the_way, refusal},
    store,
};

/// The built-in entitlement.
pub struct EntitlementService {
    config: EntitlementConfig,
    store: Store,
}

impl EntitlementService {
    pub(crate) fn new(config: EntitlementConfig, store: Store) -> Self {
        Self { config, store }
    }

    /// Its store: for readiness, upkeep, and the log of its events.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Sets the gauge of stream slots that are held, for metrics.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn look_at_leases(&self) -> Result<(), Failure> {
        metrics::gauge!("tessera_entitlement_leases").set(store::standing(&self.store).await? as f64);
        Ok(())
    }
}

/// Decides and takes the slot, in the transaction that has read what it decides on.
async fn take_slot(
    tx: &mut Tx,
    lease: &AcquireLease,
    business_now: Timestamp,
    config: &EntitlementConfig,
) -> Result<Lease, EntitlementError> {
    let AcquireLease { session_id, device_id, viewing, facts, .. } = lease;
    let grants = store::grants_of(tx, &viewing.account_id).await?;
    let request = DecisionRequest { viewing: viewing.clone(), facts: facts.clone() };
    let decision = decide(&request, &grants, business_now, config.free_streams);
    if !decision.allowed {
        return Err(refusal(decision.reason, decision.message));
    }
    let now = tx.now();
    let held = store::held(tx, &viewing.account_id).await?;
    check_slot(&in_the_way(&held, session_id, device_id, now), decision.max_streams)?;
    let expires_at = now.plus(config.lease());
    store::take(tx, lease, now, expires_at).await?;
    Ok(Lease {
        session_id: session_id.clone(),
        expires_at,
        renew_after_seconds: config.renew_after_seconds(),
        decision,
    })
}

/// A grant before its source's first statement.
fn unstated(put: &PutGrant, now: Timestamp) -> Grant {
    Grant {
        grant_id: GrantId::mint(now),
        source: put.source.clone(),
        reference: put.reference.clone(),
        account_id: put.account_id.clone(),
        scope: GrantScope::Unknown,
        starts_at: put.starts_at,
        ends_at: None,
        max_streams: 1,
        revoked: false,
        version: i64::MIN,
    }
}

fn check_device(request: &AcquireLease) -> Result<(), Failure> {
    let bounded = |field: &str, text: &str, max: usize| match (1..=max).contains(&text.chars().count()) {
        true => Ok(()),
        false => Err(Failure::invalid(field, format!("{field} is 1 to {max} characters"))),
    };
    bounded("device_id", &request.device_id, 128)?;
    bounded("device_name", &request.device_name, 200)
}

#[async_trait]
impl Entitlement for EntitlementService {
    async fn put_grant(&self, cx: &Cx, request: PutGrant) -> Result<Grant, EntitlementError> {
        grant::check(&request)?;
        let write = self.store.write(cx, request, |tx, put| {
            Box::pin(async move {
                let stored = store::grant_in(tx, &put.source, &put.reference).await?;
                let stored = stored.unwrap_or_else(|| unstated(put, tx.now()));
                let Some(grant) = grant::apply(&stored, put.clone()) else { return Ok(stored) };
                store::put(tx, &grant).await?;
                tx.emit(&GrantAdded { grant: grant.clone() }).await?;
                Ok::<_, EntitlementError>(grant)
            })
        });
        write.await
    }

    async fn revoke_grant(&self, cx: &Cx, request: RevokeGrant) -> Result<Grant, EntitlementError> {
        let write = self.store.write(cx, request, |tx, request| {
            Box::pin(async move {
                let RevokeGrant { source, reference, version } = request;
                let stored = store::grant_in(tx, source, reference).await?.ok_or_else(|| {
                    EntitlementError::GrantNotFound(format!("{source} has stated no grant {reference} here"))
                })?;
                let Some(grant) = grant::revoke(&stored, *version) else { return Ok(stored) };
                store::put(tx, &grant).await?;
                tx.emit(&GrantRevoked { grant: grant.clone() }).await?;
                Ok(grant)
            })
        });
        write.await
    }

    async fn list_grants(&self, cx: &Cx, request: ListGrants) -> Result<GrantPage, EntitlementError> {
        let limit = page_limit(request.limit)?;
        let after = decode_cursor::<i64>(request.cursor.as_deref())?.unwrap_or(0);
        let rows = store::changed(&self.store.tenant(cx), request.account_id.as_ref(), after, limit).await?;
        let latest = rows.last().map_or(after, |(number, _)| *number);
        let data = rows.into_iter().map(|(_, grant)| grant).collect();
        Ok(GrantPage { data, next_cursor: encode_cursor(&latest) })
    }

    async fn decide(&self, cx: &Cx, request: DecisionRequest) -> Result<Decision, EntitlementError> {
        let grants = store::grants_of(&mut self.store.tenant(cx), &request.viewing.account_id).await?;
        Ok(decide(&request, &grants, cx.business_now, self.config.free_streams))
    }

    async fn acquire_lease(&self, cx: &Cx, request: AcquireLease) -> Result<Lease, EntitlementError> {
        check_device(&request)?;
        let (config, business_now) = (self.config.clone(), cx.business_now);
        let write = self.store.write(cx, request, move |tx, request| {
            let config = config.clone();
            Box::pin(async move { take_slot(tx, request, business_now, &config).await })
        });
        write.await
    }

    async fn renew_lease(&self, cx: &Cx, request: RenewLease) -> Result<Lease, EntitlementError> {
        let (config, business_now) = (self.config.clone(), cx.business_now);
        let write = self.store.write(cx, request, move |tx, request| {
            let config = config.clone();
            Box::pin(async move {
                let lease = store::lease(tx, &request.session_id).await?.ok_or_else(|| {
                    EntitlementError::LeaseNotFound("This stream has ended, or this device started another one.".into())
                })?;
                take_slot(tx, &lease, business_now, &config).await
            })
        });
        write.await
    }

    async fn release_lease(&self, cx: &Cx, request: ReleaseLease) -> Result<Released, EntitlementError> {
        let write = self.store.write(cx, request, |tx, request| {
            Box::pin(async move {
                let released = store::release(tx, &request.session_id).await?;
                Ok::<_, EntitlementError>(Released { released })
            })
        });
        write.await
    }
}
