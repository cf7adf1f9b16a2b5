//! What players and other systems do at entitlement, and what the answers must be.

use std::collections::BTreeMap;

use tessera_contract::ContractError;
use tessera_contract_entitlement::{
    AcquireLease, Decision, DecisionRequest, EntitlementError, Grant, Lease, ListGrants, PutGrant, ReleaseLease,
    RenewLease, RevokeGrant,
};
use tessera_types::{Clock, Timestamp};

use crate::{
    Broken,
    access::{self, is_live, may_watch},
    book::{Slot, Stated, Who, after_put, after_revocation},
    broken::{ACCESS, GRANTS, LEASES, NO_SURPRISE, REVOKED, hold},
    cast::{ACCOUNTS, DAY, DEVICES, LEASE, SOURCE, TENANTS, TITLES, facts},
    sim::{Reply, Sim},
};

const ROWS: &str =
    "select session_id, device_id, expires_at, account_id from leases where tenant = $1 order by session_id";

fn who(sim: &mut Sim) -> Who {
    (sim.dice.below(TENANTS.len()), sim.dice.below(ACCOUNTS.len()))
}

/// An account's grants as entitlement lists them.
pub(crate) async fn grants(sim: &Sim, (tenant, account): Who) -> Result<Vec<Grant>, Broken> {
    let cx = sim.world.service(tenant, "playback");
    let account_id = Some(ACCOUNTS[account].parse().expect("an account"));
    let request = ListGrants { account_id, cursor: None, limit: Some(100) };
    let page = sim.world.services.gate.list_grants(&cx, request).await;
    page.map(|page| page.data).map_err(|e| Broken::new(NO_SURPRISE, "grants are listed", e.to_string()))
}

/// A question.
pub(crate) async fn decide(sim: &mut Sim) -> Result<String, Broken> {
    let who = who(sim);
    let title = sim.dice.below(TITLES.len());
    let viewing = access::viewing(&mut sim.dice, &ACCOUNTS[who.1].parse().expect("an account"));
    let request = DecisionRequest { viewing, facts: facts(title) };
    let cx = sim.world.service(who.0, "playback");
    let answer = sim.world.services.gate.decide(&cx, request.clone()).await;
    let Reply::Said(decision) = sim.judge(answer)? else { return Ok("no answer".into()) };
    let grants = grants(sim, who).await?;
    sound(sim, who, &request, &grants, &decision)?;
    Ok(format!("{who:?} {}: {:?}", TITLES[title], decision.reason))
}

/// A decision is what it must be, and does not rest on a grant whose revocation was acknowledged.
fn sound(sim: &Sim, who: Who, request: &DecisionRequest, grants: &[Grant], decision: &Decision) -> Result<(), Broken> {
    let rests = grants.iter().find(|grant| decision.grant_id.as_ref() == Some(&grant.grant_id));
    if let Some(grant) = rests.filter(|grant| grant.source == SOURCE) {
        let stated = sim.book.stated.get(&(who.0, grant.reference.clone()));
        let withdrawn = stated.is_some_and(|stated| stated.revoked);
        hold!(!withdrawn, REVOKED, "a deny, or another grant", "{decision:?} on {grant:?}");
    }
    access::check(request, grants, sim.world.business_now(who.0), decision)
}

/// A player wants a slot.
pub(crate) async fn acquire(sim: &mut Sim) -> Result<String, Broken> {
    let who = who(sim);
    let own: Vec<String> = sessions(sim, who);
    let session = match own.is_empty() || sim.dice.percent(75) {
        true => {
            sim.book.sessions += 1;
            format!("pbs_{:04}", sim.book.sessions)
        }
        false => sim.dice.pick(&own).clone(),
    };
    let title = *sim.dice.pick(&[0, 0, 1, 2, 3, 4, 4, 4]);
    let viewing = access::viewing(&mut sim.dice, &ACCOUNTS[who.1].parse().expect("an account"));
    let (device, facts) = (sim.dice.below(DEVICES.len()), facts(title));
    let expires_at = sim.world.clock.now().plus(LEASE);
    let slot = Slot { account: who.1, device, expires_at, viewing, facts };
    let request = AcquireLease {
        session_id: session.parse().expect("a session"),
        device_id: DEVICES[device].into(),
        device_name: format!("My {}", DEVICES[device]).into(),
        viewing: slot.viewing.clone(),
        facts: slot.facts.clone(),
    };
    let cx = sim.world.service(who.0, "playback");
    let answer = sim.world.services.gate.acquire_lease(&cx, request).await;
    let told = held(sim, who, &session, slot, answer).await?;
    Ok(format!("{session} of {who:?} on {} for {}: {told}", DEVICES[device], TITLES[title]))
}

