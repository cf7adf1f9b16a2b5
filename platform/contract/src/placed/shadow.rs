//! A call in the shadow: asked after the answer was had, compared with it, and of no use otherwise.

use std::{future::Future, sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::{Value, json};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout},
};

use super::{differences::differences, rollout::Rollout};
use crate::{ContractError, Operation};

/// Compares our answer, had in some time, with what the shadow says to the same, and reports the difference.
pub(super) fn compare<Req, Res, Err>(
    rollout: &Arc<Rollout>,
    operation: &'static Operation<Req, Res, Err>,
    (room, took): (OwnedSemaphorePermit, Duration),
    ours: &Result<Res, Err>,
    theirs: impl Future<Output = Result<Res, Err>> + Send + 'static,
) where
    Res: Serialize,
    Err: ContractError,
{
    let ours = shown(ours);
    let (rollout, operation) = (rollout.clone(), operation.info());
    tokio::spawn(async move {
        let begun = Instant::now();
        let theirs = timeout(operation.limits.timeout, async { shown(&theirs.await) }).await;
        let (ours_ms, theirs_ms) = (took.as_millis() as u64, begun.elapsed().as_millis() as u64);
        let (module, place) = (rollout.module(), rollout.shadow_name());
        let (contract, operation, own) = (operation.contract, operation.name, operation.own);
        match theirs {
            Ok(theirs) if theirs.get("failure").is_some() && ours.get("failure").is_none() => {
                rollout.compared("failed");
                let failure = theirs.get("failure").and_then(Value::as_str);
                tracing::warn!(module, place, contract, operation, failure, "the shadow failed");
            }
            Err(_) => {
                rollout.compared("failed");
                tracing::warn!(module, place, contract, operation, "the shadow had no answer in time");
            }
            Ok(theirs) => match differences(&ours, &theirs, own) {
                differ if differ.is_empty() => rollout.compared("same"),
                differ => {
                    rollout.compared("different");
                    let at = differ.join(", ");
                    tracing::warn!(
                        module,
                        place,
                        contract,
                        operation,
                        at,
                        ours_ms,
                        theirs_ms,
                        "the shadow answers otherwise"
                    );
                }
            },
        }
        drop(room);
    });
}

/// An answer as JSON: what a success says, the code of a refusal, the code of a failure.
fn shown<Res: Serialize, Err: ContractError>(answer: &Result<Res, Err>) -> Value {
    match answer {
        Ok(answer) => json!({ "answer": answer }),
        Err(error) if error.status() < 500 => json!({ "refusal": error.code() }),
        Err(error) => json!({ "failure": error.code() }),
    }
}
