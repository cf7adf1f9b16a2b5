//! The rules that every entitlement is held to.
//!
//! Fixture: nothing (`{}`). The rules state their own grants, for accounts and references that carry the run's name.

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tessera_contract::conformance::{Actor, Exchange, Role, Rule, Subject, Verdict, Violation};

type Check<'s> = BoxFuture<'s, Result<(), Violation>>;

const LONG_AGO: &str = "2020-01-01T00:00:00Z";
const FAR_OFF: &str = "2090-01-01T00:00:00Z";

/// The rules.
pub const RULES: &[Rule] = &[
    Rule {
        name: "a_grant_opens_its_plan",
        promise: "A grant for a plan allows the titles that name the plan, and no others.",
        check: a_grant_opens_its_plan,
    },
    Rule {
        name: "a_grant_opens_its_title",
        promise: "A grant for a title allows that title, and no other.",
        check: a_grant_opens_its_title,
    },
    Rule {
        name: "a_revocation_is_seen_at_once",
        promise: "Once a revocation is answered, no later decision rests on the grant.",
        check: a_revocation_is_seen_at_once,
    },
    Rule {
        name: "an_older_statement_changes_nothing",
        promise: "A put whose version is not above the stored one changes nothing and answers what is stored.",
        check: an_older_statement_changes_nothing,
    },
    Rule {
        name: "restrictions_only_deny",
        promise: "Window, territory and age deny whatever the grant says, each with its own reason.",
        check: restrictions_only_deny,
    },
    Rule {
        name: "free_needs_no_grant",
        promise: "A free title is allowed without a grant.",
        check: free_needs_no_grant,
    },
    Rule {
        name: "slots_are_counted",
        promise: "Leases of an account never exceed its grant's streams; a released slot can be taken again.",
        check: slots_are_counted,
    },
    Rule {
        name: "a_device_has_one_slot",
        promise: "A lease is idempotent by session, and the same device's next session replaces its lease.",
        check: a_device_has_one_slot,
    },
    Rule {
        name: "a_renewal_decides_again",
        promise: "Renewing a lease whose grant was revoked is refused with the reason.",
        check: a_renewal_decides_again,
    },
    Rule {
        name: "grants_are_the_tenants_own",
        promise: "Another tenant's grants are not listed, do not decide, and cannot be revoked.",
        check: grants_are_the_tenants_own,
    },
    Rule {
        name: "a_feed_of_grants_goes_on",
        promise: "Listing with the last cursor gives only what changed since.",
        check: a_feed_of_grants_goes_on,
    },
    Rule {
        name: "a_list_is_of_one_account",
        promise: "Listing with an account gives its grants and nobody else's.",
        check: a_list_is_of_one_account,
    },
    Rule {
        name: "pages_are_bounded",
        promise: "limit is 1 to 100, and a cursor is one of ours; anything else is 400 invalid_request.",
        check: pages_are_bounded,
    },
    Rule {
        name: "a_grant_holds_from_its_start_to_its_end",
        promise: "A grant that has ended is grant_ended, one that has not begun not_entitled, for decisions and leases.",
        check: a_grant_holds_from_its_start_to_its_end,
    },
    Rule {
        name: "decisions_are_of_the_callers_time",
        promise: "A module's context says what time it is for the tenant; grants begin and end by that, not by the clock.",
        check: decisions_are_of_the_callers_time,
    },
    Rule {
        name: "statements_are_checked",
        promise: "A statement of 0 or more than 100 streams, or that ends before it starts, is 400 and names the field.",
        check: statements_are_checked,
    },
    Rule {
        name: "what_is_not_there_is_not_found",
        promise: "An unknown grant is 404 grant_not_found, an unknown lease 404 lease_not_found; releasing it is fine.",
        check: what_is_not_there_is_not_found,
    },
];

fn service() -> Actor {
    Actor::ours(Role::Service)
}

fn name(subject: &Subject<'_>, what: &str) -> Result<String, Violation> {
    Ok(format!("{what}-{}", subject.given("/run")?))
}

/// A statement for account and reference `what`.
fn statement(subject: &Subject<'_>, what: &str, scope: Value, streams: u32, version: i64) -> Result<Value, Violation> {
    Ok(json!({
        "source": "conformance", "reference": name(subject, what)?, "account_id": format!("acc_{}", name(subject, what)?),
        "scope": scope, "starts_at": LONG_AGO, "max_streams": streams, "version": version,
    }))
}

fn plan() -> Value {
    json!({"kind": "plan", "plan": "basic"})
}

fn facts(title: &str, plans: &[&str]) -> Value {
    json!({"title_id": title, "free": false, "plans": plans, "minimum_age": 0})
}

async fn put(subject: &Subject<'_>, statement: Value) -> Result<Exchange, Violation> {
    let put = subject.call("put_grant", &service(), statement).await?;
    put.ok()?;
    Ok(put)
}

async fn decide(subject: &Subject<'_>, actor: &Actor, what: &str, facts: Value) -> Result<Exchange, Violation> {
    let viewing = json!({"account_id": format!("acc_{}", name(subject, what)?), "territory": "DE", "age_limit": 12});
    let decision = subject.call("decide", actor, json!({"viewing": viewing, "facts": facts})).await?;
    decision.ok()?;
    Ok(decision)
}

