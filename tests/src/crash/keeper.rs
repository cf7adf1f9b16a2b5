//! Who starts the server again whenever it has died, and notices when it ended by itself.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use crate::Process;

/// What a server logs at level info once it serves.
const READY: &str = " ready ";
/// How soon a process that could not start is started again.
const AGAIN: Duration = Duration::from_millis(200);

/// Starts a process, again and again.
pub(crate) struct Keeper {
    pub(super) folder: PathBuf,
    /// The process's data folder, below that one.
    pub(super) data: String,
    /// What `tessera serve` is told besides.
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    state: Mutex<State>,
}

/// Everybody who keeps a process of the deployment.
pub(crate) type Keepers = Arc<[Arc<Keeper>]>;

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
    pub(super) fn new(folder: &Path, data: &str, arguments: &[&str], variables: &[(String, String)]) -> Self {
        Self {
            folder: folder.to_owned(),
            data: data.to_owned(),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            variables: variables.to_vec(),
            state: Mutex::default(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn orders(&self) -> PathBuf {
        self.folder.join(format!("orders-{}", self.data))
    }

    pub(super) fn trace(&self) -> PathBuf {
        self.folder.join(format!("trace-{}", self.data))
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
                    // A process that finds no database does not start; one that loses it goes on.
                    let unborn = status.code() == Some(1) && !said.contains(READY) && !self.variables.is_empty();
                    if unborn && !said.contains("panicked at") {
                        drop(state);
                        std::thread::park_timeout(AGAIN);
                        self.begin();
                        continue;
                    }
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

    fn begin(&self) {
        let mut state = self.lock();
        if !state.stopping {
            state.process = Some(self.start());
        }
    }

    fn start(&self) -> Process {
        let (orders, trace) = (self.orders(), self.trace());
        let text = |path: &Path| path.to_str().expect("a path of ours is text").to_owned();
        let (orders, trace) = (text(&orders), text(&trace));
        let mut variables = vec![("FAULTS_KILL_FILE", orders.as_str()), ("FAULTS_TRACE", trace.as_str())];
        variables.extend(self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let arguments = self.arguments.iter().map(String::as_str);
        let arguments: Vec<&str> = ["serve", "--data", &self.data].into_iter().chain(arguments).collect();
        Process::start_with(&self.folder, &arguments, &variables)
    }
}
