//! The rules that every DRM is held to.
//!
//! Fixture: `{"asset": id, "other_asset": id}`, two assets of our tenant that may have keys. An implementation that
//! makes keys when they are first asked for needs nothing more than two ids.

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tessera_contract::conformance::{Actor, Exchange, Role, Rule, Side, Subject, Violation};

type Check<'s> = BoxFuture<'s, Result<(), Violation>>;

/// The rules.
pub const RULES: &[Rule] = &[
    Rule {
        name: "a_content_key_is_well_formed",
        promise: "Key id, key and IV are 16 bytes each in lower-case hexadecimal, of the asset that was asked for.",
        check: a_content_key_is_well_formed,
    },
    Rule {
        name: "an_asset_keeps_its_key",
        promise: "Asking again, at once or later, gives the same key.",
        check: an_asset_keeps_its_key,
    },
    Rule {
        name: "keys_are_not_shared",
        promise: "Two assets, and the same id in two tenants, have different key ids and different keys.",
        check: keys_are_not_shared,
    },
    Rule {
        name: "each_label_has_a_key_of_its_own",
        promise: "An asset's keys differ from label to label, and each label keeps its own.",
        check: each_label_has_a_key_of_its_own,
    },
    Rule {
        name: "keys_are_for_services_alone",
        promise: "Neither a viewer nor staff may ask for a content key or for licence access.",
        check: keys_are_for_services_alone,
    },
    Rule {
        name: "licence_access_names_servers_and_a_token",
        promise: "A session learns at least one licence server by its EME key system, and a token that holds for a while.",
        check: licence_access_names_servers_and_a_token,
    },
    Rule {
        name: "licence_access_hides_keys",
        promise: "Nothing in the licence access is the content key.",
        check: licence_access_hides_keys,
    },
    Rule {
        name: "a_malformed_id_is_refused_by_name",
        promise: "An asset id that is not URL-safe is 400 invalid_request and named.",
        check: a_malformed_id_is_refused_by_name,
    },
];

fn service() -> Actor {
    Actor::ours(Role::Service)
}

fn authorize(asset: &str) -> Value {
    json!({
        "session_id": "pbs_conformance",
        "asset_id": asset,
        "viewing": {"account_id": "acc_conformance"},
        "facts": {"title_id": "ttl_conformance", "free": true, "plans": [], "minimum_age": 0},
    })
}

async fn key(subject: &Subject<'_>, actor: &Actor, asset: &str) -> Result<Exchange, Violation> {
    let exchange = subject.call("get_content_key", actor, json!({"asset_id": asset})).await?;
    exchange.ok()?;
    Ok(exchange)
}

fn text<'e>(exchange: &'e Exchange, field: &str) -> &'e str {
    exchange.body[field].as_str().unwrap_or_default()
}

fn a_content_key_is_well_formed<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let asset = subject.given("/asset")?;
        let key = key(subject, &service(), &asset).await?;
        key.has("/asset_id", asset)?;
        let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        for field in ["key_id", "key", "iv"] {
            let value = text(&key, field);
            if value.len() != 32 || !value.bytes().all(digit) {
                // The exchange is not shown: it holds a key.
                return Err(Violation::new(format!("{field} is not 32 lower-case hexadecimal digits")));
            }
        }
        Ok(())
    })
}

fn an_asset_keeps_its_key<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let asset = subject.given("/asset")?;
        let service = service();
        let asked = futures::future::join_all((0..8).map(|_| key(subject, &service, &asset))).await;
        let first = key(subject, &service, &asset).await?;
        for again in asked {
            if again?.body != first.body {
                return Err(Violation::new("get_content_key gave two keys for one asset"));
            }
        }
        Ok(())
    })
}

fn keys_are_not_shared<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (asset, other) = (subject.given("/asset")?, subject.given("/other_asset")?);
        let ours = key(subject, &service(), &asset).await?;
        let theirs = Actor { side: Side::Theirs, ..service() };
        let mut others = vec![key(subject, &service(), &other).await?];
        let same_id = subject.call("get_content_key", &theirs, json!({"asset_id": asset})).await?;
        if same_id.status == 200 {
            others.push(same_id);
        }
        for other in &others {
            for field in ["key_id", "key"] {
                if text(&ours, field) == text(other, field) {
                    return Err(Violation::new(format!("{field} is the same as another asset's or tenant's")));
                }
            }
        }
        Ok(())
    })
}

fn each_label_has_a_key_of_its_own<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let asset = subject.given("/asset")?;
        let mut keys = vec![key(subject, &service(), &asset).await?];
        for label in ["audio", "hd"] {
            let request = json!({"asset_id": asset, "label": label});
            let labelled = subject.call("get_content_key", &service(), request.clone()).await?;
            labelled.ok()?;
            let again = subject.call("get_content_key", &service(), request).await?;
            if text(&labelled, "label") != label || again.body != labelled.body {
                return Err(Violation::new(format!("the label {label} is not said, or its key does not stay")));
            }
            keys.push(labelled);
        }
        for field in ["key_id", "key"] {
            let different: std::collections::BTreeSet<&str> = keys.iter().map(|key| text(key, field)).collect();
            if different.len() != keys.len() {
                return Err(Violation::new(format!("two labels of an asset have one {field}")));
            }
        }
        Ok(())
    })
}

fn keys_are_for_services_alone<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let asset = subject.given("/asset")?;
        for role in [Role::Viewer("acc_conformance".into()), Role::Staff] {
            let actor = Actor::ours(role);
            let key = subject.call("get_content_key", &actor, json!({"asset_id": asset})).await?;
            key.refused(403, "forbidden")?;
            subject.call("authorize_licence", &actor, authorize(&asset)).await?.refused(403, "forbidden")?;
        }
        Ok(())
    })
}

fn licence_access_names_servers_and_a_token<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let access = subject.call("authorize_licence", &service(), authorize(&subject.given("/asset")?)).await?;
        access.ok()?;
        let servers = access.body["servers"].as_array().cloned().unwrap_or_default();
        let named = |server: &Value| {
            let of = |field: &str| server[field].as_str().is_some_and(|text| !text.is_empty());
            of("key_system") && of("url")
        };
        match !servers.is_empty() && servers.iter().all(named) && !text(&access, "token").is_empty() {
            true => Ok(()),
            false => Err(Violation::new("licence access wants servers with key system and URL, and a token")),
        }
    })
}

fn licence_access_hides_keys<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let asset = subject.given("/asset")?;
        let secret = key(subject, &service(), &asset).await?;
        let access = subject.call("authorize_licence", &service(), authorize(&asset)).await?;
        match access.ok()?.to_string().contains(text(&secret, "key")) {
            false => Ok(()),
            true => Err(Violation::new("the content key stands in the licence access")),
        }
    })
}

fn a_malformed_id_is_refused_by_name<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let mut request = authorize("ast_1");
        request["asset_id"] = "../../etc".into();
        let answer = subject.call("authorize_licence", &service(), request).await?;
        answer.refused(400, "invalid_request")?;
        answer.has("/param", "asset_id")
    })
}
