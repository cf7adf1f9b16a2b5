//! Films that are encoded in parts: the same film as one that was not.

use std::{collections::BTreeSet, time::Duration};

use tessera_contract_media::{AssetState, CancelAsset, GetAssetLog, Media};
use tessera_isobmff::TrackIndex;
use tessera_media::{MediaConfig, VideoCodec};
use tessera_store::{StoreConfig, params};
use tessera_test_media::{Bench, tone};
use tessera_testing::{ManualClock, clock, eventually, on_every_engine};
use tessera_types::AssetId;

use crate::{
    accepted::make,
    ladder::{self, rungs},
    world::{World, config, staff},
};

const SECONDS: f64 = 19.3;

/// Frames that come and go at a varying rate, with key pictures far apart and pictures in another order than they are
/// shown in: what goes wrong where parts meet.
fn film(bench: &Bench) -> Option<Vec<u8>> {
    let picture = format!("-f lavfi -i testsrc2=size=426x240:rate=50:duration={SECONDS}");
    let coded =
        "-filter:v select='not(mod(n,3))+lt(mod(n,150),75)' -fps_mode vfr -c:v libx264 -preset veryfast -g 300 -bf 3";
    let words = format!("{picture} {} {coded} -c:a aac film.mkv", tone(SECONDS));
    bench.ffmpeg(&words).map(|_| bench.read("film.mkv"))
}

fn in_parts(seconds: u64) -> MediaConfig {
    MediaConfig { encode_chunk_seconds: seconds, ..config() }
}

/// A track's id, its file in the clear, and its index.
type MadeTrack = (String, Vec<u8>, TrackIndex);

async fn tracks(world: &World, id: &AssetId) -> Vec<MadeTrack> {
    let descriptor = world.descriptor("acme", id).await;
    let mut tracks = Vec::new();
    for track in &descriptor.tracks {
        let clear = world.track("acme", &descriptor, &track.blob).await;
        let index = serde_json::from_slice(&world.blob("acme", &track.index_blob).await).unwrap();
        tracks.push((track.track_id.clone(), clear, index));
    }
    tracks
}

/// A sample's duration, composition offset, and whether it stands alone.
type Timed = (u32, i32, bool);

/// When each fragment begins, and its samples.
fn times(index: &TrackIndex) -> Vec<(u64, Vec<Timed>)> {
    let samples = |f: &tessera_isobmff::Fragment| {
        f.samples().map(|s| (s.duration, s.composition_offset, s.flags & 0x1_0000 == 0)).collect()
    };
    index.fragments().iter().map(|f| (f.base_decode_time(), samples(f))).collect()
}

/// How alike the frames of two films are, in dB.
fn likeness(bench: &Bench, one: &str, other: &str) -> Vec<f64> {
    let words = format!("-i {one} -i {other} -lavfi [0:v][1:v]psnr=stats_file=- -f null -");
    let told = String::from_utf8(bench.ffmpeg(&words).unwrap()).unwrap();
    let of = |line: &str| line.split("psnr_avg:").nth(1)?.split(' ').next().map(|db| db.parse().unwrap_or(f64::MAX));
    told.lines().filter_map(of).collect()
}

async fn world(engine: &tessera_testing::Engine, clock: &std::sync::Arc<ManualClock>, config: MediaConfig) -> World {
    World::open_with(&engine.config, engine.folder().into(), clock.clone(), config).await
}

/// How many parts of the asset are done, and how many there are.
async fn parts(world: &World, id: &AssetId) -> (i64, i64) {
    const PARTS: &str =
        "select cast(count(made) as bigint), cast(count(*) as bigint) from encoding_chunks where asset_id = $1";
    world.media.store().system().optional(PARTS, params![id]).await.unwrap().unwrap_or_default()
}

