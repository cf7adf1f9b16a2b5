//! What survives a kill: every acknowledged write and every job. The test starts itself as the process to be killed.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use tessera_store::{DataFolder, JobState, Store, StoreConfig, WorkerOptions};
use tessera_testing::{clock, cx, eventually, on_every_engine};
use tokio_util::sync::CancellationToken;

use crate::{
    basics::{TITLES, list, put},
    jobs::enqueue,
};

const ENGINE: &str = "TESSERA_TEST_KILL_ENGINE";
const WHERE: &str = "TESSERA_TEST_KILL_WHERE";

/// Starts `test` of this very program as a child that works on the engine.
fn start(test: &str, config: &StoreConfig) -> (Child, BufReader<ChildStdout>) {
    let place = match config {
        StoreConfig::Sqlite { folder } => folder.display().to_string(),
        StoreConfig::Postgres { url, .. } => url.clone(),
    };
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new(program);
    command.args(["--exact", test, "--nocapture", "--ignored"]).env(ENGINE, config.engine()).env(WHERE, place);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

/// The store that the parent gave to this child.
async fn given() -> (Store, Option<DataFolder>) {
    let (engine, place) = (std::env::var(ENGINE).unwrap(), std::env::var(WHERE).unwrap());
    let (config, lock) = match engine.as_str() {
        "sqlite" => (StoreConfig::sqlite(&place), Some(DataFolder::open(&place).unwrap())),
        _ => (StoreConfig::postgres(&place), None),
    };
    (Store::open(&config, &TITLES, clock()).await.unwrap(), lock)
}

#[tokio::test]
#[ignore = "the child of acknowledged_writes_survive_a_kill"]
async fn child_writes_until_killed() {
    let (store, _lock) = given().await;
    let write = async |worker: u32| {
        for n in 0.. {
            let id = format!("ttl_{worker}_{n}");
            put(&store, "acme", &id).await.unwrap();
            // One line in one call: the parent reads acknowledgements, never halves of them.
            std::io::stdout().write_all(format!("ack {id}\n").as_bytes()).unwrap();
        }
    };
    futures::future::join_all((0..8).map(write)).await;
}

#[tokio::test]
async fn acknowledged_writes_survive_a_kill() {
    on_every_engine(async |engine| {
        let (mut child, output) = start("kill::child_writes_until_killed", &engine.config);
        let acks = output.lines().map_while(Result::ok).filter_map(|line| line.strip_prefix("ack ").map(String::from));
        let mut acknowledged = Vec::new();
        let mut acks = acks.into_iter();
        acknowledged.extend(acks.by_ref().take(200));
        child.kill().unwrap();
        acknowledged.extend(acks);
        child.wait().unwrap();
        assert!(acknowledged.len() >= 200, "the child wrote");

        let lock = DataFolder::open(engine.folder()).expect("the kernel has freed the lock");
        let store = engine.open(&TITLES).await;
        let stored: Vec<String> = list(&store, "acme").await.into_iter().map(|title| title.id).collect();
        let lost: Vec<_> = acknowledged.iter().filter(|id| !stored.contains(id)).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        let events = store.events_after(Default::default(), 100_000).await.unwrap().events;
        assert_eq!(events.len(), stored.len(), "every write has its event, and none has one without");
        drop(lock);
    })
    .await;
}

#[tokio::test]
#[ignore = "the child of a_job_resumes_after_its_process_was_killed"]
async fn child_works_until_killed() {
    let (store, _lock) = given().await;
    let hang = |_| async {
        std::io::stdout().write_all(b"begun\n").unwrap();
        std::future::pending().await
    };
    store.jobs().run("draw", WorkerOptions::default(), hang, CancellationToken::new()).await;
}

#[tokio::test]
async fn a_job_resumes_after_its_process_was_killed() {
    on_every_engine(async |engine| {
        let store = engine.open(&TITLES).await;
        enqueue(&store, "acme", "a", 0).await;
        store.close().await;
        let (mut child, output) = start("kill::child_works_until_killed", &engine.config);
        let begun = output.lines().map_while(Result::ok).any(|line| line.ends_with("begun"));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(begun, "the child took the job");

        let clock = clock();
        let store = engine.open_at(&TITLES, clock.clone()).await;
        if engine.name == "postgres" {
            // Other processes may live: the lease has to run out. SQLite's was voided when the store was opened.
            clock.advance(Duration::from_secs(31));
        }
        let (stop, jobs) = (CancellationToken::new(), store.jobs());
        let until = stop.clone();
        let done = |_: Arc<_>| async { Ok(()) };
        let worker = tokio::spawn(async move { jobs.run("draw", WorkerOptions::default(), done, until).await });
        let job = eventually("the job to be done", async || {
            let job = store.jobs().get(&cx("acme"), "draw", "a").await.unwrap().unwrap();
            (job.state == JobState::Done).then_some(job)
        })
        .await;
        assert_eq!(job.attempts, 2);
        stop.cancel();
        worker.await.unwrap();
    })
    .await;
}
