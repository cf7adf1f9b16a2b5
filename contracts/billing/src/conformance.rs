//! The rules that every billing is held to.
//!
//! Fixture: `{"plan_offer": …, "plan": …, "title_offer": …, "title": …, "any_title_offer": …, "archived_offer": …,
//! "others_offer": …, "token": …, "declined_token": …, "viewer": …, "neighbour": …}`: offers for sale, of a plan, of one
//! title and of any title; an offer that is archived and one of the other tenant; payment tokens that succeed at once
//! and that are declined; two viewers. The rules buy titles that they make up, and may run again and again.

use std::collections::BTreeSet;

use futures::future::{BoxFuture, join};
use serde_json::{Value, json};
use tessera_contract::{
    conformance::{Actor, Exchange, Role, Rule, Subject, Violation},
    request_id,
};

type Check<'s> = BoxFuture<'s, Result<(), Violation>>;

/// The rules.
pub const RULES: &[Rule] = &[
    Rule {
        name: "what_is_for_sale_is_listed_once",
        promise: "Following next_cursor shows every offer for sale once, none that is archived or another tenant's.",
        check: what_is_for_sale_is_listed_once,
    },
    Rule {
        name: "offers_are_filtered",
        promise: "By title: rentals of it or of any. By plan: subscriptions to it. By both: offers that pass either.",
        check: offers_are_filtered,
    },
    Rule {
        name: "pages_are_bounded",
        promise: "limit is 1 to 100, and a cursor is one of ours; anything else is 400 invalid_request.",
        check: pages_are_bounded,
    },
    Rule {
        name: "a_key_buys_once",
        promise: "Repeating a checkout with its key answers the same checkout, and the account has one purchase.",
        check: a_key_buys_once,
    },
    Rule {
        name: "two_at_once_with_one_key_buy_once",
        promise: "Two checkouts at once with one key are one purchase; one of the two may be 409 in_progress.",
        check: two_at_once_with_one_key_buy_once,
    },
    Rule {
        name: "two_at_once_with_two_keys_buy_once",
        promise: "Of two checkouts of one thing at once, one is 409 charge_pending or already_owned.",
        check: two_at_once_with_two_keys_buy_once,
    },
    Rule {
        name: "a_key_names_one_checkout",
        promise: "The same key with another request is 409 idempotency_conflict; no key is 400.",
        check: a_key_names_one_checkout,
    },
    Rule {
        name: "prices_are_never_the_clients",
        promise: "A price in a checkout is refused by name, or ignored between services: the offer's is charged.",
        check: prices_are_never_the_clients,
    },
    Rule {
        name: "a_declined_card_buys_nothing",
        promise: "A declined card is 402 card_declined, again for the same key, and another card may follow.",
        check: a_declined_card_buys_nothing,
    },
    Rule {
        name: "an_unknown_token_buys_nothing",
        promise: "A payment token that the gateway does not know is 400 payment_token_invalid.",
        check: an_unknown_token_buys_nothing,
    },
    Rule {
        name: "what_is_not_for_sale_is_not_found",
        promise: "An archived offer, and another tenant's, is 404 offer_not_found.",
        check: what_is_not_for_sale_is_not_found,
    },
    Rule {
        name: "a_checkout_is_its_buyers_alone",
        promise: "Another account's checkout is 404 checkout_not_found, in every tenant.",
        check: a_checkout_is_its_buyers_alone,
    },
    Rule {
        name: "a_subscription_is_canceled_by_its_owner_as_often_as_they_like",
        promise: "Canceling keeps the paid period, twice is fine, and another account's is 404 subscription_not_found.",
        check: a_subscription_is_canceled_by_its_owner,
    },
];

fn viewer(subject: &Subject<'_>) -> Result<Actor, Violation> {
    Ok(Actor::ours(Role::Viewer(subject.given("/viewer")?)))
}

fn neighbour(subject: &Subject<'_>) -> Result<Actor, Violation> {
    Ok(Actor::ours(Role::Viewer(subject.given("/neighbour")?)))
}

fn fresh() -> String {
    request_id().replace("req_", "conformance-")
}

/// A rental of a title that nobody has bought before.
fn rental(subject: &Subject<'_>, token: &str) -> Result<Value, Violation> {
    let (offer, token) = (subject.given("/any_title_offer")?, subject.given(token)?);
    Ok(json!({"offer_id": offer, "title_id": fresh(), "payment_token": token}))
}

async fn buy(subject: &Subject<'_>, key: &str, request: &Value) -> Result<Exchange, Violation> {
    subject.call("create_checkout", &viewer(subject)?.with_key(key), request.clone()).await
}

