//! What an identity can get wrong, and the rule that finds it.

use tessera_contract_identity::conformance::RULES;
use tessera_testing::{Engine, Fault, Spoil, faults_are_caught};

use crate::{keys, world::World};

const FAULTS: &[Fault] = &[
    Fault { at: "resolve_api_key", spoil: Spoil::LetsInAnybody, caught_by: "anonymous_is_unauthenticated" },
    Fault { at: "resolve_api_key", spoil: Spoil::TrustsStaff, caught_by: "wrong_role_is_forbidden" },
    Fault { at: "list_accounts", spoil: Spoil::IgnoresScopes, caught_by: "wrong_role_is_forbidden" },
    Fault { at: "resolve_api_key", spoil: Spoil::Stale, caught_by: "a_new_key_works_until_it_is_revoked" },
    Fault {
        at: "resolve_api_key",
        spoil: Spoil::Succeeds("api_key_not_found", "{}"),
        caught_by: "an_unknown_secret_is_not_found",
    },
    Fault {
        at: "revoke_api_key",
        spoil: Spoil::Succeeds("api_key_not_found", "{}"),
        caught_by: "other_tenants_key_is_not_found",
    },
    Fault { at: "create_api_key", spoil: Spoil::ForgetsKeys, caught_by: "a_key_is_made_once_for_an_idempotency_key" },
    Fault {
        at: "create_api_key",
        spoil: Spoil::KeysAreOfTheRequest,
        caught_by: "a_key_is_made_once_for_an_idempotency_key",
    },
    Fault { at: "create_api_key", spoil: Spoil::NeedsNoKey, caught_by: "a_key_is_made_once_for_an_idempotency_key" },
    Fault { at: "create_api_key", spoil: Spoil::Reads("name", "\"any\""), caught_by: "a_key_needs_a_name_and_scopes" },
    Fault {
        at: "create_api_key",
        spoil: Spoil::WithoutZone("/key/created_at"),
        caught_by: "answers_match_their_schema",
    },
    Fault {
        at: "rotate_api_key",
        spoil: Spoil::Succeeds("api_key_ended", "{}"),
        caught_by: "a_revoked_key_is_not_rotated",
    },
    Fault {
        at: "list_api_keys",
        spoil: Spoil::Set("/data/*/secret", "\"sk_test\""),
        caught_by: "keys_are_listed_once_and_without_their_secrets",
    },
    Fault { at: "list_api_keys", spoil: Spoil::Skips, caught_by: "pages_hold_each_entry_once" },
    Fault { at: "list_accounts", spoil: Spoil::Ignores("email"), caught_by: "an_account_is_found_by_its_address" },
    Fault { at: "list_accounts", spoil: Spoil::Reads("limit", "5"), caught_by: "page_size_is_bounded" },
];

#[tokio::test]
async fn each_fault_of_an_identity_is_caught_by_its_rule() {
    faults_are_caught("identity", RULES, FAULTS, async || {
        let engine = Engine::sqlite();
        let world = World::start(&engine).await;
        let fixture = keys::fixture(&world).await;
        (keys::apis(&world.identity), fixture, (world, engine))
    })
    .await;
}
