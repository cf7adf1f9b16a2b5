//! The rules that every implementation is held to.
//!
//! Fixture: `{"name": text}`, the name of our tenant's brand.

use futures::future::BoxFuture;
use serde_json::json;
use tessera_contract::conformance::{Actor, Role, Rule, Subject, Violation};

type Check<'s> = BoxFuture<'s, Result<(), Violation>>;

/// The rules.
pub const RULES: &[Rule] = &[
    Rule {
        name: "anybody_sees_the_brand",
        promise: "The brand has the tenant's name and colours that are # and six hexadecimal digits.",
        check: anybody_sees_the_brand,
    },
    Rule {
        name: "each_tenant_has_its_own",
        promise: "Another tenant's brand has another style sheet or another name.",
        check: each_tenant_has_its_own,
    },
];

fn anybody_sees_the_brand<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let brand = subject.call("get_brand", &Actor::ours(Role::Anonymous), json!({})).await?;
        brand.ok()?;
        brand.has("/name", subject.given("/name")?)?;
        for colour in ["background", "text", "accent"] {
            let text = brand.body["colours"][colour].as_str().unwrap_or_default();
            let digits = text.strip_prefix('#').unwrap_or_default();
            if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(brand.violation(&format!("{colour} is not a colour")));
            }
        }
        Ok(())
    })
}

fn each_tenant_has_its_own<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let theirs = subject.call("get_brand", &Actor::theirs(Role::Anonymous), json!({})).await?;
        match theirs.ok()?["name"] == json!(subject.given("/name")?) {
            true => Err(theirs.violation("it is our tenant's name")),
            false => Ok(()),
        }
    })
}
