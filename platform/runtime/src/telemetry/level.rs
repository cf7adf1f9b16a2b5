//! What is logged: as configured at first, otherwise by an operator's word while the process runs.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tokio::time::Instant;
use tracing::{Metadata, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Registry,
    filter::{FilterExt, filter_fn},
    layer::Filter,
    reload,
};

use super::TelemetryError;

/// Other people's code prints what passes through its hands: headers, statements, buffers. However much is asked for, it
/// says no more than this.
const LIBRARIES: LevelFilter = LevelFilter::INFO;

/// The longest a level may be asked for before the configured one comes back.
pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The level of a process's log. Clones are the same.
#[derive(Clone)]
pub struct LogLevel(Arc<Inner>);

struct Inner {
    filter: reload::Handle<EnvFilter, Registry>,
    configured: String,
    now: Mutex<Now>,
}

struct Now {
    level: String,
    until: Option<Instant>,
    /// Counts up with each change, so that a reversal that was overtaken does nothing.
    change: u64,
}

/// The level as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// What is logged.
    pub level: String,
    /// What is logged when nobody has said otherwise.
    pub configured: String,
    /// Seconds until the configured level comes back; none when it stays.
    pub reverts_in_seconds: Option<u64>,
}

/// The filter of a level.
///
/// # Errors
/// The level is none.
fn filter(level: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::try_new(level).map_err(|source| TelemetryError::Level { level: level.to_owned(), source })
}

/// Whether it is ours, or said quietly enough.
fn may_be_said(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("tessera") || *metadata.level() <= LIBRARIES
}

impl LogLevel {
    /// The filter for a log that begins at `level`, and its handle.
    pub(super) fn begin(level: &str) -> Result<(impl Filter<Registry> + use<>, Self), TelemetryError> {
        let (reloadable, handle) = reload::Layer::new(filter(level)?);
        let now = Mutex::new(Now { level: level.to_owned(), until: None, change: 0 });
        let inner = Inner { filter: handle, configured: level.to_owned(), now };
        Ok((reloadable.and(filter_fn(may_be_said)), Self(Arc::new(inner))))
    }

    /// The level as it stands.
    pub fn standing(&self) -> Standing {
        let now = self.0.now.lock().unwrap_or_else(PoisonError::into_inner);
        let left = |until: Instant| until.saturating_duration_since(Instant::now()).as_secs_f64().ceil() as u64;
        Standing {
            level: now.level.clone(),
            configured: self.0.configured.clone(),
            reverts_in_seconds: now.until.map(left),
        }
    }

    /// Logs at `level` from now on, or at the configured one when there is none; with a time, only for so long.
    ///
    /// # Errors
    /// The level is none.
    pub fn set(&self, level: Option<&str>, hold: Option<Duration>) -> Result<Standing, TelemetryError> {
        let level = level.unwrap_or(&self.0.configured).to_owned();
        let until = hold.map(|hold| Instant::now() + hold.min(LONGEST));
        let change = self.apply(&level, until, None)?.unwrap_or_default();
        tracing::info!(level, seconds = hold.map(|hold| hold.as_secs()), "the log's level was changed");
        if let Some(until) = until {
            let this = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep_until(until).await;
                let configured = this.0.configured.clone();
                match this.apply(&configured, None, Some(change)) {
                    Ok(Some(_)) => tracing::info!(level = configured, "the log is at its configured level again"),
                    Ok(None) => {}
                    Err(error) => tracing::error!(%error, "setting the log back to its configured level"),
                }
            });
        }
        Ok(self.standing())
    }

    /// Makes the change and answers its number; `None` when another came after the change `only_after`.
    fn apply(
        &self,
        level: &str,
        until: Option<Instant>,
        only_after: Option<u64>,
    ) -> Result<Option<u64>, TelemetryError> {
        let filter = filter(level)?;
        let mut now = self.0.now.lock().unwrap_or_else(PoisonError::into_inner);
        if only_after.is_some_and(|change| change != now.change) {
            return Ok(None);
        }
        self.0.filter.reload(filter).map_err(|e| TelemetryError::Twice(e.to_string()))?;
        *now = Now { level: level.to_owned(), until, change: now.change + 1 };
        Ok(Some(now.change))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::{Layer, layer::SubscriberExt};

    use super::*;

    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Heard {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Heard {
        fn take(&self) -> String {
            String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
        }
    }

    fn say() {
        tracing::info!(target: "tessera_store", "ours");
        tracing::debug!(target: "tessera_store", "our detail");
        tracing::debug!(target: "hyper::proto", "a buffer");
        tracing::trace!(target: "hyper::proto", "a statement");
    }

    #[tokio::test(start_paused = true)]
    async fn a_level_holds_until_its_time_is_over_and_libraries_stay_quiet_at_any() {
        let (filter, level) = LogLevel::begin("warn").unwrap();
        let heard = Heard::default();
        let writer = heard.clone();
        let lines = tracing_subscriber::fmt::layer().with_writer(move || writer.clone()).with_filter(filter);
        let _subscribed = tracing::subscriber::set_default(tracing_subscriber::registry().with(lines));
        say();
        assert_eq!(heard.take(), "");
        let standing = level.set(Some("trace"), Some(Duration::from_secs(600))).unwrap();
        assert_eq!((standing.level.as_str(), standing.reverts_in_seconds), ("trace", Some(600)));
        heard.take();
        say();
        let said = heard.take();
        assert!(said.contains("ours") && said.contains("our detail"), "{said}");
        assert!(!said.contains("a buffer") && !said.contains("a statement"), "{said}");
        tokio::time::sleep(Duration::from_secs(601)).await;
        assert_eq!(level.standing().level, "warn");
        heard.take();
        say();
        assert_eq!(heard.take(), "");
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_change_outlives_the_end_of_an_earlier_one() {
        let (_filter, level) = LogLevel::begin("info").unwrap();
        level.set(Some("debug"), Some(Duration::from_secs(60))).unwrap();
        level.set(Some("error"), None).unwrap();
        tokio::time::sleep(Duration::from_secs(61)).await;
        let standing = level.standing();
        assert_eq!((standing.level.as_str(), standing.reverts_in_seconds), ("error", None));
        assert_eq!(level.set(None, None).unwrap().level, "info");
        assert!(level.set(Some("loud=enough"), None).is_err());
        assert_eq!(level.standing().level, "info");
    }
}
