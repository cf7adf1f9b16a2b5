//! A film encoded in parts by two workers, beside one run of FFmpeg; and how soon a long film can be played.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tessera_tests::{Browser, Site};
use tessera_types::Timestamp;

use crate::{
    figure::{Better, Figure},
    figures::footage::{self, ffmpeg},
    server::Server,
    world::{World, folder},
};

/// Two parts at a time in one process, and nothing made before the others.
const TWO_WORKERS: &str = "[media]\nconcurrent_chunks = 2\nencode_chunk_seconds = 30\nearly_from_seconds = 86400\n";
/// Of the film that is encoded, and of the one that is waited for.
const MINUTES: u32 = 3;
const LONG_MINUTES: u32 = 10;
const ROUNDS: usize = 2;
/// Kilobits a second at most of each rendition, as in the server's own ladder.
const LADDER: [(u32, u32); 4] = [(720, 2800), (480, 1400), (360, 800), (240, 400)];

/// Takes turns with FFmpeg, then waits for the beginning of a long film.
pub(crate) async fn transcoding(world: &World) -> Vec<Figure> {
    let home = folder("transcoding");
    let Some(film) = footage::make_film(&home, MINUTES) else {
        eprintln!("ffmpeg is not here (apt-get install ffmpeg): transcoding is left out");
        return Vec::new();
    };
    let server = Server::tessera_with(&world.data, &["serve"], TWO_WORKERS).await;
    let (mut whole, mut coding, mut theirs) = (f64::MAX, f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let ingested = ingesting(world, &server, &film).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(ingested.is_ok_and(|status| status.success()), "the film becomes a title");
        let log = Log::of(world, &server, &newest(world, &server).await).await;
        whole = whole.min(log.between("submitted", "everything is stored"));
        coding = coding.min(log.between("encoding in", "the parts are put together"));
        theirs = theirs.min(one_command(&home, &film));
    }
    server.stop().await;
    let method = format!(
        "{MINUTES} minutes of 720p into 720p, 480p, 360p and 240p with sound, parts of 30 s, two at a time, put together; best of {ROUNDS}, alternating"
    );
    let speed = |seconds: f64| f64::from(MINUTES) * 60.0 / seconds;
    let beside =
        |name, ours| Figure::beside(name, speed(ours), "× real time", Better::Higher, ("FFmpeg", speed(theirs)));
    let mut figures = vec![
        beside("encoding in parts", coding).wanting(0.95).by(method),
        beside("from submitted to ready", whole).by(
            "the same runs; FFmpeg measures no loudness, draws no poster and thumbnails, encrypts and stores nothing",
        ),
    ];
    let long = footage::make_film(&home, LONG_MINUTES).expect("FFmpeg is here");
    let server = Server::tessera(&world.data, &["serve"]).await;
    let seconds = until_playable(world, &server, &long).await;
    server.stop().await;
    let figure = Figure::against("a long film can be played", seconds, "s", Better::Lower, 15.0);
    figures
        .push(figure.by(format!("{LONG_MINUTES} minutes of 720p; from its submission, which follows its last byte")));
    figures
}

/// The command that makes a draft of a title of a film.
fn ingesting(world: &World, server: &Server, film: &Path) -> Command {
    let film = film.to_str().expect("a path is text");
    world.command(server, &["ingest", film, "--title", "Measured", "--draft", "--json"])
}

/// Seconds that one run of FFmpeg takes for the same renditions.
fn one_command(home: &Path, film: &Path) -> f64 {
    let split: String = (0..LADDER.len()).map(|number| format!("[s{number}]")).collect();
    let scaled = LADDER
        .iter()
        .enumerate()
        .map(|(number, (height, _))| format!(";[s{number}]scale=-2:{height}:flags=bicubic,format=yuv420p[v{number}]"));
    let filters = format!("[0:v]split={}{split}{}", LADDER.len(), scaled.collect::<String>());
    let mut command = ffmpeg(home);
    command.arg("-i").arg(film).args(["-filter_complex", &filters]);
    for (number, (height, kbps)) in LADDER.iter().enumerate() {
        command.args(["-map", &format!("[v{number}]"), "-c:v", "libx264", "-preset", "veryfast", "-crf", "23"]);
        command.args(["-profile:v", "high", "-x264-params", "scenecut=0:open-gop=0:keyint=50:min-keyint=50"]);
        command.args(["-maxrate", &format!("{kbps}k"), "-bufsize", &format!("{}k", 2 * kbps), "-g", "50"]);
        command.args(["-movflags", "+frag_keyframe+delay_moov+default_base_moof", &format!("v{height}.mp4")]);
    }
    command.args(["-map", "0:a", "-c:a", "aac", "-b:a", "128k", "a1.mp4"]);
    let began = Instant::now();
    assert!(command.status().is_ok_and(|status| status.success()), "ffmpeg encodes the film");
    began.elapsed().as_secs_f64()
}

/// Seconds from a film's submission until the beginning of it can be played; the work on it is cancelled then.
async fn until_playable(world: &World, server: &Server, film: &Path) -> f64 {
    let before = newest(world, server).await;
    let mut child =
        ingesting(world, server, film).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let playable = loop {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let now = newest(world, server).await;
        if now == before {
            continue;
        }
        let log = Log::of(world, server, &now).await;
        if log.has("can be played") {
            let cancelled = world.command(server, &["media", "cancel", &now]).stderr(Stdio::null()).status();
            assert!(cancelled.is_ok_and(|status| status.success()), "what is long can be cancelled");
            break log.between("submitted", "can be played");
        }
    };
    let _ = child.wait(); // it ends when the asset is cancelled
    playable
}

/// The id of the asset that was submitted last.
async fn newest(world: &World, server: &Server) -> String {
    let assets = read(world, server, "/media/v1/assets?limit=1").await;
    assets["data"][0]["asset_id"].as_str().expect("the demo has assets").to_owned()
}

async fn read(world: &World, server: &Server, path: &str) -> Value {
    let visitor: Browser = Site::new("demo", server.address.port()).visitor();
    let key = world.facts["staff_key"].as_str().expect("the demo has a key");
    let request = visitor.request(reqwest::Method::GET, path).header("authorization", format!("Bearer {key}"));
    visitor.send(request).await.ok()
}

/// When what was written to an asset's log.
struct Log(Vec<(Timestamp, String)>);

impl Log {
    async fn of(world: &World, server: &Server, asset: &str) -> Self {
        let log = read(world, server, &format!("/media/v1/assets/{asset}/log")).await;
        let line = |line: &Value| {
            let at = line["at"].as_str().and_then(|at| at.parse().ok()).expect("a line has a time");
            (at, line["message"].as_str().unwrap_or_default().to_owned())
        };
        Self(log["lines"].as_array().expect("a log has lines").iter().map(line).collect())
    }

    fn has(&self, text: &str) -> bool {
        self.0.iter().any(|(_, line)| line.contains(text))
    }

    /// Seconds between the first lines that contain these.
    fn between(&self, from: &str, to: &str) -> f64 {
        let at = |text: &str| {
            let found = self.0.iter().find(|(_, line)| line.contains(text));
            found.unwrap_or_else(|| panic!("no line of the log contains {text:?}: {:?}", self.0)).0
        };
        (at(to).as_micros() - at(from).as_micros()) as f64 / 1e6
    }
}
