//! Assets that are stopped, made anew, or moved in their queue.

use tessera_contract::Failure;
use tessera_store::{Tx, params};
use tessera_types::AssetId;

const IN_THE_MAKING: &str = "select cast(count(*) as bigint) from assets where tenant = $1 and state = 'processing'";
const CANCEL: &str = "update assets set state = 'cancelled', stage = null, seconds_left = null, attempt = null, \
    encoding = null, made = null, key_id = null, wrapped_key = null, early = null, version = version + 1, updated_at = $3 where tenant = $1 and asset_id = $2 and state = 'processing'";
const AGAIN: &str = "update assets set state = 'processing', stage = null, progress = 0, speed = null, \
    seconds_left = null, failure = null, attempt = null, encoding = null, made = null, key_id = null, wrapped_key = null, early = null, version = version + 1, updated_at = $3 \
    where tenant = $1 and asset_id = $2 and state in ('failed', 'cancelled')";
const PRIORITY: &str = "update assets set priority = $3, version = version + 1, updated_at = $4 \
    where tenant = $1 and asset_id = $2 and state = 'processing'";

/// How many of the tenant's assets wait for a worker or are worked on.
pub(crate) async fn in_the_making(tx: &mut Tx) -> Result<i64, Failure> {
    tx.scalar(IN_THE_MAKING, params![]).await
}

/// Ends the asset as cancelled, and takes it from whoever works on it; `false` when nobody does.
pub(crate) async fn cancel(tx: &mut Tx, id: &AssetId) -> Result<bool, Failure> {
    let now = tx.now();
    Ok(tx.execute(CANCEL, params![id, now]).await? > 0)
}

/// Has the asset wait for a worker again; `false` when it has not failed and was not cancelled.
pub(crate) async fn begin_again(tx: &mut Tx, id: &AssetId) -> Result<bool, Failure> {
    let now = tx.now();
    Ok(tx.execute(AGAIN, params![id, now]).await? > 0)
}

/// Sets when its turn comes; `false` when it does not wait for one.
pub(crate) async fn set_priority(tx: &mut Tx, id: &AssetId, priority: i8) -> Result<bool, Failure> {
    let now = tx.now();
    Ok(tx.execute(PRIORITY, params![id, i64::from(priority), now]).await? > 0)
}