async fn acquire(subject: &Subject<'_>, what: &str, session: &str, device: &str) -> Result<Exchange, Violation> {
    let account = format!("acc_{}", name(subject, what)?);
    let request = json!({
        "session_id": name(subject, session)?, "device_id": device, "device_name": format!("the {device}"),
        "viewing": {"account_id": account}, "facts": facts("ttl_any", &["basic"]),
    });
    subject.call("acquire_lease", &service(), request).await
}

fn denied(exchange: &Exchange, reason: &str) -> Result<(), Violation> {
    exchange.has("/allowed", false)?;
    exchange.has("/reason", reason)
}

fn a_grant_opens_its_plan<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        put(subject, statement(subject, "plan", plan(), 2, 1)?).await?;
        decide(subject, &service(), "plan", facts("ttl_1", &["basic"])).await?.has("/reason", "plan")?;
        denied(&decide(subject, &service(), "plan", facts("ttl_1", &["premium"])).await?, "not_entitled")?;
        denied(&decide(subject, &service(), "nobody", facts("ttl_1", &["basic"])).await?, "not_entitled")
    })
}

fn a_grant_opens_its_title<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        put(subject, statement(subject, "title", json!({"kind": "title", "title_id": "ttl_1"}), 1, 1)?).await?;
        decide(subject, &service(), "title", facts("ttl_1", &[])).await?.has("/reason", "title")?;
        denied(&decide(subject, &service(), "title", facts("ttl_2", &[])).await?, "not_entitled")
    })
}

fn a_revocation_is_seen_at_once<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        put(subject, statement(subject, "revoked", plan(), 1, 1)?).await?;
        decide(subject, &service(), "revoked", facts("ttl_1", &["basic"])).await?.has("/allowed", true)?;
        let request = json!({"source": "conformance", "reference": name(subject, "revoked")?, "version": 2});
        subject.call("revoke_grant", &service(), request).await?.has("/revoked", true)?;
        denied(&decide(subject, &service(), "revoked", facts("ttl_1", &["basic"])).await?, "grant_revoked")
    })
}

fn an_older_statement_changes_nothing<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        put(subject, statement(subject, "versions", plan(), 5, 7)?).await?;
        for version in [7, 3] {
            let answer = put(subject, statement(subject, "versions", plan(), 1, version)?).await?;
            answer.has("/version", 7)?;
            answer.has("/max_streams", 5)?;
        }
        put(subject, statement(subject, "versions", plan(), 1, 8)?).await?.has("/max_streams", 1)
    })
}

fn restrictions_only_deny<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        put(subject, statement(subject, "restricted", plan(), 1, 1)?).await?;
        for (field, value, reason) in [
            ("available_from", json!(FAR_OFF), "not_yet_available"),
            ("available_until", json!(LONG_AGO), "no_longer_available"),
            ("territories", json!(["FR"]), "territory_blocked"),
            ("territories", json!([]), "territory_blocked"),
            ("minimum_age", json!(16), "age_limit"),
        ] {
            let mut facts = facts("ttl_1", &["basic"]);
            facts[field] = value;
            denied(&decide(subject, &service(), "restricted", facts).await?, reason)?;
        }
        Ok(())
    })
}

fn free_needs_no_grant<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let mut facts = facts("ttl_1", &[]);
        facts["free"] = json!(true);
        let decision = decide(subject, &service(), "free", facts).await?;
        decision.has("/allowed", true)?;
        decision.has("/reason", "free")
    })
}

fn slots_are_counted<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        put(subject, statement(subject, "slots", plan(), 2, 1)?).await?;
        acquire(subject, "slots", "s1", "television").await?.ok()?;
        acquire(subject, "slots", "s2", "phone").await?.ok()?;
        acquire(subject, "slots", "s3", "laptop").await?.refused(409, "stream_limit_reached")?;
        let session = name(subject, "s1")?;
        let released = subject.call("release_lease", &service(), json!({"session_id": session})).await?;
        released.has("/released", true)?;
        acquire(subject, "slots", "s3", "laptop").await?.ok()?;
        let again = subject.call("release_lease", &service(), json!({"session_id": session})).await?;
        again.has("/released", false)
    })
}

fn a_device_has_one_slot<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        put(subject, statement(subject, "device", plan(), 1, 1)?).await?;
        acquire(subject, "device", "d1", "television").await?.ok()?;
        acquire(subject, "device", "d1", "television").await?.ok()?;
        acquire(subject, "device", "d2", "television").await?.ok()?;
        let renew = json!({"session_id": name(subject, "d1")?});
        subject.call("renew_lease", &service(), renew).await?.refused(404, "lease_not_found")?;
        let renew = json!({"session_id": name(subject, "d2")?});
        subject.call("renew_lease", &service(), renew).await?.ok().map(drop)
    })
}

