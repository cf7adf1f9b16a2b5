//! Who may watch what, said again from the contract's words: it shares no code with the decision it is compared to.
//!
//! Beside the oracle there is a loop over generated questions, on the pure function alone, many for each seed.

use tessera_contract_entitlement::{DecisionReason, DecisionRequest, Grant, GrantScope, PlayFacts, Viewing};
use tessera_types::Timestamp;

use crate::{
    Broken, Dice,
    broken::{ACCESS, RESTRICTION, hold},
    cast::{self, ACCOUNTS, AGES, DAY, FREE_STREAMS, PLANS, START, TITLES},
};

/// Access ⇔ (live grant that opens it, or free) ∧ window ∧ territory ∧ rating.
pub(crate) fn may_watch(viewing: &Viewing, facts: &PlayFacts, grants: &[Grant], now: Timestamp) -> bool {
    let window =
        facts.available_from.is_none_or(|from| from <= now) && facts.available_until.is_none_or(|until| now < until);
    let territory = match (&facts.territories, &viewing.territory) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(list), Some(here)) => list.iter().any(|one| one == here),
    };
    let rating = match viewing.age_limit {
        Some(limit) => facts.minimum_age <= limit,
        None => true,
    };
    let granted = facts.free || grants.iter().any(|grant| is_live(grant, now) && is_for(grant, facts));
    window && territory && rating && granted
}

pub(crate) fn is_live(grant: &Grant, now: Timestamp) -> bool {
    let ended = grant.ends_at.is_some_and(|end| end <= now);
    !(grant.revoked || now < grant.starts_at || ended)
}

fn is_for(grant: &Grant, facts: &PlayFacts) -> bool {
    match &grant.scope {
        GrantScope::Title { title_id } => title_id == &facts.title_id,
        GrantScope::Plan { plan } => facts.plans.iter().any(|one| one == plan),
        GrantScope::Unknown => false,
    }
}

/// Streams at once that the account may have.
pub(crate) fn streams(facts: &PlayFacts, grants: &[Grant], now: Timestamp) -> u32 {
    let granted = grants.iter().filter(|grant| is_live(grant, now)).map(|grant| grant.max_streams).max();
    granted.unwrap_or(0).max(if facts.free { FREE_STREAMS } else { 0 })
}

/// Whether an answer says what the oracle says, and rests on what it may rest on.
pub(crate) fn check(
    request: &DecisionRequest,
    grants: &[Grant],
    now: Timestamp,
    decision: &tessera_contract_entitlement::Decision,
) -> Result<(), Broken> {
    let DecisionRequest { viewing, facts } = request;
    let expected = may_watch(viewing, facts, grants, now);
    let at = || format!("{expected} at {now} for {viewing:?} {facts:?} with {grants:?}");
    hold!(decision.allowed == expected, ACCESS, at(), "{decision:?}");
    let most = streams(facts, grants, now);
    hold!(decision.max_streams == most, ACCESS, format!("{most} streams; {}", at()), "{decision:?}");
    if decision.allowed {
        let rests = match &decision.grant_id {
            Some(id) => grants.iter().any(|grant| grant.grant_id == *id && is_live(grant, now) && is_for(grant, facts)),
            None => facts.free && decision.reason == DecisionReason::Free,
        };
        hold!(rests, ACCESS, "an allow rests on a live grant for the title", "{decision:?}; {}", at());
    }
    Ok(())
}

/// Asks the pure function `questions` times, and each time again with a restriction more and with a grant less.
pub(crate) fn ask(dice: &mut Dice, questions: usize) -> Result<(), Broken> {
    for _ in 0..questions {
        let now = day(dice);
        let grants: Vec<Grant> = (0..dice.below(4)).map(|number| grant(dice, number)).collect();
        let request =
            DecisionRequest { viewing: viewing(dice, &ACCOUNTS[0].parse().expect("an id")), facts: facts(dice) };
        let decision = tessera_entitlement::decide(&request, &grants, now, FREE_STREAMS);
        check(&request, &grants, now, &decision)?;
        let (narrowed, fewer) = (restricted(dice, &request), withdrawn(dice, &grants));
        for (request, grants) in [(&narrowed, &grants), (&request, &fewer), (&narrowed, &fewer)] {
            let stricter = tessera_entitlement::decide(request, grants, now, FREE_STREAMS);
            check(request, grants, now, &stricter)?;
            let never = decision.allowed || !stricter.allowed;
            hold!(
                never,
                RESTRICTION,
                format!("a deny, as {decision:?}"),
                "{stricter:?} for {request:?} {grants:?} {now}"
            );
        }
    }
    Ok(())
}

