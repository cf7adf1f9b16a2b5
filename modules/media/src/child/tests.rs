//! What a child can and cannot do, tried with ordinary programs.

#![allow(clippy::unwrap_used, reason = "a test's helpers are tests too")]

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use rustix::process::geteuid;
use tempfile::TempDir;
use tokio::{io::AsyncReadExt, process::Command};

use super::{command::UNLESS_ORPHANED, *};
use crate::{encode, scratch::Scratch, sniff::Container};

const MIB: u64 = 1 << 20;

struct Trial {
    _root: TempDir,
    scratch: Scratch,
    sandbox: Sandbox,
    limits: Limits,
}

impl Trial {
    fn new() -> Self {
        let root = TempDir::with_prefix("tessera-child-").unwrap();
        let scratch = Scratch::make(&root.path().join("scratch"), "one").unwrap();
        let minute = Duration::from_secs(60);
        let (memory, written) = (2048 * MIB, 8 * MIB);
        let limits = Limits { memory, cpu: minute, file_size: MIB, written, wall: minute, silence: minute };
        Self { _root: root, scratch, sandbox: Sandbox::new(limits.memory).unwrap(), limits }
    }

    async fn run(&self, program: &str, arguments: &[&str]) -> (Result<(), ChildError>, String) {
        let mut output = Vec::new();
        let keep = |bytes: &[u8]| match output.len() + bytes.len() <= 64 * 1024 {
            true => {
                output.extend_from_slice(bytes);
                Ok(())
            }
            false => Err(Overflow),
        };
        let arguments = arguments.iter().map(|&word| word.to_owned()).collect();
        let ended = self.sandbox.run(program, arguments, self.scratch.path(), &self.limits, keep).await;
        (ended, String::from_utf8_lossy(&output).into_owned())
    }

    async fn shell(&self, script: &str) -> (Result<(), ChildError>, String) {
        self.run("sh", &["-c", script]).await
    }

    fn secret(&self) -> PathBuf {
        let path = self.scratch.path().parent().unwrap().join("secret");
        fs::write(&path, "the secret").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }
}

#[tokio::test]
async fn a_child_has_no_environment_and_no_rights() {
    let trial = Trial::new();
    let (ended, output) = trial.shell("env | sort; id -u; grep NoNewPrivs /proc/self/status; ulimit -c").await;
    ended.unwrap();
    let lines: Vec<&str> = output.lines().filter(|line| !line.starts_with("PWD=")).collect();
    assert_eq!(lines[..2], ["LC_ALL=C", "PATH=/usr/local/bin:/usr/bin:/bin"], "{output}");
    let user = if geteuid().is_root() { NOBODY } else { geteuid().as_raw() };
    assert_eq!(lines[2..], [user.to_string().as_str(), "NoNewPrivs:\t1", "0"]);
}

#[tokio::test]
async fn a_child_of_root_reads_and_writes_nothing_of_ours() {
    let trial = Trial::new();
    let secret = trial.secret();
    if !geteuid().is_root() {
        eprintln!("SKIPPED: only root can give its children another user");
        return;
    }
    for script in [format!("cat {}", secret.display()), "echo x > beside".into(), "echo x >> source".into()] {
        let (ended, output) = trial.shell(&script).await;
        assert!(matches!(ended, Err(ChildError::Failed { .. })), "{script}: {ended:?} {output}");
    }
    trial.shell("echo x > out/track && rm out/track").await.0.unwrap();
}

#[tokio::test]
async fn a_child_is_held_to_its_memory_and_file_size() {
    let trial = Trial::new();
    let (ended, _) = trial.shell("dd if=/dev/zero of=/dev/null bs=4G count=1").await;
    assert!(matches!(&ended, Err(ChildError::Failed { complaint, .. }) if complaint.contains("memory")), "{ended:?}");
    let (ended, _) = trial.shell("head -c 4000000 /dev/zero > out/large").await;
    assert!(ended.is_err(), "a file beyond the limit was written");
    assert!(fs::metadata(trial.scratch.out().join("large")).unwrap().len() <= MIB);
}

#[tokio::test]
async fn a_child_that_takes_too_long_goes_with_all_its_children() {
    let mut trial = Trial::new();
    trial.limits.wall = Duration::from_millis(500);
    let (ended, _) = trial.shell("sleep 1000.0123 & wait").await;
    assert!(matches!(ended, Err(ChildError::TooSlow { .. })), "{ended:?}");
    nothing_is_left_of("1000.0123").await;
}

#[tokio::test]
async fn a_grandchild_that_hides_in_a_session_of_its_own_ends_with_the_child() {
    let trial = Trial::new();
    if trial.sandbox.isolation == Isolation::Group {
        eprintln!("SKIPPED: this machine lets us make no namespace of processes");
        return;
    }
    let (ended, output) = trial.shell("setsid sleep 1000.0456 >/dev/null 2>&1 </dev/null & echo left").await;
    ended.unwrap();
    assert_eq!(output.trim(), "left");
    nothing_is_left_of("1000.0456").await;
    let (ended, output) = trial.shell("cat /proc/net/dev 2>/dev/null || cat /proc/self/net/dev").await;
    assert!(!output.contains("eth"), "{ended:?}: a child sees the network:\n{output}");
}

