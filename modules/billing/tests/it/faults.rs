//! What a billing can get wrong, and the rule that finds it.

use tessera_contract_billing::conformance::RULES;
use tessera_testing::{EVERY, Engine, Fault, Spoil, faults_are_caught};

use crate::shop::Shop;

const FAULTS: &[Fault] = &[
    Fault { at: "create_checkout", spoil: Spoil::ForgetsKeys, caught_by: "a_key_buys_once" },
    Fault { at: "create_checkout", spoil: Spoil::KeysAreOfTheRequest, caught_by: "a_key_names_one_checkout" },
    Fault { at: "create_checkout", spoil: Spoil::NeedsNoKey, caught_by: "a_key_names_one_checkout" },
    Fault { at: "get_account", spoil: Spoil::LetsInAnybody, caught_by: "anonymous_is_unauthenticated" },
    Fault { at: EVERY, spoil: Spoil::OneAccount("acc_viewer"), caught_by: "a_checkout_is_its_buyers_alone" },
    Fault { at: EVERY, spoil: Spoil::OneTenant, caught_by: "a_checkout_is_its_buyers_alone" },
    Fault {
        at: "create_checkout",
        spoil: Spoil::Succeeds("card_declined", "{}"),
        caught_by: "a_declined_card_buys_nothing",
    },
    Fault {
        at: "create_checkout",
        spoil: Spoil::Refuses("card_declined", 409, "already_owned"),
        caught_by: "a_declined_card_buys_nothing",
    },
    Fault {
        at: "create_checkout",
        spoil: Spoil::Refuses("card_declined", 400, "card_declined"),
        caught_by: "errors_are_problems",
    },
    Fault {
        at: "create_checkout",
        spoil: Spoil::Succeeds("offer_not_found", "{}"),
        caught_by: "what_is_not_for_sale_is_not_found",
    },
    Fault {
        at: "create_checkout",
        spoil: Spoil::Succeeds("idempotency_conflict", "{}"),
        caught_by: "a_key_names_one_checkout",
    },
    Fault {
        at: "create_checkout",
        spoil: Spoil::Set("/amount/amount_minor", "1"),
        caught_by: "prices_are_never_the_clients",
    },
    Fault { at: "create_checkout", spoil: Spoil::Status(200), caught_by: "statuses_are_declared" },
    Fault {
        at: "create_checkout",
        spoil: Spoil::AsText("/amount/amount_minor"),
        caught_by: "answers_match_their_schema",
    },
    Fault { at: "create_checkout", spoil: Spoil::Set("/state", "\"paid\""), caught_by: "answers_match_their_schema" },
    Fault { at: "get_checkout", spoil: Spoil::Without("/state"), caught_by: "answers_match_their_schema" },
    Fault { at: "get_account", spoil: Spoil::Stale, caught_by: "two_at_once_with_one_key_buy_once" },
    Fault { at: "list_offers", spoil: Spoil::Ignores("plan"), caught_by: "offers_are_filtered" },
    Fault { at: "list_offers", spoil: Spoil::Skips, caught_by: "pages_hold_each_entry_once" },
    Fault { at: "list_offers", spoil: Spoil::RepeatsCursor, caught_by: "what_is_for_sale_is_listed_once" },
    Fault {
        at: "cancel_subscription",
        spoil: Spoil::Succeeds("subscription_not_found", "{}"),
        caught_by: "a_subscription_is_canceled_by_its_owner_as_often_as_they_like",
    },
];

#[tokio::test]
async fn each_fault_of_a_billing_is_caught_by_its_rule() {
    faults_are_caught("billing", RULES, FAULTS, async || {
        let engine = Engine::sqlite();
        let shop = Shop::open(&engine).await;
        let fixture = crate::stocked(&shop).await;
        (shop.apis(), fixture, (shop, engine))
    })
    .await;
}
