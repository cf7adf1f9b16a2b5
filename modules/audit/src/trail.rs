//! Taking a record into its tenant's trail, and deleting from the trail's beginning what is past its retention.

use serde::{Deserialize, Serialize};
use tessera_contract::{Cx, Deed, Failure, FailureKind};
use tessera_contract_audit::OperationRecorded;
use tessera_store::Tx;
use tessera_types::{TenantId, Timestamp};

use crate::{
    chain::{Chain, Link},
    store::{self, RecordRow, TrailRow},
};

/// The operation under which a deletion is recorded, of the contract `audit`.
pub(crate) const DELETED: &str = "delete_records";

/// What the record of a deletion says.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Deleted {
    /// Records deleted.
    pub(crate) records: i64,
    /// The last one's number.
    pub(crate) through: i64,
    /// The last one's hash: what the chain goes on from.
    pub(crate) hash: String,
    /// Everything that was taken before this time.
    pub(crate) before: Timestamp,
}

/// Takes a record into the trail of the transaction's tenant, unless it is there. Whether it was new.
pub(crate) async fn take(tx: &mut Tx, chain: &Chain, record: &OperationRecorded) -> Result<(), Failure> {
    let tenant = tenant(tx)?;
    let trail = store::trail(tx, &chain.root(&tenant)).await?;
    append(tx, chain, &tenant, trail, record).await.map(drop)
}

async fn append(
    tx: &mut Tx,
    chain: &Chain,
    tenant: &TenantId,
    trail: TrailRow,
    record: &OperationRecorded,
) -> Result<TrailRow, Failure> {
    let (number, taken_at) = (trail.number + 1, tx.now());
    let text = serde_json::to_string(record).map_err(|e| Failure::internal("writing an audit record", e))?;
    let hash = chain.link(tenant, &Link { before: &trail.hash, number, taken_at, record: &text });
    let row = RecordRow {
        number,
        record_id: record.record_id.to_string(),
        at: record.at.as_micros(),
        taken_at: taken_at.as_micros(),
        subject: record.subject.clone(),
        contract: record.contract.clone(),
        operation: record.operation.clone(),
        record: text,
        hash: hash.clone(),
    };
    if !store::insert(tx, &row).await? {
        return Ok(trail);
    }
    for target in &record.targets {
        store::insert_target(tx, &target.id, number).await?;
    }
    let trail = TrailRow { number, hash, ..trail };
    store::put_trail(tx, &trail).await?;
    Ok(trail)
}

/// Deletes at most `most` records from the beginning of the trail, all taken before `before`, and records that. Answers
/// how many.
pub(crate) async fn delete(tx: &mut Tx, chain: &Chain, before: Timestamp, most: i64) -> Result<i64, Failure> {
    let tenant = tenant(tx)?;
    let trail = store::trail(tx, &chain.root(&tenant)).await?;
    let Some((through, hash)) = store::last_before(tx, before, trail.kept_after + most).await? else { return Ok(0) };
    let records = through - trail.kept_after;
    store::delete_through(tx, through).await?;
    let said = Deleted { records, through, hash: hash.clone(), before };
    let deed = Deed::new("audit", DELETED, &said);
    let cx = tx.cx().cloned().ok_or_else(no_tenant)?;
    let record = deed.record(&cx, tx.now(), &[], None);
    append(tx, chain, &tenant, TrailRow { kept_after: through, kept_after_hash: hash, ..trail }, &record).await?;
    Ok(records)
}

fn tenant(tx: &Tx) -> Result<TenantId, Failure> {
    tx.cx().map(|cx: &Cx| cx.tenant.clone()).ok_or_else(no_tenant)
}

fn no_tenant() -> Failure {
    Failure::new(FailureKind::Internal, "an audit record belongs to a tenant: take it in a tenant's write")
}
