//! Exports by API: asked for, written in the background into the tenant's blobs, fetched, and deleted after a while.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tessera_contract::{Cx, Failure, FailureKind};
use tessera_contract_tenancy::{Export, ExportState, TenancyError};
use tessera_runtime::blobs::BlobKey;
use tessera_store::{Job, JobError, JobState, WorkerOptions};
use tessera_types::{ExportId, TenantId, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::{
    PlatformService,
    export::export,
    store::{self, ExportRow},
};

/// How long an export can be fetched.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
const JOB: &str = "export";

#[derive(Serialize, Deserialize)]
struct Asked {
    export_id: ExportId,
}

impl PlatformService {
    /// Writes exports that were asked for, one at a time, until `shutdown`.
    pub async fn work(self: Arc<Self>, shutdown: CancellationToken) {
        let jobs = self.store.jobs();
        let write = move |job: Arc<Job>| {
            let platform = self.clone();
            async move { platform.write(&job).await }
        };
        jobs.run(JOB, WorkerOptions::concurrency(1), write, shutdown).await;
    }

    /// Deletes exports that ran out. Call it every hour or so.
    ///
    /// # Errors
    /// The store or the blobs cannot be reached.
    pub async fn sweep(&self) -> Result<(), Failure> {
        for (tenant, id) in store::expired(&self.store).await? {
            self.deps.blobs.tenant(&tenant).delete(&blob(&id)?).await?;
            let cx = Cx::service(tenant, "tenancy", self.store.clock().as_ref());
            let forget = self.store.write(&cx, id, |tx, id| Box::pin(store::forget_export(tx, id)));
            let forgotten: Result<(), Failure> = forget.await;
            forgotten?;
        }
        Ok(())
    }

    /// Remembers the wish, and the work to be done, in one commit. `cx` is the exported tenant's, with the operator's key.
    pub(crate) async fn ask(&self, cx: &Cx) -> Result<Export, TenancyError> {
        if !self.deps.beyond_reach.is_empty() {
            let why = format!(
                "the rows of {} are kept by other processes, and an export without them would not be whole: export at the \
                 machine with tessera tenant export, with a configuration that reaches every database",
                self.deps.beyond_reach.join(", ")
            );
            return Err(Failure::new(FailureKind::Unavailable, why).into());
        }
        let now = self.store.now();
        let write = self.store.write_once(cx, ExportId::mint(now), move |tx, id| {
            Box::pin(async move {
                store::add_export(tx, id, now.plus(KEPT)).await?;
                tx.enqueue(JOB, id.as_str(), &Asked { export_id: id.clone() }, now).await?;
                Ok::<_, Failure>(id.clone())
            })
        });
        let id = write.await?;
        self.look(cx, &id).await
    }

    /// How far an export of `cx`'s tenant is.
    pub(crate) async fn look(&self, cx: &Cx, id: &ExportId) -> Result<Export, TenancyError> {
        let row = store::export(&self.store.tenant(cx), id, self.store.now()).await?;
        let row = row.ok_or_else(|| TenancyError::ExportNotFound(format!("{} has no export {id}", cx.tenant)))?;
        let job = self.store.jobs().get(cx, JOB, id.as_str()).await?;
        let state = match (row.row_count, job.map(|job| job.state)) {
            (Some(_), _) => ExportState::Ready,
            (None, Some(JobState::Dead)) => ExportState::Failed,
            (None, _) => ExportState::Running,
        };
        Ok(told(&cx.tenant, row, state))
    }

    /// The blob of an export that is ready.
    pub(crate) fn blob(id: &ExportId) -> Result<BlobKey, Failure> {
        blob(id)
    }

    async fn write(&self, job: &Job) -> Result<(), JobError> {
        let Asked { export_id } = job.payload()?;
        let cx = job.cx();
        let directory = &self.deps.directory;
        let tenant = directory.get(&cx.tenant).await.map_err(|e| Failure::internal("looking up the tenant", e))?;
        let hosts = directory.hosts(&cx.tenant).await?;
        let exporters = self.deps.exporters.clone();
        let (file, totals) = export(&cx, &tenant, &hosts, exporters, self.store.clock());
        self.deps.blobs.tenant(&cx.tenant).put_stream(&blob(&export_id)?, file).await?;
        let totals = *totals.lock().unwrap_or_else(PoisonError::into_inner);
        let finish = self
            .store
            .write(&cx, export_id, move |tx, id| Box::pin(store::finish_export(tx, id, totals.rows, totals.bytes)));
        let finished: Result<(), Failure> = finish.await;
        Ok(finished?)
    }
}

fn blob(id: &ExportId) -> Result<BlobKey, Failure> {
    format!("exports/{id}.jsonl")
        .parse()
        .map_err(|_| Failure::new(FailureKind::NotFound, format!("there is no export {id}")))
}

fn told(tenant: &TenantId, row: ExportRow, state: ExportState) -> Export {
    let ready = state == ExportState::Ready;
    Export {
        file_url: ready.then(|| format!("/tenancy/v1/tenants/{tenant}/exports/{}/file", row.export_id)),
        export_id: row.export_id,
        tenant_id: tenant.clone(),
        state,
        created_at: Timestamp::from_micros(row.created_at),
        expires_at: Timestamp::from_micros(row.expires_at),
        rows: row.row_count,
        bytes: row.byte_count,
    }
}
