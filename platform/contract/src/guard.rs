//! The same rules on every binding: access, deadline, idempotency, tracing and metrics around a call.

use std::{
    collections::HashMap,
    future::Future,
    sync::{LazyLock, PoisonError, RwLock},
    time::Duration,
};

use serde::Serialize;
use sha2::{Digest, Sha256};
use tessera_faults::reached;
use tokio::time::Instant;
use tracing::Instrument;

use crate::{
    About, Caller, ContractError, Cx, Deed, Effect, Failure, FailureKind, Idempotency, Method, Operation,
    OperationInfo, SpanEnd, SpanKind, SpanName, SpanUnderWay, audit, flags,
};

/// When to come back after a deadline that passed.
const COME_BACK: Duration = Duration::from_secs(2);

/// Runs `call` under the rules that `operation` declares.
///
/// Errors are the contract's own or [`FailureKind::Unauthenticated`], [`FailureKind::Forbidden`],
/// [`FailureKind::SwitchedOff`], [`FailureKind::IdempotencyKeyRequired`], [`FailureKind::InvalidRequest`] (a malformed key)
/// and [`FailureKind::DeadlineExceeded`]. When the deadline passes, the call's future is dropped: an implementation that
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
    let mut under_way = SpanUnderWay::begin(cx.trace, SpanKind::Internal, || About {
        request_id: Some(cx.request_id.clone()),
        tenant: Some(cx.tenant.clone()),
        name: SpanName::Operation(info),
    });
    let run = async {
        info.authorize(cx)?;
        if let Some(switch) = flags::switch(info, &request)? {
            Box::pin(flags::admit(switch, info, cx, &mut under_way)).await?;
        }
        let mut cx = bind_effect(info, cx, &request)?;
        cx.trace = under_way.within(cx.trace);
        cx.deadline = cx.deadline.min(started + info.limits.timeout);
        let (deadline, recorded) = (cx.deadline, deed(info, &cx, &request).map(|deed| cx.with_deed(deed)));
        if let Some(recorded) = &recorded {
            cx = recorded.clone();
        }
        if deadline <= started {
            return Err(deadline_exceeded(info, Duration::ZERO).into());
        }
        if effectful(info) && reached("call.before", name(info)) {
            return Err(lost(info).into());
        }
        let outcome = match tokio::time::timeout_at(deadline, call(cx, request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(deadline_exceeded(info, started.elapsed()).into()),
        };
        if let Some(cx) = recorded.filter(|_| outcome.is_ok()) {
            audit::settle(&cx).await;
        }
        match effectful(info) && reached("call.after", name(info)) {
            true => Err(lost(info).into()),
            false => outcome,
        }
    };
    let outcome = run.instrument(span.clone()).await;
    record(info, started, &outcome, &span);
    under_way.end(SpanEnd::of(&outcome));
    outcome
}

/// Whether a call can leave something behind.
fn effectful(info: &OperationInfo) -> bool {
    info.idempotency == Idempotency::Key || info.method != Method::Get
}

/// The operation, as a point of failure is named for it.
fn name(info: &OperationInfo) -> impl std::fmt::Display + '_ {
    std::fmt::from_fn(|f| write!(f, "{}.{}", info.contract, info.name))
}

/// A simulated failure: nobody knows whether the call happened.
fn lost(info: &OperationInfo) -> Failure {
    Failure::new(FailureKind::Unavailable, format!("the answer of {}.{} was lost", info.contract, info.name))
}

/// What the audit trail is to tell of this call.
fn deed<Req: Serialize>(info: &OperationInfo, cx: &Cx, request: &Req) -> Option<Deed> {
    let recorded = info.is_recorded() && matches!(cx.caller, Caller::Staff { .. });
    recorded.then(|| Deed::of(info, request))
}

fn deadline_exceeded(info: &OperationInfo, spent: Duration) -> Failure {
    let detail =
        format!("{}.{} had no answer within its deadline ({} ms)", info.contract, info.name, spent.as_millis());
    Failure::new(FailureKind::DeadlineExceeded, detail).retry_after(COME_BACK)
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
    let fingerprint = hexadecimal(&Sha256::digest(&body));
    Ok(cx.with_effect(Effect { operation: info.name, caller: cx.caller.key(), key: key.to_string(), fingerprint }))
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}

/// Whether a text can be an idempotency key.
pub(crate) fn check_key(key: &str) -> Result<(), Failure> {
    match (1..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()) {
        true => Ok(()),
        false => Err(Failure::invalid("Idempotency-Key", "an idempotency key is 1 to 255 visible ASCII characters")),
    }
}

/// How a call ended, as its time is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Class {
    Ok,
    Refused,
    Failed,
}

/// Where calls of an operation are timed. Kept, because to look it up by its labels costs as much as the rest of a call.
fn histogram(info: &'static OperationInfo, class: Class) -> metrics::Histogram {
    static KNOWN: LazyLock<RwLock<HashMap<(usize, Class), metrics::Histogram>>> = LazyLock::new(RwLock::default);
    let key = (std::ptr::from_ref(info).addr(), class);
    if let Some(known) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return known.clone();
    }
    let OperationInfo { module, contract, name, .. } = *info;
    let outcome = match class {
        Class::Ok => "ok",
        Class::Refused => "refused",
        Class::Failed => "failed",
    };
    let made = metrics::histogram!(
        "tessera_operation_seconds",
        "module" => module, "contract" => contract, "operation" => name, "outcome" => outcome
    );
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).insert(key, made.clone());
    made
}

fn record<Res, Err: ContractError>(
    info: &'static OperationInfo,
    started: Instant,
    outcome: &Result<Res, Err>,
    span: &tracing::Span,
) {
    let class = match outcome {
        Ok(_) => Class::Ok,
        Err(error) if error.status() < 500 || flags::is_switched_off(error) => Class::Refused,
        Err(_) => Class::Failed,
    };
    histogram(info, class).record(started.elapsed().as_secs_f64());
    if let Err(error) = outcome
        && class == Class::Failed
    {
        failed(info, 1);
        let cause = crate::problem::causes(error);
        span.in_scope(|| tracing::error!(code = error.code(), cause, "{error}"));
    }
}

/// Counts failures of an operation: begun at zero, so that the first ones are seen as a rise.
pub(crate) fn failed(info: &'static OperationInfo, count: u64) {
    let OperationInfo { module, contract, name, .. } = *info;
    metrics::counter!(
        "tessera_operation_failures_total", "module" => module, "contract" => contract, "operation" => name
    )
    .increment(count);
}
