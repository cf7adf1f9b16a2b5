//! What a person does to assets in the making, and what is told of them meanwhile.

use tessera_contract::Cx;
use tessera_contract_media::{
    AssetState, CancelAsset, CreateAsset, GetAssetLog, GetDescriptor, ListAssets, Media, MediaError, PrioritizeAsset,
    Protection, RetryAsset,
};
use tessera_store::params;
use tessera_test_media::{Bench, picture, tone};
use tessera_testing::{clock, cx, eventually, on_every_engine};
use tessera_types::AssetId;

use crate::{
    crash::stands_in,
    world::{World, config, staff},
};

/// Takes some seconds to make.
fn film(bench: &Bench) -> Option<Vec<u8>> {
    let picture = picture("1280x720", 25, 6);
    let words = format!("{picture} {} -c:v libx264 -preset ultrafast -qp 30 -c:a aac film.mp4", tone(6.0));
    bench.ffmpeg(&words).map(|_| bench.read("film.mp4"))
}

async fn log(world: &World, id: &AssetId) -> Vec<String> {
    let log = world.media.get_asset_log(&staff("acme"), GetAssetLog { asset_id: id.clone() }).await.unwrap();
    log.lines.into_iter().map(|line| line.message).collect()
}

/// The types of all events of the store, in order.
pub(crate) async fn events(world: &World) -> Vec<String> {
    let batch = world.media.store().events_after(Default::default(), 1000).await.unwrap();
    let name = |kind: &str| kind.trim_start_matches("tessera.media.asset.").trim_end_matches(".v1").to_owned();
    batch.events.iter().map(|(_, event)| name(&event.kind)).collect()
}

#[tokio::test]
async fn a_running_job_is_cancelled_at_once_and_made_when_it_is_retried() {
    let bench = Bench::new();
    let Some(film) = film(&bench) else { return };
    on_every_engine(async |engine| {
        let world = World::open(engine).await;
        let id = world.film("acme", &film).await;
        let working = world.work();
        let begun = world.once("acme", &id, |asset| asset.work.is_some_and(|work| work.speed.is_some())).await;
        assert_eq!(begun.stage.as_deref(), Some("transcoding"), "{begun:?}");
        assert!(begun.work.is_some_and(|work| work.speed > Some(0.0) && work.seconds_left.is_some()), "{begun:?}");
        let scratch = world.scratch().pop().expect("a scratch folder");

        let cancel = || CancelAsset { asset_id: id.clone() };
        let cancelled = world.media.cancel_asset(&staff("acme"), cancel()).await.unwrap();
        assert_eq!((cancelled.state, cancelled.stage.as_deref()), (AssetState::Cancelled, None));
        eventually("the child to end", async || (!stands_in(&scratch)).then_some(())).await;
        eventually("the scratch folder to go", async || world.scratch().is_empty().then_some(())).await;
        let again = world.media.cancel_asset(&staff("acme"), cancel()).await.unwrap();
        assert_eq!(again.version, cancelled.version, "a second time changes nothing");
        let request = GetDescriptor { asset_id: id.clone() };
        let refused = world.media.get_descriptor(&cx("acme").service("delivery"), request).await.unwrap_err();
        assert!(matches!(refused, MediaError::AssetNotReady(_)), "{refused:?}");
        world.media.sweep().await.unwrap();
        let names = world.blob_names("acme").await;
        assert!(names.iter().all(|name| name.starts_with("uploads/")), "only the upload is kept: {names:?}");

        let retry = || RetryAsset { asset_id: id.clone() };
        let retried = world.media.retry_asset(&staff("acme"), retry()).await.unwrap();
        assert_eq!((retried.state, retried.progress_percent), (AssetState::Processing, 0));
        let ready = world.ended("acme", &id).await;
        working.stop().await;
        assert_eq!(ready.state, AssetState::Ready, "{ready:?}");
        let before = cancelled.work.map_or(0.0, |work| work.processor_seconds);
        let after = ready.work.unwrap();
        assert!(after.processor_seconds > 0.1 && after.processor_seconds > before, "{before} then {after:?}");
        let refused = world.media.retry_asset(&staff("acme"), retry()).await.unwrap_err();
        assert!(matches!(refused, MediaError::AssetNotRetryable(_)), "{refused:?}");
        let refused = world.media.cancel_asset(&staff("acme"), cancel()).await.unwrap_err();
        assert!(matches!(refused, MediaError::AssetNotProcessing(_)), "{refused:?}");

        let told = events(&world).await;
        let at = |name: &str| told.iter().position(|told| told == name);
        assert!(at("progressed") < at("cancelled") && at("cancelled") < at("ready"), "{told:?}");
        assert!(told.len() < 30, "some events an attempt: {told:?}");
        let lines = log(&world, &id).await;
        for wanted in ["submitted", "attempt 1", "cancelled", "retried", "ffmpeg ended well", "everything is stored"] {
            assert!(lines.iter().any(|line| line.starts_with(wanted)), "{wanted} is not in {lines:#?}");
        }
        assert!(lines.iter().any(|line| line.starts_with("ffmpeg -hide_banner") && line.contains("out/v720.cmft")));
        let folder = world.folder.display().to_string();
        assert!(lines.iter().all(|line| !line.contains(&folder) && !line.contains(" /")), "{lines:#?}");
    })
    .await;
}

