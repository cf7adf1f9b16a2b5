//! What runs beside the requests: consumers, workers, schedulers, upkeep.

use std::{sync::Arc, time::Duration};

use tessera_contract::{Caller, Cx};
use tessera_events::Log;
use tessera_runtime::{edge::TenantState, shutdown::Shutdown, telemetry::Metrics};
use tessera_store::Retention;

use crate::deployment::Deployment;

/// How often renewals are looked for.
const RENEWALS: Duration = Duration::from_secs(15);
/// How often sessions without beats are ended.
const SESSIONS: Duration = Duration::from_secs(10);
/// How often what is past its retention is deleted.
const UPKEEP: Duration = Duration::from_secs(3600);

/// Starts it all; it ends with `shutdown`.
pub(crate) fn start(deployment: &Arc<Deployment>, metrics: &Metrics, shutdown: &Shutdown) {
    let token = shutdown.token();
    let (media, playback, identity) =
        (Log::of(deployment.media.store()), Log::of(deployment.playback.store()), Log::of(deployment.identity.store()));
    shutdown.spawn("catalog follows media", deployment.catalog.clone().follow_media(media, token.clone()));
    shutdown.spawn("viewers follow playback", deployment.viewers.clone().follow_playback(playback, token.clone()));
    shutdown.spawn("viewers follow identity", deployment.viewers.clone().follow_identity(identity, token.clone()));
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
    every(shutdown, "upkeep", UPKEEP, deployment, async |deployment| upkeep(&deployment).await);
    let (metrics, stop) = (metrics.clone(), token);
    shutdown.spawn("metrics upkeep", async move {
        tokio::select! { () = metrics.upkeep() => {}, () = stop.cancelled() => {} }
    });
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

async fn upkeep(deployment: &Deployment) {
    for store in deployment.stores() {
        if let Err(failure) = store.sweep(&Retention::default()).await {
            tracing::warn!(module = store.module().name, %failure, "deleting what is past its retention");
        }
    }
    if let Err(failure) = deployment.identity.sweep().await {
        tracing::warn!(%failure, "forgetting sign-ins that ran out");
    }
}
