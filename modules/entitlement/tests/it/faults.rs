//! What an entitlement can get wrong, and the rule that finds it.

use serde_json::json;
use tessera_contract::Contract;
use tessera_contract_entitlement::{Entitlement, conformance::RULES};
use tessera_testing::{EVERY, Engine, Fault, Spoil, clock, faults_are_caught};

const FAULTS: &[Fault] = &[
    Fault { at: EVERY, spoil: Spoil::LetsInAnybody, caught_by: "anonymous_is_unauthenticated" },
    Fault { at: "decide", spoil: Spoil::LetsInAnybody, caught_by: "anonymous_is_unauthenticated" },
    Fault { at: "put_grant", spoil: Spoil::IgnoresScopes, caught_by: "wrong_role_is_forbidden" },
    Fault { at: "acquire_lease", spoil: Spoil::TrustsViewers, caught_by: "wrong_role_is_forbidden" },
    Fault { at: "renew_lease", spoil: Spoil::TrustsStaff, caught_by: "wrong_role_is_forbidden" },
    Fault { at: "put_grant", spoil: Spoil::Status(201), caught_by: "statuses_are_declared" },
    Fault { at: "acquire_lease", spoil: Spoil::Status(200), caught_by: "statuses_are_declared" },
    Fault { at: "release_lease", spoil: Spoil::Status(302), caught_by: "statuses_are_declared" },
    Fault { at: "put_grant", spoil: Spoil::Without("/grant_id"), caught_by: "answers_match_their_schema" },
    Fault {
        at: "list_grants",
        spoil: Spoil::Renamed("/data/*/max_streams", "maxStreams"),
        caught_by: "answers_match_their_schema",
    },
    Fault { at: "decide", spoil: Spoil::Set("/reason", "\"bought\""), caught_by: "answers_match_their_schema" },
    Fault { at: "put_grant", spoil: Spoil::AsText("/version"), caught_by: "answers_match_their_schema" },
    Fault { at: "put_grant", spoil: Spoil::WithoutZone("/starts_at"), caught_by: "answers_match_their_schema" },
    Fault { at: "acquire_lease", spoil: Spoil::WithoutZone("/expires_at"), caught_by: "answers_match_their_schema" },
    Fault { at: "put_grant", spoil: Spoil::Header("etag", None), caught_by: "a_version_is_the_etag" },
    Fault { at: "revoke_grant", spoil: Spoil::Header("etag", Some("1")), caught_by: "a_version_is_the_etag" },
    Fault {
        at: "decide",
        spoil: Spoil::Header("content-type", Some("text/html")),
        caught_by: "answers_name_their_type",
    },
    Fault { at: "decide", spoil: Spoil::Header("content-type", None), caught_by: "answers_name_their_type" },
    Fault { at: "decide", spoil: Spoil::Halved, caught_by: "bodies_are_whole_json" },
    Fault { at: "revoke_grant", spoil: Spoil::BreaksOff, caught_by: "bodies_are_whole_json" },
    Fault { at: "decide", spoil: Spoil::Padded(200 << 20), caught_by: "bodies_are_whole_json" },
    Fault { at: "decide", spoil: Spoil::Hasty, caught_by: "rate_limits_say_when_to_return" },
    Fault { at: EVERY, spoil: Spoil::SetInRefusals("/status", "500"), caught_by: "errors_are_problems" },
    Fault { at: EVERY, spoil: Spoil::SetInRefusals("/code", "\"no\""), caught_by: "errors_are_problems" },
    Fault {
        at: "acquire_lease",
        spoil: Spoil::Refuses("stream_limit_reached", 403, "not_entitled"),
        caught_by: "slots_are_counted",
    },
    Fault { at: "acquire_lease", spoil: Spoil::Succeeds("stream_limit_reached", "{}"), caught_by: "slots_are_counted" },
    Fault { at: "acquire_lease", spoil: Spoil::Reads("device_id", "\"one\""), caught_by: "slots_are_counted" },
    Fault { at: "release_lease", spoil: Spoil::Set("/released", "true"), caught_by: "slots_are_counted" },
    Fault { at: "renew_lease", spoil: Spoil::Succeeds("grant_revoked", "{}"), caught_by: "a_renewal_decides_again" },
    Fault { at: "renew_lease", spoil: Spoil::Stale, caught_by: "a_renewal_decides_again" },
    Fault { at: "renew_lease", spoil: Spoil::Succeeds("lease_not_found", "{}"), caught_by: "a_device_has_one_slot" },
    Fault {
        at: "renew_lease",
        spoil: Spoil::Refuses("lease_not_found", 404, "not_found"),
        caught_by: "what_is_not_there_is_not_found",
    },
    Fault {
        at: "revoke_grant",
        spoil: Spoil::Succeeds("grant_not_found", "{}"),
        caught_by: "what_is_not_there_is_not_found",
    },
    Fault { at: "decide", spoil: Spoil::Stale, caught_by: "a_revocation_is_seen_at_once" },
    Fault { at: "decide", spoil: Spoil::Set("/allowed", "true"), caught_by: "restrictions_only_deny" },
    Fault {
        at: "acquire_lease",
        spoil: Spoil::Succeeds("grant_ended", "{}"),
        caught_by: "a_grant_holds_from_its_start_to_its_end",
    },
    Fault { at: "put_grant", spoil: Spoil::Ignores("ends_at"), caught_by: "a_grant_holds_from_its_start_to_its_end" },
    Fault {
        at: "put_grant",
        spoil: Spoil::Reads("starts_at", "\"2020-01-01T00:00:00Z\""),
        caught_by: "a_grant_holds_from_its_start_to_its_end",
    },
    Fault { at: EVERY, spoil: Spoil::TimeStands, caught_by: "decisions_are_of_the_callers_time" },
    Fault { at: "put_grant", spoil: Spoil::Reads("max_streams", "1"), caught_by: "statements_are_checked" },
    Fault { at: "put_grant", spoil: Spoil::Reads("version", "1"), caught_by: "an_older_statement_changes_nothing" },
    Fault { at: EVERY, spoil: Spoil::OneTenant, caught_by: "grants_are_the_tenants_own" },
    Fault { at: "list_grants", spoil: Spoil::RepeatsCursor, caught_by: "pages_hold_each_entry_once" },
    Fault { at: "list_grants", spoil: Spoil::Skips, caught_by: "pages_hold_each_entry_once" },
    Fault { at: "list_grants", spoil: Spoil::Ignores("limit"), caught_by: "pages_hold_each_entry_once" },
    Fault { at: "list_grants", spoil: Spoil::Ignores("cursor"), caught_by: "a_feed_of_grants_goes_on" },
    Fault { at: "list_grants", spoil: Spoil::Ignores("account_id"), caught_by: "a_list_is_of_one_account" },
    Fault { at: "list_grants", spoil: Spoil::Reads("limit", "5"), caught_by: "pages_are_bounded" },
];

#[tokio::test]
async fn each_fault_of_an_entitlement_is_caught_by_its_rule() {
    faults_are_caught("entitlement", RULES, FAULTS, async || {
        let engine = Engine::sqlite();
        let entitlement = crate::open(&engine, clock()).await;
        (vec![<dyn Entitlement>::api(entitlement)], json!({}), engine)
    })
    .await;
}
