//! What a child can and cannot do, tried with ordinary programs.

#![allow(clippy::unwrap_used, reason = "a test's helpers are tests too")]

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use tempfile::TempDir;

use super::*;
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
        let limits = Limits { memory: 2048 * MIB, cpu: minute, file_size: MIB, wall: minute };
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
    let (ended, output) = trial.shell("sleep 1000 & echo $!; wait").await;
    assert!(matches!(ended, Err(ChildError::TooSlow { .. })), "{ended:?}");
    let grandchild = PathBuf::from(format!("/proc/{}/cmdline", output.trim()));
    for _ in 0..500 {
        // A zombie that nobody has reaped yet has no command line any more.
        if fs::read(&grandchild).map_or(true, |line| line.is_empty()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the grandchild {} still runs", output.trim());
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
    let mut command =
        limited("sh", vec!["-c".into(), "echo up; exec sleep 1000".into()], trial.scratch.path(), &trial.limits);
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
