//! `tessera package` beside Shaka Packager with the same work, and beside `cp`; each is a process of its own.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use wait4::Wait4;

use crate::{
    figure::{Better, Figure},
    figures::footage,
    server::binary,
    world::folder,
};

const ROUNDS: usize = 5;
const MINUTES: u32 = 10;
const KEY_ID: &str = "0123456789abcdef0123456789abcdef";
const KEY: &str = "00112233445566778899aabbccddeeff";

/// What one run took.
struct Cost {
    wall: Duration,
    /// User and system.
    cpu: Duration,
    /// Resident at most, in bytes.
    memory: u64,
}

/// What several runs took at best.
struct Best {
    wall: f64,
    cpu: f64,
    /// The most of all, in MB.
    memory: f64,
}

pub(crate) fn packaging() -> Vec<Figure> {
    let home = folder("packaging");
    let Some(film) = footage::make_film(&home, MINUTES) else {
        eprintln!("ffmpeg is not here (apt-get install ffmpeg): packaging is left out");
        return Vec::new();
    };
    let megabytes = fs::metadata(&film).map_or(0.0, |metadata| metadata.len() as f64 / 1e6);
    let (mut ours, mut theirs, mut copies) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.extend(cost(&home, &mut tessera(&film)));
        theirs.extend(shaka(&film).and_then(|mut shaka| cost(&home, &mut shaka)));
        copies.extend(cost(&home, Command::new("cp").args([film.as_path(), Path::new("copy.mp4")])));
    }
    let _ = fs::remove_dir_all(&home); // a gigabyte
    let (ours, cp) = (best(&ours).expect("tessera packages"), best(&copies).expect("cp copies"));
    let method = format!(
        "10 minutes of 720p, {megabytes:.0} MB in the page cache, cbcs, HLS and DASH, into an empty folder; best of {ROUNDS}, alternating"
    );
    let mut figures = Vec::new();
    match best(&theirs) {
        Some(shaka) => {
            let mut beside = |name: &str, ours: f64, unit, theirs: f64, wanted: f64| {
                let figure = Figure::beside(name, ours, unit, Better::Lower, ("Shaka Packager 3.8", theirs));
                figures.push(figure.wanting(wanted).by(method.as_str()));
            };
            beside("tessera package: time by the wall", ours.wall, "s", shaka.wall, 1.0 / 3.0);
            beside("tessera package: processor time", ours.cpu, "s", shaka.cpu, 1.0 / 3.0);
            beside("tessera package: memory", ours.memory, "MB", shaka.memory, 0.25);
        }
        None => eprintln!("Shaka Packager is not here (scripts/setup bench): packaging stands beside cp alone"),
    }
    let beside = Figure::beside("tessera package: time beside cp", ours.wall, "s", Better::Lower, ("cp", cp.wall));
    figures.push(beside.by("the same runs; cp copies the film"));
    figures
}

fn tessera(film: &Path) -> Command {
    let mut command = Command::new(binary());
    command.arg("package").arg(film).args(["--out", ".", "--key-id", KEY_ID, "--key", KEY]);
    command
}

fn shaka(film: &Path) -> Option<Command> {
    let cache = env::var_os("TESSERA_CACHE").map(PathBuf::from);
    let cache = cache.or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/tessera")))?;
    let program = Some(cache.join("bin/shaka-packager")).filter(|program| program.exists())?;
    let mut command = Command::new(program);
    let stream =
        |kind: &str| format!("in={},stream={kind},output={kind}.mp4,playlist_name={kind}.m3u8", film.display());
    command.args([stream("video"), stream("audio")]);
    command.args(["--enable_raw_key_encryption", "--protection_scheme", "cbcs", "--clear_lead", "0"]);
    command.args(["--keys", &format!("label=:key_id={KEY_ID}:key={KEY}"), "--iv", KEY_ID]);
    command.args(["--mpd_output", "manifest.mpd", "--hls_master_playlist_output", "main.m3u8"]);
    Some(command)
}

/// Runs it in an empty folder. Nothing waits to be written to the disk when it begins.
fn cost(home: &Path, command: &mut Command) -> Option<Cost> {
    let out = home.join("out");
    let _ = fs::remove_dir_all(&out); // the last run's, or none
    fs::create_dir(&out).expect("a folder can be made");
    crate::settle();
    command.current_dir(&out).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let child = command.spawn().ok()?;
    let ended = child.wait4().expect("a child can be waited for");
    assert!(ended.status.success(), "{command:?}: {}", ended.status);
    let used = ended.rusage;
    Some(Cost { wall: begun.elapsed(), cpu: used.utime + used.stime, memory: used.maxrss })
}

fn best(costs: &[Cost]) -> Option<Best> {
    Some(Best {
        wall: costs.iter().map(|cost| cost.wall).min()?.as_secs_f64(),
        cpu: costs.iter().map(|cost| cost.cpu).min()?.as_secs_f64(),
        memory: costs.iter().map(|cost| cost.memory).max()? as f64 / 1e6,
    })
}
