//! The rules that every payment gateway is held to.
//!
//! Fixture: `{"token": …, "declined_token": …, "others_token": …, "currency": "EUR"}` where charging `token` succeeds,
//! charging `declined_token` is declined, and `others_token` is one of the other tenant's that would succeed there. The
//! rules charge small amounts under fresh keys, and may run again and again.

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
        name: "a_key_charges_once",
        promise: "Repeating a charge with its key answers the same charge, and get_charge finds it under that key.",
        check: a_key_charges_once,
    },
    Rule {
        name: "two_at_once_with_one_key_charge_once",
        promise: "Two charges at once with one key are one charge; one of the two may be 409 in_progress.",
        check: two_at_once_with_one_key_charge_once,
    },
    Rule {
        name: "a_key_names_one_charge",
        promise: "The same key with another amount is 409 idempotency_conflict, and the first charge stands.",
        check: a_key_names_one_charge,
    },
    Rule {
        name: "a_key_is_required",
        promise: "A charge without an idempotency key is 400 idempotency_key_required.",
        check: a_key_is_required,
    },
    Rule {
        name: "declined_is_an_answer",
        promise: "A declined charge is a success of the operation, with a code and a message for the cardholder.",
        check: declined_is_an_answer,
    },
    Rule {
        name: "an_unknown_token_charges_nothing",
        promise: "A token that is not known is 404 token_not_found, and there is no charge under the key.",
        check: an_unknown_token_charges_nothing,
    },
    Rule {
        name: "other_tenants_are_not_found",
        promise: "Another tenant's token is 404 token_not_found and its charge 404 charge_not_found.",
        check: other_tenants_are_not_found,
    },
    Rule {
        name: "an_amount_is_positive",
        promise: "An amount of nothing or less is 400 invalid_request.",
        check: an_amount_is_positive,
    },
];

fn service() -> Actor {
    Actor::ours(Role::Service)
}

fn fresh_key() -> String {
    request_id().to_string()
}

fn charge(subject: &Subject<'_>, token: &str, amount: i64) -> Result<Value, Violation> {
    let money = json!({"amount_minor": amount, "currency": subject.given("/currency")?});
    Ok(json!({"payment_token": subject.given(token)?, "amount": money, "statement": "CONFORMANCE"}))
}

async fn found(subject: &Subject<'_>, actor: &Actor, key: &str) -> Result<Exchange, Violation> {
    subject.call("get_charge", actor, json!({"reference": key})).await
}

fn a_key_charges_once<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let key = fresh_key();
        let request = charge(subject, "/token", 101)?;
        let first = subject.call("create_charge", &service().with_key(&key), request.clone()).await?;
        first.ok()?;
        first.has("/reference", key.as_str())?;
        first.has("/state", "succeeded")?;
        first.has("/amount", request["amount"].clone())?;
        let again = subject.call("create_charge", &service().with_key(&key), request).await?;
        match again.ok()? == first.ok()? {
            true => found(subject, &service(), &key).await?.has("", first.ok()?.clone()),
            false => Err(again.violation("repeating a charge must answer the first one")),
        }
    })
}

fn two_at_once_with_one_key_charge_once<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let key = fresh_key();
        let (actor, request) = (service().with_key(&key), charge(subject, "/token", 102)?);
        let call = || subject.call("create_charge", &actor, request.clone());
        let (one, two) = join(call(), call()).await;
        let (one, two) = (one?, two?);
        for exchange in [&one, &two].into_iter().filter(|exchange| exchange.ok().is_err()) {
            exchange.refused(409, "in_progress")?;
        }
        match one.ok().is_err() && two.ok().is_err() {
            true => Err(two.violation("one of two charges at once must be answered")),
            false => found(subject, &service(), &key).await?.has("/state", "succeeded"),
        }
    })
}

fn a_key_names_one_charge<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let key = fresh_key();
        let actor = service().with_key(&key);
        subject.call("create_charge", &actor, charge(subject, "/token", 103)?).await?.ok()?;
        let other = subject.call("create_charge", &actor, charge(subject, "/token", 104)?).await?;
        other.refused(409, "idempotency_conflict")?;
        found(subject, &service(), &key).await?.has("/amount/amount_minor", 103)
    })
}

fn a_key_is_required<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let answer = subject.call("create_charge", &service(), charge(subject, "/token", 105)?).await?;
        answer.refused(400, "idempotency_key_required").map(drop)
    })
}

fn declined_is_an_answer<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let actor = service().with_key(fresh_key());
        let answer = subject.call("create_charge", &actor, charge(subject, "/declined_token", 106)?).await?;
        answer.ok()?;
        answer.has("/state", "declined")?;
        let text = |name: &str| answer.body[name].as_str().is_some_and(|text| !text.is_empty());
        match text("decline_code") && text("decline_message") {
            true => Ok(()),
            false => Err(answer.violation("a declined charge says why, as a code and in words")),
        }
    })
}

fn an_unknown_token_charges_nothing<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let key = fresh_key();
        let mut request = charge(subject, "/token", 107)?;
        request["payment_token"] = fresh_key().into();
        let answer = subject.call("create_charge", &service().with_key(&key), request).await?;
        answer.refused(404, "token_not_found")?;
        found(subject, &service(), &key).await?.refused(404, "charge_not_found").map(drop)
    })
}

fn other_tenants_are_not_found<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let key = fresh_key();
        let (ours, theirs) = (service().with_key(&key), Actor::theirs(Role::Service));
        let answer = subject.call("create_charge", &ours, charge(subject, "/others_token", 108)?).await?;
        answer.refused(404, "token_not_found")?;
        subject.call("create_charge", &ours, charge(subject, "/token", 108)?).await?.ok()?;
        found(subject, &theirs, &key).await?.refused(404, "charge_not_found").map(drop)
    })
}

fn an_amount_is_positive<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        for amount in [0, -1, i64::MIN] {
            let actor = service().with_key(fresh_key());
            let answer = subject.call("create_charge", &actor, charge(subject, "/token", amount)?).await?;
            answer.refused(400, "invalid_request")?;
        }
        Ok(())
    })
}
