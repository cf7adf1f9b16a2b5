//! The audit trail of a process, where the audit is in another one.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tessera_audit::Refusals;
use tessera_contract::{AuditTrail, Cx, Deed, Failure, FailureKind, OperationInfo, OperationRecorded};
use tessera_contract_audit::{AuditError, AuditIntake, KeepRecord};
use tessera_types::{Clock, TenantId};
use tokio_util::sync::CancellationToken;

/// How long the audit may take to keep a record.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a refusal waits before it is sent again to an audit that is out of reach.
const AGAIN: Duration = Duration::from_secs(2);

/// Sends records to the audit at its address.
pub(crate) struct RemoteTrail {
    intake: Arc<dyn AuditIntake>,
    refusals: Refusals,
    speaker: &'static str,
    clock: Arc<dyn Clock>,
}

impl RemoteTrail {
    /// As the module `speaker` of this deployment.
    pub(crate) fn new(intake: Arc<dyn AuditIntake>, speaker: &'static str, clock: Arc<dyn Clock>) -> Self {
        Self { intake, refusals: Refusals::default(), speaker, clock }
    }

    async fn send(&self, tenant: &TenantId, record: OperationRecorded) -> Result<(), Failure> {
        let cx = Cx::service(tenant.clone(), self.speaker, self.clock.as_ref()).with_timeout(PATIENCE);
        match self.intake.keep_record(&cx, KeepRecord { record }).await {
            Ok(_) => Ok(()),
            Err(AuditError::Failure(failure)) => Err(failure),
            Err(error) => Err(Failure::new(FailureKind::BadAnswer, format!("the audit refused a record: {error}"))),
        }
    }

    /// Sends refusals until `shutdown`. While the audit is out of reach they wait, as many as there is room for.
    pub(crate) async fn keep_refusals(&self, shutdown: CancellationToken) {
        loop {
            let next = tokio::select! {
                () = shutdown.cancelled() => return,
                next = self.refusals.next() => next,
            };
            let Some((tenant, record)) = next else { return };
            while let Err(failure) = self.send(&tenant, record.clone()).await {
                if failure.kind.status() < 502 {
                    tracing::warn!(%tenant, %failure, "sending a refusal to the audit");
                    metrics::counter!("tessera_audit_lost_total", "why" => "failed").increment(1);
                    break;
                }
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = tokio::time::sleep(AGAIN) => {}
                }
            }
        }
    }
}

#[async_trait]
impl AuditTrail for RemoteTrail {
    async fn keep(&self, cx: &Cx, deed: &Deed) -> Result<(), Failure> {
        self.send(&cx.tenant, deed.record(cx, self.clock.now(), &[], None)).await
    }

    fn refused(&self, cx: &Cx, operation: &OperationInfo) {
        self.refusals.offer(cx, operation, self.clock.now());
    }
}
