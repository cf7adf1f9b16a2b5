//! The spans of this process that ended of late, found again by their trace or request.

use std::{
    collections::{BTreeSet, VecDeque},
    mem::size_of,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tessera_contract::{Span, SpanFlag, SpanName};
use tessera_types::TenantId;
use tokio::time::Instant;

/// Parts of the ring, each with a lock of its own; a trace is whole in one of them.
const PARTS: usize = 16;
/// Traces that one question may be about.
pub(crate) const TRACES: usize = 16;
/// Spans in one answer at most.
const ANSWER: usize = 10_000;
/// What the allocator and the queue take for one span, besides its own bytes.
const AROUND: usize = 48;

/// Which spans somebody wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Of these traces.
    pub traces: BTreeSet<u128>,
    /// And of those that a request of this id took part in.
    pub request_id: Option<String>,
}

impl Wanted {
    /// What an id names that a person read somewhere: 32 hexadecimal digits may be a trace, and anything a request.
    pub fn named(id: &str) -> Self {
        let id = id.trim();
        let trace = (id.len() == 32).then(|| u128::from_str_radix(id, 16).ok()).flatten();
        Self { traces: trace.into_iter().collect(), request_id: Some(id.to_owned()) }
    }

    /// Everything of these traces, the first ones of too many.
    pub fn traces(traces: impl IntoIterator<Item = u128>) -> Self {
        Self { traces: traces.into_iter().take(TRACES).collect(), request_id: None }
    }
}

/// Spans by the order in which they ended, within bounds of memory and age.
pub struct SpanRing {
    parts: [Mutex<Part>; PARTS],
    bytes: usize,
    age: Duration,
}

#[derive(Default)]
struct Part {
    spans: VecDeque<Arc<Span>>,
    bytes: usize,
}

impl SpanRing {
    /// Room for about `bytes`, for spans up to `age` old.
    pub fn new(bytes: usize, age: Duration) -> Self {
        Self { parts: Default::default(), bytes: bytes / PARTS, age }
    }

    fn part(&self, trace_id: u128) -> MutexGuard<'_, Part> {
        let index = usize::try_from(trace_id % PARTS as u128).expect("it is less than the number of parts");
        self.parts[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a span that has ended; the oldest make room.
    pub fn keep(&self, span: &Arc<Span>) {
        let size = size_of_span(span);
        if size > self.bytes {
            return;
        }
        let mut part = self.part(span.trace.trace_id);
        while let Some(oldest) = part.spans.front()
            && (part.bytes + size > self.bytes || ended(oldest).elapsed() > self.age)
        {
            let freed = size_of_span(oldest);
            part.spans.pop_front();
            part.bytes -= freed;
        }
        part.bytes += size;
        part.spans.push_back(span.clone());
    }

    /// What is there of what is wanted.
    pub fn find(&self, wanted: &Wanted) -> Vec<Arc<Span>> {
        let mut traces = wanted.traces.clone();
        if let Some(request_id) = &wanted.request_id {
            for part in &self.parts {
                let part = part.lock().unwrap_or_else(PoisonError::into_inner);
                let of_request = part.spans.iter().filter(|span| span.request_id.as_deref() == Some(request_id));
                traces.extend(of_request.map(|span| span.trace.trace_id));
            }
        }
        let mut found = Vec::new();
        for trace_id in traces.into_iter().take(TRACES) {
            let part = self.part(trace_id);
            let young = |span: &&Arc<Span>| span.trace.trace_id == trace_id && ended(span).elapsed() <= self.age;
            found.extend(part.spans.iter().filter(young).take(ANSWER - found.len()).cloned());
        }
        found
    }
}

fn ended(span: &Span) -> Instant {
    span.begun + span.took
}

fn size_of_span(span: &Span) -> usize {
    let text = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
    let name = match &span.name {
        SpanName::Request { route, .. } => route.len(),
        SpanName::Event { kind, .. } => kind.len(),
        SpanName::Operation(_) | SpanName::Commit { .. } | SpanName::Job { .. } => 0,
    };
    let tenant = span.tenant.as_ref().map_or(0, |tenant: &TenantId| tenant.as_str().len());
    let variant = |flag: &SpanFlag| flag.variant.as_ref().map_or(0, String::len);
    let flag = span.flag.as_ref().map_or(0, |flag| size_of::<SpanFlag>() + variant(flag));
    size_of::<Span>() + AROUND + name + tenant + flag + text(&span.request_id)
}

#[cfg(test)]
mod tests {
    use tessera_contract::{SpanEnd, SpanKind, TraceContext};

    use super::*;

    fn span(trace_id: u128, request_id: &str) -> Arc<Span> {
        Arc::new(Span {
            trace: TraceContext { trace_id, ..TraceContext::fresh().child() },
            parent_id: None,
            request_id: Some(request_id.into()),
            tenant: None,
            name: SpanName::Commit { module: "catalog" },
            kind: SpanKind::Internal,
            address: None,
            flag: None,
            begun: Instant::now(),
            took: Duration::ZERO,
            end: SpanEnd::Done,
        })
    }

    #[test]
    fn a_trace_is_found_by_its_id_and_by_any_request_of_it() {
        let ring = SpanRing::new(1 << 20, Duration::from_secs(60));
        for (trace, request) in [(7, "req_a"), (7, "req_b"), (8, "req_c")] {
            ring.keep(&span(trace, request));
        }
        let count = |id: &str| ring.find(&Wanted::named(id)).len();
        assert_eq!((count("req_a"), count("req_c"), count("req_d")), (2, 1, 0));
        assert_eq!(count(&format!("{:032x}", 7)), 2);
        assert_eq!(ring.find(&Wanted::traces([7, 8, 9])).len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn it_holds_so_many_bytes_and_for_so_long() {
        let one = size_of_span(&span(0, "req_a"));
        let ring = SpanRing::new(PARTS * (3 * one + 1), Duration::from_secs(60));
        let spans: Vec<_> = (0..5).map(|_| span(0, "req_a")).collect();
        spans.iter().for_each(|span| ring.keep(span));
        let ids = |spans: &[Arc<Span>]| spans.iter().map(|span| span.trace.parent_id).collect::<Vec<_>>();
        assert_eq!(ids(&ring.find(&Wanted::traces([0]))), ids(&spans[2..]), "the oldest make room");
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(ring.find(&Wanted::named("req_a")).len(), 0);
        ring.keep(&span(0, "req_b"));
        assert_eq!(ring.find(&Wanted::traces([0])).len(), 1);
        SpanRing::new(0, Duration::from_secs(60)).keep(&spans[0]);
    }
}
