//! The built-in webhooks against their contract, and what they do besides.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod deliveries;
mod endpoints;
mod faults;
mod signatures;
mod world;

use serde_json::json;
use tessera_contract::Contract;
use tessera_contract_webhooks::{Webhooks, conformance::RULES};
use tessera_testing::{conforms, on_every_engine};
use tessera_webhooks::WebhooksConfig;

use crate::world::{THING, World};

#[tokio::test]
async fn webhooks_conform_on_every_engine_and_binding() {
    on_every_engine(async |engine| {
        let config = WebhooksConfig { endpoints_per_tenant: 100, ..WebhooksConfig::default() };
        let world = World::open(engine, config).await;
        let fixture = json!({"url": "https://hooks.example/tessera", "event_type": THING});
        conforms("webhooks", RULES, || vec![<dyn Webhooks>::api(world.webhooks.clone())], &fixture).await;
    })
    .await;
}
