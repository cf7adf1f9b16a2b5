//! The same rules on every binding: access, deadline, idempotency, tracing and metrics around a call.

use std::{fmt::Write, future::Future, time::Duration};

use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use tracing::Instrument;

use crate::{ContractError, Cx, Effect, Failure, FailureKind, Idempotency, Operation, OperationInfo};

/// Runs `call` under the rules that `operation` declares.
///
/// Errors are the contract's own or [`FailureKind::Unauthenticated`], [`FailureKind::Forbidden`],
/// [`FailureKind::IdempotencyKeyRequired`], [`FailureKind::InvalidRequest`] (a malformed key) and
/// [`FailureKind::DeadlineExceeded`]. When the deadline passes, the call's future is dropped: an implementation that
/// has an external effect runs it in a task of its own.
pub async fn guard<Req, Res, Err, Fut>(
    operation: &'static Operation<Req, Res, Err>,
    cx: &Cx,
    request: Req,
    call: impl FnOnce(Cx, Req) -> Fut,
) -> Result<Res, Err>
where
    Req: Serialize,
    Err: ContractError,
    Fut: Future<Output = Result<Res, Err>>,
{
    let info = operation.info();
    let started = Instant::now();
    let span = tracing::info_span!(
        "operation",
        contract = info.contract,
        operation = info.name,
        tenant = %cx.tenant,
        request_id = %cx.request_id,
    );
    let run = async {
        info.authorize(cx)?;
        let mut cx = bind_effect(info, cx, &request)?;
        cx.deadline = cx.deadline.min(started + info.limits.timeout);
        let deadline = cx.deadline;
        if deadline <= started {
            return Err(deadline_exceeded(info, Duration::ZERO).into());
        }
        match tokio::time::timeout_at(deadline, call(cx, request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(deadline_exceeded(info, started.elapsed()).into()),
        }
    };
    let outcome = run.instrument(span.clone()).await;
    record(info, started, &outcome, &span);
    outcome
}

fn deadline_exceeded(info: &OperationInfo, spent: Duration) -> Failure {
    let detail =
        format!("{}.{} had no answer within its deadline ({} ms)", info.contract, info.name, spent.as_millis());
    Failure::new(FailureKind::DeadlineExceeded, detail)
}

fn bind_effect<Req: Serialize>(info: &'static OperationInfo, cx: &Cx, request: &Req) -> Result<Cx, Failure> {
    let key = match (info.idempotency, &cx.idempotency_key) {
        (Idempotency::Natural, _) => return Ok(cx.clone()),
        (Idempotency::Key, Some(key)) => key,
        (Idempotency::Key, None) => {
            let detail = format!(
                "{} needs an Idempotency-Key header: send a fresh random one for each new intent, the same for a retry",
                info.name
            );
            return Err(Failure::new(FailureKind::IdempotencyKeyRequired, detail));
        }
    };
    check_key(key)?;
    let body = serde_json::to_vec(request).map_err(|e| Failure::internal("fingerprinting the request", e))?;
    let fingerprint = Sha256::digest(&body).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    Ok(cx.with_effect(Effect { operation: info.name, caller: cx.caller.key(), key: key.to_string(), fingerprint }))
}

/// Whether a text can be an idempotency key.
pub(crate) fn check_key(key: &str) -> Result<(), Failure> {
    match (1..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()) {
        true => Ok(()),
        false => Err(Failure::invalid("Idempotency-Key", "an idempotency key is 1 to 255 visible ASCII characters")),
    }
}

fn record<Res, Err: ContractError>(
    info: &'static OperationInfo,
    started: Instant,
    outcome: &Result<Res, Err>,
    span: &tracing::Span,
) {
    let class = match outcome {
        Ok(_) => "ok",
        Err(error) if error.status() < 500 => "refused",
        Err(_) => "failed",
    };
    metrics::histogram!(
        "tessera_operation_seconds", "contract" => info.contract, "operation" => info.name, "outcome" => class
    )
    .record(started.elapsed().as_secs_f64());
    if let Err(error) = outcome
        && error.status() >= 500
    {
        let cause = crate::problem::causes(error);
        span.in_scope(|| tracing::error!(code = error.code(), cause, "{error}"));
    }
}
