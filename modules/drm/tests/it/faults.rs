//! What a DRM can get wrong, and the rule that finds it.

use serde_json::json;
use tessera_contract::Contract;
use tessera_contract_drm::{Drm, conformance::RULES};
use tessera_testing::{EVERY, Engine, Fault, Spoil, faults_are_caught};

use crate::world::World;

const FAULTS: &[Fault] = &[
    Fault { at: "get_content_key", spoil: Spoil::TrustsStaff, caught_by: "keys_are_for_services_alone" },
    Fault { at: "authorize_licence", spoil: Spoil::TrustsViewers, caught_by: "keys_are_for_services_alone" },
    Fault { at: EVERY, spoil: Spoil::OneTenant, caught_by: "keys_are_not_shared" },
    Fault { at: "get_content_key", spoil: Spoil::Set("/iv", "\"00\""), caught_by: "a_content_key_is_well_formed" },
    Fault { at: "get_content_key", spoil: Spoil::Ignores("label"), caught_by: "each_label_has_a_key_of_its_own" },
    Fault {
        at: "authorize_licence",
        spoil: Spoil::Set("/servers", "[]"),
        caught_by: "licence_access_names_servers_and_a_token",
    },
    Fault {
        at: "authorize_licence",
        spoil: Spoil::Reads("asset_id", "\"ast_1\""),
        caught_by: "a_malformed_id_is_refused_by_name",
    },
];

#[tokio::test]
async fn each_fault_of_a_drm_is_caught_by_its_rule() {
    faults_are_caught("drm", RULES, FAULTS, async || {
        let engine = Engine::sqlite();
        let world = World::on(&engine).await;
        let fixture = json!({"asset": "ast_1", "other_asset": "ast_2"});
        (vec![<dyn Drm>::api(world.drm.clone())], fixture, (world, engine))
    })
    .await;
}
