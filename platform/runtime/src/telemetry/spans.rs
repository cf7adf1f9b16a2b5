//! What becomes of the spans of a process: the ring keeps them for a while, a collector hears of those that are sampled.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tessera_contract::{Span, SpanKind, SpanSink, collect_spans};
use tessera_types::Clock;
use tokio::time::Instant;

use super::{
    SpanRing, Wanted,
    otlp::{self, Queue},
};
use crate::{config::TelemetryConfig, shutdown::Shutdown};

/// A span as one process tells another, and a command its user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanTold {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
    /// The span that it was done for, here or elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    /// What the client was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// For whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// What.
    pub name: String,
    /// `server`, `client`, `consumer` or `internal`.
    pub kind: String,
    /// Which process did it.
    pub process: String,
    /// Of a client, the address that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// When it began by that process's clock, in microseconds since 1970.
    pub begun_us: i64,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// How it ended: `done`, an HTTP status, a code, `abandoned`.
    pub end: String,
    /// Whether that is a failure.
    #[serde(default)]
    pub failed: bool,
}

/// What a process remembers of what it did.
#[derive(Clone)]
pub struct Told {
    ring: Arc<SpanRing>,
    process: Arc<str>,
    clock: Arc<dyn Clock>,
}

/// The process's sink: it waits for nothing.
struct Sink {
    ring: Arc<SpanRing>,
    collector: Option<Queue>,
    /// Traces whose lower 56 bits are below this are sampled (W3C Trace Context 2, §3.2.3.4: those are random).
    below: u128,
}

impl SpanSink for Sink {
    fn ended(&self, span: Arc<Span>) {
        self.ring.keep(&span);
        if let Some(collector) = self.collector.as_ref().filter(|_| span.trace.is_sampled()) {
            collector.take(span);
        }
    }

    fn samples(&self, trace_id: u128) -> bool {
        trace_id & (RANDOM - 1) < self.below
    }
}

const RANDOM: u128 = 1 << 56;

impl Told {
    /// Collects this process's spans from now on, under the name `process`, as `config` says. Once a process.
    ///
    /// # Errors
    /// The collector's address cannot be used.
    pub fn collect(
        config: &TelemetryConfig,
        process: &str,
        clock: Arc<dyn Clock>,
        shutdown: &Shutdown,
    ) -> Result<Self, otlp::ExporterError> {
        otlp::announce();
        let ring = Arc::new(SpanRing::new(usize::from(config.kept_megabytes) << 20, config.kept()));
        let collector = match &config.otlp {
            Some(url) => Some(otlp::start(url, process, clock.clone(), shutdown)?),
            None => None,
        };
        if config.kept_megabytes > 0 || collector.is_some() {
            let below = (config.sampled * RANDOM as f64) as u128;
            collect_spans(Arc::new(Sink { ring: ring.clone(), collector, below }));
        }
        Ok(Self { ring, process: process.into(), clock })
    }

    /// What there is of what is wanted.
    pub fn find(&self, wanted: &Wanted) -> Vec<SpanTold> {
        let now = (self.clock.now().as_micros(), Instant::now());
        self.ring.find(wanted).iter().map(|span| self.told(span, now)).collect()
    }

    fn told(&self, span: &Span, (now_us, now): (i64, Instant)) -> SpanTold {
        let ago = i64::try_from(now.saturating_duration_since(span.begun).as_micros()).unwrap_or(i64::MAX);
        SpanTold {
            trace_id: format!("{:032x}", span.trace.trace_id),
            span_id: format!("{:016x}", span.trace.parent_id),
            parent_id: span.parent_id.map(|id| format!("{id:016x}")),
            request_id: span.request_id.as_deref().map(str::to_owned),
            tenant: span.tenant.as_ref().map(ToString::to_string),
            name: span.name.to_string(),
            kind: kind(span.kind).to_owned(),
            process: self.process.to_string(),
            address: span.address.as_deref().map(str::to_owned),
            begun_us: now_us.saturating_sub(ago),
            took_us: u64::try_from(span.took.as_micros()).unwrap_or(u64::MAX),
            end: span.end.to_string(),
            failed: span.end.is_failure(),
        }
    }
}

fn kind(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Consumer => "consumer",
        SpanKind::Internal => "internal",
    }
}