/// Holds tracks that were made in parts to those that were made at once.
fn are_the_same(bench: &Bench, whole: &[MadeTrack], parted: &[MadeTrack]) {
    assert_eq!(whole.len(), parted.len());
    for ((name, one, of_one), (_, other, of_other)) in whole.iter().zip(parted) {
        let (expected, found) = (times(of_one), times(of_other));
        assert_eq!(expected.len(), found.len(), "{name}: fragments");
        for (at, (expected, found)) in expected.iter().zip(&found).enumerate() {
            assert_eq!((expected.0, expected.1.len()), (found.0, found.1.len()), "{name}: fragment {at}");
            // Where B-frames stand is the encoder's choice; the first and how long each lasts are not.
            let fixed = |f: &[Timed]| (f[0], f.iter().map(|s| s.0).collect::<BTreeSet<_>>());
            assert_eq!(fixed(&expected.1), fixed(&found.1), "{name}: fragment {at}");
        }
        assert_eq!((of_one.codec.as_str(), of_one.edit), (of_other.codec.as_str(), of_other.edit), "{name}");
        bench.write("one.mp4", one);
        bench.write("other.mp4", other);
        if of_one.kind.is_video() {
            let frames: usize = expected.iter().map(|fragment| fragment.1.len()).sum();
            let alike = likeness(bench, "one.mp4", "other.mp4");
            let worst = alike.iter().copied().fold(f64::MAX, f64::min);
            // Rate control begins anew in each part, so bytes differ; a frame beside it is further off than the worst.
            bench.ffmpeg("-i other.mp4 -vf trim=start_frame=1,setpts=PTS-STARTPTS -c:v libx264 -qp 10 shifted.mp4");
            let shifted = likeness(bench, "one.mp4", "shifted.mp4");
            let beside = shifted.iter().sum::<f64>() / (shifted.len() as f64);
            let same = alike.len() == frames && worst > 28.0 && worst > beside + 1.0;
            assert!(same, "{name}: {} frames, the worst {worst:.1} dB, shifted by one {beside:.1} dB", alike.len());
            bench.ffmpeg("-xerror -i other.mp4 -f null -");
        } else {
            assert_eq!(one, other, "{name}: sound is made once, whole");
        }
    }
}

#[tokio::test]
async fn a_film_made_in_parts_by_workers_that_die_is_the_film_made_at_once() {
    let bench = Bench::new();
    let Some(film) = film(&bench) else { return };
    on_every_engine(async |engine| {
        let clock = clock();
        let at_once = world(engine, &clock, in_parts(3600)).await;
        let working = at_once.work();
        let id = at_once.film("acme", &film).await;
        assert_eq!(at_once.ended("acme", &id).await.state, AssetState::Ready);
        working.stop().await;
        let whole = tracks(&at_once, &id).await;
        at_once.media.store().close().await;

        let first = world(engine, &clock, in_parts(4)).await;
        let working = first.work();
        let id = first.film("acme", &film).await;
        eventually("a part to be done and others not", async || {
            let (done, all) = parts(&first, &id).await;
            assert!(all == 0 || done < all, "all {all} parts were done before one could be looked at");
            (done > 0).then_some(())
        })
        .await;
        working.kill().await;
        if let StoreConfig::Sqlite { .. } = &engine.config {
            first.media.store().close().await;
        }

        clock.advance(Duration::from_secs(60)); // the leases run out
        let second = first.beside(&engine.config, in_parts(4)).await;
        let working = second.work();
        let asset = second.ended("acme", &id).await;
        working.stop().await;
        assert_eq!(asset.state, AssetState::Ready, "{asset:?}");
        assert!(asset.work.is_some_and(|work| work.processor_seconds > 0.0), "{asset:?}");
        let log = second.media.get_asset_log(&staff("acme"), GetAssetLog { asset_id: id.clone() }).await.unwrap();
        let lines: Vec<String> = log.lines.into_iter().map(|line| line.message).collect();
        assert!(lines.iter().any(|line| line == "encoding in 4 parts"), "{lines:#?}");
        assert!(lines.iter().any(|line| line.ends_with("of 4 parts are there already")), "{lines:#?}");
        for part in 1..=4 {
            let stored = lines.iter().filter(|l| l.starts_with(&format!("part {part}:")) && l.ends_with("are stored"));
            assert_eq!(stored.count(), 1, "what was done was not done again: {lines:#?}");
        }

        let parted = tracks(&second, &id).await;
        are_the_same(&bench, &whole, &parted);
        second.media.sweep().await.unwrap();
        let folders: BTreeSet<String> =
            second.blob_names("acme").await.iter().map(|name| name.rsplit_once('/').unwrap().0.to_owned()).collect();
        assert_eq!(folders.len(), 2, "one folder an asset, none of parts: {folders:?}");
        // A source may be kept for a minute for other chunks of it.
        let left = second.scratch().into_iter().filter(|folder| !folder.display().to_string().contains("/source-"));
        assert_eq!(left.collect::<Vec<_>>(), [""; 0].map(std::path::PathBuf::from), "no scratch is left");
    })
    .await;
}

