//! How an asset ends: ready or failed, with its event in the same transaction.

use tessera_contract::Failure;
use tessera_contract_media::{AssetFailed, AssetPlayable, AssetReady, FailureReason};
use tessera_store::{Job, Tx};
use tessera_types::{AssetId, Timestamp};

use super::{CHUNK_JOB, Worker, attempt::Attempt};
use crate::{
    at_rest::{self, AssetKey, Place},
    store::{self, Made, StoredAsset},
    sweep,
};

/// What an attempt has stored, and under which key.
pub(super) struct Finished {
    pub(super) made: Made,
    pub(super) key: AssetKey,
    /// The folder of what could be played before the rest was made.
    pub(super) early: Option<String>,
}

impl Worker {
    /// The key under the master key in use, and that one's id.
    fn sealed(&self, job: &Job, asset: &AssetId, key: &AssetKey) -> (String, Vec<u8>) {
        let place = Place { tenant: &job.tenant, asset };
        let wrapped = at_rest::wrap(self.master_keys.current_key(), place, key, rand::random());
        (self.master_keys.current().to_owned(), wrapped)
    }

    /// The key of what can be played of an asset already, where its master key is there.
    pub(super) fn opened(&self, job: &Job, stored: &StoredAsset) -> Option<AssetKey> {
        let place = Place { tenant: &job.tenant, asset: &stored.asset.asset_id };
        let master = self.master_keys.get(stored.key_id.as_ref()?)?;
        at_rest::unwrap(master, place, stored.wrapped_key.as_ref()?).ok()
    }

    /// What the attempt has made so far can be played; `false` when it has lost the asset. An event tells of the first of
    /// it, and of all of a rendition.
    pub(super) async fn playable(&self, job: &Job, attempt: &Attempt<'_>, made: Made) -> Result<bool, Failure> {
        let id = &attempt.asset.asset_id;
        let (key_id, wrapped) = self.sealed(job, id, &attempt.key);
        let input = (id.clone(), attempt.name.clone(), made, key_id, wrapped);
        let write = self.store.write(&job.cx(), input, |tx, (id, attempt, made, key_id, wrapped)| {
            Box::pin(async move {
                let is_longer = ended(tx, id).await?.asset.playable && made.open_ended;
                if !store::set_playable(tx, id, attempt, made, (key_id, wrapped)).await? {
                    return Ok(false);
                }
                if !is_longer {
                    let what = if made.open_ended { "the beginning of the" } else { "the whole" };
                    store::log(tx, id, &[format!("{what} first rendition can be played")]).await?;
                    let StoredAsset { asset, .. } = ended(tx, id).await?;
                    tx.emit(&AssetPlayable { asset, has_poster: made.poster_blob.is_some() }).await?;
                }
                Ok::<_, Failure>(true)
            })
        });
        write.await
    }

    /// The asset is ready with what the attempt made; its upload is used up.
    pub(super) async fn finish(&self, job: &Job, attempt: &Attempt<'_>, finished: Finished) -> Result<(), Failure> {
        let asset = &attempt.asset;
        let (key_id, wrapped) = self.sealed(job, &asset.asset_id, &finished.key);
        let folders = (attempt.name.clone(), finished.early);
        let input = (asset.asset_id.clone(), folders, finished.made, key_id, wrapped);
        let write = self.store.write(&job.cx(), input, |tx, (id, (attempt, early), made, key_id, wrapped)| {
            Box::pin(async move {
                if !store::finish_ready(tx, id, (attempt, early.as_deref()), made, (key_id, wrapped)).await? {
                    return Ok(false);
                }
                let StoredAsset { asset, .. } = ended(tx, id).await?;
                tx.withdraw(CHUNK_JOB, id.as_str()).await?;
                store::end(tx, &asset.upload_id).await?;
                tx.emit(&AssetReady { asset, has_poster: made.poster_blob.is_some() }).await?;
                Ok::<_, Failure>(true)
            })
        });
        if write.await? {
            metrics::counter!("tessera_media_assets_total", "outcome" => "ready").increment(1);
            let blobs = self.blobs.tenant(&job.tenant);
            if let Err(failure) = sweep::delete_chunks(&blobs, &asset.upload_id).await {
                tracing::warn!(%failure, upload = %asset.upload_id, "deleting a used upload; the sweep tries again");
            }
        }
        Ok(())
    }

    /// The asset has failed; its upload may be submitted again until it expires.
    pub(super) async fn fail(
        &self,
        job: &Job,
        id: &AssetId,
        attempt: Option<&str>,
        reason: FailureReason,
    ) -> Result<(), Failure> {
        tracing::info!(asset = %id, code = reason.code, reason = reason.message, "an asset cannot be made");
        metrics::counter!("tessera_media_assets_total", "outcome" => "failed").increment(1);
        let expires: Timestamp = self.store.now().plus(self.config.upload_expiry);
        let input = (id.clone(), attempt.map(str::to_owned), reason);
        let write = self.store.write(&job.cx(), input, move |tx, (id, attempt, reason)| {
            Box::pin(async move {
                if store::finish_failed(tx, id, attempt.as_deref(), reason).await? {
                    let StoredAsset { asset, .. } = ended(tx, id).await?;
                    tx.withdraw(CHUNK_JOB, id.as_str()).await?;
                    store::release(tx, &asset.upload_id, expires).await?;
                    tx.emit(&AssetFailed { asset }).await?;
                }
                Ok::<_, Failure>(())
            })
        });
        write.await
    }
}

/// The asset as it is now.
async fn ended(tx: &mut Tx, id: &AssetId) -> Result<StoredAsset, Failure> {
    let found = store::asset_in(tx, id).await?;
    found.ok_or_else(|| Failure::new(tessera_contract::FailureKind::Internal, format!("asset {id} is gone")))
}
