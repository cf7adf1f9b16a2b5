//! The built-in tenancy against its contract, and what it does besides.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod brands;
mod exports;
mod platform;
mod world;

use serde_json::json;
use tessera_contract::{Api, Contract};
use tessera_contract_tenancy::{Tenancy, TenancyManagement, TenancyPlatform, conformance::RULES};
use tessera_testing::{conforms, on_every_engine};

use crate::world::World;

#[tokio::test]
async fn tenancy_conforms_on_every_engine_and_binding() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        let apis = || -> Vec<Api> {
            vec![
                <dyn Tenancy>::api(world.brands.clone()),
                <dyn TenancyManagement>::api(world.brands.clone()),
                <dyn TenancyPlatform>::api(world.platform.clone()),
            ]
        };
        conforms("tenancy", RULES, apis, &json!({"name": "Acme Cinema"})).await;
    })
    .await;
}
