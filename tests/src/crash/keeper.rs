//! Who starts the server again whenever it has died, and notices when it ended by itself.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use crate::Process;

/// Starts the server, again and again.
pub(crate) struct Keeper {
    pub(super) folder: PathBuf,
    port: u16,
    state: Mutex<State>,
}

/// How the server is.
#[derive(Default)]
pub(super) struct State {
    pub(super) process: Option<Process>,
    pub(super) deaths: u64,
    pub(super) stopping: bool,
    /// What should never have happened.
    trouble: Option<String>,
}

impl Keeper {
    pub(super) fn new(folder: &Path, port: u16) -> Self {
        Self { folder: folder.to_owned(), port, state: Mutex::default() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn orders(&self) -> PathBuf {
        self.folder.join("orders")
    }

    pub(super) fn trace(&self) -> PathBuf {
        self.folder.join("trace")
    }

    /// Panics if something happened that no kill explains.
    pub(crate) fn check(&self) {
        let trouble = self.lock().trouble.clone();
        assert!(trouble.is_none(), "{}", trouble.unwrap_or_default());
    }

    pub(super) fn watch(&self) {
        loop {
            let mut state = self.lock();
            if state.stopping {
                state.process = None;
                return;
            }
            match state.process.as_mut().map(Process::ended) {
                Some(None) => {
                    drop(state);
                    std::thread::park_timeout(Duration::from_millis(2));
                    continue;
                }
                Some(Some(status)) => {
                    let said = state.process.take().map(|process| process.said()).unwrap_or_default();
                    if status.signal() != Some(9) || said.contains("panicked at") {
                        state.trouble = Some(format!("the server ended with {status}:\n{said}"));
                        return;
                    }
                    // Before anybody can see the death: the next orders are for the next life.
                    let _ = fs::remove_file(self.orders());
                    state.deaths += 1;
                }
                None => {}
            }
            state.process = Some(self.start());
        }
    }

    fn start(&self) -> Process {
        let (orders, trace, port) = (self.orders(), self.trace(), self.port.to_string());
        let text = |path: &Path| path.to_str().expect("a path of ours is text").to_owned();
        let (orders, trace) = (text(&orders), text(&trace));
        let variables = [("FAULTS_KILL_FILE", orders.as_str()), ("FAULTS_TRACE", trace.as_str())];
        Process::start_with(&self.folder, &["serve", "--data", "data", "--port", &port], &variables)
    }
}
