//! What a payment gateway can get wrong, and the rule that finds it.

use tessera_contract_payment_gateway::conformance::RULES;
use tessera_testing::{EVERY, Engine, Fault, Spoil, clock, faults_are_caught};

const FAULTS: &[Fault] = &[
    Fault { at: "create_charge", spoil: Spoil::ForgetsKeys, caught_by: "a_key_charges_once" },
    Fault { at: "create_charge", spoil: Spoil::KeysAreOfTheRequest, caught_by: "a_key_names_one_charge" },
    Fault { at: "create_charge", spoil: Spoil::NeedsNoKey, caught_by: "a_key_is_required" },
    Fault { at: "create_charge", spoil: Spoil::Set("/state", "\"succeeded\""), caught_by: "declined_is_an_answer" },
    Fault {
        at: "create_charge",
        spoil: Spoil::Refuses("token_not_found", 400, "invalid_request"),
        caught_by: "an_unknown_token_charges_nothing",
    },
    Fault { at: EVERY, spoil: Spoil::OneTenant, caught_by: "other_tenants_are_not_found" },
    Fault { at: "get_charge", spoil: Spoil::Renamed("/reference", "ref"), caught_by: "answers_match_their_schema" },
    Fault { at: "create_charge", spoil: Spoil::TrustsViewers, caught_by: "wrong_role_is_forbidden" },
];

#[tokio::test]
async fn each_fault_of_a_gateway_is_caught_by_its_rule() {
    faults_are_caught("payment-gateway", RULES, FAULTS, async || {
        let engine = Engine::sqlite();
        let gateway = crate::open(&engine, clock()).await;
        let fixture = crate::cards(&gateway).await;
        (crate::apis(&gateway), fixture, engine)
    })
    .await;
}
