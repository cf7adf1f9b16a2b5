//! FFmpeg and ffprobe as limited children: a hostile file may kill one, never the service, nor read or write elsewhere.
//!
//! `prlimit` bounds memory, processor time, file sizes and processes; `setpriv` takes all rights away and has the
//! kernel end the child when this process ends. The child gets an empty environment, a folder of its own, and a
//! process group that is killed as a whole when time is up or nobody waits any more.

mod nursery;
#[cfg(test)]
mod tests;

use std::{
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, geteuid, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
};

use nursery::Nursery;

/// `nobody` and `nogroup` of Debian, and of most others.
pub(crate) const NOBODY: u32 = 65_534;
/// Processes and threads of one child, when it has a user id of its own: FFmpeg's codecs take a few a core each.
const PROCESSES: u32 = 1024;
/// What is kept of a child's complaints: the end of them.
const STDERR_KEPT: usize = 8 * 1024;
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
    /// Time by the wall.
    pub(crate) wall: Duration,
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
    #[error("{program} said more than it may")]
    TooMuch { program: String },
    #[error("{program} was stopped by signal {signal}: it went beyond its limits")]
    Stopped { program: String, signal: i32 },
    #[error("{program}: {complaint}")]
    Failed { program: String, complaint: String },
}

/// Starts limited children.
pub(crate) struct Sandbox {
    nursery: Nursery,
    memory: u64,
}

impl Sandbox {
    /// To be made on the runtime that waits for the children.
    pub(crate) fn new(memory: u64) -> std::io::Result<Self> {
        Ok(Self { nursery: Nursery::new()?, memory })
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
        let command = limited(program, arguments, folder, limits);
        let named = || program.to_owned();
        let not_started = |e: std::io::Error| ChildError::NotStarted { program: named(), detail: e.to_string() };
        let mut child = self.nursery.spawn(command).await.map_err(not_started)?;
        let group = Group::of(&child);
        let outcome = tokio::time::timeout(limits.wall, attend(&mut child, on_output)).await;
        let (status, complaint) = match outcome {
            Err(_) => return Err(ChildError::TooSlow { program: named(), limit: limits.wall }),
            Ok(Err(Attending::Overflow)) => return Err(ChildError::TooMuch { program: named() }),
            Ok(Err(Attending::Io(source))) => return Err(ChildError::Lost { program: named(), source }),
            Ok(Ok(ended)) => ended,
        };
        group.ended();
        verdict(named(), status, complaint)
    }
}

/// A child said more than its reader takes.
#[derive(Debug)]
pub(crate) struct Overflow;

enum Attending {
    Overflow,
    Io(std::io::Error),
}

impl From<std::io::Error> for Attending {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

fn verdict(program: String, status: ExitStatus, complaint: String) -> Result<(), ChildError> {
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(code), _) if NOT_STARTED.contains(&code) => Err(ChildError::NotStarted { program, detail: complaint }),
        (Some(_), _) => Err(ChildError::Failed { program, complaint }),
        (None, signal) => Err(ChildError::Stopped { program, signal: signal.unwrap_or(0) }),
    }
}

/// `nice prlimit … setpriv … program arguments`, each becoming the next. Serving goes before transcoding.
fn limited(program: &str, arguments: Vec<String>, folder: &Path, limits: &Limits) -> Command {
    let mut command = Command::new("nice");
    command.args(["-n", "10", "prlimit"]);
    command.arg(format!("--as={}", limits.memory));
    command.arg(format!("--cpu={}", limits.cpu.as_secs().max(1)));
    command.arg(format!("--fsize={}", limits.file_size));
    command.args(["--core=0", "--nofile=256"]);
    let root = geteuid().is_root();
    if root {
        // The limit counts all of a user's threads: only of `nobody` do we know that they are the child's.
        command.arg(format!("--nproc={PROCESSES}"));
    }
    command.args(["setpriv", "--no-new-privs", "--pdeathsig", "KILL"]);
    if root {
        let nobody = NOBODY.to_string();
        command.args(["--reuid", &nobody, "--regid", &nobody, "--clear-groups", "--inh-caps=-all"]);
    }
    command.arg("--").arg(program).args(arguments);
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C");
    command.current_dir(folder).process_group(0).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn attend(
    child: &mut Child,
    mut on_output: impl FnMut(&[u8]) -> Result<(), Overflow> + Send,
) -> Result<(ExitStatus, String), Attending> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut complaint = Vec::new();
    let keep_end = |bytes: &[u8]| {
        complaint.extend_from_slice(bytes);
        let surplus = complaint.len().saturating_sub(STDERR_KEPT);
        complaint.drain(..surplus);
        Ok(())
    };
    tokio::try_join!(read_all(stdout, &mut on_output), read_all(stderr, keep_end))?;
    let status = child.wait().await?;
    Ok((status, last_words(&complaint)))
}

async fn read_all(
    from: Option<impl AsyncRead + Unpin>,
    mut each: impl FnMut(&[u8]) -> Result<(), Overflow>,
) -> Result<(), Attending> {
    let Some(mut from) = from else { return Ok(()) };
    let mut buffer = vec![0; 8 * 1024];
    loop {
        match from.read(&mut buffer).await? {
            0 => return Ok(()),
            read => each(&buffer[..read]).map_err(|Overflow| Attending::Overflow)?,
        }
    }
}

/// The last lines of stderr, printable and short enough to show.
fn last_words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    // FFmpeg begins a line with `[component @ address]`.
    let said = |line: &'_ str| line.trim().split_once("] ").map_or(line, |(_, said)| said).trim().to_owned();
    let lines: Vec<String> = text.lines().map(said).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(3)..].join("; ");
    last.chars().filter(|c| !c.is_control()).take(400).collect()
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
