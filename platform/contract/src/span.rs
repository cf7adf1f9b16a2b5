//! Spans: what was done for a request, in which module, when and for how long.
//!
//! The words are OpenTelemetry's (Trace API), the ids W3C Trace Context's. What becomes of a span that has ended is the business
//! of the process's [`SpanSink`]; without one nothing is recorded, and nothing is paid for it.

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tessera_types::TenantId;
use tokio::time::Instant;

use crate::{ContractError, Failure, FailureKind, OperationInfo, SpanFlag, TraceContext, flags};

/// What a span stands for.
#[derive(Debug, Clone)]
pub enum SpanName {
    /// A request, by its method and the router's template: never its path.
    Request {
        /// The method, where it is a known one.
        method: &'static str,
        /// The template, or `-` where no route was found.
        route: Arc<str>,
    },
    /// An operation of a contract.
    Operation(&'static OperationInfo),
    /// A write of a module's own, from its request to its being durable.
    Commit {
        /// Whose store.
        module: &'static str,
    },
    /// An event in the hands of a consumer.
    Event {
        /// The consumer.
        consumer: &'static str,
        /// The event's type.
        kind: Arc<str>,
    },
    /// An attempt at a job.
    Job {
        /// Whose job.
        module: &'static str,
        /// The kind of job.
        kind: &'static str,
    },
}

impl fmt::Display for SpanName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request { method, route } => write!(f, "{method} {route}"),
            Self::Operation(info) => write!(f, "{}.{}", info.contract, info.name),
            Self::Commit { module } => write!(f, "commit {module}"),
            Self::Event { consumer, kind } => write!(f, "{consumer} on {kind}"),
            Self::Job { module, kind } => write!(f, "job {module} {kind}"),
        }
    }
}

/// Which side of an exchange a span is (OpenTelemetry, SpanKind).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// A request that was taken.
    Server,
    /// A call to another process, as the caller sees it.
    Client,
    /// What was told earlier and is taken up now.
    Consumer,
    /// Anything within a process.
    Internal,
}

/// How what a span stands for ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpanEnd {
    /// As it should.
    Done,
    /// With an answer of this HTTP status.
    Answered(u16),
    /// Whoever asked cannot have it, by this stable code.
    Refused(Cow<'static, str>),
    /// It failed, by this stable code.
    Failed(Cow<'static, str>),
    /// Nobody waited for it any more.
    Abandoned,
}

impl SpanEnd {
    /// The end of a contract's call.
    pub fn of<T, E: ContractError>(result: &Result<T, E>) -> Self {
        match result {
            Ok(_) => Self::Done,
            Err(error) if error.status() < 500 || flags::is_switched_off(error) => Self::Refused(code_of(error)),
            Err(error) => Self::Failed(code_of(error)),
        }
    }

    /// The end that a failure is.
    pub fn of_failure(failure: &Failure) -> Self {
        match failure.kind.status() {
            ..500 => Self::Refused(failure.kind.code().into()),
            _ => Self::Failed(failure.kind.code().into()),
        }
    }

    /// Whether it is a fault of ours, or of somebody that we need.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Failed(_) => true,
            Self::Answered(status) => *status >= 500,
            Self::Done | Self::Refused(_) | Self::Abandoned => false,
        }
    }
}

/// The code as the contract knows it; one that a stranger made up is not repeated.
fn code_of<E: ContractError>(error: &E) -> Cow<'static, str> {
    let code = error.code();
    let own = E::CODES.iter().find(|known| known.code == code).map(|known| known.code);
    own.or_else(|| FailureKind::from_code(code).map(FailureKind::code)).unwrap_or("unknown").into()
}

impl fmt::Display for SpanEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Answered(status) => write!(f, "{status}"),
            Self::Refused(code) | Self::Failed(code) => f.write_str(code),
            Self::Abandoned => f.write_str("abandoned"),
        }
    }
}

/// Something that was done for a request. It holds nothing of a person: names, codes, and ids that we mint.
#[derive(Debug, Clone)]
pub struct Span {
    /// Its place in the trace: `parent_id` of this is the span's own id.
    pub trace: TraceContext,
    /// The span that it was done for; of the first one here, whatever the client sent.
    pub parent_id: Option<u64>,
    /// What the client was told, where a request is at the bottom of it.
    pub request_id: Option<Arc<str>>,
    /// For whom.
    pub tenant: Option<TenantId>,
    /// What.
    pub name: SpanName,
    /// Which side.
    pub kind: SpanKind,
    /// Of a client, the address that was asked.
    pub address: Option<Arc<str>>,
    /// The flag that it was let through, or refused, by.
    pub flag: Option<Box<SpanFlag>>,
    /// When it began.
    pub begun: Instant,
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub end: SpanEnd,
}

