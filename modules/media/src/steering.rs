//! What a person does to assets in the making: submit, stop, make anew, move ahead. Each is one commit.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tessera_contract::{Failure, FailureKind};
use tessera_contract_media::{Asset, AssetCancelled, AssetState, MediaError, Protection};
use tessera_store::Tx;
use tessera_types::{AssetId, TenantId, Timestamp, UploadId};
use tokio_util::sync::CancellationToken;

use crate::{
    store::{self, StoredAsset},
    transcode::{CHUNK_JOB, JOB, Work},
};

/// The lowest and the highest priority.
const PRIORITIES: std::ops::RangeInclusive<i8> = -100..=100;

/// An asset that is asked for.
pub(crate) struct Wanted {
    pub(crate) asset_id: AssetId,
    pub(crate) upload_id: UploadId,
    pub(crate) protection: Protection,
    pub(crate) priority: i8,
}

/// The priority, when it is one.
pub(crate) fn priority(asked: i8) -> Result<i8, Failure> {
    match PRIORITIES.contains(&asked) {
        true => Ok(asked),
        false => Err(Failure::invalid("priority", format!("priority is -100 to 100, got {asked}"))),
    }
}

pub(crate) fn asset_not_found(id: &AssetId) -> MediaError {
    MediaError::AssetNotFound(format!("there is no asset {id} here"))
}

/// Gives a complete upload to a new asset, and queues its job; a tenant has `most` in the making.
pub(crate) async fn submit(tx: &mut Tx, wanted: &Wanted, most: usize) -> Result<Asset, MediaError> {
    let id = &wanted.asset_id;
    check_quota(tx, most).await?;
    take_upload(tx, &wanted.upload_id, id).await?;
    store::insert_asset(tx, id, &wanted.upload_id, wanted.protection, wanted.priority).await?;
    enqueue(tx, id, wanted.priority).await?;
    store::log(tx, id, &["submitted".into()]).await?;
    Ok(found(tx, id).await?.asset)
}

/// Ends the asset as cancelled. Its upload stays until `expires`.
pub(crate) async fn cancel(tx: &mut Tx, id: &AssetId, expires: Timestamp) -> Result<Asset, MediaError> {
    let before = found(tx, id).await?.asset;
    if before.state == AssetState::Cancelled {
        return Ok(before);
    }
    if !store::cancel(tx, id).await? {
        return Err(not_processing(&before));
    }
    tx.withdraw(JOB, id.as_str()).await?;
    tx.withdraw(CHUNK_JOB, id.as_str()).await?;
    store::release(tx, &before.upload_id, expires).await?;
    store::log(tx, id, &["cancelled".into()]).await?;
    let asset = found(tx, id).await?.asset;
    tx.emit(&AssetCancelled { asset: asset.clone() }).await?;
    Ok(asset)
}

/// Has an asset that failed or was cancelled wait for a worker again, with the same upload.
pub(crate) async fn retry(tx: &mut Tx, id: &AssetId, most: usize) -> Result<Asset, MediaError> {
    let before = found(tx, id).await?.asset;
    if before.state == AssetState::Processing {
        return Ok(before);
    }
    if before.state == AssetState::Ready {
        return Err(MediaError::AssetNotRetryable(format!("the asset {id} is ready: there is nothing to make anew")));
    }
    check_quota(tx, most).await?;
    take_upload(tx, &before.upload_id, id).await?;
    if !store::begin_again(tx, id).await? {
        let detail = format!("the asset {id} is in a state that it is not retried from");
        return Err(MediaError::AssetNotRetryable(detail));
    }
    // What is left of its last job would be in the way.
    tx.withdraw(JOB, id.as_str()).await?;
    enqueue(tx, id, before.priority).await?;
    store::log(tx, id, &["retried".into()]).await?;
    Ok(found(tx, id).await?.asset)
}

/// Moves an asset in its tenant's queue.
pub(crate) async fn prioritize(tx: &mut Tx, id: &AssetId, priority: i8) -> Result<Asset, MediaError> {
    let before = found(tx, id).await?.asset;
    if !store::set_priority(tx, id, priority).await? {
        return Err(not_processing(&before));
    }
    tx.prioritize(JOB, id.as_str(), priority.into()).await?;
    tx.prioritize(CHUNK_JOB, id.as_str(), priority.into()).await?;
    Ok(found(tx, id).await?.asset)
}

