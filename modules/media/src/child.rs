//! FFmpeg and ffprobe as limited children: a hostile file may kill one, never the service, nor read or write elsewhere.
//!
//! `prlimit` bounds memory, processor time, file sizes and processes; `setpriv` takes all rights away and has the
//! kernel end the child when this process ends; `sh` looks whether it had ended before. Namespaces, where the machine
//! allows them, take the network away and end whatever the child has started together with it. The child gets an empty
//! environment, a folder of its own, and a process group that is killed as a whole when time is up or nobody waits.

mod account;
mod command;
mod nursery;
#[cfg(test)]
mod tests;
mod usage;
mod watch;

use std::{os::unix::process::ExitStatusExt, path::Path, process::ExitStatus, sync::Arc, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group};
use tessera_faults::reached;
use tokio::{
    process::{Child, Command},
    time::Instant,
};

pub(crate) use account::Account;
use account::Entry;
use command::{Isolation, limited};
use nursery::Nursery;
use watch::{Attending, attend};

use crate::encode::OUT;

/// How often a child is looked at while it runs.
const LOOK: Duration = Duration::from_secs(1);
/// `nobody` and `nogroup` of Debian, and of most others.
pub(crate) const NOBODY: u32 = 65_534;
/// What `prlimit` and `setpriv` exit with when they cannot start the program (as shells do).
const NOT_STARTED: std::ops::RangeInclusive<i32> = 126..=127;

/// What a child may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Address space in bytes.
    pub(crate) memory: u64,
    /// Processor time, all threads together.
    pub(crate) cpu: Duration,
    /// Bytes of one file that it writes.
    pub(crate) file_size: u64,
    /// Bytes of all files that it writes.
    pub(crate) written: u64,
    /// Time by the wall.
    pub(crate) wall: Duration,
    /// Time by the wall in which it says nothing.
    pub(crate) silence: Duration,
}

/// Why a child gave no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChildError {
    #[error("starting {program}: is FFmpeg installed, and util-linux's prlimit and setpriv? {detail}")]
    NotStarted { program: String, detail: String },
    #[error("waiting for {program}")]
    Lost { program: String, source: std::io::Error },
    #[error("{program} took longer than {} s", limit.as_secs())]
    TooSlow { program: String, limit: Duration },
    #[error("{program} did nothing for {} s", limit.as_secs())]
    Silent { program: String, limit: Duration },
    #[error("{program} said more than it may")]
    TooMuch { program: String },
    #[error("{program} wrote more than {limit} bytes, or too many files")]
    WroteTooMuch { program: String, limit: u64 },
    #[error("{program} was stopped by signal {signal}: it went beyond its limits")]
    Stopped { program: String, signal: i32 },
    #[error("{program}: {complaint}")]
    Failed { program: String, complaint: String },
}

/// Starts limited children.
#[derive(Clone)]
pub(crate) struct Sandbox {
    nursery: Arc<Nursery>,
    isolation: Isolation,
    memory: u64,
    account: Arc<Account>,
}

impl Sandbox {
    /// To be made on the runtime that waits for the children.
    pub(crate) fn new(memory: u64) -> std::io::Result<Self> {
        let (nursery, isolation) = (Arc::new(Nursery::new()?), Isolation::find());
        Ok(Self { nursery, isolation, memory, account: Arc::default() })
    }

    /// The same, where what children cost and say goes on this account.
    pub(crate) fn on(&self, account: Arc<Account>) -> Self {
        Self { account, ..self.clone() }
    }

    /// Address space of a child.
    pub(crate) fn memory(&self) -> u64 {
        self.memory
    }

    /// Runs `program` in `folder` to its end and hands its output over piece by piece; an error from `on_output` ends it.
    pub(crate) async fn run(
        &self,
        program: &str,
        arguments: Vec<String>,
        folder: &Path,
        limits: &Limits,
        on_output: impl FnMut(&[u8]) -> Result<(), Overflow> + Send,
    ) -> Result<(), ChildError> {
        let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy();
        self.account.say(&format!("{name} {}", arguments.join(" ")));
        let began = Instant::now();
        let command = limited(program, arguments, folder, limits, self.isolation);
        let outcome = self.attended(program, command, folder, limits, on_output).await;
        let took = began.elapsed().as_secs_f64();
        match &outcome {
            Ok(complaint) if complaint.is_empty() => self.account.say(&format!("{name} ended well after {took:.1} s")),
            Ok(complaint) => self.account.say(&format!("{name} ended well after {took:.1} s, and said: {complaint}")),
            Err(error) => self.account.say(&format!("{name} failed after {took:.1} s: {error}")),
        }
        outcome.map(drop)
    }

    /// Starts the child and hears it out. Answers what it complained about although it ended well.
    async fn attended(
        &self,
        program: &str,
        command: Command,
        folder: &Path,
        limits: &Limits,
        on_output: impl FnMut(&[u8]) -> Result<(), Overflow> + Send,
    ) -> Result<String, ChildError> {
        let named = || program.to_owned();
        let not_started = |e: std::io::Error| ChildError::NotStarted { program: named(), detail: e.to_string() };
        let mut child = self.nursery.spawn(command).await.map_err(not_started)?;
        let group = Group::of(&child);
        let entry = Entry::open(self.account.clone(), child.id().unwrap_or_default());
        reached("child.started", program);
        let out = folder.join(OUT);
        let attending = attend(&mut child, &entry, &out, limits, on_output);
        let (status, complaint) = match tokio::time::timeout(limits.wall, attending).await {
            Err(_) => return Err(ChildError::TooSlow { program: named(), limit: limits.wall }),
            Ok(Err(Attending::Overflow)) => return Err(ChildError::TooMuch { program: named() }),
            Ok(Err(Attending::Silent)) => return Err(ChildError::Silent { program: named(), limit: limits.silence }),
            Ok(Err(Attending::Wrote)) => {
                return Err(ChildError::WroteTooMuch { program: named(), limit: limits.written });
            }
            Ok(Err(Attending::Io(source))) => return Err(ChildError::Lost { program: named(), source }),
            Ok(Ok(ended)) => ended,
        };
        group.ended();
        reached("child.ended", program);
        verdict(named(), status, complaint)
    }
}

/// A child said more than its reader takes.
#[derive(Debug)]
pub(crate) struct Overflow;

/// What the child complained about, when it ended well all the same.
fn verdict(program: String, status: ExitStatus, complaint: String) -> Result<String, ChildError> {
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(complaint),
        (Some(code), _) if NOT_STARTED.contains(&code) || complaint.starts_with("unshare:") => {
            Err(ChildError::NotStarted { program, detail: complaint })
        }
        (Some(_), _) => Err(ChildError::Failed { program, complaint }),
        (None, signal) => Err(ChildError::Stopped { program, signal: signal.unwrap_or(0) }),
    }
}

/// A child's process group, killed unless the child has ended.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| Pid::from_raw(id.cast_signed())))
    }

    fn ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may be gone by itself, which is as well.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
