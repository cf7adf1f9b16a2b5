//! The rules that every identity is held to.
//!
//! Fixture: `{"secret": a key's secret, "key": its id, "scope": one of its scopes, "others": id, "email": address,
//! "account": id, "others_account": id}` where `others` is a key of the other tenant, and both tenants have an account
//! with the address `email`; ours is `account`.

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tessera_contract::{
    conformance::{Actor, Exchange, Role, Rule, Subject, Violation},
    request_id,
};
use tessera_types::Timestamp;

type Check<'s> = BoxFuture<'s, Result<(), Violation>>;

/// The rules.
pub const RULES: &[Rule] = &[
    Rule {
        name: "a_key_names_its_tenant_and_scopes",
        promise: "resolve_api_key answers whose key a secret is and what it may do, whatever the caller's tenant.",
        check: a_key_names_its_tenant_and_scopes,
    },
    Rule {
        name: "an_unknown_secret_is_not_found",
        promise: "A secret that is nobody's, or almost somebody's, is 404 api_key_not_found.",
        check: an_unknown_secret_is_not_found,
    },
    Rule {
        name: "a_new_key_works_until_it_is_revoked",
        promise: "A created key resolves at once, and no longer once its revocation was answered; revoking twice is fine.",
        check: a_new_key_works_until_it_is_revoked,
    },
    Rule {
        name: "a_rotated_keys_old_secret_works_for_as_long_as_was_asked",
        promise: "rotate_api_key answers a new secret of the same key; the old one still resolves, or with no grace does not.",
        check: a_rotated_keys_old_secret_works_for_as_long_as_was_asked,
    },
    Rule {
        name: "a_revoked_key_is_not_rotated",
        promise: "Rotating a revoked key is 409 api_key_ended; revoking a rotated one ends all its secrets.",
        check: a_revoked_key_is_not_rotated,
    },
    Rule {
        name: "a_key_is_made_once_for_an_idempotency_key",
        promise: "The same idempotency key gives the same secret again; with another request it is 409.",
        check: a_key_is_made_once_for_an_idempotency_key,
    },
    Rule {
        name: "a_key_needs_a_name_and_scopes",
        promise: "A key without a name, with what is no scope, or with an end in the past is 400 invalid_request.",
        check: a_key_needs_a_name_and_scopes,
    },
    Rule {
        name: "other_tenants_key_is_not_found",
        promise: "Another tenant's key is 404 api_key_not_found, and stays as it is.",
        check: other_tenants_key_is_not_found,
    },
    Rule {
        name: "keys_are_listed_once_and_without_their_secrets",
        promise: "Following next_cursor shows every key once, newest first, revoked ones too, no other tenant's, no secret.",
        check: keys_are_listed_once_and_without_their_secrets,
    },
    Rule {
        name: "an_account_is_found_by_its_address",
        promise: "list_accounts with an address answers this tenant's account, however it is written, and of nobody none.",
        check: an_account_is_found_by_its_address,
    },
    Rule { name: "bad_cursor_is_refused", promise: "A cursor that is not ours is 400.", check: bad_cursor_is_refused },
    Rule {
        name: "page_size_is_bounded",
        promise: "limit is 1 to 100; anything else is 400 invalid_request.",
        check: page_size_is_bounded,
    },
];

fn service() -> Actor {
    Actor::ours(Role::Service)
}

/// Rules run more than once on the same implementation.
fn fresh_key() -> String {
    request_id().to_string()
}

fn staff() -> Actor {
    Actor::ours(Role::Staff)
}

async fn create(subject: &Subject<'_>, name: &str) -> Result<Exchange, Violation> {
    let actor = staff().with_key(fresh_key());
    let scopes = json!(["catalog:read", "media:write"]);
    let made = subject.call("create_api_key", &actor, json!({"name": name, "scopes": scopes})).await?;
    made.ok()?;
    Ok(made)
}

async fn resolve(subject: &Subject<'_>, secret: &Value) -> Result<Exchange, Violation> {
    subject.call("resolve_api_key", &service(), json!({"secret": secret})).await
}

