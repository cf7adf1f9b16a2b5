//! A write: a closure over its owned input, run as one transaction, perhaps more than once.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use serde::{Serialize, de::DeserializeOwned};
use tessera_contract::{About, Cx, Deed, Failure, FailureKind, SpanEnd, SpanKind, SpanName, SpanUnderWay};
use tokio::sync::oneshot;

use crate::{
    Store, audit, idempotency,
    trouble::unavailable,
    tx::{Scope, Tx},
};

/// How long one closure may run. It waits for statements only, so that this is never reached unless it waits for
/// something else, such as another write of the same store, which on SQLite cannot begin before this one ends.
const CLOSURE_LIMIT: Duration = Duration::from_secs(10);

/// What to do after a closure has run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Commit,
    Undo,
    /// It lost against a concurrent transaction: undo, then run it again.
    Again,
}

/// A write on its way to an engine.
pub(crate) trait Queued: Send {
    fn scope(&self) -> &Scope;
    /// Runs the closure; its result is kept until [`Queued::done`].
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, Verdict>;
    /// Answers the caller: with the closure's result, or with the failure that kept it from being committed.
    fn done(self: Box<Self>, end: Result<(), Failure>);
}

struct Write<I, F, T, E> {
    module: &'static str,
    scope: Scope,
    /// Whose operation it is part of, in a write over all tenants.
    behalf: Option<Box<Cx>>,
    input: I,
    work: F,
    result: Option<Result<T, E>>,
    /// Whether the operation's audit record is part of it.
    recorded: bool,
    span: SpanUnderWay,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<I, F, T, E> Write<I, F, T, E> {
    fn caller(&self) -> Option<&Cx> {
        match &self.scope {
            Scope::Tenant(cx) => Some(cx),
            Scope::System => self.behalf.as_deref(),
        }
    }
}

impl<I, F, T, E> Queued for Write<I, F, T, E>
where
    I: Send + Sync + 'static,
    T: Send + 'static,
    E: From<Failure> + Send + 'static,
    F: for<'a> Fn(&'a mut Tx, &'a I) -> BoxFuture<'a, Result<T, E>> + Send + Sync + 'static,
{
    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, Verdict> {
        Box::pin(async move {
            if let Scope::Tenant(cx) = &self.scope
                && cx.remaining().is_zero()
            {
                let late = Failure::new(FailureKind::DeadlineExceeded, "the deadline passed before the write began");
                self.result = Some(Err(E::from(late)));
                return Verdict::Undo;
            }
            let mut result = contained(self.module, &self.work, &self.input, tx).await;
            self.recorded = false;
            if let (Ok(_), Some(cx)) = (&result, self.caller()) {
                match audit::record(tx, cx).await {
                    Ok(recorded) => self.recorded = recorded,
                    Err(failure) => result = Err(E::from(failure)),
                }
            }
            let (result, verdict) = match (tx.lost_a_race(), tx.broken(), result) {
                (true, _, result) => (result, Verdict::Again),
                (false, Some(failure), Ok(_)) => (Err(E::from(failure)), Verdict::Undo),
                (false, _, Err(error)) => (Err(error), Verdict::Undo),
                (false, None, Ok(value)) => (Ok(value), Verdict::Commit),
            };
            self.result = Some(result);
            verdict
        })
    }

    fn done(self: Box<Self>, end: Result<(), Failure>) {
        if let (true, Ok(()), Some(Ok(_)), Some(cx)) = (self.recorded, &end, &self.result, self.caller()) {
            cx.deed().into_iter().for_each(Deed::settle);
        }
        self.span.end(match (&end, &self.result) {
            (Err(failure), _) => SpanEnd::of_failure(failure),
            (Ok(()), Some(Ok(_))) => SpanEnd::Done,
            (Ok(()), Some(Err(_)) | None) => SpanEnd::Refused("undone".into()),
        });
        let result = match (end, self.result) {
            (Err(failure), _) => Err(E::from(failure)),
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(E::from(Failure::new(FailureKind::Internal, "a write ended before it ran"))),
        };
        // A caller that has gone away does not undo its write.
        let _ = self.reply.send(result);
    }
}

/// The span of a write, from its request to its end.
fn commit(module: &'static str, cx: &Cx) -> SpanUnderWay {
    SpanUnderWay::begin(cx.trace, SpanKind::Internal, || About {
        request_id: Some(cx.request_id.clone()),
        tenant: Some(cx.tenant.clone()),
        name: SpanName::Commit { module },
    })
}

/// Runs the closure; a panic or an endless wait becomes a failure of this write alone.
async fn contained<I, T, E, F>(module: &'static str, work: &F, input: &I, tx: &mut Tx) -> Result<T, E>
where
    E: From<Failure>,
    F: for<'a> Fn(&'a mut Tx, &'a I) -> BoxFuture<'a, Result<T, E>>,
{
    let running = AssertUnwindSafe(async { work(tx, input).await }).catch_unwind();
    match tokio::time::timeout(CLOSURE_LIMIT, running).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => {
            let said = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
            let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            tracing::error!(module, panic = said, "a write closure panicked; it was undone");
            Err(E::from(Failure::new(FailureKind::Internal, format!("a write of {module} panicked"))))
        }
        Err(_) => {
            tracing::error!(module, "a write closure waited for something else than its statements; it was undone");
            Err(E::from(unavailable(module, "gave up a write that did not end")))
        }
    }
}

/// A write to be awaited: it begins then, and goes to its end even when nobody waits any more. It borrows nothing.
pub trait Writing<T, E>: Future<Output = Result<T, E>> + Send + 'static {}

impl<T, E, W: Future<Output = Result<T, E>> + Send + 'static> Writing<T, E> for W {}

impl Store {
    /// Runs `work` as one transaction of `cx`'s tenant; returns when it is durable.
    ///
    /// `work` may run again after a conflict, sees only its `tx` and its `input`, and waits for nothing else. Its
    /// error undoes all of it. When the caller goes away meanwhile, the write still happens entirely or not at all.
    /// Where the error type is not clear from the context, name it: `Ok::<_, CatalogError>(value)`.
    pub fn write<I, T, E, F>(&self, cx: &Cx, input: I, work: F) -> impl Writing<T, E> + use<I, T, E, F>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Failure> + Send + 'static,
        F: for<'a> Fn(&'a mut Tx, &'a I) -> BoxFuture<'a, Result<T, E>> + Send + Sync + 'static,
    {
        self.submit(Scope::Tenant(Box::new(cx.clone())), None, input, work)
    }