async fn found(tx: &mut Tx, id: &AssetId) -> Result<StoredAsset, MediaError> {
    store::asset_in(tx, id).await?.ok_or_else(|| asset_not_found(id))
}

fn not_processing(asset: &Asset) -> MediaError {
    let id = &asset.asset_id;
    let state = match asset.state {
        AssetState::Ready => "is ready",
        AssetState::Failed => "has failed",
        AssetState::Cancelled => "was cancelled",
        AssetState::Processing | AssetState::Unknown => "is in no state for it",
    };
    MediaError::AssetNotProcessing(format!("nobody works on the asset {id}: it {state}"))
}

async fn check_quota(tx: &mut Tx, most: usize) -> Result<(), MediaError> {
    let there = store::in_the_making(tx).await?;
    match there.unsigned_abs() >= most as u64 {
        true => {
            let detail = format!("{there} assets are in the making, and at most {most} may be: wait, or cancel some");
            Err(MediaError::JobQuotaExceeded(detail))
        }
        false => Ok(()),
    }
}

/// Gives a complete upload that nobody has to the asset.
async fn take_upload(tx: &mut Tx, upload_id: &UploadId, asset: &AssetId) -> Result<(), MediaError> {
    let now = tx.now();
    let found = store::upload_in(tx, upload_id).await?.filter(|upload| !upload.is_gone(now));
    let missing = || MediaError::UploadNotFound(format!("there is no upload {upload_id} here; it may have expired"));
    let upload = found.ok_or_else(missing)?;
    if !upload.is_complete() {
        let detail = format!("{upload_id} has {} of {} bytes: send the rest first", upload.received(), upload.length());
        return Err(MediaError::UploadIncomplete(detail));
    }
    match store::claim(tx, upload_id, asset).await? {
        true => Ok(()),
        false => Err(MediaError::UploadInUse(format!("an asset is being made of {upload_id} already"))),
    }
}

async fn enqueue(tx: &mut Tx, id: &AssetId, priority: i8) -> Result<(), Failure> {
    let now = tx.now();
    if !tx.enqueue(JOB, id.as_str(), &Work { asset_id: id.clone() }, now).await? {
        return Err(Failure::new(FailureKind::Internal, format!("there is a job for {id} already")));
    }
    if priority != 0 {
        tx.prioritize(JOB, id.as_str(), priority.into()).await?;
    }
    Ok(())
}

type Whose = (TenantId, AssetId);
/// The work that runs for each, numbered at random, with what stops it.
type Stops = HashMap<Whose, Vec<(u64, CancellationToken)>>;

/// The work that runs in this process, so that what is cancelled ends at once. Other processes hear of it when they next
/// tell how far they are.
#[derive(Clone, Default)]
pub(crate) struct Running(Arc<Mutex<Stops>>);

/// A piece of work that is among the running ones until this is dropped.
pub(crate) struct Run {
    running: Running,
    whose: Whose,
    number: u64,
    stop: CancellationToken,
}

impl Running {
    /// Adds work on an asset.
    pub(crate) fn begin(&self, tenant: &TenantId, asset: &AssetId) -> Run {
        let (whose, number, stop) = ((tenant.clone(), asset.clone()), rand::random(), CancellationToken::new());
        self.all().entry(whose.clone()).or_default().push((number, stop.clone()));
        Run { running: self.clone(), whose, number, stop }
    }

    /// Stops the work on an asset that runs here.
    pub(crate) fn stop(&self, tenant: &TenantId, asset: &AssetId) {
        for (_, stop) in self.all().get(&(tenant.clone(), asset.clone())).into_iter().flatten() {
            stop.cancel();
        }
    }

    fn all(&self) -> MutexGuard<'_, Stops> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Run {
    /// Comes back when the work is to stop.
    pub(crate) async fn stopped(&self) {
        self.stop.cancelled().await;
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let mut all = self.running.all();
        if let Some(work) = all.get_mut(&self.whose) {
            work.retain(|(number, _)| *number != self.number);
            if work.is_empty() {
                all.remove(&self.whose);
            }
        }
    }
}
