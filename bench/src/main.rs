//! Measures the optimised tessera beside its peers, in one run, on one machine: `make bench`.
//!
//! Load comes from this process, beside the server, over loopback. Nothing here judges a test: a figure that is missed is
//! marked in the table, and the run goes on.

mod figure;
mod figures;
mod grpc_load;
mod load;
mod server;
mod world;

use std::{fs, path::PathBuf, process::Command, time::Duration};

use clap::Parser;
use figure::Figure;
use figures::{
    check, checkout, decision, events, grpc, packaging, playback, replicas, segments, sign_in, slow_clients, split,
    standing, transcoding, wrapper,
};
use server::Server;
use tessera_tests::project;
use world::World;

/// Other grants stored when there are few, and when there are many.
const FEW: u64 = 10_000;
const MANY: u64 = 1_000_000;
const TITLES: u64 = 100_000;

/// Measures tessera beside its peers.
#[derive(Parser)]
struct Arguments {
    /// How long each load lasts, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Only figures whose group contains this: pure, wrapper, packaging, events, standing, decide, grpc, playback, checkout,
    /// segments, slow-clients, sign-in, check, transcoding, split, replicas.
    #[arg(long)]
    only: Option<String>,
    /// Keep the table in bench/RESULTS.md, with the machine and the commit.
    #[arg(long)]
    keep: bool,
}

impl Arguments {
    fn wants(&self, group: &str) -> bool {
        self.only.as_ref().is_none_or(|only| group.contains(only.as_str()))
    }
}

// As the server's: what the load takes of the processor is not there for the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments = Arguments::parse();
    // One thread: the server has the other core.
    // Turns are opened by another thread, whose wakings would otherwise wait until answers have been read.
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.global_queue_interval(2).enable_all().build().expect("a runtime can be built");
    let figures = runtime.block_on(measure(&arguments));
    let table = figure::table(&figures);
    let home = project().join("target/bench");
    fs::create_dir_all(&home).expect("target/bench can be made");
    let summary = serde_json::to_vec_pretty(&figures).expect("figures are JSON");
    fs::write(home.join("summary.json"), summary).expect("target/bench can be written");
    print(&table);
    if arguments.keep {
        let text = format!("{}\n{table}\n{}", heading(), NOTES);
        fs::write(project().join("bench/RESULTS.md"), text).expect("bench/RESULTS.md can be written");
    }
}

#[allow(clippy::print_stdout, reason = "the table is what this command is for")]
fn print(table: &str) {
    println!("{table}");
}

async fn measure(arguments: &Arguments) -> Vec<Figure> {
    let mut figures = Vec::new();
    if arguments.wants("pure") {
        figures.extend(decision::pure());
    }
    if arguments.wants("wrapper") {
        figures.extend(wrapper::wrapper().await);
    }
    if arguments.wants("packaging") {
        figures.extend(packaging::packaging());
    }
    if arguments.wants("events") {
        figures.extend(events::events().await);
    }
    let loads = [
        "standing",
        "decide",
        "grpc",
        "playback",
        "checkout",
        "segments",
        "slow-clients",
        "sign-in",
        "check",
        "transcoding",
        "split",
    ];
    if loads.iter().any(|group| arguments.wants(group)) {
        figures.extend(under_load(arguments).await);
    }
    if arguments.wants("replicas") {
        figures.extend(replicas::replicas(Duration::from_secs(arguments.seconds)).await);
    }
    figures
}

async fn under_load(arguments: &Arguments) -> Vec<Figure> {
    let (mut figures, length) = (Vec::new(), Duration::from_secs(arguments.seconds));
    let world = World::make().await;
    world.grants(FEW);
    settle();
    let mut few = None;
    if arguments.wants("decide") {
        let server = Server::tessera(&world.data, &["serve"]).await;
        few = Some(decision::most(&world, &server, length).await);
        server.stop().await;
    }
    world.grants(MANY);
    world.titles(TITLES);
    settle();
    if arguments.wants("standing") {
        figures.push(standing::binary_size());
        figures.extend(standing::ready_and_idle(&world, "100,000 titles and 1,000,000 grants stored").await);
    }
    let mut server = Server::tessera(&world.data, &["serve"]).await;
    if let Some(few) = few {
        let many = decision::most(&world, &server, length).await;
        let due = decision::due(&world, &server, length).await;
        figures.extend(decision::figures(few, many, &due));
    }
    if arguments.wants("grpc") {
        figures.extend(grpc::decisions(&world, &server, length).await);
    }
    let viewers = match ["playback", "segments", "slow-clients"].iter().any(|group| arguments.wants(group)) {
        true => world.viewers(&server, 0..playback::VIEWERS).await,
        false => Vec::new(),
    };
    if arguments.wants("playback") {
        figures
            .extend(playback::start(&world, &server, &viewers, length, arguments.keep.then(flames).as_deref()).await);
    }
    if arguments.wants("checkout") {
        figures.extend(checkout::checkout(&world, &server, length).await);
    }
    if arguments.wants("segments") {
        let served = segments::served(&world, &server, &viewers).await;
        server.stop().await;
        server = Server::tessera(&world.data, &["serve"]).await;
        figures.extend(segments::segments(&world, &server, &served, length).await);
    }
    if arguments.wants("slow-clients") {
        figures.push(slow_clients::slow_clients(&world, &server, &viewers).await);
    }
    if arguments.wants("sign-in") {
        figures.extend(sign_in::sign_in(&server, length).await);
    }
    if arguments.wants("check") {
        figures.push(check::check(&world, &server));
    }
    server.stop().await;
    if arguments.wants("transcoding") {
        figures.extend(transcoding::transcoding(&world).await);
    }
    if arguments.wants("split") {
        figures.extend(split::split(world, length).await);
    }
    figures
}

/// Waits until what was stored is on the disk: a server's writes would wait behind it.
fn settle() {
    let synced = Command::new("sync").status();
    assert!(synced.is_ok_and(|status| status.success()), "sync can be run");
}

fn flames() -> PathBuf {
    project().join("bench/playback-start.svg")
}

const NOTES: &str = "Made by `make bench`. The load generator runs beside the server on the same cores, which both share with the kernel. \
Open loop: requests are due at a fixed rate, and a latency is counted from when its request was due. A `limit` is what was set out \
to reach; any other peer ran in the same run. The server is the release build with its defaults, except that limits by address and \
account are lifted; its data folder is on the machine's disk, and every acknowledged write is on it (`synchronous = FULL`).\n\n\
Where the time of `playback.start` goes: [playback-start.svg](playback-start.svg).\n";

/// The machine and the commit.
fn heading() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let commit = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).current_dir(project()).output();
    let commit = commit.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("# Results\n\n{cores} cores of {model}, Linux {}; commit {commit}.\n", kernel.trim())
}
