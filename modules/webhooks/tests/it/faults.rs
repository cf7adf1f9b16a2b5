//! What webhooks can get wrong, and the rule that finds it.

use serde_json::json;
use tessera_contract::Contract;
use tessera_contract_webhooks::{Webhooks, conformance::RULES};
use tessera_testing::{EVERY, Engine, Fault, Spoil, faults_are_caught};
use tessera_webhooks::WebhooksConfig;

use crate::world::{THING, World};

const NONE: &str = "{\"data\": []}";

const FAULTS: &[Fault] = &[
    Fault { at: "create_endpoint", spoil: Spoil::ForgetsKeys, caught_by: "an_endpoint_is_made_once_a_key" },
    Fault { at: "list_endpoints", spoil: Spoil::Skips, caught_by: "pages_hold_each_entry_once" },
    Fault { at: "list_endpoints", spoil: Spoil::NeverEnds, caught_by: "endpoints_are_listed_once" },
    Fault {
        at: "edit_endpoint",
        spoil: Spoil::Ignores("expected_version"),
        caught_by: "an_edit_is_seen_and_a_lost_race_is_412",
    },
    Fault {
        at: "ping_endpoint",
        spoil: Spoil::Refuses("endpoint_disabled", 404, "endpoint_not_found"),
        caught_by: "an_edit_is_seen_and_a_lost_race_is_412",
    },
    Fault { at: "rotate_secret", spoil: Spoil::ForgetsKeys, caught_by: "a_new_secret_is_another" },
    Fault { at: "list_deliveries", spoil: Spoil::Set("/data", "[]"), caught_by: "a_ping_is_a_delivery" },
    Fault { at: "get_delivery", spoil: Spoil::Set("/body", "\"{}\""), caught_by: "a_ping_is_a_delivery" },
    Fault {
        at: "create_endpoint",
        spoil: Spoil::Reads("url", "\"https://hooks.example/\""),
        caught_by: "what_cannot_be_called_is_refused",
    },
    Fault {
        at: "list_deliveries",
        spoil: Spoil::Succeeds("endpoint_not_found", NONE),
        caught_by: "a_deleted_endpoint_is_gone",
    },
    Fault { at: EVERY, spoil: Spoil::OneTenant, caught_by: "other_tenants_endpoints_are_not_found" },
    Fault { at: "list_endpoints", spoil: Spoil::Ignores("cursor"), caught_by: "bad_pages_are_refused" },
    Fault { at: "list_endpoints", spoil: Spoil::IgnoresScopes, caught_by: "wrong_role_is_forbidden" },
];

#[tokio::test]
async fn each_fault_of_webhooks_is_caught_by_its_rule() {
    faults_are_caught("webhooks", RULES, FAULTS, async || {
        let engine = Engine::sqlite();
        let config = WebhooksConfig { endpoints_per_tenant: 100, ..WebhooksConfig::default() };
        let world = World::open(&engine, config).await;
        let fixture = json!({"url": "https://hooks.example/tessera", "event_type": THING});
        (vec![<dyn Webhooks>::api(world.webhooks.clone())], fixture, engine)
    })
    .await;
}