fn sessions(sim: &Sim, (tenant, account): Who) -> Vec<String> {
    let mine = sim.book.slots.iter().filter(|((of, _), slot)| *of == tenant && slot.account == account);
    mine.map(|((_, session), _)| session.clone()).collect()
}

/// A beat of some session, which may have none any more.
pub(crate) async fn renew(sim: &mut Sim) -> Result<String, Broken> {
    let who = who(sim);
    let session = format!("pbs_{:04}", 1 + sim.dice.below(sim.book.sessions.max(1)));
    let cx = sim.world.service(who.0, "playback");
    let request = RenewLease { session_id: session.parse().expect("a session") };
    let answer = sim.world.services.gate.renew_lease(&cx, request).await;
    match sim.book.slots.get(&(who.0, session.clone())).cloned() {
        Some(slot) => {
            let slot = Slot { expires_at: sim.world.clock.now().plus(LEASE), ..slot };
            let told = held(sim, (who.0, slot.account), &session, slot, answer).await?;
            Ok(format!("{session} of {}: {told}", who.0))
        }
        None => match sim.judge(answer)? {
            Reply::Refused(EntitlementError::LeaseNotFound(_)) | Reply::Unheard => Ok(format!("{session} has none")),
            Reply::Refused(other) => Err(Broken::new(LEASES, "lease_not_found", other.to_string())),
            Reply::Said(lease) => Err(Broken::new(LEASES, "lease_not_found", format!("{lease:?}"))),
        },
    }
}

/// An answer to acquiring or renewing `slot`.
async fn held(
    sim: &mut Sim,
    who: Who,
    session: &str,
    slot: Slot,
    answer: Result<Lease, EntitlementError>,
) -> Result<String, Broken> {
    let (now, wall) = (sim.world.business_now(who.0), sim.world.clock.now());
    let grants = grants(sim, who).await?;
    let request = DecisionRequest { viewing: slot.viewing.clone(), facts: slot.facts.clone() };
    let allowed = may_watch(&slot.viewing, &slot.facts, &grants, now);
    let (most, others) =
        (access::streams(&slot.facts, &grants, now) as usize, sim.book.others(who, session, slot.device, wall));
    let taken = sim.book.taken(who.0, session, &slot, wall);
    let stood = format!("allowed {allowed}, {others} of {most} slots in use by others");
    match sim.judge(answer)? {
        Reply::Said(lease) => {
            hold!(allowed, ACCESS, stood, "{lease:?}");
            hold!(others < most, LEASES, stood, "{lease:?}");
            hold!(lease.expires_at == slot.expires_at, LEASES, format!("until {}", slot.expires_at), "{lease:?}");
            sound(sim, who, &request, &grants, &lease.decision)?;
            sim.book.slots = taken;
            Ok("a slot".into())
        }
        Reply::Refused(error @ EntitlementError::StreamLimitReached(_)) => {
            hold!(allowed && others >= most, LEASES, stood, "{error}");
            Ok("all slots are in use".into())
        }
        Reply::Refused(error) => {
            hold!(!allowed && error.status() == 403, ACCESS, stood, "{}: {error}", error.code());
            Ok(error.code().to_owned())
        }
        Reply::Unheard => {
            let rows = rows(sim).await?;
            if rows != brief(&sim.book.slots) {
                hold!(rows == brief(&taken), LEASES, format!("{taken:?}, or nothing"), "{rows:?}");
                hold!(allowed && others < most, LEASES, stood, "the slot is taken");
                sim.book.slots = taken;
            }
            Ok("no answer".into())
        }
    }
}