fn a_key_names_its_tenant_and_scopes<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let request = json!({"secret": subject.given("/secret")?});
        let ours = subject.call("resolve_api_key", &service(), request.clone()).await?;
        ours.ok()?;
        ours.has("/key_id", subject.given("/key")?)?;
        let scope = Value::from(subject.given("/scope")?);
        if !ours.body["scopes"].as_array().is_some_and(|scopes| scopes.contains(&scope)) {
            return Err(ours.violation("the key's scope is missing"));
        }
        let asked_by_others = subject.call("resolve_api_key", &Actor::theirs(Role::Service), request).await?;
        asked_by_others.has("/tenant", ours.body["tenant"].clone())
    })
}

fn an_unknown_secret_is_not_found<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let secret = subject.given("/secret")?;
        let cut = &secret[..secret.len() - 1];
        for wrong in ["", "sk_live_", "sk_test_nobody", cut, &format!("{secret}x"), &"x".repeat(10_000)] {
            resolve(subject, &json!(wrong)).await?.refused(404, "api_key_not_found")?;
        }
        Ok(())
    })
}

fn a_new_key_works_until_it_is_revoked<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let made = create(subject, "conformance").await?;
        let (id, secret) = (&made.body["key"]["key_id"], &made.body["secret"]);
        let found = resolve(subject, secret).await?;
        found.ok()?;
        found.has("/key_id", id.clone())?;
        found.has("/scopes", made.body["key"]["scopes"].clone())?;
        let revoked = subject.call("revoke_api_key", &staff(), json!({"key_id": id})).await?;
        let since = revoked.ok()?["revoked_at"].clone();
        resolve(subject, secret).await?.refused(404, "api_key_not_found")?;
        subject.call("revoke_api_key", &staff(), json!({"key_id": id})).await?.has("/revoked_at", since)
    })
}

async fn rotate(subject: &Subject<'_>, id: &Value, grace_seconds: u32) -> Result<Exchange, Violation> {
    let actor = staff().with_key(fresh_key());
    subject.call("rotate_api_key", &actor, json!({"key_id": id, "grace_seconds": grace_seconds})).await
}

fn a_rotated_keys_old_secret_works_for_as_long_as_was_asked<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let made = create(subject, "rotated").await?;
        let (id, first) = (&made.body["key"]["key_id"], &made.body["secret"]);
        let rotated = rotate(subject, id, 3600).await?;
        let second = &rotated.ok()?["secret"];
        rotated.has("/key/key_id", id.clone())?;
        if first == second {
            return Err(rotated.violation("the new secret is the old one"));
        }
        for secret in [first, second] {
            resolve(subject, secret).await?.has("/key_id", id.clone())?;
        }
        let again = rotate(subject, id, 0).await?;
        resolve(subject, &again.ok()?["secret"]).await?.has("/key_id", id.clone())?;
        resolve(subject, second).await?.refused(404, "api_key_not_found")?;
        rotate(subject, id, 604_801).await?.refused(400, "invalid_request")?;
        let others = json!(subject.given("/others")?);
        rotate(subject, &others, 0).await?.refused(404, "api_key_not_found").map(drop)
    })
}

fn a_revoked_key_is_not_rotated<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let made = create(subject, "ended").await?;
        let id = &made.body["key"]["key_id"];
        let rotated = rotate(subject, id, 3600).await?;
        rotated.ok()?;
        subject.call("revoke_api_key", &staff(), json!({"key_id": id})).await?.ok()?;
        for secret in [&made.body["secret"], &rotated.body["secret"]] {
            resolve(subject, secret).await?.refused(404, "api_key_not_found")?;
        }
        rotate(subject, id, 0).await?.refused(409, "api_key_ended").map(drop)
    })
}

fn a_key_is_made_once_for_an_idempotency_key<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let request = json!({"name": "once", "scopes": ["catalog:read"]});
        subject.call("create_api_key", &staff(), request.clone()).await?.refused(400, "idempotency_key_required")?;
        let actor = staff().with_key(fresh_key());
        let first = subject.call("create_api_key", &actor, request.clone()).await?;
        let again = subject.call("create_api_key", &actor, request).await?;
        again.has("/secret", first.ok()?["secret"].clone())?;
        again.has("/key/key_id", first.body["key"]["key_id"].clone())?;
        let other = json!({"name": "twice", "scopes": ["catalog:read"]});
        subject.call("create_api_key", &actor, other).await?.refused(409, "idempotency_conflict").map(drop)
    })
}

