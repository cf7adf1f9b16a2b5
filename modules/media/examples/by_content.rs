//! What `[media.ladder] by_content` saves: films made without and with it, and how like their source each rendition is.
//!
//! `cargo run --release -p tessera-media --example by_content [film …]`. Without films of your own it makes some of five seconds
//! with FFmpeg; those at hand may be short of what cameras see, so look at your own before you turn it on.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program for measuring")]

#[path = "../tests/it/world.rs"]
#[allow(dead_code, reason = "made for tests")]
mod world;

use std::{path::Path, time::Instant};

use tessera_contract_media::{AssetState, TrackKind};
use tessera_media::{LadderConfig, MediaConfig, Preset};
use tessera_store::StoreConfig;
use tessera_test_media::{Bench, shared};
use tessera_testing::{clock, temp_dir};

use world::World;

const CODED: &str = "-t 5 -c:v libx264 -preset ultrafast -crf 8 -pix_fmt yuv420p";
/// Films that FFmpeg draws: detail that moves, flat shapes, a still camera, noise.
const DRAWN: [(&str, &str); 4] = [
    ("mandelbrot", "-f lavfi -i mandelbrot=s=1280x720:r=25"),
    ("shapes", "-f lavfi -i testsrc2=s=1280x720:r=25"),
    ("slides", "-f lavfi -i gradients=s=1280x720:r=25:speed=0.02"),
    ("cells", "-f lavfi -i life=s=320x180:mold=10:r=25:ratio=0.1:seed=7,scale=1280:720:flags=neighbor"),
];

/// A rendition: how tall, kbit/s on average, SSIM of luma.
struct Rendition {
    height: u16,
    kbps: f64,
    ssim: f64,
}

#[tokio::main]
async fn main() {
    let bench = Bench::new();
    let mut films: Vec<(String, Vec<u8>)> =
        std::env::args().skip(1).map(|path| (name(&path), std::fs::read(path).unwrap())).collect();
    if films.is_empty() {
        films = drawn(&bench);
    }
    println!("| film | rendition | kbit/s | SSIM | by content: kbit/s | SSIM | saved | seconds | by content |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (name, film) in &films {
        let (usual, took) = made(&bench, film, false).await;
        let (content, took_by_content) = made(&bench, film, true).await;
        for (one, other) in usual.iter().zip(&content) {
            let saved = 100.0 * (1.0 - other.kbps / one.kbps);
            print!("| {name} | {}p | {:.0} | {:.4} ", one.height, one.kbps, one.ssim);
            println!("| {:.0} | {:.4} | {saved:.0} % | {took:.1} | {took_by_content:.1} |", other.kbps, other.ssim);
        }
    }
}

fn name(path: &str) -> String {
    Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn drawn(bench: &Bench) -> Vec<(String, Vec<u8>)> {
    let mut films = Vec::new();
    if let Some(path) = shared("media/bbb_720p25_5s.mp4") {
        let film = std::fs::read(path).unwrap();
        bench.write("bunny.mp4", &film);
        bench.ffmpeg(&format!("-i bunny.mp4 -vf noise=alls=14:allf=t -an {CODED} grain.mp4"));
        films.push(("bunny".to_owned(), film));
        films.push(("bunny with grain".to_owned(), bench.read("grain.mp4")));
    }
    for (name, words) in DRAWN {
        bench.ffmpeg(&format!("{words} {CODED} {name}.mp4")).expect("FFmpeg is installed");
        films.push((name.to_owned(), bench.read(&format!("{name}.mp4"))));
    }
    films
}

/// The renditions of a film, and how many seconds it took to make them.
async fn made(bench: &Bench, film: &[u8], by_content: bool) -> (Vec<Rendition>, f64) {
    let folder = temp_dir();
    let ladder = LadderConfig { by_content, ..LadderConfig::default() };
    let config = MediaConfig { ladder, preset: Preset::Veryfast, ..world::config() };
    let world = World::open_with(&StoreConfig::sqlite(folder.path()), folder.path().into(), clock(), config).await;
    let working = world.work();
    let id = world.film("acme", film).await;
    let begun = Instant::now();
    let asset = world.ended("acme", &id).await;
    let took = begun.elapsed().as_secs_f64();
    working.stop().await;
    assert_eq!(asset.state, AssetState::Ready, "{asset:?}");
    bench.write("film", film);
    let descriptor = world.descriptor("acme", &id).await;
    let mut renditions = Vec::new();
    for track in descriptor.tracks.iter().filter(|track| track.kind == TrackKind::Video) {
        bench.write("track.mp4", &world.track("acme", &descriptor, &track.blob).await);
        let index: tessera_isobmff::TrackIndex =
            serde_json::from_slice(&world.blob("acme", &track.index_blob).await).unwrap();
        let tessera_isobmff::TrackKind::Video(format) = index.kind else { continue };
        let kbps = track.size_bytes as f64 * 8.0 / 1000.0 / descriptor.duration_seconds;
        renditions.push(Rendition { height: format.height, kbps, ssim: ssim(bench, format.width, format.height) });
    }
    (renditions, took)
}

/// How like `film` at this size `track.mp4` is.
fn ssim(bench: &Bench, width: u16, height: u16) -> f64 {
    let scaled = format!("[1:v]scale={width}:{height}:flags=bicubic,setsar=1,format=yuv420p,setpts=N/TB[film]");
    let compared = format!("{scaled};[0:v]setpts=N/TB[made];[made][film]ssim,metadata=print:key=lavfi.ssim.Y:file=-");
    let told = bench.ffmpeg(&format!("-i track.mp4 -i film -filter_complex {compared} -f null -")).unwrap();
    let text = String::from_utf8(told).unwrap();
    let found: Vec<f64> = text.lines().filter_map(|line| line.strip_prefix("lavfi.ssim.Y=")?.parse().ok()).collect();
    found.iter().sum::<f64>() / found.len() as f64
}
