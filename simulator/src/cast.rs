//! Who and what there is: the same for every seed.

use std::time::Duration;

use tessera_contract_billing::{CreateOffer, OfferTerms};
use tessera_contract_entitlement::PlayFacts;
use tessera_types::{Localized, Money, Timestamp};

/// 2026-01-31T12:00:00Z: a day that most months do not have.
pub(crate) const START: Timestamp = Timestamp::from_micros(1_769_860_800_000_000);
/// The tenants; their accounts bear the same names.
pub(crate) const TENANTS: [&str; 2] = ["acme", "globex"];
pub(crate) const ACCOUNTS: [&str; 2] = ["acc_1", "acc_2"];
pub(crate) const DEVICES: [&str; 3] = ["tv", "phone", "tablet"];
pub(crate) const TITLES: [&str; 5] = ["ttl_plain", "ttl_window", "ttl_abroad", "ttl_grown", "ttl_free"];
pub(crate) const PLANS: [&str; 2] = ["basic", "family"];
pub(crate) const TERRITORIES: [&str; 3] = ["DE", "AT", "US"];
pub(crate) const AGES: [u8; 4] = [6, 12, 16, 18];
/// Another system that states grants.
pub(crate) const SOURCE: &str = "crm";
/// How long a lease is held.
pub(crate) const LEASE: Duration = Duration::from_secs(60);
/// Streams of whoever watches what is free.
pub(crate) const FREE_STREAMS: u32 = 2;
/// Of the time after its period that an active subscription still opens its plan.
pub(crate) const GRACE: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// Cards, as the gateway knows them.
pub(crate) const GOOD: &str = "tok_good";
pub(crate) const DECLINES: &str = "tok_declines";
/// Declined from 45 days after the start on, by business time.
pub(crate) const RUNS_OUT: &str = "tok_runs_out";
/// Not a token of this gateway.
pub(crate) const GONE: &str = "tok_gone";

/// What the catalog would say of a title.
pub(crate) fn facts(title: usize) -> PlayFacts {
    let plans = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let facts = PlayFacts {
        title_id: TITLES[title].parse().expect("a title's id"),
        free: false,
        plans: plans(&[]),
        available_from: None,
        available_until: None,
        territories: None,
        minimum_age: 0,
    };
    match title {
        0 => PlayFacts { plans: plans(&["basic"]), ..facts },
        1 => PlayFacts {
            plans: plans(&["basic", "family"]),
            available_from: Some(START.plus(5 * DAY)),
            available_until: Some(START.plus(90 * DAY)),
            ..facts
        },
        2 => PlayFacts { territories: Some(vec![territory(0), territory(1)]), ..facts },
        3 => PlayFacts { plans: plans(&["family"]), minimum_age: 16, ..facts },
        _ => PlayFacts { free: true, minimum_age: 12, ..facts },
    }
}

pub(crate) fn territory(number: usize) -> tessera_types::Territory {
    TERRITORIES[number].parse().expect("a territory")
}

/// What each tenant has for sale. The first two are for the same plan: an account may have one of them.
pub(crate) fn offers() -> Vec<CreateOffer> {
    let plan = |plan: &str| OfferTerms::Subscription { plan: plan.into() };
    let rental = |title: Option<&str>, hours| OfferTerms::Rental {
        title_id: title.map(|title| title.parse().expect("a title's id")),
        hours,
    };
    let all = [
        (plan(PLANS[0]), 799, 1),
        (plan(PLANS[0]), 999, 2),
        (plan(PLANS[1]), 1299, 3),
        (rental(Some(TITLES[2]), 48), 399, 1),
        (rental(None, 24), 299, 2),
    ];
    let offer = |(terms, minor, max_streams): (OfferTerms, i64, u32)| CreateOffer {
        name: Localized([("en".parse().expect("a locale"), "An offer".into())].into()),
        description: Localized::default(),
        terms,
        price: euros(minor),
        max_streams,
    };
    all.map(offer).into()
}

pub(crate) fn euros(minor: i64) -> Money {
    Money::new(minor, "EUR".parse().expect("a currency"))
}