/// Expects the viewer's account to have bought the title of `request` so many times.
async fn bought(subject: &Subject<'_>, request: &Value, times: usize) -> Result<(), Violation> {
    let account = subject.call("get_account", &viewer(subject)?, json!({})).await?;
    let purchases = account.ok()?["purchases"].as_array();
    let found = purchases.into_iter().flatten().filter(|p| p["title_id"] == request["title_id"]).count();
    match found == times {
        true => Ok(()),
        false => Err(account.violation(&format!("expected {times} purchases of {}", request["title_id"]))),
    }
}

async fn listed(subject: &Subject<'_>, filter: Value) -> Result<BTreeSet<String>, Violation> {
    let (mut seen, mut cursor) = (BTreeSet::new(), Value::Null);
    for _ in 0..1000 {
        let mut request = filter.clone();
        request["limit"] = 2.into();
        request["cursor"] = cursor;
        let page = subject.call("list_offers", &Actor::ours(Role::Anonymous), request).await?;
        for offer in page.ok()?["data"].as_array().into_iter().flatten() {
            let id = offer["offer_id"].as_str().unwrap_or_default().to_owned();
            if !seen.insert(id) {
                return Err(page.violation("an offer was listed before"));
            }
        }
        cursor = page.body["next_cursor"].clone();
        if cursor.is_null() {
            return Ok(seen);
        }
    }
    Err(Violation::new("list_offers does not end: 1000 pages of 2"))
}

/// Expects the offers of the fixture that are `in_it` to be among `seen`, and the others not.
fn holds(subject: &Subject<'_>, seen: &BTreeSet<String>, in_it: &[&str]) -> Result<(), Violation> {
    for name in ["/plan_offer", "/title_offer", "/any_title_offer", "/archived_offer", "/others_offer"] {
        let expected = in_it.contains(&name);
        if seen.contains(&subject.given(name)?) != expected {
            let not = if expected { "" } else { "not " };
            return Err(Violation::new(format!("the list must {not}hold the fixture's {name}: {seen:?}")));
        }
    }
    Ok(())
}

fn what_is_for_sale_is_listed_once<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let seen = listed(subject, json!({})).await?;
        holds(subject, &seen, &["/plan_offer", "/title_offer", "/any_title_offer"])
    })
}

fn offers_are_filtered<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (title, plan) = (subject.given("/title")?, subject.given("/plan")?);
        for (filter, in_it) in [
            (json!({"title_id": title}), &["/title_offer", "/any_title_offer"][..]),
            (json!({"title_id": fresh()}), &["/any_title_offer"]),
            (json!({"plan": [plan]}), &["/plan_offer"]),
            (json!({"plan": ["no-such-plan", plan]}), &["/plan_offer"]),
            (json!({"plan": ["no-such-plan", "%"]}), &[]),
            (json!({"title_id": title, "plan": [plan]}), &["/plan_offer", "/title_offer", "/any_title_offer"]),
        ] {
            holds(subject, &listed(subject, filter).await?, in_it)?;
        }
        Ok(())
    })
}

fn pages_are_bounded<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        for request in [json!({"limit": 0}), json!({"limit": 101}), json!({"cursor": "not-one-of-yours"})] {
            let answer = subject.call("list_offers", &Actor::ours(Role::Anonymous), request).await?;
            answer.refused(400, "invalid_request")?;
        }
        Ok(())
    })
}

fn a_key_buys_once<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (key, request) = (fresh(), rental(subject, "/token")?);
        let first = buy(subject, &key, &request).await?;
        first.ok()?;
        first.has("/state", "succeeded")?;
        let again = buy(subject, &key, &request).await?;
        if again.ok()? != first.ok()? {
            return Err(again.violation("repeating a checkout must answer the first one"));
        }
        buy(subject, &fresh(), &request).await?.refused(409, "already_owned")?;
        let id = json!({"checkout_id": first.body["checkout_id"]});
        subject.call("get_checkout", &viewer(subject)?, id).await?.has("", first.body.clone())?;
        bought(subject, &request, 1).await
    })
}

fn two_at_once_with_one_key_buy_once<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (key, request) = (fresh(), rental(subject, "/token")?);
        let (one, two) = join(buy(subject, &key, &request), buy(subject, &key, &request)).await;
        let (one, two) = (one?, two?);
        for exchange in [&one, &two].into_iter().filter(|exchange| exchange.ok().is_err()) {
            exchange.refused(409, "in_progress")?;
        }
        if one.ok().is_ok() && two.ok().is_ok() && one.body["checkout_id"] != two.body["checkout_id"] {
            return Err(two.violation("one key must be one checkout"));
        }
        bought(subject, &request, 1).await
    })
}

