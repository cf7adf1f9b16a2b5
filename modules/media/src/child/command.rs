//! The command line that a child begins with: each program in it becomes the next, and takes something away first.

use std::{
    path::Path,
    process::{Command as Program, Stdio},
};

use rustix::process::geteuid;
use tokio::process::Command;

use super::{Limits, NOBODY};

/// Processes and threads of one child: FFmpeg's codecs take a few a core each.
const PROCESSES: u32 = 1024;
/// Becomes the program, unless the process that started it is gone already: the kernel tells only of an end to come.
pub(super) const UNLESS_ORPHANED: &str = r#"[ "$PPID" = "$0" ] && exec "$@""#;
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What this machine lets us put around a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Isolation {
    /// Namespaces of processes and networks: whatever it starts ends with it, and there is no network.
    Namespaces,
    /// A process group alone: what leaves the group on purpose stays behind.
    Group,
}

impl Isolation {
    /// Tries it out, which takes some milliseconds.
    pub(super) fn find() -> Self {
        let words = namespaces();
        let tried = Program::new(words[0]).args(&words[1..]).args(["--", "true"]).stderr(Stdio::null()).status();
        match tried {
            Ok(status) if status.success() => Self::Namespaces,
            Ok(_) | Err(_) => {
                tracing::warn!(
                    "FFmpeg runs without namespaces of its own here (unshare is refused): a film that took it over could \
                     reach the network and leave processes behind; give the service a control group with TasksMax"
                );
                Self::Group
            }
        }
    }
}

/// A namespace of processes ends with its first process (pid_namespaces(7)); one of networks begins without any.
fn namespaces() -> Vec<&'static str> {
    let mut words = vec!["unshare"];
    if !geteuid().is_root() {
        // Whoever is not root may make them within a namespace of users, where the process limit counts anew.
        words.push("--map-current-user");
    }
    words.extend(["--pid", "--net", "--fork", "--kill-child"]);
    words
}

/// `nice setpriv sh unshare prlimit setpriv program arguments`. Serving goes before transcoding.
pub(super) fn limited(
    program: &str,
    arguments: Vec<String>,
    folder: &Path,
    limits: &Limits,
    isolation: Isolation,
) -> Command {
    let (root, isolated) = (geteuid().is_root(), isolation == Isolation::Namespaces);
    let mut command = Command::new("nice");
    command.args(["-n", "10", "setpriv", "--pdeathsig", "KILL", "--"]);
    command.args(["sh", "-c", UNLESS_ORPHANED, &std::process::id().to_string()]);
    if isolated {
        command.args(namespaces()).arg("--");
    }
    command.arg("prlimit").arg(format!("--as={}", limits.memory));
    command.arg(format!("--cpu={}", limits.cpu.as_secs().max(1)));
    command.arg(format!("--fsize={}", limits.file_size));
    command.args(["--core=0", "--nofile=256"]);
    if root || isolated {
        // The limit counts all of a user's threads: of `nobody`, or in a namespace, we know that they are the child's.
        command.arg(format!("--nproc={PROCESSES}"));
    }
    command.args(["setpriv", "--no-new-privs", "--pdeathsig", "KILL"]);
    if root {
        let nobody = NOBODY.to_string();
        command.args(["--reuid", &nobody, "--regid", &nobody, "--clear-groups", "--inh-caps=-all"]);
    }
    command.arg("--").arg(program).args(arguments);
    command.env_clear().env("PATH", PATH).env("LC_ALL", "C");
    command.current_dir(folder).process_group(0).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
