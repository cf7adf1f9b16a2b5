//! What runs beside the requests: consumers, workers, schedulers, upkeep.

use std::{sync::Arc, time::Duration};

use tessera_contract::{Caller, Cx};
use tessera_runtime::{
    clock::{KEEP_EVERY, SteadyClock},
    edge::TenantState,
    shutdown::Shutdown,
    telemetry::Metrics,
};
use tessera_store::Retention;

use crate::{deployment::Deployment, figures};

/// How often renewals are looked for.
const RENEWALS: Duration = Duration::from_secs(15);
/// How often sessions without beats are ended.
const SESSIONS: Duration = Duration::from_secs(10);
/// How often what takes a query is looked at for metrics.
const FIGURES: Duration = Duration::from_secs(5);
/// How often the last uses of API keys are written.
const KEY_USES: Duration = Duration::from_secs(60);
/// How often what is past its retention is deleted.
const UPKEEP: Duration = Duration::from_secs(3600);

/// Starts it all; it ends with `shutdown`.
pub(crate) fn start(
    deployment: &Arc<Deployment>,
    metrics: &Metrics,
    shutdown: &Shutdown,
    clock: &Arc<SteadyClock>,
    keep: Retention,
) {
    let token = shutdown.token();
    deployment.logs.relay(&deployment.stores(), shutdown);
    let log = |store| deployment.logs.of(store);
    let (media, playback, identity) =
        (log(deployment.media.store()), log(deployment.playback.store()), log(deployment.identity.store()));
    shutdown.spawn("catalog follows media", deployment.catalog.clone().follow_media(media, token.clone()));
    shutdown.spawn("viewers follow playback", deployment.viewers.clone().follow_playback(playback, token.clone()));
    shutdown.spawn("viewers follow identity", deployment.viewers.clone().follow_identity(identity, token.clone()));
    audit(deployment, shutdown);
    webhooks(deployment, shutdown);
    shutdown.spawn("billing settles and grants", deployment.billing.clone().run(token.clone()));
    let (media, stop) = (deployment.media.clone(), token.clone());
    shutdown.spawn("media workers", async move {
        if let Err(error) = media.work(stop).await {
            tracing::error!(%error, "media works on no job");
        }
    });
    shutdown.spawn("media sweeps", deployment.media.clone().sweep_until(token.clone()));

    every(shutdown, "billing renews", RENEWALS, deployment, async |deployment| renew(&deployment).await);
    every(shutdown, "playback ends silent sessions", SESSIONS, deployment, async |deployment| {
        let swept = deployment.playback.sweep().await;
        swept.map(drop).unwrap_or_else(|failure| tracing::warn!(%failure, "ending silent sessions"));
    });
    every(shutdown, "figures", FIGURES, deployment, async |deployment| figures::look(&deployment).await);
    every(shutdown, "key uses", KEY_USES, deployment, async |deployment| {
        let written = deployment.identity.write_key_uses().await;
        written.unwrap_or_else(|failure| tracing::warn!(%failure, "writing when API keys were last used"));
    });
    let (keep, clock) = (Arc::new(keep), clock.clone());
    every(shutdown, "upkeep", UPKEEP, deployment, move |deployment| {
        let keep = keep.clone();
        async move { upkeep(&deployment, &keep).await }
    });
    every(shutdown, "clock", KEEP_EVERY, deployment, move |_| keep_time(clock.clone()));
    shutdown.spawn("exports", deployment.platform.clone().work(token.clone()));
    let (metrics, stop) = (metrics.clone(), token);
    shutdown.spawn("metrics upkeep", async move {
        tokio::select! { () = metrics.upkeep() => {}, () = stop.cancelled() => {} }
    });
}

/// The audit hears of what staff change from the log of every module in which they can, and from the edge.
fn audit(deployment: &Arc<Deployment>, shutdown: &Shutdown) {
    let token = shutdown.token();
    let directory = deployment.directory.store().module().name;
    let recorded = |name: &str| name == directory || tessera_contracts::is_recorded(name);
    for store in deployment.stores().iter().filter(|store| recorded(store.module().name)) {
        // One name a module, for as long as the process lives.
        let consumer: &'static str = format!("audit.{}", store.module().name).leak();
        shutdown.spawn(consumer, deployment.audit.clone().follow(consumer, deployment.logs.of(store), token.clone()));
    }
    let audit = deployment.audit.clone();
    shutdown.spawn("audit keeps refusals", async move { audit.keep_refusals(token).await });
}

/// Webhooks hear of what every module tells.
fn webhooks(deployment: &Arc<Deployment>, shutdown: &Shutdown) {
    let token = shutdown.token();
    for store in deployment.stores().iter().filter(|store| tessera_contracts::tells(store.module().name)) {
        // One name a module, for as long as the process lives.
        let consumer: &'static str = format!("webhooks.{}", store.module().name).leak();
        let log = deployment.logs.of(store);
        shutdown.spawn(consumer, deployment.webhooks.clone().follow(consumer, log, token.clone()));
    }
    shutdown.spawn("webhooks deliver", deployment.webhooks.clone().deliver(token));
}

fn every<F>(
    shutdown: &Shutdown,
    name: &'static str,
    period: Duration,
    deployment: &Arc<Deployment>,
    work: impl Fn(Arc<Deployment>) -> F + Send + 'static,
) where
    F: Future<Output = ()> + Send,
{
    let (deployment, stop) = (deployment.clone(), shutdown.token());
    shutdown.spawn(name, async move {
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => work(deployment.clone()).await,
            }
        }
    });
}

/// Renews what is due, tenant by tenant, each at its own time.
async fn renew(deployment: &Deployment) {
    let tenants = match deployment.directory.list().await {
        Ok(tenants) => tenants,
        Err(failure) => return tracing::warn!(%failure, "listing tenants for renewals"),
    };
    for tenant in tenants.into_iter().filter(|tenant| tenant.state == TenantState::Active) {
        let now = tenant.business_now(deployment.clock.now());
        let mut cx = Cx::new(tenant.id, Caller::Service { name: "billing".into() }, now);
        cx.deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        match deployment.billing.tick(&cx).await {
            Ok(run) if run.renewed + run.declined + run.pending > 0 => {
                tracing::info!(tenant = %cx.tenant, ?run, "renewals");
            }
            Ok(_) => {}
            Err(failure) => tracing::warn!(tenant = %cx.tenant, %failure, "renewals"),
        }
    }
}

/// So that a restart does not go back in time either.
pub(crate) async fn keep_time(clock: Arc<SteadyClock>) {
    let kept = tokio::task::spawn_blocking(move || clock.keep()).await;
    if let Ok(Err(error)) = kept {
        tracing::warn!(%error, "keeping the time for the next start");
    }
}

async fn upkeep(deployment: &Deployment, keep: &Retention) {
    for store in deployment.stores() {
        if let Err(failure) = store.sweep(keep).await {
            tracing::warn!(module = store.module().name, %failure, "deleting what is past its retention");
        }
    }
    if let Err(failure) = deployment.platform.sweep().await {
        tracing::warn!(%failure, "deleting exports that ran out");
    }
    if let Err(failure) = deployment.audit.sweep().await {
        tracing::warn!(%failure, "deleting audit records that are past their days");
    }
    if let Err(failure) = deployment.webhooks.sweep().await {
        tracing::warn!(%failure, "forgetting deliveries that ended long ago");
    }
    if let Err(failure) = deployment.identity.sweep().await {
        tracing::warn!(%failure, "forgetting sign-ins that ran out");
    }
}
