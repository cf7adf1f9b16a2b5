//! What a viewers can get wrong, and the rule that finds it.

use tessera_contract::Contract;
use tessera_contract_viewers::{Viewers, conformance::RULES};
use tessera_testing::{EVERY, Engine, Fault, Spoil, faults_are_caught};

use crate::PLAYBACK;

const FAULTS: &[Fault] = &[
    Fault { at: "edit_profile", spoil: Spoil::Ignores("expected_version"), caught_by: "a_lost_race_is_412" },
    Fault {
        at: "edit_profile",
        spoil: Spoil::Refuses("version_conflict", 409, "in_progress"),
        caught_by: "a_lost_race_is_412",
    },
    Fault { at: "edit_profile", spoil: Spoil::Header("etag", None), caught_by: "a_version_is_the_etag" },
    Fault { at: "edit_profile", spoil: Spoil::Set("/version", "1"), caught_by: "an_edit_is_seen_at_once" },
    Fault { at: "edit_profile", spoil: Spoil::Reads("name", "\"Any\""), caught_by: "a_name_is_bounded" },
    Fault { at: "list_profiles", spoil: Spoil::Stale, caught_by: "an_edit_is_seen_at_once" },
    Fault { at: EVERY, spoil: Spoil::OneTenant, caught_by: "another_accounts_profile_is_not_found" },
    Fault {
        at: "list_progress",
        spoil: Spoil::Succeeds("profile_not_found", "{\"data\": []}"),
        caught_by: "another_accounts_profile_is_not_found",
    },
    Fault { at: "list_progress", spoil: Spoil::NeverEnds, caught_by: "progress_is_listed_latest_first" },
    Fault {
        at: "list_progress",
        spoil: Spoil::WithoutZone("/data/*/watched_at"),
        caught_by: "answers_match_their_schema",
    },
    Fault { at: "list_progress", spoil: Spoil::Ignores("cursor"), caught_by: "bad_pages_are_refused" },
    Fault {
        at: "get_progress",
        spoil: Spoil::Set("/position_seconds", "1"),
        caught_by: "progress_is_where_playback_left_it",
    },
    Fault {
        at: "find_profile",
        spoil: Spoil::Set("/position_seconds", "1"),
        caught_by: "progress_is_where_playback_left_it",
    },
    Fault { at: "find_profile", spoil: Spoil::TrustsViewers, caught_by: "wrong_role_is_forbidden" },
];

#[tokio::test]
async fn each_fault_of_a_viewers_is_caught_by_its_rule() {
    faults_are_caught("viewers", RULES, FAULTS, async || {
        let engine = Engine::sqlite();
        let viewers = crate::open(&engine).await;
        let playback = engine.open(&PLAYBACK).await;
        let (fixture, following) = crate::watched(&viewers, &playback).await;
        following.stop().await; // the state is there
        (vec![<dyn Viewers>::api(viewers)], fixture, engine)
    })
    .await;
}
