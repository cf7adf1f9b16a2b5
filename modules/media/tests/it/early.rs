//! Films that can be played in one rendition while the others are made.

use std::{collections::BTreeSet, time::Duration};

use tessera_contract_media::{Asset, AssetState, CancelAsset, GetDescriptor, Media, MediaError};
use tessera_media::{MediaConfig, Preset};
use tessera_test_media::{Bench, picture, tone};
use tessera_testing::{clock, cx, on_every_engine};

use crate::{
    steering::events,
    world::{World, config, staff},
};

fn film(bench: &Bench) -> Option<Vec<u8>> {
    let picture = picture("1280x720", 25, 9);
    let words = format!("{picture} {} -c:v libx264 -preset ultrafast -qp 30 -c:a aac film.mp4", tone(9.0));
    bench.ffmpeg(&words).map(|_| bench.read("film.mp4"))
}

fn early(chunk_seconds: u64) -> MediaConfig {
    MediaConfig { early_from_seconds: 5, encode_chunk_seconds: chunk_seconds, ..config() }
}

fn begun(asset: &Asset) -> bool {
    assert_eq!(asset.state, AssetState::Processing, "it can be played before it is ready: {asset:?}");
    asset.playable
}

#[tokio::test]
async fn a_film_is_played_in_one_rendition_while_the_others_are_made_and_nothing_named_goes() {
    let bench = Bench::new();
    let Some(film) = film(&bench) else { return };
    on_every_engine(async |engine| {
        for chunk_seconds in [3600, 4] {
            let config = early(chunk_seconds);
            let world = World::open_with(&engine.config, engine.folder().into(), clock(), config).await;
            let working = world.work();
            let id = world.film("acme", &film).await;
            let asset = world.once("acme", &id, begun).await;
            assert_eq!((asset.renditions, asset.duration_seconds), (vec![480], Some(9.0)));
            let first = world.descriptor("acme", &id).await;
            let names = |of: &tessera_contract_media::AssetDescriptor| {
                of.tracks.iter().map(|track| track.track_id.clone()).collect::<Vec<_>>()
            };
            assert_eq!((first.complete, names(&first)), (false, vec!["v480".to_owned(), "a1".into()]));
            let pictures = world.track("acme", &first, &first.tracks[0].blob).await;
            bench.write("early.mp4", &pictures);
            bench.ffmpeg("-xerror -i early.mp4 -f null -");

            let asset = world.ended("acme", &id).await;
            working.stop().await;
            assert_eq!((asset.state, asset.playable), (AssetState::Ready, true), "{asset:?}");
            let last = world.descriptor("acme", &id).await;
            assert_eq!(
                (last.complete, names(&last)),
                (true, ["v720", "v480", "v360", "v240", "a1"].map(Into::into).to_vec())
            );
            assert_eq!(first.tracks, [last.tracks[1].clone(), last.tracks[4].clone()], "what was named stays");
            assert_eq!((first.at_rest, first.poster_blob), (last.at_rest.clone(), last.poster_blob.clone()));
            world.media.sweep().await.unwrap();
            assert!(world.track("acme", &last, &last.tracks[1].blob).await == pictures, "and is what it was");
            let told = events(&world).await;
            let at = |name: &str| told.iter().rposition(|told| told == name);
            assert!(at("playable").is_some() && at("playable") < at("ready"), "{told:?}");
            world.media.store().close().await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_beginning_of_a_long_film_is_played_while_its_first_rendition_is_made_and_gets_longer() {
    let bench = Bench::new();
    let words = format!("{} {}", picture("640x360", 25, 60), tone(60.0));
    let Some(_) = bench.ffmpeg(&format!("{words} -c:v libx264 -preset ultrafast -qp 30 -c:a aac film.mp4")) else {
        return;
    };
    let film = bench.read("film.mp4");
    on_every_engine(async |engine| {
        let config = MediaConfig { preset: Preset::Veryfast, ..early(3600) };
        let world = World::open_with(&engine.config, engine.folder().into(), clock(), config).await;
        let working = world.work();
        let id = world.film("acme", &film).await;
        let asset = world.once("acme", &id, begun).await;
        assert_eq!(asset.renditions, [360]);
        assert!((asset.duration_seconds.unwrap() - 60.0).abs() < 0.1, "as long as it is going to be: {asset:?}");
        let first = world.descriptor("acme", &id).await;
        assert!(first.open_ended && !first.complete && first.tracks.len() == 2, "{first:?}");
        let mut beginnings = Vec::new();
        for track in &first.tracks {
            let bytes = world.track("acme", &first, &track.blob).await;
            assert!(bytes.len() as u64 >= track.size_bytes, "what is announced is there");
            beginnings.push(bytes);
        }
        bench.write("beginning.mp4", &beginnings[0]);
        bench.ffmpeg("-xerror -i beginning.mp4 -f null -");

        let whole = loop {
            world.once("acme", &id, begun).await;
            let descriptor = world.descriptor("acme", &id).await;
            if !descriptor.open_ended {
                break descriptor;
            }
            tokio::task::yield_now().await;
        };
        world.media.cancel_asset(&staff("acme"), CancelAsset { asset_id: id.clone() }).await.unwrap();
        working.stop().await;
        for ((before, after), beginning) in first.tracks.iter().zip(&whole.tracks).zip(&beginnings) {
            let bytes = world.track("acme", &whole, &after.blob).await;
            assert_eq!((&before.blob, &before.index_blob), (&after.blob, &after.index_blob));
            assert!(bytes.len() as u64 == after.size_bytes && bytes.starts_with(beginning), "it only gets longer");
        }
        let told = events(&world).await;
        assert_eq!(told.iter().filter(|told| *told == "playable").count(), 2, "its beginning, and all of it: {told:?}");
        world.media.store().close().await;
    })
    .await;
}

#[tokio::test]
async fn what_viewers_play_is_not_made_again_when_the_work_begins_anew() {
    let bench = Bench::new();
    let Some(film) = film(&bench) else { return };
    on_every_engine(async |engine| {
        let clock = clock();
        let open = async |chunk_seconds| {
            World::open_with(&engine.config, engine.folder().into(), clock.clone(), early(chunk_seconds)).await
        };
        let world = open(3600).await;
        let working = world.work();
        let id = world.film("acme", &film).await;
        world.once("acme", &id, begun).await;
        working.kill().await;
        let first = world.descriptor("acme", &id).await;
        let mut seen = Vec::new();
        for track in &first.tracks {
            seen.push(world.track("acme", &first, &track.blob).await);
        }
        world.media.store().close().await;

        clock.advance(Duration::from_secs(60)); // the killed process's lease runs out
        // The rest may be made otherwise than it was to be.
        let world = open(4).await;
        let working = world.work();
        let asset = world.ended("acme", &id).await;
        working.stop().await;
        assert_eq!(asset.state, AssetState::Ready, "{asset:?}");
        let last = world.descriptor("acme", &id).await;
        assert_eq!(first.tracks, [last.tracks[1].clone(), last.tracks[4].clone()], "what was named stays");
        assert_eq!((&first.at_rest, &first.poster_blob), (&last.at_rest, &last.poster_blob));
        world.media.sweep().await.unwrap();
        for (track, bytes) in first.tracks.iter().zip(&seen) {
            assert!(world.track("acme", &last, &track.blob).await == *bytes, "{} is what it was", track.track_id);
        }
        for track in &last.tracks {
            bench.write("track.mp4", &world.track("acme", &last, &track.blob).await);
            bench.ffmpeg("-xerror -i track.mp4 -f null -");
        }
        let tracks = last.tracks.iter().flat_map(|track| [track.blob.clone(), track.index_blob.clone()]);
        let tiles = last.thumbnails.iter().flat_map(|all| all.pictures.iter().map(|picture| picture.blob.clone()));
        let named: BTreeSet<String> = tracks.chain(tiles).chain(last.poster_blob.clone()).collect();
        assert_eq!(world.blob_names("acme").await.into_iter().collect::<BTreeSet<_>>(), named, "nothing is left over");
    })
    .await;
}

#[tokio::test]
async fn what_can_be_played_stays_while_the_work_begins_anew_and_goes_when_it_is_cancelled() {
    let bench = Bench::new();
    let Some(film) = film(&bench) else { return };
    on_every_engine(async |engine| {
        let clock = clock();
        let open = async || World::open_with(&engine.config, engine.folder().into(), clock.clone(), early(3600)).await;
        let world = open().await;
        let working = world.work();
        let id = world.film("acme", &film).await;
        world.once("acme", &id, begun).await;
        working.kill().await;
        world.media.store().close().await;

        clock.advance(Duration::from_secs(60)); // the killed process's lease runs out
        let world = open().await;
        let first = world.descriptor("acme", &id).await;
        let working = world.work();
        world.once("acme", &id, |asset| asset.stage.as_deref() == Some("probing") || asset.playable).await;
        world.media.sweep().await.unwrap();
        assert!(!world.track("acme", &first, &first.tracks[0].blob).await.is_empty(), "it is still there");
        let asset = world.asset("acme", &id).await;
        assert!(asset.playable, "{asset:?}");

        world.media.cancel_asset(&staff("acme"), CancelAsset { asset_id: id.clone() }).await.unwrap();
        working.stop().await;
        let request = GetDescriptor { asset_id: id.clone() };
        let refused = world.media.get_descriptor(&cx("acme").service("delivery"), request).await.unwrap_err();
        assert!(matches!(refused, MediaError::AssetNotReady(_)), "{refused:?}");
        world.media.sweep().await.unwrap();
        let names = world.blob_names("acme").await;
        assert!(names.iter().all(|name| name.starts_with("uploads/")), "{names:?}");
    })
    .await;
}
