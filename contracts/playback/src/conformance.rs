//! The rules that every implementation is held to.
//!
//! Fixture: `{"viewer": account, "title": id, "denied_title": id, "other_viewer": account, "other_title": id}` where
//! `viewer` may watch `title`, which is encrypted, on at least two devices at once, and has no grant for `denied_title`;
//! `other_viewer` is another account of the same tenant that may watch `title` too; `other_title` is the other tenant's.

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tessera_contract::conformance::{Actor, Exchange, Role, Rule, Subject, Violation};

type Check<'s> = BoxFuture<'s, Result<(), Violation>>;

/// The rules.
pub const RULES: &[Rule] = &[
    Rule {
        name: "a_start_answers_all_that_a_player_needs",
        promise: "A start names the session, where to fetch the media and its licences, and when to beat.",
        check: a_start_answers_all_that_a_player_needs,
    },
    Rule {
        name: "a_key_starts_once",
        promise: "The same Idempotency-Key and request answer the same session; another request with it is 409, none 400.",
        check: a_key_starts_once,
    },
    Rule {
        name: "what_is_not_there_is_not_found",
        promise: "A title that is not published, or another tenant's, is 404 title_not_found; a foreign profile likewise.",
        check: what_is_not_there_is_not_found,
    },
    Rule {
        name: "a_refusal_is_entitlements",
        promise: "A title that no grant opens is 403 not_entitled, with a reason that a person can read.",
        check: a_refusal_is_entitlements,
    },
    Rule {
        name: "a_device_is_named",
        promise: "device_id is 1 to 128 characters; anything else is 400 invalid_request with the field.",
        check: a_device_is_named,
    },
    Rule {
        name: "a_beat_holds_the_session",
        promise: "A beat answers when to beat again and until when the slot is held; its position is bounded.",
        check: a_beat_holds_the_session,
    },
    Rule {
        name: "a_session_is_its_accounts_alone",
        promise: "Another account's session, of this tenant or another, is 404 session_not_found and goes on.",
        check: a_session_is_its_accounts_alone,
    },
    Rule {
        name: "stopping_twice_is_fine",
        promise: "A stop answers where the next start resumes, as often as it is sent; beats after it are 404.",
        check: stopping_twice_is_fine,
    },
    Rule {
        name: "a_device_plays_one_thing",
        promise: "Starting again on the same device takes the slot from its session before, whose beat is 409 lease_lost.",
        check: a_device_plays_one_thing,
    },
];

fn viewer(subject: &Subject<'_>) -> Result<Actor, Violation> {
    Ok(Actor::ours(Role::Viewer(subject.given("/viewer")?)))
}

/// A press of play on a device that carries the rule's name.
fn press(subject: &Subject<'_>, title: &str, device: &str) -> Result<Value, Violation> {
    let device = format!("{device}-{}", subject.given("/run")?);
    Ok(json!({"title_id": title, "device_id": device, "device_name": "A television"}))
}

async fn start(subject: &Subject<'_>, actor: &Actor, key: &str, request: Value) -> Result<Exchange, Violation> {
    let key = format!("{key}-{}", subject.given("/run")?);
    subject.call("start", &actor.with_key(key), request).await
}

async fn started(subject: &Subject<'_>, what: &str) -> Result<Exchange, Violation> {
    let request = press(subject, &subject.given("/title")?, what)?;
    let started = start(subject, &viewer(subject)?, what, request).await?;
    started.ok()?;
    Ok(started)
}

async fn beat(subject: &Subject<'_>, actor: &Actor, session: &Value, position: u32) -> Result<Exchange, Violation> {
    subject.call("heartbeat", actor, json!({"session_id": session, "position_seconds": position})).await
}

async fn stop(subject: &Subject<'_>, actor: &Actor, session: &Value) -> Result<Exchange, Violation> {
    subject.call("stop", actor, json!({"session_id": session})).await
}

fn a_start_answers_all_that_a_player_needs<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let started = started(subject, "needs").await?;
        started.has("/title_id", subject.given("/title")?)?;
        for pointer in ["/session_id", "/profile_id", "/sources/0/hls_url", "/sources/0/dash_url", "/licence/token"] {
            if started.body.pointer(pointer).and_then(Value::as_str).is_none_or(str::is_empty) {
                return Err(started.violation(&format!("expected {pointer}")));
            }
        }
        if started.body.pointer("/licence/servers/0/url").is_none() || started.body["heartbeat_after_seconds"] == 0 {
            return Err(started.violation("expected a licence server for encrypted media, and a time to beat"));
        }
        stop(subject, &viewer(subject)?, &started.body["session_id"]).await?.ok().map(drop)
    })
}

