//! The decision, over everything it may be asked.

use proptest::prelude::*;
use tessera_types::Territory;

use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_000);

fn grant(scope: GrantScope, starts: i64, ends: Option<i64>, revoked: bool, max_streams: u32) -> Grant {
    Grant {
        grant_id: "grt_1".parse().unwrap(),
        source: "billing".into(),
        reference: "r".into(),
        account_id: "acc_1".parse().unwrap(),
        scope,
        starts_at: Timestamp::from_micros(starts),
        ends_at: ends.map(Timestamp::from_micros),
        max_streams,
        revoked,
        version: 1,
    }
}

fn basic() -> GrantScope {
    GrantScope::Plan { plan: "basic".into() }
}

fn question() -> DecisionRequest {
    DecisionRequest {
        viewing: Viewing { account_id: "acc_1".parse().unwrap(), territory: "DE".parse().ok(), age_limit: None },
        facts: PlayFacts {
            title_id: "ttl_1".parse().unwrap(),
            free: false,
            plans: vec!["basic".into()],
            available_from: None,
            available_until: None,
            territories: None,
            minimum_age: 0,
        },
    }
}

#[test]
fn each_reason_is_given_for_its_cause() {
    let live = || vec![grant(basic(), 0, None, false, 2)];
    let ask = |change: fn(&mut DecisionRequest), grants: Vec<Grant>| {
        let mut request = question();
        change(&mut request);
        decide(&request, &grants, NOW, 2).reason
    };
    let title = GrantScope::Title { title_id: "ttl_1".parse().unwrap() };
    let other = GrantScope::Title { title_id: "ttl_2".parse().unwrap() };
    for (reason, found) in [
        (DecisionReason::Plan, ask(|_| {}, live())),
        (DecisionReason::Title, ask(|_| {}, vec![grant(title, 0, Some(2_000), false, 1)])),
        (DecisionReason::Free, ask(|q| q.facts.free = true, vec![])),
        (DecisionReason::NotEntitled, ask(|_| {}, vec![])),
        (DecisionReason::NotEntitled, ask(|_| {}, vec![grant(other, 0, None, false, 1)])),
        (DecisionReason::NotEntitled, ask(|_| {}, vec![grant(basic(), 1_001, None, false, 1)])),
        (DecisionReason::NotEntitled, ask(|_| {}, vec![grant(GrantScope::Unknown, 0, None, false, 1)])),
        (DecisionReason::GrantEnded, ask(|_| {}, vec![grant(basic(), 0, Some(1_000), false, 1)])),
        (DecisionReason::GrantRevoked, ask(|_| {}, vec![grant(basic(), 0, None, true, 1)])),
        (
            DecisionReason::NotYetAvailable,
            ask(|q| q.facts.available_from = Some(Timestamp::from_micros(1_001)), live()),
        ),
        (DecisionReason::NoLongerAvailable, ask(|q| q.facts.available_until = Some(NOW), live())),
        (DecisionReason::TerritoryBlocked, ask(|q| q.facts.territories = Some(vec![]), live())),
        (DecisionReason::AgeLimit, ask(|q| (q.viewing.age_limit, q.facts.minimum_age) = (Some(12), 16), live())),
    ] {
        assert_eq!(found, reason);
    }
}

#[test]
fn where_a_viewer_is_not_known_a_restricted_title_is_denied() {
    let mut request = question();
    request.viewing.territory = None;
    request.facts.territories = Some(vec!["DE".parse().unwrap()]);
    let grants = [grant(basic(), 0, None, false, 1)];
    assert_eq!(decide(&request, &grants, NOW, 2).reason, DecisionReason::TerritoryBlocked);
}

prop_compose! {
    fn grants()(list in prop::collection::vec(
        (0..3u8, 0..2_000i64, prop::option::of(0..2_000i64), any::<bool>(), 1..5u32), 0..5
    )) -> Vec<Grant> {
        list.into_iter().map(|(scope, starts, ends, revoked, streams)| {
            let scope = match scope {
                0 => basic(),
                1 => GrantScope::Title { title_id: "ttl_1".parse().unwrap() },
                _ => GrantScope::Plan { plan: "other".into() },
            };
            grant(scope, starts, ends, revoked, streams)
        }).collect()
    }
}

prop_compose! {
    fn questions()(
        free in any::<bool>(), from in prop::option::of(0..2_000i64), until in prop::option::of(0..2_000i64),
        territories in prop::option::of(prop::sample::subsequence(vec!["DE", "FR"], 0..=2)),
        territory in prop::option::of(prop::sample::select(vec!["DE", "FR", "US"])),
        minimum_age in 0..20u8, age_limit in prop::option::of(0..20u8),
    ) -> DecisionRequest {
        let mut request = question();
        request.viewing.territory = territory.map(|t: &str| t.parse().unwrap());
        request.viewing.age_limit = age_limit;
        request.facts.free = free;
        request.facts.available_from = from.map(Timestamp::from_micros);
        request.facts.available_until = until.map(Timestamp::from_micros);
        let list = |names: Vec<&str>| names.iter().map(|t| t.parse::<Territory>().unwrap()).collect();
        request.facts.territories = territories.map(list);
        request.facts.minimum_age = minimum_age;
        request
    }
}

proptest! {
    /// access ⇔ (free or a live grant) ∧ window ∧ territory ∧ age, said once more in other words.
    #[test]
    fn access_is_a_live_grant_within_every_restriction(request in questions(), grants in grants()) {
        let (facts, viewing) = (&request.facts, &request.viewing);
        let granted = facts.free || grants.iter().any(|g| {
            let opens = match &g.scope {
                GrantScope::Plan { plan } => plan == "basic",
                GrantScope::Title { title_id } => title_id.as_str() == "ttl_1",
                GrantScope::Unknown => false,
            };
            opens && !g.revoked && g.starts_at.as_micros() <= 1_000 && g.ends_at.is_none_or(|e| e.as_micros() > 1_000)
        });
        let window = facts.available_from.is_none_or(|t| t.as_micros() <= 1_000)
            && facts.available_until.is_none_or(|t| t.as_micros() > 1_000);
        let place = match (&facts.territories, &viewing.territory) {
            (None, _) => true,
            (Some(list), Some(here)) => list.iter().any(|t| t == here),
            (Some(_), None) => false,
        };
        let age = viewing.age_limit.is_none_or(|limit| limit >= facts.minimum_age);
        let decision = decide(&request, &grants, NOW, 2);
        prop_assert_eq!(decision.allowed, granted && window && place && age, "{:?}", decision);
        prop_assert_eq!(decision.allowed, decision.allowed && decision.max_streams > 0, "an allowed viewer has a stream");
    }

    #[test]
    fn a_restriction_never_turns_a_deny_into_an_allow(request in questions(), grants in grants()) {
        let mut free_of_restrictions = request.clone();
        free_of_restrictions.facts.available_from = None;
        free_of_restrictions.facts.available_until = None;
        free_of_restrictions.facts.territories = None;
        free_of_restrictions.facts.minimum_age = 0;
        if decide(&request, &grants, NOW, 2).allowed {
            prop_assert!(decide(&free_of_restrictions, &grants, NOW, 2).allowed);
        }
    }
}
