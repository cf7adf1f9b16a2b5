//! The rules that every implementation is held to.
//!
//! Fixture: `{"viewer": account, "profile": id, "latest_title": id, "latest_position_seconds": number}` where `profile` is
//! `viewer`'s default profile and has watched at least three titles, `latest_title` last. All else the rules make
//! themselves, for accounts that carry the run's name.

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tessera_contract::conformance::{Actor, Exchange, Role, Rule, Subject, Violation};

type Check<'s> = BoxFuture<'s, Result<(), Violation>>;

/// The rules.
pub const RULES: &[Rule] = &[
    Rule {
        name: "every_account_has_a_profile",
        promise: "An account that was never seen has one profile, the same each time and to everybody who asks.",
        check: every_account_has_a_profile,
    },
    Rule {
        name: "an_edit_is_seen_at_once",
        promise: "An edited profile has its new name and age limit and a higher version, for its viewer and for modules.",
        check: an_edit_is_seen_at_once,
    },
    Rule {
        name: "a_lost_race_is_412",
        promise: "An edit made on another version than the current one is 412 version_conflict and changes nothing.",
        check: a_lost_race_is_412,
    },
    Rule {
        name: "a_name_is_bounded",
        promise: "A name is 1 to 40 characters; anything else is 400 invalid_request with the field.",
        check: a_name_is_bounded,
    },
    Rule {
        name: "another_accounts_profile_is_not_found",
        promise: "Another account's profile, of this tenant or another, is 404 profile_not_found, whatever is asked of it.",
        check: another_accounts_profile_is_not_found,
    },
    Rule {
        name: "progress_is_where_playback_left_it",
        promise: "get_progress answers the last position, and 0 for a title that was never watched; find_profile the same where it \
            says one.",
        check: progress_is_where_playback_left_it,
    },
    Rule {
        name: "progress_is_listed_latest_first",
        promise: "Following next_cursor shows each watched title once, the one watched last first.",
        check: progress_is_listed_latest_first,
    },
    Rule {
        name: "bad_pages_are_refused",
        promise: "A cursor that is not ours, and a limit outside 1 to 100, are 400 invalid_request.",
        check: bad_pages_are_refused,
    },
];

fn service() -> Actor {
    Actor::ours(Role::Service)
}

/// A viewer whom nobody has seen before, and its account.
fn newcomer(subject: &Subject<'_>, what: &str) -> Result<(Actor, String), Violation> {
    let account = format!("acc_{what}-{}", subject.given("/run")?);
    Ok((Actor::ours(Role::Viewer(account.clone())), account))
}

/// The viewer of the fixture.
fn watcher(subject: &Subject<'_>) -> Result<Actor, Violation> {
    Ok(Actor::ours(Role::Viewer(subject.given("/viewer")?)))
}

async fn profiles(subject: &Subject<'_>, viewer: &Actor) -> Result<Exchange, Violation> {
    let listed = subject.call("list_profiles", viewer, json!({})).await?;
    match listed.ok()?["data"].as_array().is_some_and(|data| !data.is_empty()) {
        true => Ok(listed),
        false => Err(listed.violation("expected at least one profile")),
    }
}

/// A new account's default profile.
async fn first(subject: &Subject<'_>, viewer: &Actor) -> Result<Value, Violation> {
    Ok(profiles(subject, viewer).await?.body["data"][0].clone())
}

fn edit(profile: &Value, name: &str) -> Value {
    json!({
        "profile_id": profile["profile_id"], "name": name, "age_limit": 12, "expected_version": profile["version"],
    })
}

fn every_account_has_a_profile<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (viewer, account) = newcomer(subject, "new")?;
        let found = subject.call("find_profile", &service(), json!({"account_id": account})).await?;
        let profile = found.ok()?["profile_id"].clone();
        found.has("/account_id", account)?;
        for _ in 0..2 {
            let listed = profiles(subject, &viewer).await?;
            listed.has("/data/0/profile_id", profile.clone())?;
            listed.has("/data/1", Value::Null)?;
        }
        Ok(())
    })
}

fn an_edit_is_seen_at_once<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (viewer, account) = newcomer(subject, "edit")?;
        let before = first(subject, &viewer).await?;
        let edited = subject.call("edit_profile", &viewer, edit(&before, "Zoë")).await?;
        edited.ok()?;
        if edited.body["version"].as_i64() <= before["version"].as_i64() {
            return Err(edited.violation("an edit must count the version up"));
        }
        let found = subject.call("find_profile", &service(), json!({"account_id": account})).await?;
        found.has("/name", "Zoë")?;
        found.has("/age_limit", 12)?;
        profiles(subject, &viewer).await?.has("/data/0", edited.body.clone())
    })
}

fn a_lost_race_is_412<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (viewer, _) = newcomer(subject, "race")?;
        let before = first(subject, &viewer).await?;
        subject.call("edit_profile", &viewer, edit(&before, "First")).await?.ok()?;
        let lost = subject.call("edit_profile", &viewer, edit(&before, "Second")).await?;
        lost.refused(412, "version_conflict")?;
        profiles(subject, &viewer).await?.has("/data/0/name", "First")
    })
}

