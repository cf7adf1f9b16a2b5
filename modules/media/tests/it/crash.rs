//! Processes that end in the middle, disks that are full: nothing is lost, nothing is there twice.

use std::{path::Path, sync::Arc, time::Duration};

use tessera_contract_media::{AssetFailed, AssetReady, AssetState};
use tessera_events::{Consumer, Log, decode};
use tessera_media::MediaConfig;
use tessera_store::{Migration, Module, Store, params};
use tessera_test_media::{Bench, picture};
use tessera_testing::{clock, cx, eventually, on_every_engine};
use tokio_util::sync::CancellationToken;

use crate::world::{World, config};

/// Stands for a consumer's store.
static FOLLOWER: Module = Module {
    name: "follower",
    migrations: &[Migration {
        name: "0001_told",
        sql: "create table told (tenant text not null, asset_id text not null, what text not null)",
        postgres: None,
    }],
};

/// What was told of the tenant's assets, in order of asset.
async fn told(media: &Store, follower: &Store, tenant: &str, expected: usize) -> Vec<(String, String)> {
    const ADD: &str = "insert into told (tenant, asset_id, what) values ($1, $2, $3)";
    const ALL: &str = "select asset_id, what from told where tenant = $1 order by asset_id";
    let consumer = Consumer::new("follower", Log::of(media), follower).on::<AssetReady>().on::<AssetFailed>();
    let stop = CancellationToken::new();
    let following = tokio::spawn(consumer.run(
        |tx, event| {
            Box::pin(async move {
                let asset = match decode::<AssetReady>(event) {
                    Ok(ready) => ready.asset,
                    Err(_) => decode::<AssetFailed>(event)?.asset,
                };
                let what = if asset.state == AssetState::Ready { "ready" } else { "failed" };
                tx.execute(ADD, params![&asset.asset_id, what]).await?;
                Ok(())
            })
        },
        stop.clone(),
    ));
    let all = eventually("the events to arrive", || async {
        let rows: Vec<(String, String)> = follower.tenant(&cx(tenant)).all(ALL, params![]).await.unwrap();
        (rows.len() >= expected).then_some(rows)
    })
    .await;
    stop.cancel();
    following.await.unwrap();
    all
}

fn long_film(bench: &Bench) -> Option<Vec<u8>> {
    let words = format!("{} -c:v libx264 -preset ultrafast -qp 30 film.mp4", picture("1280x720", 25, 2));
    bench.ffmpeg(&words).map(|_| bench.read("film.mp4"))
}

#[tokio::test]
async fn a_job_whose_process_was_killed_begins_again_and_nothing_is_doubled() {
    let bench = Bench::new();
    let Some(film) = long_film(&bench) else { return };
    on_every_engine(async |engine| {
        let clock = clock();
        let open = async || World::open_with(&engine.config, engine.folder().into(), clock.clone(), config()).await;
        let world = open().await;
        let (ours, theirs) = (world.film("acme", &film).await, world.film("globex", b"a letter").await);
        let working = world.work();
        let begun = world.once("acme", &ours, |asset| asset.stage.as_deref() == Some("transcoding")).await;
        working.kill().await;
        world.media.store().close().await;
        drop(world);
        assert_eq!(begun.state, AssetState::Processing);

        clock.advance(Duration::from_secs(60)); // the killed process's lease runs out
        let world = open().await;
        assert_eq!(world.asset("acme", &ours).await.state, AssetState::Processing);
        let working = world.work();
        let asset = world.ended("acme", &ours).await;
        assert_eq!(asset.state, AssetState::Ready, "{asset:?}");
        assert_eq!(world.ended("globex", &theirs).await.state, AssetState::Failed);
        working.stop().await;

        let follower = engine.open(&FOLLOWER).await;
        let ready = vec![(ours.to_string(), "ready".to_owned())];
        assert_eq!(told(world.media.store(), &follower, "acme", 1).await, ready);
        assert_eq!(
            told(world.media.store(), &follower, "globex", 1).await,
            [(theirs.to_string(), "failed".to_owned())]
        );
        world.media.sweep().await.unwrap();
        let folders: std::collections::BTreeSet<String> =
            world.blob_names("acme").await.iter().map(|name| name.rsplit_once('/').unwrap().0.to_owned()).collect();
        assert_eq!(folders.len(), 1, "one attempt's blobs and no chunk: {folders:?}");
        assert!(world.scratch().is_empty(), "no scratch is left");
    })
    .await;
}

