//! What a playback can get wrong, and the rule that finds it.

use tessera_contract::Contract;
use tessera_contract_playback::{PlaybackSessions, conformance::RULES};
use tessera_testing::{EVERY, Engine, Fault, Spoil, faults_are_caught};

use crate::Stage;

const FAULTS: &[Fault] = &[
    Fault { at: EVERY, spoil: Spoil::LetsInAnybody, caught_by: "anonymous_is_unauthenticated" },
    Fault { at: "start", spoil: Spoil::IgnoresScopes, caught_by: "wrong_role_is_forbidden" },
    Fault { at: "start", spoil: Spoil::ForgetsKeys, caught_by: "a_key_starts_once" },
    Fault { at: "start", spoil: Spoil::KeysAreOfTheRequest, caught_by: "a_key_starts_once" },
    Fault { at: "start", spoil: Spoil::NeedsNoKey, caught_by: "a_key_starts_once" },
    Fault { at: "start", spoil: Spoil::Without("/licence"), caught_by: "a_start_answers_all_that_a_player_needs" },
    Fault {
        at: "start",
        spoil: Spoil::Refuses("not_entitled", 403, "forbidden"),
        caught_by: "a_refusal_is_entitlements",
    },
    Fault { at: "start", spoil: Spoil::Succeeds("title_not_found", "{}"), caught_by: "what_is_not_there_is_not_found" },
    Fault { at: "start", spoil: Spoil::Reads("device_id", "\"d\""), caught_by: "a_device_is_named" },
    Fault {
        at: "heartbeat",
        spoil: Spoil::Set("/heartbeat_after_seconds", "0"),
        caught_by: "a_beat_holds_the_session",
    },
    Fault { at: "heartbeat", spoil: Spoil::OneAccount("acc_1"), caught_by: "a_session_is_its_accounts_alone" },
    Fault { at: "stop", spoil: Spoil::OneAccount("acc_1"), caught_by: "a_session_is_its_accounts_alone" },
    Fault { at: "heartbeat", spoil: Spoil::Succeeds("lease_lost", "{}"), caught_by: "a_device_plays_one_thing" },
    Fault { at: "stop", spoil: Spoil::Set("/position_seconds", "0"), caught_by: "stopping_twice_is_fine" },
    Fault { at: "stop", spoil: Spoil::AsText("/position_seconds"), caught_by: "answers_match_their_schema" },
];

#[tokio::test]
async fn each_fault_of_a_playback_is_caught_by_its_rule() {
    faults_are_caught("playback", RULES, FAULTS, async || {
        let engine = Engine::sqlite();
        let stage = Stage::open(&engine).await;
        (vec![<dyn PlaybackSessions>::api(stage.service.clone())], crate::fixture(), (stage, engine))
    })
    .await;
}
