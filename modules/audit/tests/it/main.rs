//! The built-in audit against its contract, and what it does besides.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod retention;
mod tampering;
mod trail;
mod world;

use serde_json::json;
use tessera_contract::Contract;
use tessera_contract_audit::{Audit, conformance::RULES};
use tessera_testing::{conforms, on_every_engine};

use crate::world::World;

#[tokio::test]
async fn the_audit_conforms_on_every_engine_and_binding() {
    on_every_engine(async |engine| {
        let world = World::open(engine).await;
        for n in 0..4 {
            world.done("acme", "key_1", "publish_title", "ttl_1").await;
            world.done("acme", "key_2", "create_offer", &format!("off_{n}")).await;
        }
        world.done("globex", "key_9", "publish_title", "ttl_9").await;
        let fixture = json!({
            "subject": "key_1", "contract": "catalog-management", "operation": "publish_title", "target": "ttl_1",
            "others": "ttl_9",
        });
        conforms("audit", RULES, || vec![<dyn Audit>::api(world.audit.clone())], &fixture).await;
    })
    .await;
}
