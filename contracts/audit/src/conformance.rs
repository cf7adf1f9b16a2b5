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

/// How many records the rules look at, of a trail that may be very long.
const LOOKED_AT: usize = 200;
/// Records in the first pages, so that there are several, and in those after them.
const PAGES: [usize; 2] = [2, 50];

/// The newest records that fit, page by page, without those that came after `last`.
async fn newest(subject: &Subject<'_>, mut request: Value, last: Option<i64>) -> Result<Vec<Value>, Violation> {
    let mut found = Vec::new();
    while found.len() < LOOKED_AT {
        request["limit"] = PAGES[usize::from(found.len() > 5)].into();
        let page = list(subject, request.clone()).await?;
        let before = |record: &&Value| last.is_none_or(|last| record["number"].as_i64() <= Some(last));
        found.extend(records(&page).filter(before).cloned());
        request["cursor"] = page.body["next_cursor"].clone();
        if request["cursor"].is_null() {
            break;
        }
    }
    Ok(found)
}

/// The trail as it stood at one moment, as far back as the rules look. Others go on writing into it.
struct Trail {
    records: Vec<Value>,
    first: Option<i64>,
    last: Option<i64>,
}

impl Trail {
    async fn read(subject: &Subject<'_>) -> Result<Self, Violation> {
        let records = newest(subject, json!({}), None).await?;
        let number = |record: Option<&Value>| record.and_then(|record| record["number"].as_i64());
        Ok(Self { first: number(records.last()), last: number(records.first()), records })
    }

    /// What a filter shows, and what of it is in this part of the trail.
    async fn filtered(&self, subject: &Subject<'_>, request: Value) -> Result<(Vec<Value>, Vec<Value>), Violation> {
        let shown = newest(subject, request, self.last).await?;
        let within = shown.iter().filter(|record| record["number"].as_i64() >= self.first).cloned().collect();
        Ok((shown, within))
    }
}

fn records_are_listed_once_and_newest_first<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let records = newest(subject, json!({}), None).await?;
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
        let trail = Trail::read(subject).await?;
        for (filter, given) in
            [("subject", "/subject"), ("contract", "/contract"), ("operation", "/operation"), ("target", "/target")]
        {
            let wanted = subject.given(given)?;
            let fits = |record: &&Value| match filter {
                "target" => record["targets"].as_array().into_iter().flatten().any(|one| one["id"] == wanted.as_str()),
                _ => record[filter] == wanted.as_str(),
            };
            let expected: Vec<&Value> = trail.records.iter().filter(fits).collect();
            let (shown, within) = trail.filtered(subject, json!({ filter: wanted })).await?;
            let complete = within.iter().collect::<Vec<_>>() == expected;
            if shown.len() < 3 || !shown.iter().all(|record| fits(&record)) || !complete {
                let (within, expected, shown) = (within.len(), expected.len(), shown.len());
                let why = format!(
                    "{filter}={wanted} shows {shown} records; of the newest it shows {within}, {expected} have it"
                );
                return Err(Violation::new(why));
            }
            let none = newest(subject, json!({ filter: "nobody-and-nothing" }), None).await?;
            if !none.is_empty() {
                return Err(Violation::new(format!("{filter}=nobody-and-nothing shows {} records", none.len())));
            }
        }
        Ok(())
    })
}

fn from_and_until_bound_the_time<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let trail = Trail::read(subject).await?;
        let at = trail.records.first().map(|record| record["at"].clone()).unwrap_or_default();
        let since = trail.filtered(subject, json!({"from": at})).await?.1;
        let before = trail.filtered(subject, json!({"until": at})).await?.1;
        let newest = trail.records.first().map(|record| &record["record_id"]);
        let among = |list: &[Value]| list.iter().any(|record| Some(&record["record_id"]) == newest);
        match among(&since) && !among(&before) && since.len() + before.len() == trail.records.len() {
            true => Ok(()),
            false => {
                let (since, before, all) = (since.len(), before.len(), trail.records.len());
                Err(Violation::new(format!("from {at}: {since} records, until {at}: {before}, of {all}")))
            }
        }
    })
}

fn other_tenants_records_are_not_shown<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let others = subject.given("/others")?;
        for request in [json!({}), json!({"target": others})] {
            if newest(subject, request, None).await?.iter().any(|record| record.to_string().contains(&others)) {
                return Err(Violation::new(format!("a record about the other tenant's {others} is shown")));
            }
        }
        Ok(())
    })
}

fn no_record_shows_a_secret<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        for record in newest(subject, json!({}), None).await? {
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
