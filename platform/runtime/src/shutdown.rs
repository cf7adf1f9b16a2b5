//! Stopping: one signal that every task watches, and an account of what was still running.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The process's wish to stop, and the tasks that have to be waited for. Clones are the same wish.
#[derive(Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
    tasks: TaskTracker,
    running: Arc<Mutex<Vec<(u64, String)>>>,
}

/// What [`Shutdown::drain`] saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrainSummary {
    /// How long it took.
    pub took: Duration,
    /// Names of the tasks that had not ended when the time was up.
    pub abandoned: Vec<String>,
}

impl std::fmt::Display for DrainSummary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.abandoned.as_slice() {
            [] => write!(f, "stopped cleanly after {:.1} s", self.took.as_secs_f64()),
            names => write!(f, "gave up after {:.1} s on: {}", self.took.as_secs_f64(), names.join(", ")),
        }
    }
}

impl Shutdown {
    /// Not asked for yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everything to stop. Asking twice is asking once.
    pub fn request(&self) {
        self.token.cancel();
    }

    /// Whether stopping was asked for.
    pub fn is_requested(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until stopping is asked for.
    pub async fn requested(&self) {
        self.token.cancelled().await;
    }

    /// The token, for what takes one.
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Runs a task that [`Self::drain`] waits for. The task watches [`Self::requested`] itself.
    pub fn spawn(&self, name: &str, task: impl Future<Output = ()> + Send + 'static) {
        let id = rand::random();
        self.running().push((id, name.to_owned()));
        let ended = Ended { id, shutdown: self.clone() };
        self.tasks.spawn(async move {
            let _ended = ended;
            task.await;
        });
    }

    /// Waits until every task has ended, at most `limit`. Call it after [`Self::request`].
    pub async fn drain(&self, limit: Duration) -> DrainSummary {
        let begun = Instant::now();
        self.tasks.close();
        let _in_time = tokio::time::timeout(limit, self.tasks.wait()).await;
        let abandoned = self.running().iter().map(|(_, name)| name.clone()).collect();
        DrainSummary { took: begun.elapsed(), abandoned }
    }

    /// Lets Ctrl-C and SIGTERM ask for the stop; a second Ctrl-C or SIGTERM ends the process at once, with status 130.
    ///
    /// # Errors
    /// The operating system does not let us watch the signals.
    pub fn on_signals(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let shutdown = self.clone();
        tokio::spawn(async move {
            let mut any =
                async || tokio::select! { _ = interrupt.recv() => "SIGINT", _ = terminate.recv() => "SIGTERM" };
            let signal = any().await;
            tracing::info!(signal, "stopping; once more to quit at once");
            shutdown.request();
            let signal = any().await;
            tracing::warn!(signal, "quitting at once");
            std::process::exit(130);
        });
        Ok(())
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Vec<(u64, String)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Strikes a task off the list, also when it panics.
struct Ended {
    id: u64,
    shutdown: Shutdown,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.shutdown.running().retain(|(id, _)| *id != self.id);
    }
}
