//! What has to be cleaned up, over all tenants.

use tessera_contract::Failure;
use tessera_store::{Store, params};
use tessera_types::{AssetId, TenantId, Timestamp, UploadId};

/// An upload whose chunks are to be deleted.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub(crate) struct EndedUpload {
    pub(crate) tenant: TenantId,
    pub(crate) upload_id: UploadId,
    ended_at: i64,
}

impl EndedUpload {
    pub(crate) fn ended_at(&self) -> Timestamp {
        Timestamp::from_micros(self.ended_at)
    }
}

/// An attempt that made nothing in the end, and whose blobs are to be deleted.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub(crate) struct LeftOver {
    pub(crate) tenant: TenantId,
    pub(crate) asset_id: AssetId,
    pub(crate) attempt: String,
    begun_at: i64,
}

impl LeftOver {
    pub(crate) fn begun_at(&self) -> Timestamp {
        Timestamp::from_micros(self.begun_at)
    }
}

const END_EXPIRED: &str =
    "update uploads set ended_at = $1 where ended_at is null and asset_id is null and expires_at <= $1";
const ENDED: &str = "select tenant, upload_id, ended_at from uploads where ended_at is not null \
    order by ended_at limit 500";
const FORGET_CHUNKS: &str = "delete from upload_chunks where tenant = $1 and upload_id = $2";
const FORGET_UPLOAD: &str = "delete from uploads where tenant = $1 and upload_id = $2 and ended_at is not null";
const LEFT_OVERS: &str = "select t.tenant, t.asset_id, t.attempt, t.begun_at from attempts t \
    join assets a on a.tenant = t.tenant and a.asset_id = t.asset_id \
    where (a.state <> 'processing' or ((a.attempt is null or (a.attempt <> t.attempt and a.attempt || '-early' <> t.attempt)) \
    and (a.encoding is null or a.encoding <> t.attempt) and (a.early is null or a.early <> t.attempt))) \
    and t.attempt not like '%/%' order by t.begun_at limit 500";
const FORGET_ENCODING: &str = "delete from encodings where tenant = $1 and asset_id = $2 and encoding = $3";
const FORGET_PARTS: &str = "delete from encoding_chunks where tenant = $1 and asset_id = $2 and encoding = $3";
/// A folder within an asset's own is claimed by turning its time's sign, so that nobody begins to name what is deleted.
const CLAIM_FOLDERS: &str =
    "update attempts set begun_at = -begun_at where begun_at > 0 and begun_at <= $1 and attempt like '%/%'";
const CLAIMED_FOLDERS: &str = "select tenant, asset_id, attempt, -begun_at as begun_at from attempts \
    where begun_at < 0 order by begun_at desc limit 500";
const FORGET_ATTEMPT: &str = "delete from attempts where tenant = $1 and asset_id = $2 and attempt = $3";

/// Ends the uploads whose time is up; answers how many.
pub(crate) async fn end_expired(store: &Store) -> Result<u64, Failure> {
    let now = store.now();
    store.system_write(now, |tx, now| Box::pin(async move { tx.execute(END_EXPIRED, params![*now]).await })).await
}

/// Uploads that have ended.
pub(crate) async fn ended_uploads(store: &Store) -> Result<Vec<EndedUpload>, Failure> {
    store.system().all(ENDED, params![]).await
}

/// Forgets an upload that has ended, and its chunks.
pub(crate) async fn forget_upload(store: &Store, upload: &EndedUpload) -> Result<(), Failure> {
    let write = store.system_write(upload.clone(), |tx, upload| {
        Box::pin(async move {
            tx.execute(FORGET_CHUNKS, params![&upload.tenant, &upload.upload_id]).await?;
            tx.execute(FORGET_UPLOAD, params![&upload.tenant, &upload.upload_id]).await.map(drop)
        })
    });
    write.await
}

/// Attempts that have come to nothing.
pub(crate) async fn left_overs(store: &Store) -> Result<Vec<LeftOver>, Failure> {
    store.system().all(LEFT_OVERS, params![]).await
}

/// Claims the folders within assets' own that nothing has named since `before`, and answers all that are claimed.
pub(crate) async fn unnamed_folders(store: &Store, before: Timestamp) -> Result<Vec<LeftOver>, Failure> {
    let claim = store.system_write(before, |tx, before| {
        Box::pin(async move { tx.execute(CLAIM_FOLDERS, params![*before]).await.map(drop) })
    });
    claim.await?;
    store.system().all(CLAIMED_FOLDERS, params![]).await
}

/// Forgets an attempt, or an encoding.
pub(crate) async fn forget_attempt(store: &Store, left: &LeftOver) -> Result<(), Failure> {
    let write = store.system_write(left.clone(), |tx, left| {
        Box::pin(async move {
            let values = params![&left.tenant, &left.asset_id, &left.attempt];
            tx.execute(FORGET_PARTS, values.clone()).await?;
            tx.execute(FORGET_ENCODING, values.clone()).await?;
            tx.execute(FORGET_ATTEMPT, values).await.map(drop)
        })
    });
    write.await
}
