//! The rules that every implementation is held to.
//!
//! Fixture: `{"url": address, "event_type": type}`: an address that may be registered and need not answer, and a type of
//! event. All else the rules make themselves.

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tessera_contract::conformance::{Actor, Exchange, Role, Rule, Subject, Violation};

type Check<'s> = BoxFuture<'s, Result<(), Violation>>;

/// The rules.
pub const RULES: &[Rule] = &[
    Rule {
        name: "an_endpoint_is_made_once_a_key",
        promise: "The same idempotency key makes one address, with the same secret; the secret begins with whsec_ and is \
                  in no other answer.",
        check: an_endpoint_is_made_once_a_key,
    },
    Rule {
        name: "endpoints_are_listed_once",
        promise: "Following next_cursor shows every address once.",
        check: endpoints_are_listed_once,
    },
    Rule {
        name: "an_edit_is_seen_and_a_lost_race_is_412",
        promise: "What is edited is changed, and nothing else; an edit on another version is 412 and changes nothing.",
        check: an_edit_is_seen_and_a_lost_race_is_412,
    },
    Rule {
        name: "a_new_secret_is_another",
        promise: "rotate_secret answers another secret, the same for the same key, and until when the old one signs.",
        check: a_new_secret_is_another,
    },
    Rule {
        name: "a_ping_is_a_delivery",
        promise: "A ping is listed among the address's deliveries, and its body is an event about the address.",
        check: a_ping_is_a_delivery,
    },
    Rule {
        name: "what_cannot_be_called_is_refused",
        promise: "An address that is none, or of this machine, and an empty list of types are 400 invalid_request.",
        check: what_cannot_be_called_is_refused,
    },
    Rule {
        name: "a_deleted_endpoint_is_gone",
        promise: "After delete_endpoint the address is 404, whatever is asked of it.",
        check: a_deleted_endpoint_is_gone,
    },
    Rule {
        name: "other_tenants_endpoints_are_not_found",
        promise: "Another tenant's address is 404 endpoint_not_found, whatever is asked of it.",
        check: other_tenants_endpoints_are_not_found,
    },
    Rule {
        name: "bad_pages_are_refused",
        promise: "A cursor that is not ours, and a limit outside 1 to 100, are 400 invalid_request.",
        check: bad_pages_are_refused,
    },
];

fn staff() -> Actor {
    Actor::ours(Role::Staff)
}

fn wanted(subject: &Subject<'_>, what: &str) -> Result<Value, Violation> {
    let types = [subject.given("/event_type")?];
    Ok(json!({"url": subject.given("/url")?, "description": what, "event_types": types}))
}

async fn make(subject: &Subject<'_>, what: &str) -> Result<Exchange, Violation> {
    let key = format!("{what}-{}", subject.given("/run")?);
    let made = subject.call("create_endpoint", &staff().with_key(key), wanted(subject, what)?).await?;
    made.ok()?;
    Ok(made)
}

fn id(made: &Exchange) -> Value {
    made.body["endpoint"]["endpoint_id"].clone()
}

fn an_endpoint_is_made_once_a_key<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let made = make(subject, "once").await?;
        let again = make(subject, "once").await?;
        if again.body != made.body {
            return Err(again.violation("the same key has another answer"));
        }
        let secret = made.body["secret"].as_str().unwrap_or_default();
        if !secret.starts_with("whsec_") {
            return Err(made.violation("the secret does not begin with whsec_"));
        }
        let read = subject.call("get_endpoint", &staff(), json!({"endpoint_id": id(&made)})).await?;
        match read.ok()?.to_string().contains(secret) {
            true => Err(read.violation("the secret can be read again")),
            false => read.has("/state", "enabled"),
        }
    })
}

fn endpoints_are_listed_once<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let mut made = BTreeSet::new();
        for what in ["list-1", "list-2", "list-3"] {
            made.insert(id(&make(subject, what).await?).to_string());
        }
        let (mut found, mut cursor) = (Vec::new(), Value::Null);
        for _ in 0..1000 {
            let mut request = json!({"limit": 2});
            if !cursor.is_null() {
                request["cursor"] = cursor;
            }
            let page = subject.call("list_endpoints", &staff(), request).await?;
            let entries = page.ok()?["data"].as_array().cloned().unwrap_or_default();
            found.extend(entries.iter().map(|endpoint| endpoint["endpoint_id"].to_string()));
            cursor = page.body["next_cursor"].clone();
            if cursor.is_null() {
                let unique: BTreeSet<String> = found.iter().cloned().collect();
                return match made.is_subset(&unique) && unique.len() == found.len() {
                    true => Ok(()),
                    false => Err(page.violation("an address is missing or listed twice")),
                };
            }
        }
        Err(Violation::new("list_endpoints does not end: 1000 pages of 2"))
    })
}

