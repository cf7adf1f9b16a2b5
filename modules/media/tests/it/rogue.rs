//! An encoder that misbehaves, as one does that a film has taken over: the job ends, and nothing is left of it.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use tessera_contract_media::AssetState;
use tessera_media::MediaConfig;
use tessera_store::StoreConfig;
use tessera_test_media::{Bench, picture};
use tessera_testing::{clock, eventually, temp_dir};

use crate::world::{World, config};

/// A program in the place of FFmpeg's that anybody may run.
fn program(folder: &Path, name: &str, script: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    for path in [folder, &path] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    path.to_str().unwrap().to_owned()
}

/// Whether a process with this word in its command line runs.
fn runs(word: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.any(|line| line.split(|byte| *byte == 0).any(|known| known == word.as_bytes()))
}

#[tokio::test]
async fn a_rogue_encoder_ends_in_a_refusal_and_leaves_nothing() {
    let bench = Bench::new();
    let Some(_) = bench.ffmpeg(&format!("{} -c:v libx264 film.mp4", picture("64x64", 10, 1))) else { return };
    let film = bench.read("film.mp4");
    for (name, script, word) in [
        ("hangs", "exec sleep 1000.1001", "did nothing for 1 s"),
        ("floods its errors", "yes complaint >&2", "said more"),
        (
            "fills the disk",
            "while :; do i=$((i+1)); echo > out/$i; [ $i -lt 600 ] || { echo at work; sleep 0.1; }; done",
            "wrote more",
        ),
        ("eats memory", "exec dd if=/dev/zero of=/dev/null bs=64G count=1", "memory"),
        ("forks", "sleep 1000.1001 & setsid sleep 1000.1001 & exit 0", ""),
        ("leaves a link", "ln -s /etc/hostname out/v64.cmft", "not a file"),
        ("leaves a pipe", "mkfifo out/v64.cmft", "not a file"),
        ("leaves nothing", "exit 0", "not a file"),
        ("dies", "kill -SEGV $$", ""),
    ] {
        let folder = temp_dir();
        let config = MediaConfig {
            ffmpeg: program(folder.path(), "rogue", script),
            stall: Duration::from_secs(if name == "hangs" { 1 } else { 30 }),
            ..config()
        };
        let store = StoreConfig::sqlite(folder.path());
        let world = World::open_with(&store, folder.path().into(), clock(), config).await;
        let working = world.work();
        let id = world.film("acme", &film).await;
        let asset = world.ended("acme", &id).await;
        working.stop().await;
        let reason = asset.failure.expect("a failed asset says why");
        assert_eq!((asset.state, reason.code.as_str()), (AssetState::Failed, "transcode_failed"), "{name}: {reason:?}");
        assert!(reason.message.contains(word), "{name}: {}", reason.message);
        eventually("its processes to end", async || (!runs("1000.1001")).then_some(())).await;
        assert!(world.scratch().is_empty(), "{name}: scratch is left");
        world.media.sweep().await.unwrap();
        let names = world.blob_names("acme").await;
        assert!(names.iter().all(|blob| blob.starts_with("uploads/")), "{name}: {names:?}");
    }
}

#[tokio::test]
async fn a_rogue_probe_ends_in_a_refusal_too() {
    for (name, script, word) in [
        ("floods its output", "yes '{'", "said more"),
        ("talks nonsense", "echo '{\"streams\": [{\"index\": -1}]}'", "cannot be read"),
        ("eats memory", "exec dd if=/dev/zero of=/dev/null bs=64G count=1", "memory"),
    ] {
        let folder = temp_dir();
        let config = MediaConfig { ffprobe: program(folder.path(), "rogue", script), ..config() };
        let store = StoreConfig::sqlite(folder.path());
        let world = World::open_with(&store, folder.path().into(), clock(), config).await;
        let working = world.work();
        let asset = world.ended("acme", &world.film("acme", b"\0\0\0\x14ftypisom\0\0\x02\0isom").await).await;
        working.stop().await;
        let reason = asset.failure.expect("a failed asset says why");
        assert_eq!(asset.state, AssetState::Failed, "{name}");
        assert!(reason.message.contains(word), "{name}: {}", reason.message);
        assert!(world.scratch().is_empty(), "{name}: scratch is left");
    }
}