#[tokio::test]
async fn a_stop_gives_the_job_up_and_ends_ffmpeg() {
    let bench = Bench::new();
    let Some(film) = long_film(&bench) else { return };
    on_every_engine(async |engine| {
        let world = World::open(engine).await;
        let id = world.film("acme", &film).await;
        let working = world.work();
        world.once("acme", &id, |asset| asset.stage.as_deref() == Some("transcoding")).await;
        let scratch = world.scratch().pop().expect("a scratch folder");
        working.kill().await;
        let here = || async { (!stands_in(&scratch)).then_some(()) };
        eventually("every child in the scratch folder to end", here).await;
        assert!(!scratch.exists(), "the scratch folder goes with its attempt");
    })
    .await;
}

/// Whether a process has `folder` as its working directory.
pub(crate) fn stands_in(folder: &Path) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes.map(|entry| std::fs::read_link(entry.path().join("cwd"))).any(|cwd| cwd.is_ok_and(|cwd| cwd == folder))
}

#[tokio::test]
async fn blobs_of_an_attempt_that_came_to_nothing_are_swept() {
    on_every_engine(async |engine| {
        let world = World::open(engine).await;
        let id = world.film("acme", b"a letter").await;
        let working = world.work();
        world.ended("acme", &id).await;
        working.stop().await;
        // As an attempt leaves it that was cut between storing and committing.
        let attempt: String = world
            .media
            .store()
            .system()
            .scalar("select attempt from attempts where asset_id = $1", params![&id])
            .await
            .unwrap();
        let left = format!("assets/{id}/{attempt}/v720.cmft");
        let blobs = world.blobs.tenant(&"acme".parse().unwrap());
        blobs.put(&left.parse().unwrap(), bytes::Bytes::from_static(b"left over")).await.unwrap();
        world.media.sweep().await.unwrap();
        let names = world.blob_names("acme").await;
        assert!(!names.contains(&left), "{names:?}");
    })
    .await;
}

#[tokio::test]
async fn what_is_not_the_sources_fault_is_tried_again_and_told_in_the_end() {
    let missing = MediaConfig { ffprobe: "no-such-program".into(), attempts: 2, ..config() };
    let bench = Bench::new();
    let Some(_) = bench.ffmpeg(&format!("{} -c:v libx264 film.mp4", picture("64x48", 10, 1))) else { return };
    for (config, word) in [(missing, "no-such-program")] {
        let engine = tessera_testing::Engine::sqlite();
        let clock = clock();
        let world = World::open_with(&engine.config, engine.folder().into(), clock.clone(), config).await;
        let id = world.film("acme", &bench.read("film.mp4")).await;
        let working = world.work();
        let jobs = world.media.store().jobs();
        let first = Arc::new(cx("acme").build());
        eventually("the first attempt to fail", || async {
            let job = jobs.get(&first, "transcode", id.as_str()).await.unwrap()?;
            job.error.is_some().then_some(())
        })
        .await;
        assert_eq!(world.asset("acme", &id).await.state, AssetState::Processing);
        clock.advance(Duration::from_secs(60)); // past the back-off
        let asset = world.ended("acme", &id).await;
        working.stop().await;
        let reason = asset.failure.expect("a failed asset says why");
        assert_eq!(reason.code, "internal", "{reason:?}");
        assert!(reason.message.contains(word), "{}", reason.message);
    }
}