#[tokio::test]
async fn every_codecs_film_made_in_parts_is_the_film_made_at_once() {
    let bench = Bench::new();
    let Some(film) = film(&bench) else { return };
    let made = async |seconds| {
        let ladder = rungs(&[VideoCodec::Hevc, VideoCodec::Av1], &[240]);
        let (world, _folder) = ladder::world(MediaConfig { ladder, ..in_parts(seconds) }).await;
        let asset = make(&world, &film).await.asset;
        (asset.duration_seconds, tracks(&world, &asset.asset_id).await, parts(&world, &asset.asset_id).await)
    };
    let (whole, parted) = (made(3600).await, made(4).await);
    assert_eq!((whole.2, parted.2, whole.0), ((0, 0), (4, 4), parted.0));
    assert_eq!(whole.1.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(), ["v240-hevc", "v240-av1", "a1"]);
    are_the_same(&bench, &whole.1, &parted.1);
}

/// How many parts are in the hands of workers just now.
async fn leased(world: &World) -> i64 {
    const LEASED: &str =
        "select cast(count(*) as bigint) from tessera_jobs where kind = 'encode' and state = 'running'";
    world.media.store().system().scalar(LEASED, params![]).await.unwrap()
}

#[tokio::test]
async fn a_film_that_two_workers_make_at_the_same_instant_is_the_film_made_at_once() {
    let bench = Bench::new();
    let Some(film) = film(&bench) else { return };
    on_every_engine(async |engine| {
        let clock = clock();
        let at_once = world(engine, &clock, in_parts(3600)).await;
        let working = at_once.work();
        let id = at_once.film("acme", &film).await;
        assert_eq!(at_once.ended("acme", &id).await.state, AssetState::Ready);
        working.stop().await;
        let whole = tracks(&at_once, &id).await;
        at_once.media.store().close().await;

        // PostgreSQL serves several processes; one that has SQLite works on several parts itself.
        let is_shared = !matches!(&engine.config, StoreConfig::Sqlite { .. });
        let here = MediaConfig { concurrent_chunks: if is_shared { 1 } else { 2 }, ..in_parts(4) };
        let first = world(engine, &clock, here).await;
        let second = if is_shared { Some(first.beside(&engine.config, in_parts(4)).await) } else { None };
        let workers: Vec<_> = std::iter::once(&first).chain(&second).map(World::work).collect();
        let id = first.film("acme", &film).await;
        eventually("two parts to be made at once", async || {
            let (done, all) = parts(&first, &id).await;
            assert!(all == 0 || done < all, "all {all} parts were done before two were held at once");
            (leased(&first).await == 2).then_some(())
        })
        .await;
        let asset = first.ended("acme", &id).await;
        for worker in workers {
            worker.stop().await;
        }
        assert_eq!(asset.state, AssetState::Ready, "{asset:?}");
        let log = first.media.get_asset_log(&staff("acme"), GetAssetLog { asset_id: id.clone() }).await.unwrap();
        let lines: Vec<String> = log.lines.into_iter().map(|line| line.message).collect();
        for part in 1..=4 {
            let stored = lines.iter().filter(|l| l.starts_with(&format!("part {part}:")) && l.ends_with("are stored"));
            assert_eq!(stored.count(), 1, "a part is made by one of them: {lines:#?}");
        }
        are_the_same(&bench, &whole, &tracks(&first, &id).await);
    })
    .await;
}

#[tokio::test]
async fn cancelling_ends_every_part_and_leaves_nothing_of_them() {
    let bench = Bench::new();
    let Some(film) = film(&bench) else { return };
    on_every_engine(async |engine| {
        let clock = clock();
        let world = world(engine, &clock, in_parts(4)).await;
        let working = world.work();
        let id = world.film("acme", &film).await;
        eventually("a part to be done", async || (parts(&world, &id).await.0 > 0).then_some(())).await;
        world.media.cancel_asset(&staff("acme"), CancelAsset { asset_id: id.clone() }).await.unwrap();
        eventually("every scratch folder to go", async || world.scratch().is_empty().then_some(())).await;
        working.stop().await;
        const JOBS: &str = "select cast(count(*) as bigint) from tessera_jobs";
        let jobs: i64 = world.media.store().system().scalar(JOBS, params![]).await.unwrap();
        assert_eq!(jobs, 0, "no job is left");
        clock.advance(Duration::from_secs(2 * 60 * 60));
        world.media.sweep().await.unwrap();
        assert_eq!(parts(&world, &id).await, (0, 0));
        let names = world.blob_names("acme").await;
        assert!(names.iter().all(|name| name.starts_with("uploads/")), "{names:?}");
    })
    .await;
}