/// Waits until no process has this word in its command line.
async fn nothing_is_left_of(word: &str) {
    let runs = || {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        // A zombie that nobody has reaped yet has no command line any more.
        let mut lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
        lines.any(|line| line.split(|byte| *byte == 0).any(|known| known == word.as_bytes()))
    };
    tessera_testing::eventually("what the child started to end", async || (!runs()).then_some(())).await;
}

#[tokio::test]
async fn a_fork_bomb_stops_at_the_limit_of_processes() {
    let trial = Trial::new();
    if trial.sandbox.isolation == Isolation::Group && !geteuid().is_root() {
        eprintln!("SKIPPED: without root or a namespace the processes of a child cannot be told apart");
        return;
    }
    let (ended, output) =
        trial.shell("i=0; while [ $i -lt 1500 ]; do sleep 1000.0789 & i=$((i+1)); done; echo all").await;
    assert!(!output.contains("all"), "1500 processes were started: {ended:?}");
    nothing_is_left_of("1000.0789").await;
}

#[tokio::test]
async fn a_child_that_falls_silent_is_not_waited_for() {
    let mut trial = Trial::new();
    trial.limits.silence = Duration::from_millis(300);
    let (ended, output) = trial.shell("echo begun; sleep 1000").await;
    assert!(matches!(ended, Err(ChildError::Silent { .. })), "{ended:?}");
    assert_eq!(output, "begun\n");
}

#[tokio::test]
async fn a_child_that_fills_the_disk_with_many_files_is_ended() {
    let trial = Trial::new();
    fs::write(trial.scratch.out().join("of an earlier run"), vec![0; 12 * MIB as usize]).unwrap();
    let large =
        "i=0; while :; do i=$((i+1)); head -c 500000 /dev/zero > out/$i || exit; [ $i -lt 40 ] || sleep 1000; done";
    let small = "i=0; while :; do i=$((i+1)); : > out/$i; [ $i -lt 400 ] || sleep 1000; done";
    for script in [large, small] {
        let (ended, _) = trial.shell(script).await;
        assert!(matches!(ended, Err(ChildError::WroteTooMuch { .. })), "{script}: {ended:?}");
    }
}

#[tokio::test]
async fn a_child_that_never_stops_talking_is_ended() {
    let trial = Trial::new();
    let (ended, output) = trial.run("yes", &[]).await;
    assert!(matches!(ended, Err(ChildError::TooMuch { .. })) && output.len() <= 64 * 1024, "{ended:?}");
    let (ended, _) = trial.shell("yes complaint | head -c 1000000 >&2; exit 3").await;
    assert!(matches!(&ended, Err(ChildError::Failed { complaint, .. }) if complaint.len() <= 400), "{ended:?}");
}

#[tokio::test]
async fn a_missing_program_is_not_the_sources_fault() {
    let (ended, _) = Trial::new().run("no-such-program", &[]).await;
    assert!(matches!(ended, Err(ChildError::NotStarted { .. })), "{ended:?}");
}

#[tokio::test]
async fn children_end_with_the_thread_that_started_them() {
    let trial = Trial::new();
    let nursery = Nursery::new().unwrap();
    let words = vec!["-c".into(), "echo up; exec sleep 1000".into()];
    let mut command = limited("sh", words, trial.scratch.path(), &trial.limits, Isolation::Group);
    command.kill_on_drop(false);
    let mut child = nursery.spawn(command).await.unwrap();
    let mut up = [0; 2];
    child.stdout.as_mut().unwrap().read_exact(&mut up).await.unwrap();
    drop(nursery);
    let ended =
        tokio::time::timeout(Duration::from_secs(20), child.wait()).await.expect("the child outlived us").unwrap();
    assert_eq!(ended.signal(), Some(9));
}

#[tokio::test]
async fn a_child_whose_parent_is_gone_before_it_begins_does_nothing() {
    let run = async |parent: u32| {
        let shell = Command::new("sh").args(["-c", UNLESS_ORPHANED, &parent.to_string(), "echo", "ran"]).output().await;
        String::from_utf8(shell.unwrap().stdout).unwrap()
    };
    assert_eq!(run(std::process::id()).await, "ran\n");
    assert_eq!(run(std::process::id() + 1).await, "");
}

#[tokio::test]
async fn no_playlist_opens_a_file_even_if_it_gets_as_far_as_ffprobe() {
    let trial = Trial::new();
    let secret = trial.scratch.path().join("secret.mp4");
    fs::write(&secret, "the secret").unwrap();
    let script = format!("ffconcat version 1.0\nfile '{}'\n", secret.display());
    let playlist = format!("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{}\n", secret.display());
    for text in [script, playlist] {
        fs::write(trial.scratch.path().join(encode::SOURCE), &text).unwrap();
        for container in [Container::Mp4, Container::Webm] {
            let arguments = encode::probe(container);
            // As we call it, and as if FFmpeg were left to guess.
            let guessing: Vec<String> =
                arguments.iter().filter(|word| *word != "-f" && *word != container.demuxer()).cloned().collect();
            for arguments in [arguments, guessing] {
                let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
                let (ended, output) = trial.run("ffprobe", &words).await;
                if matches!(ended, Err(ChildError::NotStarted { .. })) {
                    eprintln!("SKIPPED: ffprobe is not installed");
                    return;
                }
                let complaint = ended.expect_err("ffprobe took a playlist").to_string();
                assert!(!complaint.contains("secret") && !output.contains("secret"), "{words:?}: {complaint} {output}");
            }
        }
    }
}
