//! Files that are fetched: from where, how far, and how it ended.

use tessera_contract::Failure;
use tessera_contract_media::{FailureReason, Pull, PullState};
use tessera_store::{Reader, Store, Tx, params};
use tessera_types::{Timestamp, UploadId};

/// A pull that is under way, as only its own module sees it.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub(crate) struct StoredPull {
    pub(crate) url: String,
    /// The version of the file that was begun.
    pub(crate) etag: Option<String>,
    /// Attempts since the last byte.
    in_vain: i64,
    created_at: i64,
}

impl StoredPull {
    pub(crate) fn in_vain(&self) -> u32 {
        u32::try_from(self.in_vain).unwrap_or(u32::MAX)
    }

    pub(crate) fn created_at(&self) -> Timestamp {
        Timestamp::from_micros(self.created_at)
    }
}

#[derive(serde::Deserialize)]
struct PullRow {
    upload_id: UploadId,
    state: String,
    host: String,
    length: Option<i64>,
    received: Option<i64>,
    failure: Option<String>,
    created_at: i64,
}

impl TryFrom<PullRow> for Pull {
    type Error = Failure;
    fn try_from(row: PullRow) -> Result<Self, Failure> {
        let unreadable = |e| Failure::internal("reading a stored pull", e);
        let state: PullState = serde_json::from_value(row.state.into()).map_err(unreadable)?;
        Ok(Self {
            upload_id: row.upload_id,
            state,
            host: row.host,
            length_bytes: row.length.map(i64::unsigned_abs),
            received_bytes: row.received.unwrap_or_default().unsigned_abs(),
            failure: row.failure.as_deref().map(serde_json::from_str).transpose().map_err(unreadable)?,
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
}

const BY_ID: &str = "select p.upload_id, p.state, p.host, u.length, u.received, p.failure, p.created_at from pulls p \
    left join uploads u on u.tenant = p.tenant and u.upload_id = p.upload_id \
    where p.tenant = $1 and p.upload_id = $2";
const UNDER_WAY: &str = "select url, etag, in_vain, created_at from pulls \
    where tenant = $1 and upload_id = $2 and state = 'pulling' and url is not null";
const COUNT: &str = "select cast(count(*) as bigint) from pulls where tenant = $1 and state = 'pulling'";
const INSERT: &str = "insert into pulls (tenant, upload_id, state, host, url, created_at, updated_at) \
    values ($1, $2, 'pulling', $3, $4, $5, $5)";
const IN_VAIN: &str = "update pulls set in_vain = $3, updated_at = $4 where tenant = $1 and upload_id = $2";
const ETAG: &str = "update pulls set etag = $3, updated_at = $4 where tenant = $1 and upload_id = $2";
const END: &str = "update pulls set state = $3, failure = $4, url = null, updated_at = $5 \
    where tenant = $1 and upload_id = $2 and state = 'pulling'";

const FORGET: &str = "delete from pulls where state <> 'pulling' and updated_at < $1";

/// Forgets pulls of all tenants that ended before `before`.
pub(crate) async fn forget_pulls(store: &Store, before: Timestamp) -> Result<u64, Failure> {
    store.system_write(before, |tx, before| Box::pin(async move { tx.execute(FORGET, params![*before]).await })).await
}

/// The pull, in any state.
pub(crate) async fn pull(reader: &Reader, id: &UploadId) -> Result<Option<Pull>, Failure> {
    let row: Option<PullRow> = reader.optional(BY_ID, params![id]).await?;
    row.map(Pull::try_from).transpose()
}

/// The pull, for a write that has just made it.
pub(crate) async fn pull_in(tx: &mut Tx, id: &UploadId) -> Result<Option<Pull>, Failure> {
    let row: Option<PullRow> = tx.optional(BY_ID, params![id]).await?;
    row.map(Pull::try_from).transpose()
}

/// What is to be fetched, unless the pull has ended.
pub(crate) async fn pull_under_way(reader: &Reader, id: &UploadId) -> Result<Option<StoredPull>, Failure> {
    reader.optional(UNDER_WAY, params![id]).await
}

/// How many files of the tenant are on their way.
pub(crate) async fn pulls_under_way(tx: &mut Tx) -> Result<i64, Failure> {
    tx.scalar(COUNT, params![]).await
}

/// Adds a pull.
pub(crate) async fn insert_pull(tx: &mut Tx, id: &UploadId, url: &str, host: &str) -> Result<(), Failure> {
    let now = tx.now();
    tx.execute(INSERT, params![id, host, url, now]).await.map(drop)
}

/// Keeps how many attempts have brought nothing since the last byte.
pub(crate) async fn count_in_vain(tx: &mut Tx, id: &UploadId, in_vain: u32) -> Result<(), Failure> {
    let now = tx.now();
    tx.execute(IN_VAIN, params![id, i64::from(in_vain), now]).await.map(drop)
}

/// Keeps which version of the file was begun.
pub(crate) async fn keep_etag(tx: &mut Tx, id: &UploadId, etag: Option<&str>) -> Result<(), Failure> {
    let now = tx.now();
    tx.execute(ETAG, params![id, etag.map(str::to_owned), now]).await.map(drop)
}

/// Ends the pull, and forgets its address.
pub(crate) async fn end_pull(tx: &mut Tx, id: &UploadId, failure: Option<&FailureReason>) -> Result<(), Failure> {
    let (now, state) = (tx.now(), if failure.is_some() { "failed" } else { "complete" });
    let json = failure.map(serde_json::to_string).transpose();
    let json = json.map_err(|e| Failure::internal("writing why a pull failed", e))?;
    tx.execute(END, params![id, state, json, now]).await.map(drop)
}