fn two_at_once_with_two_keys_buy_once<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (keys, request) = ((fresh(), fresh()), rental(subject, "/token")?);
        let (one, two) = join(buy(subject, &keys.0, &request), buy(subject, &keys.1, &request)).await;
        let (one, two) = (one?, two?);
        let refused = if one.ok().is_ok() { &two } else { &one };
        refused.refused(409, "charge_pending").or_else(|_| refused.refused(409, "already_owned"))?;
        bought(subject, &request, 1).await
    })
}

fn a_key_names_one_checkout<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (key, request) = (fresh(), rental(subject, "/token")?);
        buy(subject, &key, &request).await?.ok()?;
        let other = rental(subject, "/token")?;
        buy(subject, &key, &other).await?.refused(409, "idempotency_conflict")?;
        bought(subject, &other, 0).await?;
        let keyless = subject.call("create_checkout", &viewer(subject)?, other).await?;
        keyless.refused(400, "idempotency_key_required").map(drop)
    })
}

fn prices_are_never_the_clients<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let mut request = rental(subject, "/token")?;
        request["amount"] = json!({"amount_minor": 1, "currency": "EUR"});
        let answer = buy(subject, &fresh(), &request).await?;
        if answer.ok().is_err() {
            answer.refused(400, "invalid_request")?;
            answer.has("/param", "amount")?;
            return bought(subject, &request, 0).await;
        }
        // Between services a field that is not known is ignored: then the offer's price was charged.
        match answer.body["amount"]["amount_minor"] == 1 {
            true => Err(answer.violation("the client's price was charged")),
            false => Ok(()),
        }
    })
}

fn a_declined_card_buys_nothing<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (key, mut request) = (fresh(), rental(subject, "/declined_token")?);
        let first = buy(subject, &key, &request).await?;
        first.refused(402, "card_declined")?;
        let again = buy(subject, &key, &request).await?;
        again.refused(402, "card_declined")?;
        again.has("/detail", first.body["detail"].clone())?;
        bought(subject, &request, 0).await?;
        request["payment_token"] = subject.given("/token")?.into();
        buy(subject, &fresh(), &request).await?.ok()?;
        bought(subject, &request, 1).await
    })
}

fn an_unknown_token_buys_nothing<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (key, mut request) = (fresh(), rental(subject, "/token")?);
        request["payment_token"] = fresh().into();
        for _ in 0..2 {
            buy(subject, &key, &request).await?.refused(400, "payment_token_invalid")?;
        }
        bought(subject, &request, 0).await
    })
}

fn what_is_not_for_sale_is_not_found<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        for offer in ["/archived_offer", "/others_offer"] {
            let mut request = rental(subject, "/token")?;
            request["offer_id"] = subject.given(offer)?.into();
            buy(subject, &fresh(), &request).await?.refused(404, "offer_not_found")?;
        }
        Ok(())
    })
}

fn a_checkout_is_its_buyers_alone<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let checkout = buy(subject, &fresh(), &rental(subject, "/token")?).await?;
        let id = json!({"checkout_id": checkout.ok()?["checkout_id"]});
        let elsewhere = Actor::theirs(Role::Viewer(subject.given("/viewer")?));
        for actor in [neighbour(subject)?, elsewhere] {
            subject.call("get_checkout", &actor, id.clone()).await?.refused(404, "checkout_not_found")?;
        }
        Ok(())
    })
}

fn a_subscription_is_canceled_by_its_owner<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let owner = viewer(subject)?;
        let request = json!({"offer_id": subject.given("/plan_offer")?, "payment_token": subject.given("/token")?});
        let checkout = buy(subject, &fresh(), &request).await?;
        if checkout.ok().is_err() {
            // From an earlier run: what is canceled is the account's until its period ends.
            checkout.refused(409, "already_owned")?;
        }
        let account = subject.call("get_account", &owner, json!({})).await?;
        let subscriptions = account.ok()?["subscriptions"].as_array().cloned().unwrap_or_default();
        let plan = subject.given("/plan")?;
        let found = subscriptions.into_iter().find(|subscription| subscription["plan"] == plan.as_str());
        let subscription = found.ok_or_else(|| account.violation("the account must have the subscription"))?;
        let id = json!({"subscription_id": subscription["subscription_id"]});
        let elsewhere = Actor::theirs(Role::Viewer(subject.given("/viewer")?));
        for actor in [neighbour(subject)?, elsewhere] {
            let answer = subject.call("cancel_subscription", &actor, id.clone()).await?;
            answer.refused(404, "subscription_not_found")?;
        }
        for _ in 0..2 {
            let canceled = subject.call("cancel_subscription", &owner, id.clone()).await?;
            canceled.ok()?;
            canceled.has("/state", "canceled")?;
            canceled.has("/period_ends_at", subscription["period_ends_at"].clone())?;
        }
        buy(subject, &fresh(), &request).await?.refused(409, "already_owned").map(drop)
    })
}
