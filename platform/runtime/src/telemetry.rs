//! Logs and metrics of a process.

mod disk;
mod level;
mod otlp;
mod panics;
mod process;
mod ring;
mod spans;

use std::{
    io::{self, IsTerminal},
    path::Path,
    sync::Arc,
};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{Layer, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogConfig, LogFormat};

pub use level::{LONGEST as LONGEST_LEVEL, LogLevel, Standing};
pub use otlp::ExporterError;
pub use ring::{SpanRing, Wanted};
pub use spans::{SpanTold, Told};

/// The variable that goes before the configured log level.
pub const LOG_VARIABLE: &str = "TESSERA_LOG";

/// What a person waits for: requests, operations, commits.
const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// What nobody waits for at a screen: an attempt at a job, from a charge asked after to a film.
const JOB_SECONDS: &[f64] = &[0.01, 0.1, 1.0, 10.0, 60.0, 300.0, 1800.0, 7200.0, 43_200.0];
/// Writes in one commit, at most 256.
const WRITES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Why telemetry did not start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The level is not one.
    #[error(
        "the log level {level:?}: {source}; write error, warn, info, debug or trace, or by target: info,tessera_store=debug"
    )]
    Level {
        /// What was configured.
        level: String,
        /// Why it is none.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Something else in this process logs or counts already.
    #[error("starting telemetry a second time in one process: {0}")]
    Twice(String),
}

/// A process's log and metrics.
pub struct Telemetry {
    /// What it counts.
    pub metrics: Metrics,
    /// What it logs.
    pub level: LogLevel,
}

/// The process's metrics, as Prometheus reads them. Clones are the same.
#[derive(Clone)]
pub struct Metrics {
    page: PrometheusHandle,
    looks: Arc<Vec<Look>>,
}

/// Sets gauges to what stands now. It must not wait.
type Look = Box<dyn Fn() + Send + Sync>;

impl Metrics {
    /// A recorder that counts for this process from now on.
    ///
    /// # Errors
    /// There is one already.
    pub fn install() -> Result<Self, TelemetryError> {
        let recorder = builder().build_recorder();
        let page = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(|e| TelemetryError::Twice(e.to_string()))?;
        Ok(Self { page, looks: Arc::default() })
    }

    /// A page that nothing counts into: for tests, and for servers put together without telemetry.
    pub fn detached() -> Self {
        Self { page: builder().build_recorder().handle(), looks: Arc::default() }
    }

    /// Looks again at each of these whenever the page is read; give them before the page is served.
    #[must_use]
    pub fn looking(self, looks: Vec<Look>) -> Self {
        Self { looks: Arc::new(looks), ..self }
    }

    /// The text exposition format of Prometheus, version 0.0.4.
    pub fn render(&self) -> String {
        process::record();
        self.looks.iter().for_each(|look| look());
        self.page.run_upkeep();
        self.page.render()
    }

    /// Keeps memory bounded between scrapes; run it as a task until the process stops.
    pub async fn upkeep(self) {
        let mut every = tokio::time::interval(std::time::Duration::from_secs(5));
        loop {
            every.tick().await;
            self.page.run_upkeep();
        }
    }
}

/// Sets the gauges of the disk that holds `folder`.
pub fn look_at_disk(folder: &Path) {
    disk::record(folder);
}

fn builder() -> PrometheusBuilder {
    let never_empty = "the list of buckets is not empty";
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)
        .expect(never_empty)
        .set_buckets_for_metric(Matcher::Full("tessera_job_seconds".into()), JOB_SECONDS)
        .expect(never_empty)
        .set_buckets_for_metric(Matcher::Full("tessera_store_commit_writes".into()), WRITES)
        .expect(never_empty)
}

/// Starts logging to standard error and counting. Once a process. `level` is what [`LOG_VARIABLE`] says, if set.
///
/// # Errors
/// The level is not one, or telemetry runs already.
pub fn start(config: &LogConfig, level: Option<&str>) -> Result<Telemetry, TelemetryError> {
    let (filter, level) = LogLevel::begin(level.or(config.level.as_deref()).unwrap_or("info"))?;
    let lines = match (config.format, io::stderr().is_terminal()) {
        (LogFormat::Text, _) | (LogFormat::Auto, true) => text().boxed(),
        (LogFormat::Json, _) | (LogFormat::Auto, false) => json().boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(filter));
    subscriber.try_init().map_err(|e| TelemetryError::Twice(e.to_string()))?;
    panics::to_log();
    Ok(Telemetry { metrics: Metrics::install()?, level })
}

fn text<S>() -> impl Layer<S> + Send + Sync + 'static
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    tracing_subscriber::fmt::layer().compact().with_target(true).with_writer(io::stderr)
}

fn json<S>() -> impl Layer<S> + Send + Sync + 'static
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true);
    lines.with_current_span(true).with_span_list(false).with_writer(io::stderr)
}
