//! The job: from an upload's chunks to an asset's track files. Whenever it is cut, it can begin again: what an attempt
//! has stored counts only once the asset names that attempt.

mod attempt;
mod beside;
mod chunk;
mod copies;
mod division;
mod ending;
mod growth;
mod package;
mod published;
mod source;

use std::{path::PathBuf, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tessera_contract::{Failure, FailureKind};
use tessera_contract_media::FailureReason;
use tessera_runtime::{blobs::Blobs, disk, secrets::KeyRing};
use tessera_store::{Job, JobError, Store, WorkerOptions};
use tessera_types::{AssetId, UploadId};
use tokio_util::sync::CancellationToken;

use crate::{
    child::{Limits, Sandbox},
    config::MediaConfig,
    hardware::Encoders,
    look::Unknown,
    refusal,
    scratch::{self, Scratch},
    steering::Running,
    store,
};
use attempt::Attempt;
pub(crate) use beside::{TEXT, sealed};
pub(crate) use chunk::CHUNK_JOB;
use copies::Copies;
pub(crate) use package::{folder, sha256};

/// The kind of the jobs, keyed by the asset.
pub(crate) const JOB: &str = "transcode";

/// How long a job that found the disk full waits before it looks again.
const LOOK_FOR_ROOM: Duration = Duration::from_secs(10);

/// The slowest encoding that is waited for: a thirtieth of real time, and some minutes to begin with.
const SLOWEST: f64 = 30.0;
const HEAD_START: Duration = Duration::from_secs(300);

/// What a job is told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Work {
    pub(crate) asset_id: AssetId,
}

/// What works on jobs.
pub(crate) struct Worker {
    pub(crate) config: MediaConfig,
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
    pub(crate) master_keys: KeyRing,
    pub(crate) scratch: PathBuf,
    pub(crate) sandbox: Sandbox,
    pub(crate) running: Running,
    pub(crate) copies: Copies,
    pub(crate) encoders: Encoders,
}

/// Why an attempt made nothing.
#[derive(Debug)]
enum Trouble {
    /// The source cannot be used: the asset fails.
    Source(FailureReason),
    /// Something of ours: try again.
    Ours(Failure),
    /// Another attempt has the asset, or it has ended: leave it alone.
    Lost,
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Ours(failure)
    }
}

impl From<FailureReason> for Trouble {
    fn from(reason: FailureReason) -> Self {
        Self::Source(reason)
    }
}

impl From<Unknown> for Trouble {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::Refused(reason) => Self::Source(reason),
            Unknown::Ours(failure) => Self::Ours(failure),
        }
    }
}

impl Trouble {
    /// A disk that does not do what was asked.
    fn disk(doing: &str) -> impl Fn(std::io::Error) -> Self {
        move |error| Self::Ours(Failure::unavailable(doing, error))
    }
}

/// Runs `work` where it may wait for the disk or compute for long.
async fn off_the_workers<T: Send + 'static>(
    doing: &str,
    work: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Trouble> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|e| Trouble::Ours(Failure::internal(doing, e)))?
}

impl Worker {
    /// Works on jobs until `shutdown`.
    pub(crate) async fn work(self: Arc<Self>, shutdown: CancellationToken) {
        let root = self.scratch.clone();
        let cleared = off_the_workers("clearing the scratch folder", move || {
            scratch::clear(&root).map_err(Trouble::disk("clearing the scratch folder"))
        });
        if let Err(trouble) = cleared.await {
            tracing::warn!(folder = %self.scratch.display(), ?trouble, "what an earlier process left is still there");
        }
        let options = WorkerOptions {
            concurrency: self.config.concurrent_jobs,
            per_tenant: Some(self.config.tenant_concurrent_jobs),
            // Counted here, so that an asset whose attempts are used up is told to have failed.
            attempts: i64::MAX,
            // A film is not done in a moment: the attempt is given up, and costs nothing but its time.
            grace: Duration::from_secs(1),
            ..WorkerOptions::default()
        };
        let of_chunks = WorkerOptions { concurrency: self.config.concurrent_chunks, ..options.clone() };
        let jobs = self.store.jobs();
        let (films, parts) = (self.clone(), self);
        let films = jobs.run(JOB, options, move |job| films.clone().attempt(job), shutdown.clone());
        let parts = jobs.run(CHUNK_JOB, of_chunks, move |job| parts.clone().encode(job), shutdown);
        tokio::join!(films, parts);
    }

