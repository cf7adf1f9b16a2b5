//! The rules that every delivery is held to.
//!
//! Fixture: `{"asset": id, "clear_asset": id, "pending": id, "others": id}`: a ready encrypted asset, a ready clear one,
//! one that is not ready, and one that is ready in the other tenant alone.

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tessera_contract::conformance::{Actor, Role, Rule, Side, Subject, Violation};

type Check<'s> = BoxFuture<'s, Result<(), Violation>>;

/// The rules.
pub const RULES: &[Rule] = &[
    Rule {
        name: "a_ready_asset_has_a_route",
        promise: "A ready asset has at least one source, with an HLS and a DASH manifest, that holds for a while.",
        check: a_ready_asset_has_a_route,
    },
    Rule {
        name: "a_route_says_whether_licences_are_needed",
        promise: "encrypted is true for a protected asset and false for a clear one.",
        check: a_route_says_whether_licences_are_needed,
    },
    Rule {
        name: "viewers_of_a_tier_share_their_urls",
        promise: "The same asset, tier and territory give the same URLs when asked for twice in a row.",
        check: viewers_of_a_tier_share_their_urls,
    },
    Rule {
        name: "what_is_not_ready_has_no_route",
        promise: "An asset that is not ready, or that nobody knows, is 404 asset_not_found.",
        check: what_is_not_ready_has_no_route,
    },
    Rule {
        name: "other_tenants_asset_has_no_route",
        promise: "Another tenant's asset is 404 asset_not_found.",
        check: other_tenants_asset_has_no_route,
    },
    Rule {
        name: "an_unknown_tier_is_refused",
        promise: "A tier that is not configured is 400 invalid_request and named.",
        check: an_unknown_tier_is_refused,
    },
    Rule {
        name: "routes_are_for_services_alone",
        promise: "Neither a viewer nor staff may ask for a route.",
        check: routes_are_for_services_alone,
    },
];

fn service() -> Actor {
    Actor::ours(Role::Service)
}

fn standard(asset: &str) -> Value {
    json!({"asset_id": asset, "tier": "standard"})
}

fn a_ready_asset_has_a_route<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let route = subject.call("route", &service(), standard(&subject.given("/asset")?)).await?;
        let sources = route.ok()?["sources"].as_array().cloned().unwrap_or_default();
        let whole = |source: &Value| {
            let of = |field: &str| source[field].as_str().is_some_and(|text| !text.is_empty());
            of("name") && of("hls_url") && of("dash_url")
        };
        match !sources.is_empty() && sources.iter().all(whole) {
            true => Ok(()),
            false => Err(route.violation("expected sources, each with a name and two manifests")),
        }
    })
}

fn a_route_says_whether_licences_are_needed<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        for (asset, encrypted) in [("/asset", true), ("/clear_asset", false)] {
            let route = subject.call("route", &service(), standard(&subject.given(asset)?)).await?;
            route.ok()?;
            route.has("/encrypted", encrypted)?;
        }
        Ok(())
    })
}

fn viewers_of_a_tier_share_their_urls<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let asset = subject.given("/asset")?;
        // An expiry may be rounded, and the hour may strike between two calls: of three, two in a row agree.
        let mut routes = Vec::new();
        for _ in 0..3 {
            routes.push(subject.call("route", &service(), standard(&asset)).await?.ok()?["sources"].clone());
        }
        match routes[0] == routes[1] || routes[1] == routes[2] {
            true => Ok(()),
            false => Err(Violation::new("the same question got different URLs: a CDN could not cache for a tier")),
        }
    })
}

fn what_is_not_ready_has_no_route<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        for asset in [subject.given("/pending")?, "ast_nobody-knows-this".into()] {
            subject.call("route", &service(), standard(&asset)).await?.refused(404, "asset_not_found")?;
        }
        Ok(())
    })
}

fn other_tenants_asset_has_no_route<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (ours, others) = (subject.given("/asset")?, subject.given("/others")?);
        subject.call("route", &service(), standard(&others)).await?.refused(404, "asset_not_found")?;
        let theirs = Actor { side: Side::Theirs, ..service() };
        subject.call("route", &theirs, standard(&others)).await?.ok()?;
        subject.call("route", &theirs, standard(&ours)).await?.refused(404, "asset_not_found").map(drop)
    })
}

fn an_unknown_tier_is_refused<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let asset = subject.given("/asset")?;
        for tier in ["nobody-has-this-tier", "", "standard\n"] {
            let answer = subject.call("route", &service(), json!({"asset_id": asset, "tier": tier})).await?;
            answer.refused(400, "invalid_request")?;
            answer.has("/param", "tier")?;
        }
        Ok(())
    })
}

fn routes_are_for_services_alone<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let asset = subject.given("/asset")?;
        for role in [Role::Viewer("acc_conformance".into()), Role::Staff] {
            subject.call("route", &Actor::ours(role), standard(&asset)).await?.refused(403, "forbidden")?;
        }
        Ok(())
    })
}
