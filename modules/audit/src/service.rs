//! The contract, on the store; the trail that the edge hands out; retention.

use tessera_contract::{AuditTrail, Cx, Deed, Failure, OperationInfo, Page, async_trait, decode_cursor, page_limit};
use tessera_contract_audit::{
    Audit, AuditError, AuditIntake, AuditRecord, KeepRecord, ListRecords, OperationRecorded, RecordKept,
};
use tessera_store::Store;
use tessera_types::TenantId;
use tokio_util::sync::CancellationToken;

use crate::{Refusals, chain::Chain, config::AuditConfig, store, trail};

/// Records deleted in one commit at most.
const CHUNK: i64 = 250;
/// Deletion waits until this much more than the retention has passed, so that a day has one deletion at most.
const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// The built-in audit.
pub struct AuditService {
    config: AuditConfig,
    store: Store,
    chain: Chain,
    refusals: Refusals,
}

impl AuditService {
    pub(crate) fn new(config: AuditConfig, store: Store, chain: Chain) -> Self {
        Self { config, store, chain, refusals: Refusals::default() }
    }

    /// Its store: for readiness and upkeep.
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Every tenant that has a trail.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn tenants(&self) -> Result<Vec<TenantId>, Failure> {
        store::tenants(&self.store).await
    }

    /// Writes refusals into the trail until `shutdown`.
    pub async fn keep_refusals(&self, shutdown: CancellationToken) {
        loop {
            let next = tokio::select! {
                () = shutdown.cancelled() => return,
                next = self.refusals.next() => next,
            };
            let Some((tenant, record)) = next else { return };
            if let Err(failure) = self.take(&tenant, record).await {
                tracing::warn!(%tenant, %failure, "writing a refusal into the audit trail");
                metrics::counter!("tessera_audit_lost_total", "why" => "failed").increment(1);
            }
        }
    }

    /// Deletes what is past its retention, and records that it did. Call it every hour or so. Answers how many records
    /// went.
    ///
    /// # Errors
    /// The store does not take the write.
    pub async fn sweep(&self) -> Result<i64, Failure> {
        let (mut deleted, kept) = (0, self.config.kept());
        for tenant in self.tenants().await? {
            let cx = self.cx(&tenant);
            let reader = self.store.tenant(&cx);
            let Some(trail) = store::trail_now(&reader).await? else { continue };
            let oldest = store::after(&reader, trail.kept_after, 1).await?;
            let due = self.store.now().minus(kept + DAY).as_micros();
            if oldest.first().is_none_or(|oldest| oldest.taken_at >= due) {
                continue;
            }
            let (chain, before) = (self.chain.clone(), self.store.now().minus(kept));
            loop {
                let write = self.store.write(&self.cx(&tenant), chain.clone(), move |tx, chain| {
                    Box::pin(trail::delete(tx, chain, before, CHUNK))
                });
                let gone: i64 = write.await?;
                deleted += gone;
                if gone < CHUNK {
                    break;
                }
            }
        }
        Ok(deleted)
    }

    async fn take(&self, tenant: &TenantId, record: OperationRecorded) -> Result<(), Failure> {
        let input = (self.chain.clone(), record);
        let write =
            self.store.write(&self.cx(tenant), input, |tx, (chain, record)| Box::pin(trail::take(tx, chain, record)));
        write.await
    }

    fn cx(&self, tenant: &TenantId) -> Cx {
        Cx::service(tenant.clone(), "audit", &*self.store.clock())
    }
}

#[async_trait]
impl Audit for AuditService {
    async fn list_records(&self, cx: &Cx, request: ListRecords) -> Result<Page<AuditRecord>, AuditError> {
        let (limit, before) = (page_limit(request.limit)?, decode_cursor::<i64>(request.cursor.as_deref())?);
        Ok(store::page(&self.store.tenant(cx), &request, before, limit).await?)
    }
}

#[async_trait]
impl AuditIntake for AuditService {
    async fn keep_record(&self, cx: &Cx, request: KeepRecord) -> Result<RecordKept, AuditError> {
        self.take(&cx.tenant, request.record).await?;
        Ok(RecordKept {})
    }
}

#[async_trait]
impl AuditTrail for AuditService {
    async fn keep(&self, cx: &Cx, deed: &Deed) -> Result<(), Failure> {
        self.take(&cx.tenant, deed.record(cx, self.store.now(), &[], None)).await
    }

    fn refused(&self, cx: &Cx, operation: &OperationInfo) {
        self.refusals.offer(cx, operation, self.store.now());
    }
}