    /// As [`Store::write`], with one effect for an idempotency key: when `cx` carries one ([`Cx::effect`]), the answer
    /// is kept in the same transaction, and the same key and request later get that answer without running `work`.
    /// The same key with another request is [`FailureKind::IdempotencyConflict`]; one whose first use is still running
    /// after a short wait is [`FailureKind::InProgress`]. Errors are not kept. Without a key it is a plain write.
    pub fn write_once<I, T, E, F>(&self, cx: &Cx, input: I, work: F) -> impl Writing<T, E> + use<I, T, E, F>
    where
        I: Send + Sync + 'static,
        T: Serialize + DeserializeOwned + Send + 'static,
        E: From<Failure> + Send + 'static,
        F: for<'a> Fn(&'a mut Tx, &'a I) -> BoxFuture<'a, Result<T, E>> + Send + Sync + 'static,
    {
        self.write(cx, (input, work), |tx, (input, work)| Box::pin(idempotency::once(tx, input, work)))
    }

    /// A write of the platform's own, over all tenants: `tx` binds no tenant.
    pub fn system_write<I, T, E, F>(&self, input: I, work: F) -> impl Writing<T, E> + use<I, T, E, F>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Failure> + Send + 'static,
        F: for<'a> Fn(&'a mut Tx, &'a I) -> BoxFuture<'a, Result<T, E>> + Send + Sync + 'static,
    {
        self.submit(Scope::System, None, input, work)
    }

    /// As [`Store::system_write`], as part of what `cx`'s caller does, if there is one: when that belongs into the audit
    /// trail ([`Cx::deed`]), its record is part of the same commit.
    pub fn system_write_for<I, T, E, F>(
        &self,
        cx: Option<&Cx>,
        input: I,
        work: F,
    ) -> impl Writing<T, E> + use<I, T, E, F>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Failure> + Send + 'static,
        F: for<'a> Fn(&'a mut Tx, &'a I) -> BoxFuture<'a, Result<T, E>> + Send + Sync + 'static,
    {
        self.submit(Scope::System, cx.cloned().map(Box::new), input, work)
    }

    fn submit<I, T, E, F>(
        &self,
        scope: Scope,
        behalf: Option<Box<Cx>>,
        input: I,
        work: F,
    ) -> impl Writing<T, E> + use<I, T, E, F>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Failure> + Send + 'static,
        F: for<'a> Fn(&'a mut Tx, &'a I) -> BoxFuture<'a, Result<T, E>> + Send + Sync + 'static,
    {
        let store = self.clone();
        async move {
            let (reply, answer) = oneshot::channel();
            let module = store.module().name;
            let cx = match &scope {
                Scope::Tenant(cx) => Some(cx),
                Scope::System => behalf.as_ref(),
            };
            let span = cx.map_or_else(SpanUnderWay::none, |cx| commit(module, cx));
            let (result, recorded) = (None, false);
            store
                .enqueue(Box::new(Write { module, scope, behalf, input, work, result, recorded, span, reply }))
                .await?;
            // The engine's task answers always, unless it was stopped with its runtime.
            answer.await.unwrap_or_else(|_| Err(E::from(unavailable(module, "was closed during the write"))))
        }
    }
}
