//! A real broker in a process of its own, killed and started again while events go through it.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tessera_events::{Broker, BrokerSettings, ConsumerOptions};
use tessera_store::Store;
use tessera_testing::{TempDir, eventually, free_port, on_every_engine, temp_dir};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::world::{Running, SINK, SOURCE, changed, consumer_of, emit, options, received};

/// Subjects, and versions of each.
const SUBJECTS: i64 = 12;
const VERSIONS: i64 = 150;

/// Tansu on a file, at one address for as long as it lives.
struct Tansu {
    port: u16,
    folder: TempDir,
    process: Option<Child>,
}

impl Tansu {
    /// None where it is not installed.
    async fn open() -> Option<Self> {
        let mut tansu = Self { port: free_port(), folder: temp_dir(), process: None };
        if tansu.start().await {
            return Some(tansu);
        }
        eprintln!("skipped: tansu is not installed; scripts/setup test builds it");
        None
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Whether the program is there.
    async fn start(&mut self) -> bool {
        let url = format!("tcp://{}", self.address());
        let started = Command::new(program())
            .args(["broker", "--listener-url", &url, "--advertised-listener-url", &url])
            .args(["--storage-engine", "sqlite://broker.db"])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(process) = started else { return false };
        self.process = Some(process);
        eventually("the broker to listen", async || TcpStream::connect(self.address()).await.ok()).await;
        true
    }

    /// SIGKILL.
    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

impl Drop for Tansu {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where scripts/setup puts it, or by its name.
fn program() -> PathBuf {
    let cache = std::env::var_os("TESSERA_CACHE").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/tessera")));
    let cached = cache.map(|cache| cache.join("bin/tansu")).filter(|path| path.exists());
    cached.unwrap_or_else(|| "tansu".into())
}

/// Waits for as long as something goes on: a broker's restart takes the clients a while.
async fn until_all_came(what: &str, sink: &Store, wanted: usize) {
    let mut had = received(sink, "acme").await.len();
    while had < wanted {
        had = eventually(&format!("more than {had} of {wanted} events {what}"), async || {
            Some(received(sink, "acme").await.len()).filter(|has| *has > had)
        })
        .await;
    }
}

#[tokio::test]
async fn no_event_is_lost_or_counted_twice_when_the_broker_is_killed_under_load() {
    on_every_engine(async |engine| {
        let Some(mut tansu) = Tansu::open().await else { return };
        let (source, sink) = (engine.open(&SOURCE).await, engine.open(&SINK).await);
        let broker = Broker::new(BrokerSettings {
            hosts: tansu.address(),
            prefix: "tessera".into(),
            partitions: 3,
            replication: Some(1),
            sasl: None,
        });
        let patient = ConsumerOptions { longest_backoff: Duration::from_millis(500), ..options() };
        let stop = CancellationToken::new();
        let relay = broker.relay(&source).options(patient.clone());
        let relaying = tokio::spawn(relay.run(stop.clone()));
        let running = Running::start(consumer_of(broker.log("source"), &sink).options(patient));

        let load = tokio::spawn({
            let source = source.clone();
            async move {
                for version in 1..=VERSIONS {
                    let all = (0..SUBJECTS).flat_map(|n| changed(&format!("s{n}"), version..=version)).collect();
                    emit(&source, "acme", all).await;
                    tokio::task::yield_now().await;
                }
            }
        });
        let total = (SUBJECTS * VERSIONS) as usize;
        for part in 1..=3 {
            until_all_came("before the broker dies", &sink, total * part / 5).await;
            tansu.kill();
            assert!(tansu.start().await);
        }
        load.await.unwrap();
        until_all_came("after all", &sink, total).await;
        let events = received(&sink, "acme").await;
        assert_eq!(events.len(), total);
        assert!(events.iter().all(|(_, _, times)| *times == 1), "an event had its effect twice");
        for n in 0..SUBJECTS {
            let subject = format!("s{n}");
            let versions: Vec<i64> = events.iter().filter(|event| event.0 == subject).map(|event| event.1).collect();
            assert_eq!(versions, (1..=VERSIONS).collect::<Vec<_>>(), "{subject} in order");
        }
        running.stop().await;
        stop.cancel();
        relaying.await.unwrap();
    })
    .await;
}
