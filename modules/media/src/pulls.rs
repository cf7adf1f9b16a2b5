//! Uploads that are fetched from an address instead of being sent: a job each, which goes on where it was cut.

mod answer;
mod fetch;
mod object;

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use tessera_contract::{Cx, Failure, FailureKind};
use tessera_contract_media::{FailureReason, MediaError, Pull};
use tessera_runtime::outward::Refused;
use tessera_store::{Job, JobError, Store, Tx, WorkerOptions};
use tessera_types::{TenantId, UploadId};
use tokio_util::sync::CancellationToken;

use crate::{
    config::MediaConfig,
    store::{self, Upload},
    uploads::{UploadError, Uploads, afresh},
};
use answer::Known;
pub(crate) use fetch::Fetcher;
use fetch::{Body, NoFile, outward};
use object::Object;

/// The kind of the jobs, keyed by the upload.
pub(crate) const PULL_JOB: &str = "pull";
/// Attempts without a byte before a pull is given up.
const IN_VAIN_MAX: u32 = 8;
/// The wait after the first of them; doubled after each.
const WAIT: Duration = Duration::from_secs(2);

/// Where a file is to be fetched from, in the form that is kept, and the host or bucket that it names: when both are such
/// that are asked.
pub(crate) fn place(config: &MediaConfig, tenant: &TenantId, text: &str) -> Result<(String, String), Refused> {
    let Some(object) = Object::of(text) else {
        let url = outward(&config.pull_networks).url(text)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        return Ok((url.into(), host));
    };
    let bucket = object?.bucket;
    config.bucket_of(tenant, bucket).ok_or_else(|| no_bucket(bucket))?;
    Ok((text.to_owned(), bucket.to_owned()))
}

fn no_bucket(name: &str) -> Refused {
    Refused(format!("the bucket {name} is not one of this tenant's; `pull_buckets` of `[media]` names them"))
}

/// What a job is told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PullWork {
    pub(crate) upload_id: UploadId,
}

/// Asks for a file to be fetched; a tenant has `most` on their way.
pub(crate) async fn begin(
    tx: &mut Tx,
    (id, url, host): &(UploadId, String, String),
    most: usize,
) -> Result<Pull, MediaError> {
    let there = store::pulls_under_way(tx).await?;
    if there.unsigned_abs() >= most as u64 {
        let detail = format!("{there} files are on their way, and at most {most} may be: wait, or delete some");
        return Err(MediaError::JobQuotaExceeded(detail));
    }
    let now = tx.now();
    store::insert_pull(tx, id, url, host).await?;
    tx.enqueue(PULL_JOB, id.as_str(), &PullWork { upload_id: id.clone() }, now).await?;
    let found = store::pull_in(tx, id).await?;
    found.ok_or_else(|| Failure::new(FailureKind::Internal, "a pull is gone as soon as it was stored").into())
}

/// What works on pulls.
pub(crate) struct Puller {
    pub(crate) config: MediaConfig,
    pub(crate) store: Store,
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) fetcher: Fetcher,
}

/// Why an attempt did not bring all of a file.
enum Cut {
    /// Trying again gives the same.
    Final(FailureReason),
    /// Something may pass.
    Later(String),
    /// The upload was ended meanwhile.
    Ended,
    /// Something of ours.
    Ours(Failure),
}

impl From<Failure> for Cut {
    fn from(failure: Failure) -> Self {
        Self::Ours(failure)
    }
}

impl From<NoFile> for Cut {
    fn from(no: NoFile) -> Self {
        let code = match &no {
            NoFile::Address(_) => "address_refused",
            NoFile::Refused(_) => "source_refused",
            NoFile::Changed => "source_changed",
            NoFile::LengthUnknown => "length_unknown",
            NoFile::Later(why) => return Self::Later(why.clone()),
        };
        Self::Final(reason(code, no.to_string()))
    }
}

impl From<UploadError> for Cut {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::TooLarge(why) => Self::Final(reason("too_large", why)),
            UploadError::QuotaExceeded(why) => Self::Final(reason("quota_exceeded", why)),
            UploadError::NotFound(_) | UploadError::InUse(_) => Self::Ended,
            UploadError::Failure(failure) => Self::Ours(failure),
            other => Self::Later(other.to_string()),
        }
    }
}

fn reason(code: &str, message: String) -> FailureReason {
    FailureReason { code: code.into(), message }
}

impl Puller {
    /// Works on pulls until `shutdown`.
    pub(crate) async fn work(self: Arc<Self>, shutdown: CancellationToken) {
        let options = WorkerOptions {
            concurrency: self.config.concurrent_pulls,
            // No tenant keeps others waiting, whatever a server takes its time for.
            per_tenant: Some(self.config.concurrent_pulls.div_ceil(2)),
            attempts: i64::MAX,
            grace: Duration::from_secs(1),
            ..WorkerOptions::default()
        };
        let jobs = self.store.jobs();
        jobs.run(PULL_JOB, options, move |job| self.clone().pull(job), shutdown).await;
    }

