//! `playback.start` over eight processes of one machine, beside the same in one.

use std::{fmt::Write as _, fs, path::Path, process::Command, time::Duration};

use tessera_testing::free_port;

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

/// Modules with their mounts, and the databases that they keep.
const MODULES: &[(&str, &str, Option<&str>)] = &[
    ("audit", "audit", Some("audit")),
    ("billing", "billing", Some("billing")),
    ("catalog", "catalog", Some("catalog")),
    ("delivery", "delivery", None),
    ("drm", "drm", Some("drm")),
    ("entitlement", "entitlement", Some("entitlement")),
    ("identity", "identity", Some("identity")),
    ("media", "media", Some("media")),
    ("playback", "playback", Some("playback")),
    ("sandbox_gateway", "payment-gateway", Some("sandboxgateway")),
    ("tenancy", "tenancy", Some("tenancy")),
    ("viewers", "viewers", Some("viewers")),
    ("webhooks", "webhooks", Some("webhooks")),
];

/// Called by gRPC.
const BY_GRPC: &[&str] = &["entitlement", "playback"];

/// Both, with the same accounts at the same address. The world is used up: its data ends in eight folders.
pub(crate) async fn split(world: World, length: Duration) -> Vec<Figure> {
    let one = Server::tessera(&world.data, &["serve"]).await;
    let viewers = world.viewers(&one, VIEWERS).await;
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
    fs::create_dir_all(&directory).expect("a folder can be made");
    for (name, to) in [("platform.db", &directory), ("secrets", &home.join("shared")), ("blobs", &home.join("shared"))]
    {
        take(data, name, to);
    }
    for group in PROCESSES {
        let own = home.join(group[0]);
        fs::create_dir_all(&own).expect("a folder can be made");
        for (_, _, database) in MODULES.iter().filter(|(name, ..)| group.contains(name)) {
            database.iter().for_each(|database| take(data, &format!("{database}.db"), &own));
        }
    }
    Settings { text, ports }
}

fn take(from: &Path, name: &str, to: &Path) {
    let done = Command::new("mv").arg(from.join(name)).arg(to).status();
    assert!(done.is_ok_and(|status| status.success()), "moving {name}");
}