fn a_key_starts_once<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (viewer, first) = (viewer(subject)?, started(subject, "once").await?);
        let session = &first.body["session_id"];
        started(subject, "once").await?.has("/session_id", session.clone())?;
        let other = press(subject, &subject.given("/title")?, "elsewhere")?;
        start(subject, &viewer, "once", other.clone()).await?.refused(409, "idempotency_conflict")?;
        subject.call("start", &viewer, other).await?.refused(400, "idempotency_key_required")?;
        stop(subject, &viewer, session).await?.ok()?;
        started(subject, "once").await?.has("/session_id", session.clone())
    })
}

fn what_is_not_there_is_not_found<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let viewer = viewer(subject)?;
        for title in ["ttl_not-there", &subject.given("/other_title")?] {
            let request = press(subject, title, "absent")?;
            start(subject, &viewer, &format!("absent-{title}"), request).await?.refused(404, "title_not_found")?;
        }
        let mut request = press(subject, &subject.given("/title")?, "absent")?;
        request["profile_id"] = "prf_not-there".into();
        start(subject, &viewer, "absent-profile", request).await?.refused(404, "profile_not_found").map(drop)
    })
}

fn a_refusal_is_entitlements<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let request = press(subject, &subject.given("/denied_title")?, "denied")?;
        let refused = start(subject, &viewer(subject)?, "denied", request).await?;
        refused.refused(403, "not_entitled")?;
        match refused.body["detail"].as_str().is_some_and(|detail| !detail.is_empty()) {
            true => Ok(()),
            false => Err(refused.violation("expected a detail that says why")),
        }
    })
}

fn a_device_is_named<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        for (number, device) in ["", "line\nbreak", &"x".repeat(129)].into_iter().enumerate() {
            let request = json!({"title_id": subject.given("/title")?, "device_id": device});
            let refused = start(subject, &viewer(subject)?, &format!("device-{number}"), request).await?;
            refused.refused(400, "invalid_request")?;
            refused.has("/param", "device_id")?;
        }
        Ok(())
    })
}

fn a_beat_holds_the_session<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (viewer, started) = (viewer(subject)?, started(subject, "beat").await?);
        let session = &started.body["session_id"];
        for position in [0, 10, 5] {
            let beat = beat(subject, &viewer, session, position).await?;
            if beat.ok()?["heartbeat_after_seconds"].as_u64().is_none_or(|seconds| seconds == 0) {
                return Err(beat.violation("expected a time to beat again"));
            }
        }
        let refused = beat(subject, &viewer, session, u32::MAX).await?;
        refused.refused(400, "invalid_request")?;
        refused.has("/param", "position_seconds")?;
        stop(subject, &viewer, session).await?.has("/position_seconds", 5)
    })
}

fn a_session_is_its_accounts_alone<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (owner, started) = (viewer(subject)?, started(subject, "own").await?);
        let session = &started.body["session_id"];
        let other = Actor::ours(Role::Viewer(subject.given("/other_viewer")?));
        let namesake = Actor::theirs(owner.role.clone());
        for stranger in [&other, &namesake] {
            beat(subject, stranger, session, 9).await?.refused(404, "session_not_found")?;
            stop(subject, stranger, session).await?.refused(404, "session_not_found")?;
        }
        beat(subject, &owner, session, 3).await?.ok()?;
        stop(subject, &owner, session).await?.has("/position_seconds", 3)
    })
}

fn stopping_twice_is_fine<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (viewer, started) = (viewer(subject)?, started(subject, "stop").await?);
        let session = &started.body["session_id"];
        let request = json!({"session_id": session, "position_seconds": 42});
        for _ in 0..2 {
            subject.call("stop", &viewer, request.clone()).await?.has("/position_seconds", 42)?;
        }
        beat(subject, &viewer, session, 43).await?.refused(404, "session_not_found")?;
        stop(subject, &viewer, session).await?.has("/position_seconds", 42)
    })
}

fn a_device_plays_one_thing<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (viewer, title) = (viewer(subject)?, subject.given("/title")?);
        let first = start(subject, &viewer, "device-1", press(subject, &title, "same")?).await?;
        let first = &first.ok()?["session_id"];
        let second = start(subject, &viewer, "device-2", press(subject, &title, "same")?).await?;
        let second = &second.ok()?["session_id"];
        beat(subject, &viewer, first, 1).await?.refused(409, "lease_lost")?;
        beat(subject, &viewer, first, 1).await?.refused(404, "session_not_found")?;
        beat(subject, &viewer, second, 1).await?.ok()?;
        stop(subject, &viewer, second).await?.ok().map(drop)
    })
}
