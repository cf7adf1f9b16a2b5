//! The built-in DRM against its contract, and its licence server as players speak to it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod faults;
mod grants;
mod keys;
mod licences;
mod world;

use serde_json::json;
use tessera_contract::Contract;
use tessera_contract_drm::{Drm, conformance::RULES};
use tessera_testing::{conforms, on_every_engine};
use world::World;

#[tokio::test]
async fn the_drm_conforms_on_every_engine_and_binding() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        let fixture = json!({"asset": "ast_1", "other_asset": "ast_2"});
        conforms("drm", RULES, || vec![<dyn Drm>::api(world.drm.clone())], &fixture).await;
    })
    .await;
}
