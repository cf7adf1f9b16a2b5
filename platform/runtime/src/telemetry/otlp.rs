//! Spans for a collector: OTLP over HTTP, in OpenTelemetry's own encoding.
//!
//! A span that ends is put into a queue of bounded length and never waited for. What finds no room there, and what a collector
//! does not take after a while, is counted and gone.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use opentelemetry::{
    InstrumentationScope, KeyValue, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, SpanKind as Kind, Status, TraceState},
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks},
};
use tessera_contract::{Span, SpanEnd, SpanKind, SpanName};
use tessera_types::Clock;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::shutdown::Shutdown;

/// Spans that wait for the collector at most.
const QUEUE: usize = 8192;
/// Spans that are sent at a time.
const BATCH: usize = 512;
/// How long a span waits for others.
const LINGER: Duration = Duration::from_secs(1);
/// How long the collector may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Times that spans are sent before they are given up, which is after about five seconds; the pause between them doubles.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(300);
/// How long is left for the last ones when the process stops.
const LAST: Duration = Duration::from_secs(2);
/// An answer of a collector is a few bytes.
const LARGEST: usize = 1 << 20;

/// The exporter cannot be made of these settings.
#[derive(Debug, thiserror::Error)]
#[error("sending spans to {url}: {source}")]
pub struct ExporterError {
    url: String,
    source: opentelemetry_otlp::ExporterBuildError,
}

/// The way to the collector.
pub(super) struct Queue {
    spans: mpsc::Sender<Arc<Span>>,
    dropped: metrics::Counter,
}

impl Queue {
    /// Takes a span, unless there are too many.
    pub(super) fn take(&self, span: Arc<Span>) {
        if self.spans.try_send(span).is_err() {
            self.dropped.increment(1);
        }
    }
}

/// Says 0 of all that is counted here, so that a first time is seen as a rise.
pub(super) fn announce() {
    ["sent", "dropped", "failed"].into_iter().for_each(|outcome| drop(counted(outcome)));
}

/// Spans by what became of them.
fn counted(outcome: &'static str) -> metrics::Counter {
    let counter = metrics::counter!("tessera_trace_spans_total", "outcome" => outcome);
    counter.increment(0);
    counter
}

/// Begins to send what the queue takes to the collector at `url`; ends with `shutdown`.
pub(super) fn start(
    url: &str,
    process: &str,
    clock: Arc<dyn Clock>,
    shutdown: &Shutdown,
) -> Result<Queue, ExporterError> {
    let http = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
    drop(tessera_contract::http_client()); // installs the TLS provider once for the process
    let http = Http(http.build().expect("a client with these settings always builds once a TLS provider is installed"));
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(http)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{url}/v1/traces"))
        .with_timeout(PATIENCE)
        .with_retry_policy(RetryPolicy::disabled()) // its pauses hold up a worker of the runtime
        .build();
    let mut exporter = exporter.map_err(|source| ExporterError { url: url.to_owned(), source })?;
    exporter.set_resource(&resource(process));
    let (spans, queue) = mpsc::channel(QUEUE);
    let sender = Sender {
        exporter,
        clock,
        url: url.to_owned(),
        scope: InstrumentationScope::builder("tessera").with_version(env!("CARGO_PKG_VERSION")).build(),
        sent: counted("sent"),
        failed: counted("failed"),
        is_away: false,
    };
    shutdown.spawn("spans for the collector", sender.run(queue, shutdown.token()));
    Ok(Queue { spans, dropped: counted("dropped") })
}

/// What is the same of all spans of this process (OpenTelemetry semantic conventions, resource).
fn resource(process: &str) -> Resource {
    let name = process.split(['@', '+']).next().unwrap_or(process);
    Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.namespace", "tessera"),
            KeyValue::new("service.name", if name == "tessera" { name.to_owned() } else { format!("tessera-{name}") }),
            KeyValue::new("service.instance.id", process.to_owned()),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ])
        .build()
}

struct Sender {
    exporter: SpanExporter,
    clock: Arc<dyn Clock>,
    url: String,
    scope: InstrumentationScope,
    sent: metrics::Counter,
    failed: metrics::Counter,
    is_away: bool,
}

