//! All SQL of the audit.

use tessera_contract::{Failure, Page};
use tessera_contract_audit::{AuditRecord, ListRecords};
use tessera_store::{Reader, Store, Tx, params};
use tessera_types::{TenantId, Timestamp};

macro_rules! records {
    ($rest:literal) => {
        concat!(
            "select number, record_id, at, taken_at, subject, contract, operation, record, hash from records r \
             where r.tenant = $1 ",
            $rest
        )
    };
}

/// How many records the secret `audit-chain` proves, over all tenants: a row of its only key's id and the number, or none.
pub const PROVED_UNDER: &str =
    "select cast('1' as text), n from (select count(*) as n from records) counted where n > 0";

const PAGE: &str = records!(
    "and ($2 is null or r.number < $2) and ($3 is null or r.subject = $3) and ($4 is null or r.contract = $4) \
     and ($5 is null or r.operation = $5) and ($6 is null or r.at >= $6) and ($7 is null or r.at < $7) \
     order by r.number desc limit $8"
);
const PAGE_OF_TARGET: &str = records!(
    "and r.number in (select t.number from targets t where t.tenant = $1 and t.target = $9) \
     and ($2 is null or r.number < $2) and ($3 is null or r.subject = $3) and ($4 is null or r.contract = $4) \
     and ($5 is null or r.operation = $5) and ($6 is null or r.at >= $6) and ($7 is null or r.at < $7) \
     order by r.number desc limit $8"
);
const AFTER: &str = records!("and r.number > $2 order by r.number limit $3");
const INSERT: &str = "insert into records \
    (tenant, number, record_id, at, taken_at, subject, contract, operation, record, hash) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (tenant, record_id) do nothing";
const INSERT_TARGET: &str = "insert into targets (tenant, target, number) values ($1, $2, $3) on conflict do nothing";
const TRAIL: &str = "select number, hash, kept_after, kept_after_hash from trails where tenant = $1";
/// Writes the row as it is: of two that append at once, one waits here, and begins anew when the other has committed.
const HOLD_TRAIL: &str = "insert into trails (tenant, number, hash, kept_after, kept_after_hash) \
    values ($1, 0, $2, 0, $2) on conflict (tenant) do update set number = trails.number \
    returning number, hash, kept_after, kept_after_hash";
const PUT_TRAIL: &str = "insert into trails (tenant, number, hash, kept_after, kept_after_hash) \
    values ($1, $2, $3, $4, $5) on conflict (tenant) do update set number = excluded.number, hash = excluded.hash, \
    kept_after = excluded.kept_after, kept_after_hash = excluded.kept_after_hash";
/// Records are deleted from the beginning alone: up to the first that is young enough to stay.
const LAST_BEFORE: &str = "select number, hash from records where tenant = $1 and taken_at < $2 and number <= $3 \
    and number < (select coalesce(min(y.number), $3 + 1) from records y where y.tenant = $1 and y.taken_at >= $2) \
    order by number desc limit 1";
const DELETE_TARGETS: &str = "delete from targets where tenant = $1 and number <= $2";
const DELETE: &str = "delete from records where tenant = $1 and number <= $2";
const TENANTS: &str = "select tenant from trails order by tenant";

/// A record as stored. `record` is the text that was hashed; the columns beside it are what is looked for.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct RecordRow {
    pub(crate) number: i64,
    pub(crate) record_id: String,
    pub(crate) at: i64,
    pub(crate) taken_at: i64,
    pub(crate) subject: String,
    pub(crate) contract: String,
    pub(crate) operation: String,
    pub(crate) record: String,
    pub(crate) hash: String,
}

impl RecordRow {
    pub(crate) fn decode(self) -> Result<AuditRecord, Failure> {
        let what = serde_json::from_str(&self.record).map_err(|e| Failure::internal("reading an audit record", e))?;
        let taken_at = Timestamp::from_micros(self.taken_at);
        Ok(AuditRecord { number: self.number, what, taken_at, hash: self.hash })
    }
}

/// Where a trail stands: its last record, and the last one that was deleted from its beginning.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub(crate) struct TrailRow {
    pub(crate) number: i64,
    pub(crate) hash: String,
    pub(crate) kept_after: i64,
    pub(crate) kept_after_hash: String,
}

/// A page of what fits, newest first, below the number `before`.
pub(crate) async fn page(
    reader: &Reader,
    asked: &ListRecords,
    before: Option<i64>,
    limit: u32,
) -> Result<Page<AuditRecord>, Failure> {
    let ListRecords { subject, contract, operation, target, from, until, .. } = asked;
    let mut values = params![before, subject, contract, operation, *from, *until, limit + 1];
    let rows: Vec<RecordRow> = match target {
        Some(target) => {
            values.extend(params![target]);
            reader.all(PAGE_OF_TARGET, values).await?
        }
        None => reader.all(PAGE, values).await?,
    };
    let records = rows.into_iter().map(RecordRow::decode).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::from_rows(records, limit, |record| record.number))
}

/// At most `limit` records after a number, oldest first.
pub(crate) async fn after(reader: &Reader, number: i64, limit: u32) -> Result<Vec<RecordRow>, Failure> {
    reader.all(AFTER, params![number, limit]).await
}

/// Where the trail stands, for a reader.
pub(crate) async fn trail_now(reader: &Reader) -> Result<Option<TrailRow>, Failure> {
    reader.optional(TRAIL, params![]).await
}

/// Where the trail stands, held by this transaction; at `root` when nothing was taken yet.
pub(crate) async fn trail(tx: &mut Tx, root: &str) -> Result<TrailRow, Failure> {
    tx.one(HOLD_TRAIL, params![root]).await
}

pub(crate) async fn put_trail(tx: &mut Tx, trail: &TrailRow) -> Result<(), Failure> {
    let TrailRow { number, hash, kept_after, kept_after_hash } = trail;
    tx.execute(PUT_TRAIL, params![*number, hash, *kept_after, kept_after_hash]).await.map(drop)
}

/// Whether it is new.
pub(crate) async fn insert(tx: &mut Tx, row: &RecordRow) -> Result<bool, Failure> {
    let RecordRow { number, record_id, at, taken_at, subject, contract, operation, record, hash } = row;
    let values = params![*number, record_id, *at, *taken_at, subject, contract, operation, record, hash];
    tx.insert_unique(INSERT, values).await
}

pub(crate) async fn insert_target(tx: &mut Tx, target: &str, number: i64) -> Result<(), Failure> {
    tx.execute(INSERT_TARGET, params![target, number]).await.map(drop)
}

/// The last of the records, at most up to `most`, that are taken before `before` with all that are before them.
pub(crate) async fn last_before(tx: &mut Tx, before: Timestamp, most: i64) -> Result<Option<(i64, String)>, Failure> {
    tx.optional(LAST_BEFORE, params![before, most]).await
}

pub(crate) async fn delete_through(tx: &mut Tx, number: i64) -> Result<(), Failure> {
    tx.execute(DELETE_TARGETS, params![number]).await?;
    tx.execute(DELETE, params![number]).await.map(drop)
}

/// Every tenant with a trail.
pub(crate) async fn tenants(store: &Store) -> Result<Vec<TenantId>, Failure> {
    let rows: Vec<(String,)> = store.system().all(TENANTS, params![]).await?;
    let parsed = rows.into_iter().map(|(tenant,)| tenant.parse::<TenantId>());
    parsed.collect::<Result<_, _>>().map_err(|e| Failure::internal("reading the tenants that have an audit trail", e))
}