/// A session is over.
pub(crate) async fn release(sim: &mut Sim) -> Result<String, Broken> {
    let tenant = sim.dice.below(TENANTS.len());
    let session = format!("pbs_{:04}", 1 + sim.dice.below(sim.book.sessions.max(1)));
    let cx = sim.world.service(tenant, "playback");
    let request = ReleaseLease { session_id: session.parse().expect("a session") };
    let answer = sim.world.services.gate.release_lease(&cx, request).await;
    let key = (tenant, session.clone());
    let had = sim.book.slots.contains_key(&key);
    match sim.judge(answer)? {
        Reply::Said(released) => {
            hold!(released.released == had, LEASES, format!("released: {had}"), "{released:?}");
            sim.book.slots.remove(&key);
            Ok(format!("{session} of {tenant}: {had}"))
        }
        Reply::Refused(error) => Err(Broken::new(LEASES, "released", error.to_string())),
        Reply::Unheard => {
            if !rows(sim).await?.contains_key(&key) {
                sim.book.slots.remove(&key);
            }
            Ok("no answer".into())
        }
    }
}

/// A lease's row in short: account, device, end.
type Brief = (String, String, Timestamp);

/// The rows that there are.
pub(crate) async fn rows(sim: &Sim) -> Result<BTreeMap<(usize, String), Brief>, Broken> {
    let mut all = BTreeMap::new();
    for tenant in 0..TENANTS.len() {
        let reader = sim.world.services.entitlement.store().tenant(&sim.world.service(tenant, "simulator"));
        let rows: Result<Vec<(String, String, i64, String)>, _> = reader.all(ROWS, vec![]).await;
        let rows = rows.map_err(|e| Broken::new(NO_SURPRISE, "leases are read", e.to_string()))?;
        all.extend(rows.into_iter().map(|(session, device, expires, account)| {
            ((tenant, session), (account, device, Timestamp::from_micros(expires)))
        }));
    }
    Ok(all)
}

/// The rows that there must be.
pub(crate) fn brief(slots: &BTreeMap<(usize, String), Slot>) -> BTreeMap<(usize, String), Brief> {
    let brief = |slot: &Slot| (ACCOUNTS[slot.account].to_owned(), DEVICES[slot.device].to_owned(), slot.expires_at);
    slots.iter().map(|(key, slot)| (key.clone(), brief(slot))).collect()
}

/// Another system states a grant, in any order of versions.
pub(crate) async fn state(sim: &mut Sim) -> Result<String, Broken> {
    let who = who(sim);
    let reference = format!("{}-g{}", ACCOUNTS[who.1], sim.dice.below(3));
    let before = sim.book.stated.get(&(who.0, reference.clone())).cloned();
    let now = sim.world.business_now(who.0);
    let starts_at = now.minus(10 * DAY).plus(sim.dice.below(14) as u32 * DAY);
    let ends_at = sim.dice.percent(80).then(|| starts_at.plus(sim.dice.below(40) as u32 * DAY));
    let put = PutGrant {
        source: SOURCE.into(),
        reference: reference.clone(),
        account_id: ACCOUNTS[who.1].parse().expect("an account"),
        scope: access::scope(&mut sim.dice),
        starts_at,
        ends_at,
        max_streams: 1 + sim.dice.below(3) as u32,
        version: version(sim, before.as_ref()),
    };
    let cx = sim.world.service(who.0, SOURCE);
    let answer = sim.world.services.gate.put_grant(&cx, put.clone()).await;
    let after = after_put(before.as_ref(), who.1, &put);
    let told = stated(sim, who, &reference, before, after, answer).await?;
    Ok(format!("{reference} of {} version {}: {told}", who.0, put.version))
}

fn version(sim: &mut Sim, before: Option<&Stated>) -> i64 {
    let stored = before.map_or(2, |before| before.version);
    (stored - 1 + sim.dice.below(4) as i64).max(1)
}