fn a_name_is_bounded<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (viewer, _) = newcomer(subject, "name")?;
        let before = first(subject, &viewer).await?;
        for name in ["", "   ", "two\nlines", &"x".repeat(41)] {
            let refused = subject.call("edit_profile", &viewer, edit(&before, name)).await?;
            refused.refused(400, "invalid_request")?;
            refused.has("/param", "name")?;
        }
        subject.call("edit_profile", &viewer, edit(&before, &"ü".repeat(40))).await?.ok().map(drop)
    })
}

fn another_accounts_profile_is_not_found<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (owner, _) = newcomer(subject, "owner")?;
        let (other, other_account) = newcomer(subject, "other")?;
        let profile = first(subject, &owner).await?;
        let id = profile["profile_id"].clone();
        let namesake = Actor::theirs(owner.role.clone());
        for stranger in [&other, &namesake] {
            let edited = subject.call("edit_profile", stranger, edit(&profile, "Stolen")).await?;
            edited.refused(404, "profile_not_found")?;
            let listed = subject.call("list_progress", stranger, json!({"profile_id": id})).await?;
            listed.refused(404, "profile_not_found")?;
        }
        let find = json!({"account_id": other_account, "profile_id": id});
        subject.call("find_profile", &service(), find).await?.refused(404, "profile_not_found")?;
        let theirs = Actor::theirs(Role::Service);
        let find = json!({"account_id": profile["account_id"], "profile_id": id});
        subject.call("find_profile", &theirs, find).await?.refused(404, "profile_not_found")?;
        let position = json!({"profile_id": id, "title_id": "ttl_any"});
        subject.call("get_progress", &theirs, position).await?.refused(404, "profile_not_found")?;
        profiles(subject, &owner).await?.has("/data/0", profile)
    })
}

fn progress_is_where_playback_left_it<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (profile, title) = (subject.given("/profile")?, subject.given("/latest_title")?);
        let position = subject.fixture["latest_position_seconds"].clone();
        let account = subject.given("/viewer")?;
        for (title, position) in [(title.as_str(), position), ("ttl_never-watched", 0.into())] {
            let ask = json!({"profile_id": profile, "title_id": title});
            subject.call("get_progress", &service(), ask).await?.has("/position_seconds", position.clone())?;
            for profile in [Value::from(profile.clone()), Value::Null] {
                let find = json!({"account_id": account, "profile_id": profile, "title_id": title});
                let found = subject.call("find_profile", &service(), find).await?;
                if !found.ok()?["position_seconds"].is_null() {
                    found.has("/position_seconds", position.clone())?;
                }
            }
        }
        Ok(())
    })
}

fn progress_is_listed_latest_first<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (viewer, profile) = (watcher(subject)?, subject.given("/profile")?);
        let (mut seen, mut cursor, mut before) = (BTreeSet::new(), Value::Null, None::<String>);
        for number in 0..1000 {
            let list = json!({"profile_id": profile, "limit": 1, "cursor": cursor});
            let page = subject.call("list_progress", &viewer, list).await?;
            if number == 0 {
                page.has("/data/0/title_id", subject.given("/latest_title")?)?;
                page.has("/data/0/position_seconds", subject.fixture["latest_position_seconds"].clone())?;
            }
            for entry in page.ok()?["data"].as_array().into_iter().flatten() {
                if !seen.insert(entry["title_id"].to_string()) {
                    return Err(page.violation("this title was listed before"));
                }
                // RFC 3339 in UTC with varying fractions: compared as instants.
                let watched_at = entry["watched_at"].as_str().unwrap_or_default().to_owned();
                if before.as_deref().is_some_and(|before| later(&watched_at, before)) {
                    return Err(page.violation("this title was watched later than the one before it"));
                }
                before = Some(watched_at);
            }
            cursor = page.body["next_cursor"].clone();
            if cursor.is_null() {
                return match seen.len() >= 3 {
                    true => Ok(()),
                    false => Err(page.violation("the pages hold fewer than the three titles of the fixture")),
                };
            }
        }
        Err(Violation::new("list_progress does not end: 1000 pages of 1"))
    })
}

fn later(one: &str, other: &str) -> bool {
    let instant = |text: &str| text.parse::<tessera_types::Timestamp>().ok();
    instant(one) > instant(other)
}

fn bad_pages_are_refused<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (viewer, profile) = (watcher(subject)?, subject.given("/profile")?);
        for bad in [json!({"cursor": "not-one-of-yours"}), json!({"limit": 0}), json!({"limit": 101})] {
            let mut list = bad;
            list["profile_id"] = profile.clone().into();
            subject.call("list_progress", &viewer, list).await?.refused(400, "invalid_request")?;
        }
        Ok(())
    })
}