/// Takes spans as they end. It must not wait.
pub trait SpanSink: Send + Sync + 'static {
    /// One span, whole.
    fn ended(&self, span: Arc<Span>);

    /// Whether a trace that begins here is to leave the process: the `sampled` flag of what it sends on.
    fn samples(&self, trace_id: u128) -> bool;
}

static SINK: OnceLock<Arc<dyn SpanSink>> = OnceLock::new();

/// From now on `sink` takes this process's spans; the first one stays.
pub fn collect_spans(sink: Arc<dyn SpanSink>) {
    let _the_first_stays = SINK.set(sink);
}

/// Whether a trace that begins now is sampled: yes, where nobody here decides.
pub(crate) fn is_sampled(trace_id: u128) -> bool {
    SINK.get().is_none_or(|sink| sink.samples(trace_id))
}

/// What is said of a span at its beginning.
pub struct About {
    /// See [`Span::request_id`].
    pub request_id: Option<Arc<str>>,
    /// See [`Span::tenant`].
    pub tenant: Option<TenantId>,
    /// See [`Span::name`].
    pub name: SpanName,
}

/// A span under way. Dropped before [`SpanUnderWay::end`], it ends as [`SpanEnd::Abandoned`].
#[must_use]
pub struct SpanUnderWay(Option<Arc<Span>>);

impl SpanUnderWay {
    /// Begins work for what stands at `parent` in its trace. `about` is not asked while nobody collects spans.
    pub fn begin(parent: TraceContext, kind: SpanKind, about: impl FnOnce() -> About) -> Self {
        Self(SINK.get().map(|_| {
            let About { request_id, tenant, name } = about();
            Arc::new(Span {
                trace: parent.child(),
                parent_id: parent.begun.then_some(parent.parent_id),
                request_id,
                tenant,
                name,
                kind,
                address: None,
                flag: None,
                begun: Instant::now(),
                took: Duration::ZERO,
                end: SpanEnd::Abandoned,
            })
        }))
    }

    /// None at all.
    pub fn none() -> Self {
        Self(None)
    }

    /// Where what is done within it stands in the trace; `parent` while nobody collects spans.
    pub fn within(&self, parent: TraceContext) -> TraceContext {
        self.0.as_ref().map_or(parent, |span| span.trace)
    }

    /// Notes what was learnt underway.
    pub fn note(&mut self, note: impl FnOnce(&mut Span)) {
        if let Some(span) = self.0.as_mut().and_then(Arc::get_mut) {
            note(span);
        }
    }

    /// It has ended.
    pub fn end(mut self, end: SpanEnd) {
        self.note(|span| span.end = end);
    }

    /// Nobody will want to know.
    pub fn forget(mut self) {
        self.0 = None;
    }
}

impl Drop for SpanUnderWay {
    fn drop(&mut self) {
        self.note(|span| span.took = span.begun.elapsed());
        if let (Some(span), Some(sink)) = (self.0.take(), SINK.get()) {
            sink.ended(span);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Keeps everything, and samples every other trace.
    #[derive(Default)]
    struct Kept(Mutex<Vec<Arc<Span>>>);

    impl SpanSink for Kept {
        fn ended(&self, span: Arc<Span>) {
            self.0.lock().unwrap().push(span);
        }
        fn samples(&self, trace_id: u128) -> bool {
            trace_id.is_multiple_of(2)
        }
    }

    #[test]
    fn spans_hang_together_and_a_beginning_has_no_parent() {
        let nothing = SpanUnderWay::begin(TraceContext::fresh(), SpanKind::Internal, || panic!("nobody collects"));
        let at = TraceContext::fresh();
        assert_eq!(nothing.within(at), at);

        let kept = Arc::new(Kept::default());
        collect_spans(kept.clone());
        let about = || About { request_id: None, tenant: None, name: SpanName::Commit { module: "catalog" } };
        let fresh = TraceContext::fresh();
        assert_eq!(fresh.flags & 1 == 1, fresh.trace_id.is_multiple_of(2), "who collects decides what is sampled");
        let first = SpanUnderWay::begin(fresh, SpanKind::Server, about);
        let within = first.within(fresh);
        let second = SpanUnderWay::begin(within, SpanKind::Client, about);
        SpanUnderWay::begin(within, SpanKind::Internal, about).forget();
        drop(second);
        first.end(SpanEnd::Answered(503));

        let kept = kept.0.lock().unwrap();
        let kept: Vec<_> = kept.iter().filter(|span| span.trace.trace_id == fresh.trace_id).collect();
        let [second, first] = &kept[..] else { panic!("two spans: {kept:?}") };
        assert_eq!((first.parent_id, first.trace.trace_id), (None, fresh.trace_id));
        assert_eq!((second.parent_id, &second.end), (Some(first.trace.parent_id), &SpanEnd::Abandoned));
        assert!(first.end.is_failure() && !second.end.is_failure());
    }
}