fn day(dice: &mut Dice) -> Timestamp {
    START.plus(dice.below(8) as u32 * DAY)
}

fn sometimes<T>(dice: &mut Dice, percent: usize, thing: impl FnOnce(&mut Dice) -> T) -> Option<T> {
    dice.percent(percent).then(|| thing(dice))
}

/// Somebody, somewhere.
pub(crate) fn viewing(dice: &mut Dice, account: &tessera_types::AccountId) -> Viewing {
    let territory = sometimes(dice, 80, |dice| cast::territory(dice.below(3)));
    let age_limit = sometimes(dice, 50, |dice| *dice.pick(&AGES));
    Viewing { account_id: account.clone(), territory, age_limit }
}

fn facts(dice: &mut Dice) -> PlayFacts {
    PlayFacts {
        title_id: dice.pick(&TITLES).parse().expect("a title's id"),
        free: dice.percent(15),
        plans: PLANS.iter().filter(|_| dice.percent(50)).map(|plan| (*plan).to_owned()).collect(),
        available_from: sometimes(dice, 30, day),
        available_until: sometimes(dice, 30, day),
        territories: sometimes(dice, 30, |dice| (0..3).filter(|_| dice.percent(50)).map(cast::territory).collect()),
        minimum_age: if dice.percent(50) { 0 } else { *dice.pick(&AGES) },
    }
}

/// Some scope of a grant.
pub(crate) fn scope(dice: &mut Dice) -> GrantScope {
    match dice.percent(60) {
        true => GrantScope::Plan { plan: (*dice.pick(&PLANS)).to_owned() },
        false => GrantScope::Title { title_id: dice.pick(&TITLES).parse().expect("a title's id") },
    }
}

fn grant(dice: &mut Dice, number: usize) -> Grant {
    let starts_at = day(dice);
    Grant {
        grant_id: format!("grt_{number}").parse().expect("an id"),
        source: cast::SOURCE.into(),
        reference: format!("g{number}"),
        account_id: ACCOUNTS[0].parse().expect("an id"),
        scope: if dice.percent(5) { GrantScope::Unknown } else { scope(dice) },
        starts_at,
        ends_at: sometimes(dice, 70, |dice| starts_at.plus(dice.below(5) as u32 * DAY)),
        max_streams: 1 + dice.below(3) as u32,
        revoked: dice.percent(25),
        version: 1,
    }
}

/// The same question under one restriction more.
fn restricted(dice: &mut Dice, request: &DecisionRequest) -> DecisionRequest {
    let mut request = request.clone();
    let (facts, viewing) = (&mut request.facts, &mut request.viewing);
    match dice.below(6) {
        0 => facts.available_from = Some(facts.available_from.map_or(day(dice), |from| from.max(day(dice)))),
        1 => facts.available_until = Some(facts.available_until.map_or(day(dice), |until| until.min(day(dice)))),
        2 => match &mut facts.territories {
            Some(list) => drop(list.pop()),
            None => facts.territories = Some(vec![cast::territory(dice.below(3))]),
        },
        3 => facts.minimum_age = facts.minimum_age.max(*dice.pick(&AGES)),
        4 => viewing.age_limit = Some(viewing.age_limit.map_or(AGES[0], |limit| limit.min(AGES[0]))),
        _ => viewing.territory = None,
    }
    request
}

/// The same grants, one of them revoked, ended or gone.
fn withdrawn(dice: &mut Dice, grants: &[Grant]) -> Vec<Grant> {
    let mut fewer = grants.to_vec();
    if fewer.is_empty() {
        return fewer;
    }
    let at = dice.below(fewer.len());
    match dice.below(3) {
        0 => fewer[at].revoked = true,
        1 => fewer[at].ends_at = Some(fewer[at].starts_at),
        _ => drop(fewer.remove(at)),
    }
    fewer
}
