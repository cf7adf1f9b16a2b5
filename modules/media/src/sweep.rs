//! Cleaning up: expired uploads, chunks of ended ones, blobs of attempts that came to nothing.

use std::time::Duration;

use tessera_contract::Failure;
use tessera_runtime::blobs::{Blobs, TenantBlobs};
use tessera_store::Store;
use tessera_types::UploadId;

use crate::{
    store,
    transcode::folder,
    uploads::{self, blob_key},
};

/// How long what has ended is remembered, and looked through again: a request or an attempt that does not know of its
/// end yet may still store something.
const MEMORY: Duration = Duration::from_secs(60 * 60);

/// How long a folder may be without a name: from its first blob to the commit, and for origins that have not noticed yet
/// that it is named no more.
const NAMELESS: Duration = Duration::from_secs(10);
/// How long a pull that has ended can be asked after.
const PULLS: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// One round over all tenants; what fails is left for the next.
pub(crate) async fn sweep(store: &Store, blobs: &Blobs) -> Result<(), Failure> {
    store::end_expired(store).await?;
    let old = store.now().minus(MEMORY);
    for upload in store::ended_uploads(store).await? {
        delete_chunks(&blobs.tenant(&upload.tenant), &upload.upload_id).await?;
        if upload.ended_at() <= old {
            store::forget_upload(store, &upload).await?;
        }
    }
    store::forget_pulls(store, store.now().minus(PULLS)).await?;
    let unnamed = store::unnamed_folders(store, store.now().minus(NAMELESS)).await?;
    for left in store::left_overs(store).await?.into_iter().chain(unnamed) {
        let attempt = blob_key(&folder(&left.asset_id, &left.attempt))?;
        blobs.tenant(&left.tenant).delete_below(&attempt).await?;
        if left.begun_at() <= old {
            store::forget_attempt(store, &left).await?;
        }
    }
    Ok(())
}

/// Deletes the chunks of an upload that has ended.
pub(crate) async fn delete_chunks(blobs: &TenantBlobs, upload: &UploadId) -> Result<(), Failure> {
    blobs.delete_below(&blob_key(&uploads::folder(upload))?).await
}