impl Sender {
    async fn run(mut self, mut queue: mpsc::Receiver<Arc<Span>>, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => break,
                received = queue.recv_many(&mut batch, BATCH) => if received == 0 { return },
            }
            let full = async {
                while let room @ 1.. = BATCH.saturating_sub(batch.len()) {
                    if queue.recv_many(&mut batch, room).await == 0 {
                        return;
                    }
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                _ = tokio::time::timeout(LINGER, full) => {}
            }
            self.deliver(&mut batch, &stop).await;
        }
        while let Ok(span) = queue.try_recv() {
            batch.push(span);
        }
        if !batch.is_empty() {
            let last = tokio::time::timeout(LAST, self.exporter.export(self.written(&batch))).await;
            let taken = matches!(last, Ok(Ok(())));
            (if taken { &self.sent } else { &self.failed }).increment(batch.len() as u64);
        }
    }

    /// Sends the batch until the collector has it, or there is no hope.
    async fn deliver(&mut self, batch: &mut Vec<Arc<Span>>, stop: &CancellationToken) {
        for attempt in 1..=ATTEMPTS {
            match self.exporter.export(self.written(batch)).await {
                Ok(()) => {
                    if std::mem::take(&mut self.is_away) {
                        tracing::info!(collector = self.url, "the collector of spans is back");
                    }
                    self.sent.increment(batch.len() as u64);
                    return batch.clear();
                }
                Err(error) if !self.is_away => {
                    self.is_away = true;
                    tracing::warn!(collector = self.url, %error, "spans cannot be sent");
                }
                Err(error) => tracing::debug!(collector = self.url, %error, "spans cannot be sent"),
            }
            if attempt < ATTEMPTS {
                tokio::select! {
                    () = stop.cancelled() => return, // the last attempt is the caller's
                    () = tokio::time::sleep(PAUSE * (1 << (attempt - 1))) => {}
                }
            }
        }
        self.failed.increment(batch.len() as u64);
        batch.clear();
    }

    fn written(&self, batch: &[Arc<Span>]) -> Vec<SpanData> {
        let wall = Duration::from_micros(u64::try_from(self.clock.now().as_micros()).unwrap_or_default());
        let now = (SystemTime::UNIX_EPOCH + wall, Instant::now());
        batch.iter().map(|span| written(span, now, &self.scope)).collect()
    }
}

fn written(span: &Span, (wall, now): (SystemTime, Instant), scope: &InstrumentationScope) -> SpanData {
    let start_time = wall - now.saturating_duration_since(span.begun);
    let id = SpanId::from(span.trace.parent_id);
    let trace = TraceId::from(span.trace.trace_id);
    SpanData {
        span_context: SpanContext::new(trace, id, TraceFlags::new(span.trace.flags), false, TraceState::default()),
        parent_span_id: span.parent_id.map_or(SpanId::INVALID, SpanId::from),
        parent_span_is_remote: matches!(span.kind, SpanKind::Server | SpanKind::Consumer),
        span_kind: match span.kind {
            SpanKind::Server => Kind::Server,
            SpanKind::Client => Kind::Client,
            SpanKind::Consumer => Kind::Consumer,
            SpanKind::Internal => Kind::Internal,
        },
        name: span.name.to_string().into(),
        start_time,
        end_time: start_time + span.took,
        attributes: attributes(span),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: if span.end.is_failure() { Status::error(span.end.to_string()) } else { Status::Unset },
        instrumentation_scope: scope.clone(),
    }
}

/// OpenTelemetry's semantic conventions where they have a name for it.
fn attributes(span: &Span) -> Vec<KeyValue> {
    let mut attributes = match &span.name {
        SpanName::Request { method, route } => {
            vec![KeyValue::new("http.request.method", *method), KeyValue::new("http.route", route.to_string())]
        }
        SpanName::Operation(info) => vec![
            KeyValue::new("rpc.service", info.contract),
            KeyValue::new("rpc.method", info.name),
            KeyValue::new("tessera.module", info.module),
        ],
        SpanName::Commit { module } => vec![KeyValue::new("tessera.module", *module)],
        SpanName::Event { consumer, kind } => vec![
            KeyValue::new("messaging.consumer.group.name", *consumer),
            KeyValue::new("cloudevents.event_type", kind.to_string()),
        ],
        SpanName::Job { module, kind } => {
            vec![KeyValue::new("tessera.module", *module), KeyValue::new("tessera.job", *kind)]
        }
    };
    let mut add = |name: &'static str, text: Option<String>| {
        attributes.extend(text.map(|text| KeyValue::new(name, text)));
    };
    add("tessera.request_id", span.request_id.as_deref().map(str::to_owned));
    add("tessera.tenant", span.tenant.as_ref().map(ToString::to_string));
    add("server.address", span.address.as_deref().map(str::to_owned));
    // The conventions for feature flags, of the one that let the call through or refused it.
    if let Some(flag) = &span.flag {
        add("feature_flag.key", Some(flag.key.to_string()));
        add("feature_flag.result.variant", flag.variant.clone());
        add("feature_flag.result.reason", Some(flag.reason.to_owned()));
    }
    match &span.end {
        SpanEnd::Answered(status) => attributes.push(KeyValue::new("http.response.status_code", i64::from(*status))),
        SpanEnd::Refused(code) | SpanEnd::Failed(code) => {
            attributes.push(KeyValue::new("error.type", code.to_string()))
        }
        SpanEnd::Abandoned => attributes.push(KeyValue::new("error.type", "abandoned")),
        SpanEnd::Done => {}
    }
    attributes
}

/// The HTTP client that everything else here uses.
#[derive(Debug)]
struct Http(reqwest::Client);

#[async_trait]
impl HttpClient for Http {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut answer = self.0.execute(request.try_into()?).await?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > LARGEST {
                return Err("the collector's answer is too long".into());
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}