fn a_renewal_decides_again<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        put(subject, statement(subject, "renewal", plan(), 1, 1)?).await?;
        acquire(subject, "renewal", "r1", "television").await?.ok()?;
        let renew = json!({"session_id": name(subject, "r1")?});
        subject.call("renew_lease", &service(), renew.clone()).await?.ok()?;
        let revoke = json!({"source": "conformance", "reference": name(subject, "renewal")?, "version": 2});
        subject.call("revoke_grant", &service(), revoke).await?.ok()?;
        subject.call("renew_lease", &service(), renew).await?.refused(403, "grant_revoked").map(drop)
    })
}

fn grants_are_the_tenants_own<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        put(subject, statement(subject, "own", plan(), 1, 1)?).await?;
        let theirs = Actor::theirs(Role::Service);
        denied(&decide(subject, &theirs, "own", facts("ttl_1", &["basic"])).await?, "not_entitled")?;
        let account = format!("acc_{}", name(subject, "own")?);
        let listed = subject.call("list_grants", &theirs, json!({"account_id": account})).await?;
        listed.has("/data", json!([]))?;
        let revoke = json!({"source": "conformance", "reference": name(subject, "own")?, "version": 9});
        subject.call("revoke_grant", &theirs, revoke).await?.refused(404, "grant_not_found")?;
        decide(subject, &service(), "own", facts("ttl_1", &["basic"])).await?.has("/allowed", true)
    })
}

fn a_feed_of_grants_goes_on<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let account = format!("acc_{}", name(subject, "feed")?);
        let list = |cursor: Value| json!({"account_id": account, "cursor": cursor, "limit": 1});
        put(subject, statement(subject, "feed", plan(), 1, 1)?).await?;
        let first = subject.call("list_grants", &service(), list(Value::Null)).await?;
        first.has("/data/0/version", 1)?;
        let cursor = first.body["next_cursor"].clone();
        subject.call("list_grants", &service(), list(cursor.clone())).await?.has("/data", json!([]))?;
        put(subject, statement(subject, "feed", plan(), 3, 2)?).await?;
        subject.call("list_grants", &service(), list(cursor)).await?.has("/data/0/max_streams", 3)
    })
}

fn a_list_is_of_one_account<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        put(subject, statement(subject, "one", plan(), 1, 1)?).await?;
        put(subject, statement(subject, "other", plan(), 1, 1)?).await?;
        let account = format!("acc_{}", name(subject, "one")?);
        let listed = subject.call("list_grants", &service(), json!({"account_id": account})).await?;
        listed.has("/data/0/reference", name(subject, "one")?)?;
        listed.has("/data/1", Value::Null)
    })
}

fn pages_are_bounded<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        for request in [json!({"limit": 0}), json!({"limit": 101}), json!({"cursor": "not-one-of-yours"})] {
            subject.call("list_grants", &service(), request).await?.refused(400, "invalid_request")?;
        }
        Ok(())
    })
}

fn a_grant_holds_from_its_start_to_its_end<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        for (what, field, time, reason) in [
            ("ended", "ends_at", "2020-01-02T00:00:00Z", "grant_ended"),
            ("future", "starts_at", FAR_OFF, "not_entitled"),
        ] {
            let mut stated = statement(subject, what, plan(), 1, 1)?;
            stated[field] = time.into();
            put(subject, stated).await?;
            denied(&decide(subject, &service(), what, facts("ttl_1", &["basic"])).await?, reason)?;
            acquire(subject, what, what, "television").await?.refused(403, reason)?;
        }
        Ok(())
    })
}

fn decisions_are_of_the_callers_time<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let mut stated = statement(subject, "time", plan(), 1, 1)?;
        stated["ends_at"] = FAR_OFF.into();
        put(subject, stated).await?;
        let facts = || facts("ttl_1", &["basic"]);
        decide(subject, &service(), "time", facts()).await?.has("/allowed", true)?;
        let end = FAR_OFF.parse().map_err(|_| Violation::new("a literal time"))?;
        match decide(subject, &service().at(end), "time", facts()).await {
            Ok(later) => denied(&later, "grant_ended"),
            // A bearer credential has no context of its own to say a time in.
            Err(violation) if violation.verdict == Verdict::NotChecked => Ok(()),
            Err(violation) => Err(violation),
        }
    })
}

fn statements_are_checked<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        for (field, wrong) in
            [("max_streams", json!(0)), ("max_streams", json!(101)), ("ends_at", json!("2019-01-01T00:00:00Z"))]
        {
            let mut stated = statement(subject, "wrong", plan(), 1, 1)?;
            stated[field] = wrong;
            let refused = subject.call("put_grant", &service(), stated).await?;
            refused.refused(400, "invalid_request")?;
            refused.has("/param", field)?;
        }
        Ok(())
    })
}

fn what_is_not_there_is_not_found<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let nothing = name(subject, "nothing")?;
        let revoke = json!({"source": "conformance", "reference": nothing, "version": 1});
        subject.call("revoke_grant", &service(), revoke).await?.refused(404, "grant_not_found")?;
        let session = json!({"session_id": nothing});
        subject.call("renew_lease", &service(), session.clone()).await?.refused(404, "lease_not_found")?;
        subject.call("release_lease", &service(), session).await?.has("/released", false)
    })
}
