//! The decision: a pure function of the question, the account's grants and the tenant's time.

use tessera_contract_entitlement::{Decision, DecisionReason, DecisionRequest, Grant, GrantScope, PlayFacts, Viewing};
use tessera_types::Timestamp;

/// Whether the viewer may watch it at `now`, and why.
///
/// Restrictions (window, territory, age) are looked at first and can only deny. Among the grants that open the title
/// the one that lasts longest is named. `grants` are the account's, in any order.
pub fn decide(request: &DecisionRequest, grants: &[Grant], now: Timestamp, free_streams: u32) -> Decision {
    let DecisionRequest { viewing, facts } = request;
    let live = |grant: &&Grant| holds(grant, now);
    let of_grants = grants.iter().filter(live).map(|grant| grant.max_streams).max();
    let max_streams = of_grants.unwrap_or(0).max(if facts.free { free_streams } else { 0 });
    let answer = |reason: DecisionReason, grant: Option<&Grant>| {
        let ends = grant.and_then(|grant| grant.ends_at);
        Decision {
            allowed: allows(reason),
            reason,
            message: message(reason, request),
            grant_id: grant.map(|grant| grant.grant_id.clone()),
            holds_until: match (ends, facts.available_until) {
                (Some(grant), Some(window)) => Some(grant.min(window)),
                (one, other) => one.or(other),
            },
            max_streams,
        }
    };
    if let Some(reason) = restriction(viewing, facts, now) {
        return answer(reason, None);
    }
    if facts.free {
        return answer(DecisionReason::Free, None);
    }
    let opening = || grants.iter().filter(|grant| opens(&grant.scope, facts));
    let best = opening().filter(live).max_by_key(|grant| grant.ends_at.unwrap_or(Timestamp::from_micros(i64::MAX)));
    match best {
        Some(grant) if matches!(grant.scope, GrantScope::Title { .. }) => answer(DecisionReason::Title, Some(grant)),
        Some(grant) => answer(DecisionReason::Plan, Some(grant)),
        None => answer(why_none(opening(), now), None),
    }
}

/// Whether a grant holds at `now`.
pub fn holds(grant: &Grant, now: Timestamp) -> bool {
    !grant.revoked && grant.starts_at <= now && grant.ends_at.is_none_or(|end| now < end)
}

fn opens(scope: &GrantScope, facts: &PlayFacts) -> bool {
    match scope {
        GrantScope::Plan { plan } => facts.plans.contains(plan),
        GrantScope::Title { title_id } => *title_id == facts.title_id,
        GrantScope::Unknown => false,
    }
}

fn restriction(viewing: &Viewing, facts: &PlayFacts, now: Timestamp) -> Option<DecisionReason> {
    if facts.available_from.is_some_and(|from| now < from) {
        return Some(DecisionReason::NotYetAvailable);
    }
    if facts.available_until.is_some_and(|until| until <= now) {
        return Some(DecisionReason::NoLongerAvailable);
    }
    let here = |list: &Vec<_>| viewing.territory.as_ref().is_some_and(|territory| list.contains(territory));
    if facts.territories.as_ref().is_some_and(|list| !here(list)) {
        return Some(DecisionReason::TerritoryBlocked);
    }
    viewing.age_limit.is_some_and(|limit| facts.minimum_age > limit).then_some(DecisionReason::AgeLimit)
}

/// Of grants that would open the title and none of which holds: what to say.
fn why_none<'g>(opening: impl Iterator<Item = &'g Grant>, now: Timestamp) -> DecisionReason {
    let mut reason = DecisionReason::NotEntitled;
    for grant in opening {
        if !grant.revoked && grant.ends_at.is_some_and(|end| end <= now) {
            return DecisionReason::GrantEnded;
        }
        if grant.revoked {
            reason = DecisionReason::GrantRevoked;
        }
    }
    reason
}

fn allows(reason: DecisionReason) -> bool {
    match reason {
        DecisionReason::Free | DecisionReason::Plan | DecisionReason::Title => true,
        DecisionReason::NotEntitled
        | DecisionReason::GrantEnded
        | DecisionReason::GrantRevoked
        | DecisionReason::NotYetAvailable
        | DecisionReason::NoLongerAvailable
        | DecisionReason::TerritoryBlocked
        | DecisionReason::AgeLimit
        | DecisionReason::Unknown => false,
    }
}

fn message(reason: DecisionReason, request: &DecisionRequest) -> String {
    let facts = &request.facts;
    match reason {
        DecisionReason::Free => "This title is free to watch.".into(),
        DecisionReason::Plan => "This title is part of your plan.".into(),
        DecisionReason::Title => "You have this title.".into(),
        DecisionReason::NotEntitled if facts.plans.is_empty() => "Rent this title to watch it.".into(),
        DecisionReason::NotEntitled => {
            format!("This title is part of the plan {}: choose a plan, or rent the title.", facts.plans.join(" or "))
        }
        DecisionReason::GrantEnded => "Your time with this title has run out. Get it again to go on watching.".into(),
        DecisionReason::GrantRevoked => {
            "Your access to this title was withdrawn. Contact support if that is wrong.".into()
        }
        DecisionReason::NotYetAvailable => match facts.available_from {
            Some(from) => format!("This title can be watched from {from}."),
            None => "This title cannot be watched yet.".into(),
        },
        DecisionReason::NoLongerAvailable => "This title can no longer be watched.".into(),
        DecisionReason::TerritoryBlocked => match &request.viewing.territory {
            Some(territory) => format!("This title cannot be watched in {territory}."),
            None => "This title can be watched in some countries only, and where you are is not known.".into(),
        },
        DecisionReason::AgeLimit => {
            format!("This title is for viewers of {} and older. Choose another profile.", facts.minimum_age)
        }
        DecisionReason::Unknown => "This title cannot be watched.".into(),
    }
}

#[cfg(test)]
#[path = "decision_tests.rs"]
mod tests;
