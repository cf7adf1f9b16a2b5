//! The rules that every audit is held to.
//!
//! Fixture: `{"subject": who, "contract": name, "operation": name, "target": id, "others": id}` where at least three
//! records of `subject` calling `operation` about `target` are in the tenant's trail, among others of other callers, and
//! `others` is what a record of the other tenant is about.

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tessera_contract::conformance::{Actor, Exchange, Role, Rule, Subject, Violation};

type Check<'s> = BoxFuture<'s, Result<(), Violation>>;

/// The rules.
pub const RULES: &[Rule] = &[
    Rule {
        name: "records_are_listed_once_and_newest_first",
        promise: "Following next_cursor shows every record once; numbers go down without a gap.",
        check: records_are_listed_once_and_newest_first,
    },
    Rule {
        name: "a_filter_shows_what_fits_and_nothing_else",
        promise: "subject, contract, operation and target each show the records that have it, and those alone.",
        check: a_filter_shows_what_fits_and_nothing_else,
    },
    Rule {
        name: "from_and_until_bound_the_time",
        promise: "from is inclusive, until is not.",
        check: from_and_until_bound_the_time,
    },
    Rule {
        name: "other_tenants_records_are_not_shown",
        promise: "No record of another tenant is in any list.",
        check: other_tenants_records_are_not_shown,
    },
    Rule {
        name: "no_record_shows_a_secret",
        promise: "Fields that hold secrets, passwords, tokens or cards are redacted in a record's request.",
        check: no_record_shows_a_secret,
    },
    Rule { name: "bad_cursor_is_refused", promise: "A cursor that is not ours is 400.", check: bad_cursor_is_refused },
    Rule {
        name: "page_size_is_bounded",
        promise: "limit is 1 to 100; anything else is 400 invalid_request.",
        check: page_size_is_bounded,
    },
];

fn staff() -> Actor {
    Actor::ours(Role::Staff)
}

async fn list(subject: &Subject<'_>, request: Value) -> Result<Exchange, Violation> {
    let page = subject.call("list_records", &staff(), request).await?;
    page.ok()?;
    Ok(page)
}

fn records(page: &Exchange) -> impl Iterator<Item = &Value> {
    page.body["data"].as_array().into_iter().flatten()
}

/// Every record that fits, two a page.
async fn all(subject: &Subject<'_>, mut request: Value) -> Result<Vec<Value>, Violation> {
    let mut found = Vec::new();
    request["limit"] = 2.into();
    for _ in 0..1000 {
        let page = list(subject, request.clone()).await?;
        found.extend(records(&page).cloned());
        request["cursor"] = page.body["next_cursor"].clone();
        if request["cursor"].is_null() {
            return Ok(found);
        }
    }
    Err(Violation::new("list_records does not end: 1000 pages of 2"))
}

fn records_are_listed_once_and_newest_first<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let records = all(subject, json!({})).await?;
        let numbers: Vec<i64> = records.iter().filter_map(|record| record["number"].as_i64()).collect();
        let ids: BTreeSet<_> = records.iter().map(|record| record["record_id"].to_string()).collect();
        if records.len() < 3 || ids.len() != records.len() {
            return Err(Violation::new(format!("{} records, {} ids: {numbers:?}", records.len(), ids.len())));
        }
        match numbers.windows(2).all(|pair| pair[0] == pair[1] + 1) {
            true => Ok(()),
            false => Err(Violation::new(format!("the numbers are not newest first without a gap: {numbers:?}"))),
        }
    })
}

fn a_filter_shows_what_fits_and_nothing_else<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let everything = all(subject, json!({})).await?;
        for (filter, given) in
            [("subject", "/subject"), ("contract", "/contract"), ("operation", "/operation"), ("target", "/target")]
        {
            let wanted = subject.given(given)?;
            let fits = |record: &&Value| match filter {
                "target" => record["targets"].as_array().into_iter().flatten().any(|one| one["id"] == wanted.as_str()),
                _ => record[filter] == wanted.as_str(),
            };
            let expected: Vec<&Value> = everything.iter().filter(fits).collect();
            let found = all(subject, json!({ filter: wanted })).await?;
            if expected.len() < 3 || found.iter().collect::<Vec<_>>() != expected {
                let (found, expected) = (found.len(), expected.len());
                return Err(Violation::new(format!("{filter}={wanted} shows {found} records, {expected} have it")));
            }
            let none = all(subject, json!({ filter: "nobody-and-nothing" })).await?;
            if !none.is_empty() {
                return Err(Violation::new(format!("{filter}=nobody-and-nothing shows {} records", none.len())));
            }
        }
        Ok(())
    })
}

fn from_and_until_bound_the_time<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let everything = all(subject, json!({})).await?;
        let at = everything.first().map(|record| record["at"].clone()).unwrap_or_default();
        let (since, before) = (all(subject, json!({"from": at})).await?, all(subject, json!({"until": at})).await?);
        let newest = everything.first().map(|record| &record["record_id"]);
        let among = |list: &[Value]| list.iter().any(|record| Some(&record["record_id"]) == newest);
        match among(&since) && !among(&before) && since.len() + before.len() == everything.len() {
            true => Ok(()),
            false => {
                let (since, before, all) = (since.len(), before.len(), everything.len());
                Err(Violation::new(format!("from {at}: {since} records, until {at}: {before}, of {all}")))
            }
        }
    })
}

fn other_tenants_records_are_not_shown<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let others = subject.given("/others")?;
        for request in [json!({}), json!({"target": others})] {
            if all(subject, request).await?.iter().any(|record| record.to_string().contains(&others)) {
                return Err(Violation::new(format!("a record about the other tenant's {others} is shown")));
            }
        }
        Ok(())
    })
}

fn no_record_shows_a_secret<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        for record in all(subject, json!({})).await? {
            for (name, value) in record["request"].as_object().into_iter().flatten() {
                let hidden = ["secret", "password", "token", "card"].iter().any(|word| name.contains(word));
                if hidden && value != "[redacted]" {
                    return Err(Violation::new(format!("record {} shows {name}", record["record_id"])));
                }
            }
        }
        Ok(())
    })
}

fn bad_cursor_is_refused<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let answer = subject.call("list_records", &staff(), json!({"cursor": "not-one-of-yours"})).await?;
        answer.refused(400, "invalid_request").map(drop)
    })
}

fn page_size_is_bounded<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        for limit in [0, 101, 4_000_000] {
            let answer = subject.call("list_records", &staff(), json!({"limit": limit})).await?;
            answer.refused(400, "invalid_request")?;
        }
        Ok(())
    })
}