fn an_edit_is_seen_and_a_lost_race_is_412<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let made = make(subject, "edit").await?;
        let version = made.body["endpoint"]["version"].clone();
        let edit = json!({"endpoint_id": id(&made), "enabled": false, "expected_version": version});
        let edited = subject.call("edit_endpoint", &staff(), edit.clone()).await?;
        edited.ok()?;
        edited.has("/state", "disabled")?;
        edited.has("/url", made.body["endpoint"]["url"].clone())?;
        edited.has("/event_types", made.body["endpoint"]["event_types"].clone())?;
        let late = subject.call("edit_endpoint", &staff(), edit).await?;
        late.refused(412, "version_conflict")?;
        let key = format!("disabled-{}", subject.given("/run")?);
        let ping = subject.call("ping_endpoint", &staff().with_key(key), json!({"endpoint_id": id(&made)})).await?;
        ping.refused(409, "endpoint_disabled").map(drop)
    })
}

fn a_new_secret_is_another<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let made = make(subject, "rotate").await?;
        let actor = staff().with_key(format!("rotated-{}", subject.given("/run")?));
        let request = json!({"endpoint_id": id(&made)});
        let rotated = subject.call("rotate_secret", &actor, request.clone()).await?;
        let secret = rotated.ok()?["secret"].clone();
        if secret == made.body["secret"] || rotated.body["endpoint"]["old_secret_until"].is_null() {
            return Err(rotated.violation("expected another secret, and until when the old one signs"));
        }
        let again = subject.call("rotate_secret", &actor, request).await?;
        again.has("/secret", secret)
    })
}

fn a_ping_is_a_delivery<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let made = make(subject, "ping").await?;
        let actor = staff().with_key(format!("pinged-{}", subject.given("/run")?));
        let request = json!({"endpoint_id": id(&made)});
        let ping = subject.call("ping_endpoint", &actor, request.clone()).await?;
        let delivery = ping.ok()?["delivery_id"].clone();
        let again = subject.call("ping_endpoint", &actor, request.clone()).await?;
        again.has("/delivery_id", delivery.clone())?;
        let listed = subject.call("list_deliveries", &staff(), request).await?;
        let entries = listed.ok()?["data"].as_array().cloned().unwrap_or_default();
        if entries.iter().filter(|entry| entry["delivery_id"] == delivery).count() != 1 {
            return Err(listed.violation("the ping is not listed once"));
        }
        let read = subject.call("get_delivery", &staff(), json!({"delivery_id": delivery})).await?;
        let body = read.ok()?["body"].as_str().and_then(|body| serde_json::from_str::<Value>(body).ok());
        match body.is_some_and(|body| body["subject"] == id(&made) && body["id"] == read.body["message_id"]) {
            true => Ok(()),
            false => Err(read.violation("the body is not an event about the address with the message's id")),
        }
    })
}

fn what_cannot_be_called_is_refused<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let types = json!([subject.given("/event_type")?]);
        for url in ["", "hooks.example/x", "ftp://hooks.example/x", "https://127.0.0.2/x", "https://u:p@hooks.example/"]
        {
            let actor = staff().with_key(format!("{}-{}", url.len(), subject.given("/run")?));
            let refused = subject.call("create_endpoint", &actor, json!({"url": url, "event_types": types})).await?;
            refused.refused(400, "invalid_request")?;
        }
        let actor = staff().with_key(format!("no-types-{}", subject.given("/run")?));
        let request = json!({"url": subject.given("/url")?, "event_types": []});
        let refused = subject.call("create_endpoint", &actor, request).await?;
        refused.refused(400, "invalid_request").map(drop)
    })
}

fn a_deleted_endpoint_is_gone<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let made = make(subject, "delete").await?;
        let request = json!({"endpoint_id": id(&made)});
        subject.call("delete_endpoint", &staff(), request.clone()).await?.ok()?;
        for operation in ["get_endpoint", "list_deliveries", "delete_endpoint"] {
            let answer = subject.call(operation, &staff(), request.clone()).await?;
            answer.refused(404, "endpoint_not_found")?;
        }
        Ok(())
    })
}

fn other_tenants_endpoints_are_not_found<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let made = make(subject, "ours").await?;
        let theirs = Actor::theirs(Role::Staff);
        let request = json!({"endpoint_id": id(&made)});
        for operation in ["get_endpoint", "rotate_secret", "ping_endpoint", "list_deliveries", "delete_endpoint"] {
            let actor = theirs.with_key(format!("{operation}-{}", subject.given("/run")?));
            let answer = subject.call(operation, &actor, request.clone()).await?;
            answer.refused(404, "endpoint_not_found")?;
        }
        Ok(())
    })
}

fn bad_pages_are_refused<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        for request in [json!({"cursor": "not ours"}), json!({"limit": 0}), json!({"limit": 101})] {
            let refused = subject.call("list_endpoints", &staff(), request).await?;
            refused.refused(400, "invalid_request")?;
        }
        Ok(())
    })
}