/// Another system revokes a grant, in any order of versions.
pub(crate) async fn revoke(sim: &mut Sim) -> Result<String, Broken> {
    let who = who(sim);
    let reference = format!("{}-g{}", ACCOUNTS[who.1], sim.dice.below(3));
    let before = sim.book.stated.get(&(who.0, reference.clone())).cloned();
    let version = version(sim, before.as_ref());
    let cx = sim.world.service(who.0, SOURCE);
    let request = RevokeGrant { source: SOURCE.into(), reference: reference.clone(), version };
    let answer = sim.world.services.gate.revoke_grant(&cx, request).await;
    let told = match before {
        Some(before) => {
            let after = after_revocation(&before, version);
            stated(sim, who, &reference, Some(before), after, answer).await?
        }
        None => match sim.judge(answer)? {
            Reply::Refused(EntitlementError::GrantNotFound(_)) | Reply::Unheard => "there is none".into(),
            Reply::Refused(error) => return Err(Broken::new(GRANTS, "grant_not_found", error.to_string())),
            Reply::Said(grant) => return Err(Broken::new(GRANTS, "grant_not_found", format!("{grant:?}"))),
        },
    };
    Ok(format!("{reference} of {} version {version}: {told}", who.0))
}

/// An answer to a statement that leads from `before` to `after`.
async fn stated(
    sim: &mut Sim,
    who: Who,
    reference: &str,
    before: Option<Stated>,
    after: Stated,
    answer: Result<Grant, EntitlementError>,
) -> Result<String, Broken> {
    let key = (who.0, reference.to_owned());
    match sim.judge(answer)? {
        Reply::Said(grant) => {
            let stored = Stated::of_grant(who.1, &grant);
            let property = if after.revoked && !stored.revoked { REVOKED } else { GRANTS };
            hold!(stored == after, property, format!("{after:?}"), "{stored:?}");
            sim.book.stated.insert(key, after);
            Ok(if grant.revoked { "revoked" } else { "holds" }.into())
        }
        Reply::Refused(error) => Err(Broken::new(GRANTS, format!("{after:?}"), error.to_string())),
        Reply::Unheard => {
            let listed = grants(sim, who).await?;
            let listed = listed.iter().find(|grant| grant.source == SOURCE && grant.reference == reference);
            let found = listed.map(|grant| Stated::of_grant(who.1, grant));
            let either = found == before || found.as_ref() == Some(&after);
            hold!(either, GRANTS, format!("{before:?} or {after:?}"), "{found:?}");
            found.map(|found| sim.book.stated.insert(key, found));
            Ok("no answer".into())
        }
    }
}

/// How many slots an account's sessions hold now must never have been more than it was allowed when the last was taken;
/// here: what is stored is what was told.
pub(crate) async fn check_rows(sim: &Sim) -> Result<(), Broken> {
    let (rows, told) = (rows(sim).await?, brief(&sim.book.slots));
    hold!(rows == told, LEASES, format!("{told:?}"), "{rows:?}");
    Ok(())
}

/// What an account's grants must be: the other system's as stated, and nothing of it that was not.
pub(crate) fn check_stated(sim: &Sim, who: Who, grants: &[Grant]) -> Result<(), Broken> {
    let mine = sim.book.stated.iter().filter(|((tenant, _), stated)| *tenant == who.0 && stated.account == who.1);
    let told: BTreeMap<&String, &Stated> = mine.map(|((_, reference), stated)| (reference, stated)).collect();
    let of_source: Vec<&Grant> = grants.iter().filter(|grant| grant.source == SOURCE).collect();
    for grant in &of_source {
        let (stored, stated) = (Stated::of_grant(who.1, grant), told.get(&grant.reference).copied());
        let revoked = stated.is_some_and(|stated| stated.revoked) && is_live(grant, grant.starts_at);
        let property = if revoked { REVOKED } else { GRANTS };
        hold!(stated == Some(&stored), property, format!("{stated:?}"), "{grant:?}");
    }
    hold!(of_source.len() == told.len(), GRANTS, format!("{told:?}"), "{of_source:?}");
    Ok(())
}
