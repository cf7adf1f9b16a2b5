//! The rules that every catalog is held to.
//!
//! Fixture: `{"published": id, "published_name": text, "locale": tag, "draft": id, "others": id, "asset": id}` where
//! `others` is published in the other tenant, and our tenant has at least three published titles.

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tessera_contract::conformance::{Actor, Role, Rule, Subject, Violation};

type Check<'s> = BoxFuture<'s, Result<(), Violation>>;

/// The rules.
pub const RULES: &[Rule] = &[
    Rule {
        name: "published_title_is_found",
        promise: "Anybody may fetch a published title, in the language asked for.",
        check: published_title_is_found,
    },
    Rule {
        name: "draft_is_not_found",
        promise: "A draft is 404 title_not_found to viewers and to playback, as if it did not exist.",
        check: draft_is_not_found,
    },
    Rule {
        name: "other_tenants_title_is_not_found",
        promise: "Another tenant's title is 404 title_not_found.",
        check: other_tenants_title_is_not_found,
    },
    Rule {
        name: "unknown_title_is_not_found",
        promise: "An id that nobody has is 404 title_not_found.",
        check: unknown_title_is_not_found,
    },
    Rule {
        name: "playable_states_the_facts",
        promise: "playable names the title's asset and version.",
        check: playable_states_the_facts,
    },
    Rule {
        name: "pages_cover_everything_once",
        promise: "Following next_cursor shows every published title once, no draft, and no other tenant's.",
        check: pages_cover_everything_once,
    },
    Rule { name: "bad_cursor_is_refused", promise: "A cursor that is not ours is 400.", check: bad_cursor_is_refused },
    Rule {
        name: "page_size_is_bounded",
        promise: "limit is 1 to 100; anything else is 400 invalid_request.",
        check: page_size_is_bounded,
    },
    Rule {
        name: "unknown_fields_are_refused_by_name",
        promise: "A field that the contract does not know is 400 and named, at the public edge.",
        check: unknown_fields_are_refused_by_name,
    },
    Rule {
        name: "changes_go_on_from_the_cursor",
        promise: "The feed of changes ends, and asking again with its last cursor gives nothing until something changes.",
        check: changes_go_on_from_the_cursor,
    },
];

fn anybody() -> Actor {
    Actor::ours(Role::Anonymous)
}

fn service() -> Actor {
    Actor::ours(Role::Service)
}

fn published_title_is_found<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (id, locale) = (subject.given("/published")?, subject.given("/locale")?);
        let title = subject.call("get_title", &anybody(), json!({"title_id": id, "locale": locale})).await?;
        title.ok()?;
        title.has("/title_id", id)?;
        title.has("/name", subject.given("/published_name")?)
    })
}

fn draft_is_not_found<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let id = subject.given("/draft")?;
        subject.call("get_title", &anybody(), json!({"title_id": id})).await?.refused(404, "title_not_found")?;
        subject.call("playable", &service(), json!({"title_id": id})).await?.refused(404, "title_not_found")?;
        Ok(())
    })
}

fn other_tenants_title_is_not_found<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let id = subject.given("/others")?;
        subject.call("get_title", &anybody(), json!({"title_id": id})).await?.refused(404, "title_not_found")?;
        subject.call("playable", &service(), json!({"title_id": id})).await?.refused(404, "title_not_found")?;
        Ok(())
    })
}

fn unknown_title_is_not_found<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let id = json!({"title_id": "ttl_nobody-knows-this"});
        subject.call("get_title", &anybody(), id.clone()).await?.refused(404, "title_not_found")?;
        subject.call("playable", &service(), id).await?.refused(404, "title_not_found").map(drop)
    })
}

fn playable_states_the_facts<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let id = subject.given("/published")?;
        let facts = subject.call("playable", &service(), json!({"title_id": id})).await?;
        facts.ok()?;
        facts.has("/asset_id", subject.given("/asset")?)?;
        let title = subject.call("get_title", &anybody(), json!({"title_id": id})).await?;
        facts.has("/version", title.ok()?["version"].clone())
    })
}

fn pages_cover_everything_once<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let hidden = [subject.given("/draft")?, subject.given("/others")?];
        let (mut seen, mut cursor) = (BTreeSet::new(), Value::Null);
        for _ in 0..1000 {
            let page = subject.call("list_titles", &anybody(), json!({"limit": 2, "cursor": cursor})).await?;
            for title in page.ok()?["data"].as_array().into_iter().flatten() {
                let id = title["title_id"].as_str().unwrap_or_default().to_owned();
                if hidden.contains(&id) {
                    return Err(page.violation(&format!("{id} must not be listed")));
                }
                if !seen.insert(id.clone()) {
                    return Err(page.violation(&format!("{id} was listed before")));
                }
            }
            cursor = page.body["next_cursor"].clone();
            if cursor.is_null() {
                return match seen.contains(&subject.given("/published")?) && seen.len() >= 3 {
                    true => Ok(()),
                    false => Err(page.violation("the pages do not hold every published title")),
                };
            }
        }
        Err(Violation::new("list_titles does not end: 1000 pages of 2"))
    })
}

fn bad_cursor_is_refused<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let answer = subject.call("list_titles", &anybody(), json!({"cursor": "not-one-of-yours"})).await?;
        answer.refused(400, "invalid_request").map(drop)
    })
}

fn page_size_is_bounded<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        for limit in [0, 101, 4_000_000] {
            let answer = subject.call("list_titles", &anybody(), json!({"limit": limit})).await?;
            answer.refused(400, "invalid_request")?;
        }
        Ok(())
    })
}

fn unknown_fields_are_refused_by_name<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let answer = subject.call("list_titles", &anybody(), json!({"colour": "red"})).await?;
        match answer.status {
            // Between services a field that is not known is ignored: then the answer is an ordinary page.
            200 => Ok(()),
            _ => answer.refused(400, "invalid_request").and(answer.has("/param", "colour")),
        }
    })
}

fn changes_go_on_from_the_cursor<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let mut cursor = Value::Null;
        for _ in 0..1000 {
            let changes = subject.call("list_changes", &service(), json!({"limit": 2, "cursor": cursor})).await?;
            cursor = changes.ok()?["next_cursor"].clone();
            if changes.body["data"].as_array().is_none_or(Vec::is_empty) {
                let again = subject.call("list_changes", &service(), json!({"cursor": cursor})).await?;
                return again.has("/data", json!([]));
            }
        }
        Err(Violation::new("list_changes does not end: 1000 pages of 2"))
    })
}
