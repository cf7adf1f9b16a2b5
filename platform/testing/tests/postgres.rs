//! The server of a test goes when the test goes, however it goes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use tessera_testing::{Postgres, eventually};

#[test]
#[ignore = "the child of a_killed_test_leaves_nothing_behind"]
fn child_starts_a_server_and_waits() {
    let server = Postgres::start();
    eprintln!("folder {}", server.folder().display());
    std::thread::park();
}

#[tokio::test]
async fn a_killed_test_leaves_nothing_behind() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child_starts_a_server_and_waits", "--nocapture", "--ignored"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let folder = lines.find_map(|line| line.strip_prefix("folder ").map(str::to_owned)).expect("a server was started");
    let server = std::fs::read_to_string(Path::new(&folder).join("data/postmaster.pid")).unwrap();
    let server = Path::new("/proc").join(server.lines().next().unwrap());
    assert!(server.exists());
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("the server and its folder to go", async || {
        (!server.exists() && !Path::new(&folder).exists()).then_some(())
    })
    .await;
}

#[test]
fn a_dropped_server_is_gone_and_a_running_one_answers() {
    let server = Postgres::start();
    let folder = server.folder().to_owned();
    assert_eq!(server.psql("select 1 + 1"), "2");
    drop(server);
    assert!(!folder.exists());
}