fn a_key_needs_a_name_and_scopes<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        for wrong in [
            json!({"name": "", "scopes": ["catalog:read"]}),
            json!({"name": "x".repeat(81), "scopes": ["catalog:read"]}),
            json!({"name": "none", "scopes": []}),
            json!({"name": "odd", "scopes": ["everything"]}),
            json!({"name": "odd", "scopes": ["catalog:read media:write"]}),
            json!({"name": "past", "scopes": ["catalog:read"], "expires_at": "2001-01-01T00:00:00Z"}),
        ] {
            let actor = staff().with_key(fresh_key());
            subject.call("create_api_key", &actor, wrong).await?.refused(400, "invalid_request")?;
        }
        Ok(())
    })
}

fn other_tenants_key_is_not_found<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let request = json!({"key_id": subject.given("/others")?});
        subject.call("revoke_api_key", &staff(), request).await?.refused(404, "api_key_not_found").map(drop)
    })
}

fn keys_are_listed_once_and_without_their_secrets<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let made = create(subject, "listed").await?;
        let (mut seen, mut cursor, mut before) = (BTreeSet::new(), Value::Null, None);
        for _ in 0..1000 {
            let page = subject.call("list_api_keys", &staff(), json!({"limit": 2, "cursor": cursor})).await?;
            for key in page.ok()?["data"].as_array().into_iter().flatten() {
                let id = key["key_id"].as_str().unwrap_or_default().to_owned();
                if key.get("secret").is_some() {
                    return Err(page.violation("a listed key shows its secret"));
                }
                if !seen.insert(id.clone()) {
                    return Err(page.violation(&format!("{id} was listed before")));
                }
                let at = created_at(&page, key)?;
                if before.is_some_and(|before| at > before) {
                    return Err(page.violation(&format!("{id} is newer than the key before it")));
                }
                before = Some(at);
            }
            cursor = page.body["next_cursor"].clone();
            if cursor.is_null() {
                let wanted = [subject.given("/key")?, made.body["key"]["key_id"].as_str().unwrap_or_default().into()];
                return match wanted.iter().all(|id| seen.contains(id)) && !seen.contains(&subject.given("/others")?) {
                    true => Ok(()),
                    false => Err(page.violation("the list lacks a key of ours, or holds another tenant's")),
                };
            }
        }
        Err(Violation::new("list_api_keys does not end: 1000 pages of 2"))
    })
}

fn created_at(page: &Exchange, key: &Value) -> Result<Timestamp, Violation> {
    let parsed = key["created_at"].as_str().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| page.violation("created_at is not a time"))
}

fn an_account_is_found_by_its_address<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (email, account) = (subject.given("/email")?, subject.given("/account")?);
        for written in [email.clone(), email.to_uppercase(), format!(" {email} ")] {
            let found = subject.call("list_accounts", &staff(), json!({"email": written})).await?;
            found.ok()?;
            found.has("/data/0/account_id", account.clone())?;
            found.has("/data/0/email", email.clone())?;
            found.has("/data/1", Value::Null)?;
        }
        let nobody = json!({"email": format!("nobody-{}@conformance.example", subject.given("/run")?)});
        subject.call("list_accounts", &staff(), nobody).await?.has("/data", json!([]))?;
        let everybody = subject.call("list_accounts", &staff(), json!({"limit": 100})).await?;
        let others = subject.given("/others_account")?;
        match everybody.ok()?["data"].as_array().into_iter().flatten().any(|one| one["account_id"] == others.as_str()) {
            true => Err(everybody.violation("another tenant's account must not be listed")),
            false => Ok(()),
        }
    })
}

fn bad_cursor_is_refused<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        for operation in ["list_api_keys", "list_accounts"] {
            let answer = subject.call(operation, &staff(), json!({"cursor": "not-one-of-yours"})).await?;
            answer.refused(400, "invalid_request")?;
        }
        Ok(())
    })
}

fn page_size_is_bounded<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        for limit in [0, 101, 4_000_000] {
            for operation in ["list_api_keys", "list_accounts"] {
                let answer = subject.call(operation, &staff(), json!({"limit": limit})).await?;
                answer.refused(400, "invalid_request")?;
            }
        }
        Ok(())
    })
}
