//! A `tessera` process: started, watched, stopped, never left behind.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

/// How long a process may take to say or do what a scenario waits for.
const PATIENCE: Duration = Duration::from_secs(300);

/// A process and what it has said on standard error.
pub struct Process {
    child: Child,
    said: Arc<(Mutex<String>, Condvar)>,
}

impl Process {
    /// Starts `tessera` with these arguments in `folder`.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_with(folder, arguments, &[])
    }

    /// Starts it with variables of its own besides: faults to be injected.
    pub fn start_with(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::spawn(command(folder), arguments, variables)
    }

    /// Starts another binary of it, with variables of its own.
    pub fn start_binary(binary: &Path, folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::spawn(command_of(Command::new(binary), folder), arguments, variables)
    }

    /// Starts it by another command line that ends with it, such as one that leads to another host.
    pub fn start_by(before: &[String], folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let [program, rest @ ..] = before else { return Self::start_with(folder, arguments, variables) };
        let mut command = command_of(Command::new(program), folder);
        command.args(rest).arg(crate::tessera());
        Self::spawn(command, arguments, variables)
    }

    fn spawn(mut command: Command, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = command
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be started");
        let said: Arc<(Mutex<String>, Condvar)> = Arc::default();
        let (stderr, heard) = (child.stderr.take().expect("standard error is piped"), said.clone());
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let (text, bell) = &*heard;
                let mut text = text.lock().expect("nobody panics while holding it");
                text.push_str(&line);
                text.push('\n');
                bell.notify_all();
            }
            heard.1.notify_all();
        });
        Self { child, said }
    }

    /// Waits until it has said `text`; panics with all that it said when it ends or takes too long.
    pub fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = self.said();
            if said.contains(text) {
                return said;
            }
            let ended = self.child.try_wait().expect("a child can be asked");
            assert!(ended.is_none(), "it ended ({ended:?}) before it said {text:?}:\n{said}");
            assert!(Instant::now() < deadline, "it did not say {text:?} in time:\n{said}");
            let (lock, bell) = &*self.said;
            let said = lock.lock().expect("nobody panics while holding it");
            drop(bell.wait_timeout(said, Duration::from_millis(200)));
        }
    }

    /// All that it has said so far.
    pub fn said(&self) -> String {
        self.said.0.lock().expect("nobody panics while holding it").clone()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal: `INT` is Ctrl-C, `KILL` the worst.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "sending {name}");
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be asked")
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                return status;
            }
            assert!(Instant::now() < deadline, "it did not end in time:\n{}", self.said());
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Ctrl-C, and the end of it.
    pub fn stop(mut self) -> (ExitStatus, String) {
        self.signal("INT");
        let status = self.wait();
        (status, self.said())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `tessera` with these arguments in `folder` until it ends.
pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    run_with(folder, arguments, &[])
}

/// Runs it with variables of its own besides: faults to be injected.
pub fn run_with(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut child = command(folder)
        .args(arguments)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary can be started");
    let mut errors = child.stderr.take().expect("standard error is piped");
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        errors.read_to_end(&mut bytes).map(|_| bytes)
    });
    let mut output = child.wait_with_output().expect("a child can be waited for");
    output.stderr = reader.join().expect("the reader does not panic").expect("a pipe can be read");
    output
}

/// The binary without the caller's own settings.
fn command(folder: &Path) -> Command {
    command_of(Command::new(crate::tessera()), folder)
}

fn command_of(mut command: Command, folder: &Path) -> Command {
    command.current_dir(folder);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TESSERA_") || name.to_string_lossy().starts_with("FAULTS_") {
            command.env_remove(name);
        }
    }
    command
}
