//! The built-in media module against its contract, and what it does besides.

#![allow(clippy::unwrap_used, reason = "a test's helpers are tests too")]

mod accepted;
mod beside;
mod buckets;
mod chunks;
mod crash;
mod early;
mod forge;
mod hdr;
mod hostile;
mod ladder;
mod odd;
mod pulls;
mod quotas;
mod refused;
mod rogue;
mod steering;
mod tus;
mod world;

use serde_json::json;
use tessera_contract::Contract;
use tessera_contract_media::{AssetState, Media, conformance::RULES};
use tessera_test_media::{Bench, picture};
use tessera_testing::{conforms, on_every_engine};

use world::World;

#[tokio::test]
async fn media_conforms_on_every_engine_and_binding() {
    let bench = Bench::new();
    let Some(_) = bench.ffmpeg(&format!("{} -c:v libx264 film.mp4", picture("64x48", 10, 1))) else { return };
    let film = bench.read("film.mp4");
    on_every_engine(async |engine| {
        let world = World::open(engine).await;
        let working = world.work();
        let ready = world.ended("acme", &world.film("acme", &film).await).await;
        assert_eq!(ready.state, AssetState::Ready, "{ready:?}");
        let failed = world.ended("acme", &world.film("acme", b"a letter").await).await;
        working.stop().await;
        let others = world.film("globex", &film).await;
        let fixture = json!({
            "ready": ready.asset_id, "failed": failed.asset_id, "others": others,
            "complete_upload": world.upload("acme", &film).await,
            "incomplete_upload": world.begin("acme", 1000).await,
            "others_upload": world.upload("globex", &film).await,
        });
        let media = || vec![<dyn Media>::api(world.media.clone())];
        conforms("media", RULES, media, &fixture).await;
    })
    .await;
}
