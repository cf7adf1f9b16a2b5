//! One effect for an idempotency key: the answer is kept in the effect's own transaction.

use std::time::Duration;

use futures::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use tessera_contract::{Cx, Deed, Effect, Failure, FailureKind};

use crate::{Tx, params};

const CLAIM: &str = "insert into tessera_idempotency (tenant, caller, operation, key, fingerprint, created_us) \
    values ($1, $2, $3, $4, $5, $6) on conflict do nothing";
const KEPT: &str = "select fingerprint, answer from tessera_idempotency \
    where tenant = $1 and caller = $2 and operation = $3 and key = $4";
const KEEP: &str = "update tessera_idempotency set answer = $5 \
    where tenant = $1 and caller = $2 and operation = $3 and key = $4";

/// Runs `work` unless its key has an answer already.
pub(crate) async fn once<I, T, E, F>(tx: &mut Tx, input: &I, work: &F) -> Result<T, E>
where
    T: Serialize + DeserializeOwned,
    E: From<Failure>,
    F: for<'a> Fn(&'a mut Tx, &'a I) -> BoxFuture<'a, Result<T, E>>,
{
    let Some(effect) = tx.cx().and_then(|cx| cx.effect()).cloned() else { return work(tx, input).await };
    if let Some(answer) = claim(tx, &effect).await? {
        // What was done is in the audit trail since it was done.
        tx.cx().and_then(Cx::deed).into_iter().for_each(Deed::settle);
        return Ok(serde_json::from_str(&answer).map_err(|e| Failure::internal("reading a kept answer", e))?);
    }
    let value = work(tx, input).await?;
    let answer = serde_json::to_string(&value).map_err(|e| Failure::internal("keeping an answer", e))?;
    if tx.cx().is_some_and(|cx| cx.deed().is_some()) {
        tx.progress.answer = serde_json::from_str(&answer).ok();
    }
    tx.execute(KEEP, params![effect.caller, effect.operation, effect.key, answer]).await?;
    Ok(value)
}

/// Claims the key for this transaction, or gives the answer it has. On PostgreSQL the insert waits for a concurrent
/// transaction with the same key.
async fn claim(tx: &mut Tx, effect: &Effect) -> Result<Option<String>, Failure> {
    let Effect { operation, caller, key, fingerprint } = effect;
    let now = tx.now();
    if tx.claim_key(CLAIM, params![caller, *operation, key, fingerprint, now]).await? {
        return Ok(None);
    }
    let kept: Option<(String, Option<String>)> = tx.optional(KEPT, params![caller, *operation, key]).await?;
    match kept {
        Some((first, _)) if first != *fingerprint => {
            let detail = format!("the idempotency key {key:?} came with another request before: use a new key");
            Err(Failure::new(FailureKind::IdempotencyConflict, detail))
        }
        Some((_, Some(answer))) => Ok(Some(answer)),
        Some((_, None)) | None => Err(in_progress()),
    }
}

/// The first request with the key is still running.
pub(crate) fn in_progress() -> Failure {
    let detail = "a request with the same idempotency key is still running: try again in a moment";
    Failure::new(FailureKind::InProgress, detail).retry_after(Duration::from_secs(1))
}