    async fn pull(self: Arc<Self>, job: Arc<Job>) -> Result<(), JobError> {
        let id = job.payload::<PullWork>()?.upload_id;
        let found = store::pull_under_way(&self.store.tenant(&job.cx()), &id).await?;
        let Some(pull) = found else { return Ok(()) };
        let left = pull.created_at().plus(self.config.max_pull).since(self.store.now());
        let before = self.received(&job, &id).await?;
        let cx = job.cx();
        let fetched = tokio::time::timeout(left, self.fetch(&cx, &id, &pull)).await;
        let cut = match fetched.unwrap_or_else(|_| Err(self.too_slow())) {
            Ok(()) => return Ok(self.end(&job, &id, None).await?),
            Err(Cut::Final(reason)) => return Ok(self.end(&job, &id, Some(reason)).await?),
            Err(Cut::Ended) => {
                let reason = reason("upload_ended", "the upload was ended while it was fetched".into());
                return Ok(self.end(&job, &id, Some(reason)).await?);
            }
            Err(Cut::Ours(failure)) => failure,
            Err(Cut::Later(why)) => Failure::new(FailureKind::Unavailable, why),
        };
        let in_vain = if self.received(&job, &id).await? > before { 0 } else { pull.in_vain() + 1 };
        if in_vain >= IN_VAIN_MAX {
            let why = format!("{cut}; {IN_VAIN_MAX} attempts brought nothing more");
            return Ok(self.end(&job, &id, Some(reason("unreachable", why))).await?);
        }
        let write = self
            .store
            .write(&job.cx(), id, move |tx, id| Box::pin(async move { store::count_in_vain(tx, id, in_vain).await }));
        write.await?;
        Err(JobError::Later(cut, WAIT * 2_u32.saturating_pow(in_vain.saturating_sub(1))))
    }

    fn too_slow(&self) -> Cut {
        let why = format!("the file was not here after {} s", self.config.max_pull.as_secs());
        Cut::Final(reason("too_slow", why))
    }

    async fn received(&self, job: &Job, id: &UploadId) -> Result<u64, Failure> {
        let upload = store::upload(&self.store.tenant(&job.cx()), id).await?;
        Ok(upload.map_or(0, |upload| upload.received()))
    }

    /// Fetches what is not here yet.
    async fn fetch(&self, cx: &Cx, id: &UploadId, pull: &store::StoredPull) -> Result<(), Cut> {
        let upload = store::upload(&self.store.tenant(cx), id).await?;
        if upload.as_ref().is_some_and(|upload| upload.is_gone(self.store.now()) || upload.asset_id.is_some()) {
            return Err(Cut::Ended);
        }
        if upload.as_ref().is_some_and(Upload::is_complete) {
            return Ok(());
        }
        let from = upload.as_ref().map_or(0, Upload::received);
        let known = Known { length: upload.as_ref().map(Upload::length), etag: pull.etag.clone() };
        let body = self.ask(&cx.tenant, &pull.url, (from, &known)).await?;
        if upload.is_none() {
            self.uploads.create_as(cx, id.clone(), body.length, String::new()).await?;
        }
        if pull.etag != body.etag {
            let write = self.store.write(&afresh(cx), (id.clone(), body.etag.clone()), |tx, (id, etag)| {
                Box::pin(async move { store::keep_etag(tx, id, etag.as_deref()).await })
            });
            write.await?;
        }
        let _hold = self.uploads.hold(cx, id)?;
        let upload = self.uploads.receive(cx, id, from, None, bytes(body)).await?;
        match upload.is_complete() {
            true => Ok(()),
            false => Err(Cut::Later("the server ended the file before its end".into())),
        }
    }

    /// Asks for everything from byte `from` on, of an address or of an object in a bucket.
    async fn ask(&self, tenant: &TenantId, url: &str, rest: (u64, &Known)) -> Result<Body, NoFile> {
        let Some(object) = Object::of(url) else { return self.fetcher.get(url, rest).await };
        let object = object?;
        let bucket = self.config.bucket_of(tenant, object.bucket).ok_or_else(|| no_bucket(object.bucket))?;
        let signed = object.signed(bucket, self.store.now())?;
        self.fetcher.and_of(&bucket.networks).get_here(&signed, rest).await
    }

    /// Ends the pull, well or badly, and forgets the address.
    async fn end(&self, job: &Job, id: &UploadId, failure: Option<FailureReason>) -> Result<(), Failure> {
        if let Some(reason) = &failure {
            tracing::info!(upload = %id, code = reason.code, reason = reason.message, "a file cannot be fetched");
        }
        let write = self.store.write(&job.cx(), (id.clone(), failure), |tx, (id, failure)| {
            Box::pin(async move { store::end_pull(tx, id, failure.as_ref()).await })
        });
        write.await
    }
}

/// The bytes that are not here yet.
fn bytes(body: Body) -> impl futures::Stream<Item = Result<bytes::Bytes, String>> + Send {
    let mut skip = body.skip;
    let pieces = body.response.bytes_stream().map_err(|_| "the server's answer was cut".to_owned());
    pieces
        .map_ok(move |mut piece| {
            let before = skip.min(piece.len() as u64);
            skip -= before;
            piece.split_off(before as usize)
        })
        .filter(|piece| futures::future::ready(!matches!(piece, Ok(piece) if piece.is_empty())))
}
