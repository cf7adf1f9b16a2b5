//! The built-in delivery against its contract, and its origin as players and CDNs speak to it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod allowances;
mod assets;
mod beside;
mod caching;
mod neighbours;
mod packaging;
mod posters;
mod schemes;
mod signalling;
mod signed_urls;
mod whole_tracks;
mod world;

use serde_json::json;
use tessera_contract::Contract;
use tessera_contract_delivery::{Delivery, conformance::RULES};
use tessera_test_media::Bench;
use tessera_testing::conforms;
use world::World;

#[tokio::test]
async fn the_delivery_conforms_on_every_binding() {
    let Some(sound) = assets::sound(&Bench::new()) else { return };
    let world = World::new().await;
    let sound = [sound];
    world.add("acme", "ast_1", "cbcs", &sound).await;
    world.add("acme", "ast_2", "clear", &sound).await;
    world.add("globex", "ast_3", "cbcs", &sound).await;
    world.assets.pending.lock().unwrap().push(("acme".into(), "ast_4".into()));
    let fixture = json!({"asset": "ast_1", "clear_asset": "ast_2", "pending": "ast_4", "others": "ast_3"});
    conforms("delivery", RULES, || vec![<dyn Delivery>::api(world.delivery.clone())], &fixture).await;
}