    async fn make_scratch(&self, name: &str) -> Result<Scratch, Trouble> {
        let (root, name) = (self.scratch.clone(), name.to_owned());
        off_the_workers("making a scratch folder", move || {
            Scratch::make(&root, &name).map_err(Trouble::disk("making a scratch folder"))
        })
        .await
    }

    /// Bytes of an upload.
    async fn upload_length(&self, job: &Job, upload: &UploadId) -> Result<u64, Trouble> {
        let found = store::upload(&self.store.tenant(&job.cx()), upload).await?;
        let gone = || Failure::new(FailureKind::NotFound, format!("the upload {upload} is gone"));
        Ok(found.map(|upload| upload.length()).ok_or_else(gone)?)
    }

    /// `bytes` and what is to stay free have to fit on the scratch disk.
    async fn check_space(&self, bytes: u64) -> Result<(), Trouble> {
        let root = self.scratch.clone();
        let wanted = bytes.saturating_add(self.config.spare_disk_bytes);
        off_the_workers("looking at the scratch disk", move || Ok(disk::check_room(&root, wanted)?)).await
    }

    /// For a run over `duration` seconds of film that writes `files` files of `file_size` bytes at most, besides those of
    /// earlier runs.
    fn limits(&self, duration: f64, file_size: u64, files: usize) -> Limits {
        let wall = HEAD_START + Duration::from_secs_f64(duration * SLOWEST);
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
        let (memory, silence) = (self.sandbox.memory(), self.config.stall.min(wall));
        let written = file_size.saturating_mul(files as u64);
        Limits { memory, cpu: wall * cores, file_size, written, wall, silence }
    }

    async fn attempt(self: Arc<Self>, job: Arc<Job>) -> Result<(), JobError> {
        let id = job.payload::<Work>()?.asset_id;
        let found = store::asset(&self.store.tenant(&job.cx()), &id).await?;
        let Some(asset) = found.filter(store::StoredAsset::is_processing) else { return Ok(()) };
        let attempts = i64::try_from(self.config.attempts).unwrap_or(i64::MAX);
        if job.attempt > attempts {
            let reason = refusal::internal("the server stopped in the middle of every attempt; submit it again");
            return Ok(self.fail(&job, &id, None, reason).await?);
        }
        let attempt = Attempt::new(&self, &job, asset);
        let running = self.running.begin(&job.tenant, &id);
        let outcome = tokio::select! {
            outcome = attempt.run() => outcome,
            () = running.stopped() => Err(Trouble::Lost),
        };
        attempt.keep_log(&outcome).await;
        match outcome {
            Ok(made) => Ok(self.finish(&job, &attempt, made).await?),
            Err(Trouble::Lost) => Ok(()),
            Err(Trouble::Source(reason)) => Ok(self.fail(&job, &id, Some(&attempt.name), reason).await?),
            Err(Trouble::Ours(failure)) if disk::is_full(&failure) => {
                attempt.wait_for_room().await;
                Err(JobError::Later(failure, LOOK_FOR_ROOM))
            }
            Err(Trouble::Ours(failure)) if job.attempt >= attempts && failure.kind != FailureKind::NotFound => {
                let reason = refusal::internal(format!("{failure}; after {attempts} attempts nothing more is tried"));
                self.fail(&job, &id, Some(&attempt.name), reason).await?;
                Err(JobError::Dead(failure))
            }
            // A chunk that is gone does not come back.
            Err(Trouble::Ours(failure)) if failure.kind == FailureKind::NotFound => {
                let reason = refusal::internal(format!("a part of the upload is gone: {failure}; upload it again"));
                self.fail(&job, &id, Some(&attempt.name), reason).await?;
                Err(JobError::Dead(failure))
            }
            Err(Trouble::Ours(failure)) => Err(JobError::Retry(failure)),
        }
    }
}
