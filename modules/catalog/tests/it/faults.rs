//! What a catalog can get wrong, and the rule that finds it.

use tessera_contract_catalog::conformance::RULES;
use tessera_testing::{EVERY, Engine, Fault, Spoil, faults_are_caught};

const FAULTS: &[Fault] = &[
    Fault { at: "playable", spoil: Spoil::LetsInAnybody, caught_by: "anonymous_is_unauthenticated" },
    Fault { at: "create_title", spoil: Spoil::IgnoresScopes, caught_by: "wrong_role_is_forbidden" },
    Fault { at: "playable", spoil: Spoil::TrustsStaff, caught_by: "wrong_role_is_forbidden" },
    Fault { at: "get_title", spoil: Spoil::Renamed("/name", "title"), caught_by: "answers_match_their_schema" },
    Fault { at: "get_title", spoil: Spoil::Succeeds("title_not_found", "{}"), caught_by: "draft_is_not_found" },
    Fault {
        at: "playable",
        spoil: Spoil::Succeeds("title_not_found", "{}"),
        caught_by: "other_tenants_title_is_not_found",
    },
    Fault { at: "get_title", spoil: Spoil::Succeeds("title_not_found", "{}"), caught_by: "unknown_title_is_not_found" },
    Fault {
        at: "get_title",
        spoil: Spoil::Refuses("title_not_found", 403, "forbidden"),
        caught_by: "draft_is_not_found",
    },
    Fault { at: "get_title", spoil: Spoil::Set("/name", "\"Arrivals\""), caught_by: "published_title_is_found" },
    Fault { at: "playable", spoil: Spoil::Set("/version", "99"), caught_by: "playable_states_the_facts" },
    Fault { at: "list_titles", spoil: Spoil::NeverEnds, caught_by: "pages_cover_everything_once" },
    Fault { at: "list_titles", spoil: Spoil::RepeatsCursor, caught_by: "pages_cover_everything_once" },
    Fault { at: "list_titles", spoil: Spoil::Skips, caught_by: "pages_hold_each_entry_once" },
    Fault {
        at: "list_titles",
        spoil: Spoil::Renamed("/next_cursor", "nextCursor"),
        caught_by: "pages_hold_each_entry_once",
    },
    Fault { at: "list_titles", spoil: Spoil::Reads("limit", "5"), caught_by: "page_size_is_bounded" },
    Fault { at: "list_titles", spoil: Spoil::Ignores("cursor"), caught_by: "bad_cursor_is_refused" },
    Fault { at: "list_changes", spoil: Spoil::Ignores("cursor"), caught_by: "changes_go_on_from_the_cursor" },
    Fault { at: EVERY, spoil: Spoil::SetInRefusals("/detail", "null"), caught_by: "errors_are_problems" },
];

#[tokio::test]
async fn each_fault_of_a_catalog_is_caught_by_its_rule() {
    faults_are_caught("catalog", RULES, FAULTS, async || {
        let engine = Engine::sqlite();
        let catalog = crate::open(&engine).await;
        let fixture = crate::stocked(&catalog).await;
        (crate::apis(&catalog), fixture, engine)
    })
    .await;
}
