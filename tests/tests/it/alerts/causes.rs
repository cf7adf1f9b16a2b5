//! What makes the rules fire: each a fault as an operator might have it.

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
};

use reqwest::{Method, header};
use serde_json::{Value, json};
use tessera_testing::TempDir;
use tessera_tests::{Browser, Demo, run};

use crate::journey::{newcomer_called, offer, start, token};

/// A card whose charge is made but not answered.
const SILENT_CARD: &str = "4000 0000 0000 0259";

/// A small disk of its own; gone with this value.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one on `folder`; `None`, said aloud, for those who may not.
    pub(crate) fn on(folder: &TempDir) -> Option<Self> {
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=512m", "tmpfs"]).arg(folder.path()).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(folder.path().to_owned())),
            Ok(_) | Err(_) => {
                eprintln!("SKIPPED: DiskFilling is not caused, for mounting a small disk needs root");
                None
            }
        }
    }

    /// Leaves some five in a hundred free.
    pub(crate) fn fill(&self) {
        let output = Command::new("df").args(["--output=avail", "-B1"]).arg(&self.0).output().expect("df can be run");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let free: u64 = text.lines().last().and_then(|line| line.trim().parse().ok()).expect("df says a number");
        let ballast = fs::File::create(self.0.join("ballast")).expect("a file can be made");
        let filled = Command::new("fallocate")
            .args(["-l", &(free - (26 << 20)).to_string()])
            .arg(self.0.join("ballast"))
            .status();
        assert!(filled.is_ok_and(|status| status.success()), "the disk can be filled");
        drop(ballast);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Another program that has a module's file for itself.
pub(crate) struct Locked(rusqlite::Connection);

fn file(demo: &Demo, module: &str) -> rusqlite::Connection {
    rusqlite::Connection::open(demo.folder().join(format!("data/{module}.db"))).expect("the file can be opened")
}

impl Locked {
    /// Takes the file of `module`, after writing what `before` says.
    pub(crate) fn take(demo: &Demo, module: &str, before: &str) -> Self {
        let file = file(demo, module);
        file.execute_batch(&format!("{before}; begin immediate")).expect("the file can be written and locked");
        Self(file)
    }

    /// Gives it back.
    pub(crate) fn release(self) {
        self.0.close().expect("a file can be closed");
    }
}

/// A job that nobody can read, due in half a second.
pub(crate) fn unreadable_job(kind: &str, key: &str) -> String {
    let due = "cast(unixepoch('subsec') * 1000000 as integer) + 500000";
    format!(
        "insert into tessera_jobs (tenant, kind, key, payload, state, run_at_us, attempts, progress, created_us, updated_us) \
         values ('demo', '{kind}', '{key}', 'no JSON', 'queued', {due}, 0, 0, {due}, {due})"
    )
}

/// An event of a type that is followed, with nothing in it that can be read.
pub(crate) fn unreadable_event(demo: &Demo, module: &str, kind: &str) {
    let sql = format!(
        "insert into tessera_outbox (id, tenant, subject, type, version, time_us, data) \
         values ('evt_broken', 'demo', 'broken', '{kind}', 1, cast(unixepoch('subsec') * 1000000 as integer), '{{}}')"
    );
    file(demo, module).execute_batch(&sql).expect("the event can be written");
}

/// A job that is dead at once.
pub(crate) fn dead_job(demo: &Demo, module: &str, kind: &str) {
    file(demo, module).execute_batch(&unreadable_job(kind, "dead")).expect("the job can be written");
}

/// Something that is no film.
pub(crate) fn ingest_no_film(demo: &Demo) {
    fs::write(demo.folder().join("film.mp4"), b"\0\0\0\x18ftypisom\0\0\0\0isomiso2 and then nothing of a film")
        .expect("a file");
    let output = run(demo.folder(), &["ingest", "film.mp4", "--title", "No film", "--free", "--data", "data"]);
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Connections that say nothing.
pub(crate) fn idle_connections(port: u16, count: usize) -> Vec<TcpStream> {
    (0..count).map(|_| TcpStream::connect(("127.0.0.1", port)).expect("a connection is taken")).collect()
}

/// Lets the server have so many file descriptors.
pub(crate) fn limit_files(process: u32, most: usize) {
    let limited = Command::new("prlimit").args([&format!("--pid={process}"), &format!("--nofile={most}:")]).status();
    assert!(limited.is_ok_and(|status| status.success()), "a running process can be limited");
}

/// How many the server has open.
pub(crate) fn open_files(process: u32) -> usize {
    fs::read_dir(Path::new("/proc").join(process.to_string()).join("fd")).map_or(0, Iterator::count)
}

/// A form on the sign-in page, filled in wrongly again and again.
pub(crate) async fn guess_passwords(demo: &Demo, times: usize) {
    let browser = demo.site.browser();
    let (url, page) = browser.visit("/auth/login?return_to=/").await;
    let html = page.text();
    let token = html.split("name=\"form_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let token = token.expect("the form has its token");
    for number in 0..times {
        let form = [("form_token", token), ("email", "who@viewer.example"), ("password", &format!("guess {number}"))];
        let post = browser.request(Method::POST, &url).header(header::ORIGIN, &demo.site.url).form(&form);
        let status = browser.send(post).await.status;
        assert!(status.is_client_error(), "{status}");
    }
}

/// Licences asked for with a token that nobody gave.
pub(crate) async fn forge_licences(demo: &Demo, times: usize) {
    let player = demo.site.visitor();
    for _ in 0..times {
        let request = player.request(Method::POST, "/drm/v1/clearkey").bearer_auth("forged");
        let asked = json!({"kids": ["AAAAAAAAAAAAAAAAAAAAAA"], "type": "temporary"});
        player.send(request.json(&asked)).await.refused(401, "token_invalid");
    }
}

/// A purchase whose charge is not answered.
pub(crate) async fn pay_in_silence(demo: &Demo) {
    let buyer = newcomer_called(demo, "silent").await;
    let checkout = json!({
        "offer_id": offer(&buyer, "plan=basic").await, "payment_token": token(&buyer, SILENT_CARD).await,
    });
    let bought = buyer.post("/billing/v1/checkouts", checkout).await.json();
    assert_eq!(bought["state"], "pending", "{bought}");
}

/// Edits of a profile, all at once, while its store is locked: every one fails by its deadline.
pub(crate) async fn edit_profile(viewer: &Browser, times: usize) {
    let profile = viewer.get("/viewers/v1/profiles").await.ok()["data"][0].clone();
    let path = format!("/viewers/v1/profiles/{}", profile["profile_id"].as_str().expect("an id"));
    let edits = (0..times).map(|number| {
        let edit = json!({"name": format!("Name {number}"), "expected_version": profile["version"]});
        viewer.send(viewer.request(Method::PUT, &path).json(&edit))
    });
    for answer in futures::future::join_all(edits).await {
        assert!(answer.status.is_server_error(), "{}: {}", answer.status, answer.text());
    }
}

/// Presses of play, all at once, while entitlement's store is locked.
pub(crate) async fn press_play(viewer: &Browser, title: &str, times: usize) -> Vec<Value> {
    let starts: Vec<String> = (0..times).map(|number| format!("device-{number}")).collect();
    let answers = futures::future::join_all(starts.iter().map(|device| start(viewer, title, device))).await;
    assert!(answers.iter().all(|answer| answer.status.is_server_error()), "{answers:?}");
    answers.iter().map(|answer| answer.json()).collect()
}