#[tokio::test]
async fn a_job_that_waits_is_cancelled_and_never_begins() {
    on_every_engine(async |engine| {
        let world = World::open(engine).await;
        let (first, second) = (world.film("acme", b"a letter").await, world.film("acme", b"another").await);
        let request = CancelAsset { asset_id: first.clone() };
        world.media.cancel_asset(&staff("acme"), request).await.unwrap();
        let working = world.work();
        assert_eq!(world.ended("acme", &second).await.state, AssetState::Failed);
        working.stop().await;
        assert_eq!(world.asset("acme", &first).await.state, AssetState::Cancelled);
        assert_eq!(log(&world, &first).await, ["submitted", "cancelled"]);
        let request = ListAssets { state: Some(AssetState::Cancelled), ..ListAssets::default() };
        let listed = world.media.list_assets(&staff("acme"), request).await.unwrap();
        assert_eq!(listed.data.iter().map(|asset| &asset.asset_id).collect::<Vec<_>>(), [&first]);
    })
    .await;
}

#[tokio::test]
async fn an_asset_that_failed_is_retried_unless_its_upload_went_elsewhere() {
    on_every_engine(async |engine| {
        let world = World::open(engine).await;
        let id = world.film("acme", b"a letter").await;
        let working = world.work();
        world.ended("acme", &id).await;
        let retry = || RetryAsset { asset_id: id.clone() };
        world.media.retry_asset(&staff("acme"), retry()).await.unwrap();
        let failed = world.ended("acme", &id).await;
        assert_eq!((failed.state, failed.failure.map(|f| f.code)), (AssetState::Failed, Some("not_a_video".into())));
        working.stop().await;
        let other = world.submit("acme", failed.upload_id).await;
        let refused = world.media.retry_asset(&staff("acme"), retry()).await.unwrap_err();
        assert!(matches!(refused, MediaError::UploadInUse(_)), "{refused:?}");
        world.media.cancel_asset(&staff("acme"), CancelAsset { asset_id: other }).await.unwrap();
        world.clock.advance(config().upload_expiry);
        let refused = world.media.retry_asset(&staff("acme"), retry()).await.unwrap_err();
        assert!(matches!(refused, MediaError::UploadNotFound(_)), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn a_tenant_has_so_many_assets_in_the_making_and_no_more() {
    on_every_engine(async |engine| {
        let config = tessera_media::MediaConfig { tenant_jobs: 2, ..config() };
        let world = World::open_with(&engine.config, engine.folder().into(), clock(), config).await;
        let first = world.film("acme", b"1").await;
        world.film("acme", b"2").await;
        let upload_id = world.upload("acme", b"3").await;
        let create = async |cx: Cx| {
            let request =
                CreateAsset { upload_id: upload_id.clone(), protection: Protection::Clear, priority: Some(7) };
            world.media.create_asset(&cx, request).await
        };
        let refused = create(staff("acme").build()).await.unwrap_err();
        assert!(matches!(refused, MediaError::JobQuotaExceeded(_)), "{refused:?}");
        world.film("globex", b"another tenant has its own").await;
        world.media.cancel_asset(&staff("acme"), CancelAsset { asset_id: first.clone() }).await.unwrap();
        let made = create(staff("acme").build()).await.unwrap();
        assert_eq!(made.priority, 7);
        let refused = world.media.retry_asset(&staff("acme"), RetryAsset { asset_id: first }).await.unwrap_err();
        assert!(matches!(refused, MediaError::JobQuotaExceeded(_)), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn a_priority_is_that_of_the_job_and_stays_over_a_retry() {
    const PRIORITY: &str = "select priority from tessera_jobs where key = $1";
    on_every_engine(async |engine| {
        let world = World::open(engine).await;
        let id = world.film("acme", b"a letter").await;
        let request = PrioritizeAsset { asset_id: id.clone(), priority: -3 };
        let asset = world.media.prioritize_asset(&staff("acme"), request).await.unwrap();
        assert_eq!(asset.priority, -3);
        let queued = async || world.media.store().system().scalar::<i64>(PRIORITY, params![&id]).await;
        assert_eq!(queued().await.unwrap(), -3);
        world.media.cancel_asset(&staff("acme"), CancelAsset { asset_id: id.clone() }).await.unwrap();
        assert!(queued().await.is_err(), "the job is gone");
        world.media.retry_asset(&staff("acme"), RetryAsset { asset_id: id.clone() }).await.unwrap();
        assert_eq!(queued().await.unwrap(), -3);
    })
    .await;
}
