//! `playback.start` over eight processes of one machine, and over nine, beside the same in one.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use tessera_testing::free_port;
use tessera_tests::{MODULES, take_databases, take_shared};

use crate::{
    figure::{Better, Figure},
    figures::playback::{VIEWERS, starts},
    load::{Outcome, Pace, load},
    server::{SETTINGS, Server},
    world::{World, folder},
};

/// At which both are asked for their p50.
const RATE: f64 = 300.0;

/// The processes: each is called after its first module. The front, which viewers reach, is beside playback, or a ninth.
const PROCESSES: &[&[&str]] = &[
    &["tenancy", "audit", "identity"],
    &["billing", "sandbox_gateway", "webhooks"],
    &["catalog"],
    &["viewers"],
    &["entitlement"],
    &["media", "delivery"],
    &["drm"],
    &["playback"],
];

/// Called by gRPC.
const BY_GRPC: &[&str] = &["entitlement", "playback"];

/// All, with the same accounts at the same address. The world is used up: its data ends in eight folders.
pub(crate) async fn split(world: World, length: Duration) -> Vec<Figure> {
    let one = Server::tessera(&world.data, &["serve"]).await;
    let viewers = world.viewers(&one, VIEWERS..2 * VIEWERS).await;
    let front = one.address.port();
    let request = starts(&world, &one, &viewers);
    let go = async |server: &Server, pace, connections, length| -> Outcome {
        load(server.address, pace, connections, length, request.clone()).await.whole("playback.start")
    };
    let measure = async |server: &Server| {
        go(server, Pace::Open(RATE / 2.0), 32, length / 2).await; // warm
        let due = go(server, Pace::Open(RATE), 64, length).await;
        (due, go(server, Pace::Closed, 64, length).await)
    };
    let (due, most) = measure(&one).await;
    one.stop().await;

    let deployment = Deployment::of(&world.data, front);
    let eight = deployment.start(Front::BesidePlayback).await;
    let (eight_due, eight_most) = measure(eight.last().expect("there are processes")).await;
    stop(eight).await;
    let nine = deployment.start(Front::Apart).await;
    let (nine_due, nine_most) = measure(nine.last().expect("there are processes")).await;
    stop(nine).await;

    let p50 = |name: &str, split: &Outcome| {
        let (ours, theirs) = (split.milliseconds(50.0), due.milliseconds(50.0));
        let (worst, their_worst) = (split.milliseconds(99.0), due.milliseconds(99.0));
        let how = format!(
            "open loop at {RATE}/s, {VIEWERS} accounts, on SQLite; p99 {worst:.1} ms beside {their_worst:.1} ms"
        );
        Figure::beside(name, ours, "ms", Better::Lower, ("one process", theirs)).by(how)
    };
    let throughput = |name: &str, split: &Outcome, how: &str| {
        Figure::beside(name, split.rate, "1/s", Better::Higher, ("one process", most.rate)).by(how)
    };
    vec![
        p50("playback.start over eight processes: p50", &eight_due).wanting(3.0),
        throughput(
            "playback.start over eight processes: most",
            &eight_most,
            "closed loop, 64 connections, both on the same two cores; the front is in playback's process, which asks five others \
             over HTTP; all but playback's have one worker thread",
        )
        .wanting(0.333),
        p50("playback.start over nine processes: p50", &nine_due).wanting(3.0),
        throughput(
            "playback.start over nine processes: most",
            &nine_most,
            "the same with the front in a process of its own, which asks playback by gRPC",
        )
        .wanting(0.333),
    ]
}

async fn stop(processes: Vec<Server>) {
    for process in processes {
        process.stop().await;
    }
}

/// Where the front is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Front {
    BesidePlayback,
    Apart,
}

/// The data of one process, parted.
struct Deployment {
    home: PathBuf,
    /// The port that viewers know.
    front: u16,
    /// Of each process.
    ports: Vec<u16>,
}

impl Deployment {
    /// A module's rows go with it, and what all share into a folder of its own.
    fn of(data: &Path, front: u16) -> Self {
        let home = folder("split");
        take_shared(data, &home.join("shared"));
        for group in PROCESSES {
            take_databases(data, group, &home.join(group[0]));
        }
        Self { home, front, ports: PROCESSES.iter().map(|_| free_port()).collect() }
    }

    /// Starts all processes, the one with the front last.
    async fn start(&self, front: Front) -> Vec<Server> {
        let mut processes = Vec::new();
        for (number, group) in PROCESSES.iter().enumerate() {
            let mut modules = group.join(",");
            if self.is_entry(group, front) {
                modules.push_str(",front");
            }
            processes.push(self.process(group, &modules, self.port(number, front), front).await);
        }
        if front == Front::Apart {
            processes.push(self.process(&["front"], "front", self.front, front).await);
        }
        processes
    }

    async fn process(&self, group: &[&str], modules: &str, port: u16, front: Front) -> Server {
        // All share two cores, so that each has one thread but the one that asks the others.
        let threads = if group.contains(&"playback") { "" } else { "worker_threads = 1\n" };
        let settings = format!("{}[server]\npublic_port = {}\n{threads}", self.common(front), self.front);
        Server::tessera_at(port, &self.home.join(group[0]), &["serve", "--modules", modules], &settings).await
    }

    fn is_entry(&self, group: &[&str], front: Front) -> bool {
        front == Front::BesidePlayback && group.contains(&"playback")
    }

    fn port(&self, number: usize, front: Front) -> u16 {
        if self.is_entry(PROCESSES[number], front) { self.front } else { self.ports[number] }
    }

    /// The settings that all have in common.
    fn common(&self, front: Front) -> String {
        let [secrets, directory, blobs] =
            ["secrets", "directory", "blobs"].map(|name| self.home.join("shared").join(name));
        let mut text = SETTINGS.to_owned();
        let _ =
            writeln!(text, "[shared]\nsecrets = {secrets:?}\ndirectory = {directory:?}\n[blobs]\nfolder = {blobs:?}");
        for (name, mount, _) in MODULES {
            let place = PROCESSES.iter().position(|group| group.contains(name)).expect("every module is in a process");
            let _ = writeln!(text, "[{name}]\nurl = \"http://127.0.0.1:{}/{mount}\"", self.port(place, front));
            if BY_GRPC.contains(name) {
                let _ = writeln!(text, "protocol = \"grpc\"");
            }
        }
        text
    }
}
