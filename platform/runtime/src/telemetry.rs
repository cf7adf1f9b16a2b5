//! Logs and metrics of a process.

mod process;

use std::io::{self, IsTerminal};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogConfig, LogFormat};

/// The variable that goes before the configured log level.
pub const LOG_VARIABLE: &str = "TESSERA_LOG";

const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

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

/// The process's metrics, as Prometheus reads them. Clones are the same.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// A recorder that counts for this process from now on.
    ///
    /// # Errors
    /// There is one already.
    pub fn install() -> Result<Self, TelemetryError> {
        let recorder = builder().build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(|e| TelemetryError::Twice(e.to_string()))?;
        Ok(Self(handle))
    }

    /// A page that nothing counts into: for tests, and for servers put together without telemetry.
    pub fn detached() -> Self {
        Self(builder().build_recorder().handle())
    }

    /// The text exposition format of Prometheus, version 0.0.4.
    pub fn render(&self) -> String {
        process::record();
        self.0.run_upkeep();
        self.0.render()
    }

    /// Keeps memory bounded between scrapes; run it as a task until the process stops.
    pub async fn upkeep(self) {
        let mut every = tokio::time::interval(std::time::Duration::from_secs(5));
        loop {
            every.tick().await;
            self.0.run_upkeep();
        }
    }
}

fn builder() -> PrometheusBuilder {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)
        .expect("the list of buckets is not empty")
}

/// Starts logging to standard error and counting. Once a process. `level` is what [`LOG_VARIABLE`] says, if set.
///
/// # Errors
/// The level is not one, or telemetry runs already.
pub fn start(config: &LogConfig, level: Option<&str>) -> Result<Metrics, TelemetryError> {
    let level = level.or(config.level.as_deref()).unwrap_or("info");
    let filter =
        EnvFilter::try_new(level).map_err(|source| TelemetryError::Level { level: level.to_owned(), source })?;
    let lines = match (config.format, io::stderr().is_terminal()) {
        (LogFormat::Text, _) | (LogFormat::Auto, true) => text().boxed(),
        (LogFormat::Json, _) | (LogFormat::Auto, false) => json().boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(filter));
    subscriber.try_init().map_err(|e| TelemetryError::Twice(e.to_string()))?;
    Metrics::install()
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
    tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(true).with_writer(io::stderr)
}
