//! `playback.start` over eight processes of one machine, beside the same in one.

use std::{fmt::Write as _, path::Path, time::Duration};

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

/// The processes: each is called after its first module.
const PROCESSES: &[&[&str]] = &[
    &["tenancy", "audit", "billing", "identity", "sandbox_gateway", "webhooks"],
    &["catalog"],
    &["viewers"],
    &["entitlement"],
    &["media", "delivery"],
    &["drm"],
    &["playback"],
    &["front"],
];

/// Called by gRPC.
const BY_GRPC: &[&str] = &["entitlement", "playback"];

/// Both, with the same accounts at the same address. The world is used up: its data ends in eight folders.
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

    let home = folder("split");
    let settings = apart(&world.data, &home, front);
    let mut processes = Vec::new();
    for (group, port) in PROCESSES.iter().zip(&settings.ports) {
        let (data, modules) = (home.join(group[0]), group.join(","));
        processes.push(Server::tessera_at(*port, &data, &["serve", "--modules", &modules], &settings.text).await);
    }
    let all = processes.last().expect("there are processes");
    let (split_due, split_most) = measure(all).await;
    for process in processes {
        process.stop().await;
    }
    let p50 = (split_due.milliseconds(50.0), due.milliseconds(50.0));
    vec![
        Figure::beside("playback.start over eight processes: p50", p50.0, "ms", Better::Lower, ("one process", p50.1))
            .wanting(3.0)
            .by(format!(
                "open loop at {RATE}/s, {VIEWERS} accounts; SQLite, entitlement and playback called by gRPC; p99 {:.1} ms beside {:.1} ms",
                split_due.milliseconds(99.0),
                due.milliseconds(99.0)
            )),
        Figure::beside("playback.start over eight processes: most", split_most.rate, "1/s", Better::Higher, ("one process", most.rate))
            .wanting(0.333)
            .by("closed loop, 64 connections, both on the same two cores"),
    ]
}

struct Settings {
    text: String,
    ports: Vec<u16>,
}

/// Parts the data of one process: a module's rows go with it, and what all share into a folder of its own.
fn apart(data: &Path, home: &Path, front: u16) -> Settings {
    let ports: Vec<u16> =
        PROCESSES.iter().map(|group| if group.contains(&"front") { front } else { free_port() }).collect();
    let [secrets, directory, blobs] = ["secrets", "directory", "blobs"].map(|name| home.join("shared").join(name));
    let mut text = SETTINGS.to_owned();
    let _ =
        writeln!(text, "[server]\npublic_port = {front}\n[shared]\nsecrets = {secrets:?}\ndirectory = {directory:?}");
    let _ = writeln!(text, "[blobs]\nfolder = {blobs:?}");
    for (name, mount, _) in MODULES {
        let place = PROCESSES.iter().position(|group| group.contains(name)).expect("every module is in a process");
        let _ = writeln!(text, "[{name}]\nurl = \"http://127.0.0.1:{}/{mount}\"", ports[place]);
        if BY_GRPC.contains(name) {
            let _ = writeln!(text, "protocol = \"grpc\"");
        }
    }
    take_shared(data, &home.join("shared"));
    for group in PROCESSES {
        take_databases(data, group, &home.join(group[0]));
    }
    Settings { text, ports }
}
