//! What happens by itself: time, the scheduler, jobs, deliveries, the gateway's late answers.

use std::time::Duration;

use tessera_contract::Failure;
use tessera_contract_billing::RenewalRun;

use crate::{
    Broken,
    broken::NO_SURPRISE,
    cast::{DAY, TENANTS},
    gateway::Told,
    mirror,
    sim::{Landed, Sim, Work},
};

/// The scheduler comes round to a tenant.
pub(crate) async fn tick(sim: &mut Sim) -> Result<String, Broken> {
    let tenant = sim.dice.below(TENANTS.len());
    tick_of(sim, tenant).await.map(|told| format!("tenant {tenant}: {told}"))
}

pub(crate) async fn tick_of(sim: &mut Sim, tenant: usize) -> Result<String, Broken> {
    let (billing, cx) = (sim.world.services.billing.clone(), sim.world.service(tenant, "scheduler"));
    sim.fly(Work::Tick, async move { Landed::Tick(billing.tick(&cx).await) }).await
}

pub(crate) fn ticked(sim: &mut Sim, run: Result<RenewalRun, Failure>) -> Result<String, Broken> {
    Ok(match sim.judge_failure(run)? {
        None => "broken off".into(),
        Some(run) => format!("{} renewed, {} declined, {} pending", run.renewed, run.declined, run.pending),
    })
}

/// The jobs that are due longest run.
pub(crate) async fn settle(sim: &mut Sim) -> Result<String, Broken> {
    let billing = sim.world.services.billing.clone();
    sim.fly(Work::Settle, async move { Landed::Settle(billing.settle_next().await) }).await
}

pub(crate) fn settled(sim: &mut Sim, any: Result<bool, Failure>) -> Result<String, Broken> {
    Ok(match sim.judge_failure(any)? {
        None => "broken off".into(),
        Some(true) => "a job ran".into(),
        Some(false) => NOTHING_DUE.into(),
    })
}

/// What [`settle`] says when there is no more to do.
pub(crate) const NOTHING_DUE: &str = "nothing is due";

/// Billing's events go to entitlement.
pub(crate) async fn put_grants(sim: &mut Sim) -> Result<String, Broken> {
    let put = sim.world.services.billing.put_grants_now().await;
    Ok(delivered(sim.judge_failure(put)?))
}

/// Entitlement's events go to whoever listens.
pub(crate) async fn listen(sim: &mut Sim) -> Result<String, Broken> {
    let services = &sim.world.services;
    let heard = mirror::listen(services.entitlement.store(), &services.mirror).await;
    Ok(delivered(sim.judge_failure(heard)?))
}

fn delivered(all: Option<bool>) -> String {
    match all {
        Some(true) => "all delivered",
        Some(false) => "some delivered",
        None => "broken off",
    }
    .into()
}

/// A tenant's time is moved.
pub(crate) fn advance(sim: &mut Sim) -> String {
    let tenant = sim.dice.below(TENANTS.len());
    let hours = *sim.dice.pick(&[1, 20, 48, 28 * 24, 31 * 24, 31 * 24, 65 * 24]);
    sim.world.advance(tenant, hours * DAY / 24);
    format!("tenant {tenant} by {hours} hours, to {}", sim.world.business_now(tenant))
}

/// Everybody's time passes.
pub(crate) fn pass(sim: &mut Sim) -> String {
    let seconds = *sim.dice.pick(&[1, 6, 6, 15, 31, 61, 61]);
    sim.world.pass(Duration::from_secs(seconds));
    format!("{seconds} s")
}

/// The gateway lets an answer go, or loses it.
pub(crate) async fn answer(sim: &mut Sim) -> Result<String, Broken> {
    match sim.world.gateway.held() {
        0 => Ok("none is held back".into()),
        held => {
            let at = sim.dice.below(held);
            let told = if sim.dice.percent(70) { Told::Answer } else { Told::Lost };
            sim.answer(at, told).await.map(|landed| format!("{told:?} {at}: {landed}"))
        }
    }
}

/// The gateway is asked again after a charge that was asked after before: its answer is heard once more.
pub(crate) async fn ask_again(sim: &mut Sim) -> Result<String, Broken> {
    let keys: Vec<(String, String)> = sim.world.gateway.requested().into_keys().collect();
    if keys.is_empty() {
        return Ok("there is none".into());
    }
    // By the order of ids, which are by their time.
    let at = sim.dice.below(keys.len());
    ask_again_after(sim, &keys[at]).await.map(|told| format!("charge {at}: {told}"))
}

pub(crate) async fn ask_again_after(sim: &mut Sim, (tenant, key): &(String, String)) -> Result<String, Broken> {
    let tenant = TENANTS.iter().position(|one| one == tenant);
    let tenant = tenant.ok_or_else(|| Broken::new(NO_SURPRISE, "a tenant's charge", key.clone()))?;
    let cx = sim.world.service(tenant, "scheduler");
    let store = sim.world.services.billing.store().clone();
    let kind = if key.starts_with("chk_") { "settle_checkout" } else { "settle_renewal" };
    let queued = store.jobs().retry(&cx, kind, key, store.now()).await;
    Ok(match sim.judge_failure(queued)? {
        Some(true) => "queued".into(),
        Some(false) => "still queued".into(),
        None => "broken off".to_owned(),
    })
}
