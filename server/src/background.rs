//! What runs beside the requests: consumers, workers, schedulers, upkeep.

use std::{sync::Arc, time::Duration};

use tessera_audit::AuditService;
use tessera_billing::BillingService;
use tessera_contract::{Caller, Cx};
use tessera_events::Log;
use tessera_runtime::{
    clock::{KEEP_EVERY, SteadyClock},
    edge::TenantState,
    shutdown::Shutdown,
    telemetry::Metrics,
};
use tessera_store::Retention;

use crate::{deployment::Deployment, figures, modules::Part, schema};

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
    deployment.logs.relay(&deployment.stores(), shutdown);
    follow(deployment, shutdown);
    work(deployment, shutdown);
    every(shutdown, "figures", FIGURES, deployment, async |deployment| figures::look(&deployment).await);
    let (keep, clock) = (Arc::new(keep), clock.clone());
    every(shutdown, "upkeep", UPKEEP, deployment, move |deployment| {
        let keep = keep.clone();
        async move { upkeep(&deployment, &keep).await }
    });
    every(shutdown, "clock", KEEP_EVERY, deployment, move |_| keep_time(clock.clone()));
    let (metrics, stop) = (metrics.clone(), shutdown.token());
    shutdown.spawn("metrics upkeep", async move {
        tokio::select! { () = metrics.upkeep() => {}, () = stop.cancelled() => {} }
    });
}

/// The modules here follow the events of others, wherever those are.
fn follow(deployment: &Arc<Deployment>, shutdown: &Shutdown) {
    let (modules, token) = (&deployment.modules, shutdown.token());
    // `Root::check_placement` has seen to it that each of them is somewhere.
    if let (Some(catalog), Some(media)) = (&modules.catalog, deployment.log_of(Part::Media)) {
        shutdown.spawn("catalog follows media", catalog.clone().follow_media(media, token.clone()));
    }
    if let (Some(viewers), Some(playback)) = (&modules.viewers, deployment.log_of(Part::Playback)) {
        shutdown.spawn("viewers follow playback", viewers.clone().follow_playback(playback, token.clone()));
    }
    if let (Some(viewers), Some(identity)) = (&modules.viewers, deployment.log_of(Part::Identity)) {
        shutdown.spawn("viewers follow identity", viewers.clone().follow_identity(identity, token.clone()));
    }
    if let Some(audit) = &modules.audit {
        follow_staff(audit, deployment, shutdown);
    }
    if let Some(webhooks) = &modules.webhooks {
        for (name, log) in followed(Part::Webhooks, deployment) {
            // One name a module, for as long as the process lives.
            let consumer: &'static str = format!("webhooks.{name}").leak();
            shutdown.spawn(consumer, webhooks.clone().follow(consumer, log, token.clone()));
        }
    }
    if let Some(trail) = deployment.trail.clone() {
        shutdown.spawn("refusals go to the audit", async move { trail.keep_refusals(token).await });
    }
}

/// The audit hears of what staff change from the log of every module in which they can, and from the edge.
fn follow_staff(audit: &Arc<AuditService>, deployment: &Deployment, shutdown: &Shutdown) {
    let token = shutdown.token();
    let directory = deployment.directory.store();
    let logs = followed(Part::Audit, deployment);
    for (name, log) in [(directory.module().name, deployment.logs.of(directory))].into_iter().chain(logs) {
        // One name a module, for as long as the process lives.
        let consumer: &'static str = format!("audit.{name}").leak();
        shutdown.spawn(consumer, audit.clone().follow(consumer, log, token.clone()));
    }
    let audit = audit.clone();
    shutdown.spawn("audit keeps refusals", async move { audit.keep_refusals(token).await });
}

/// The logs that `part` follows, with their modules' names.
fn followed(part: Part, deployment: &Deployment) -> Vec<(&'static str, Log)> {
    let follows = part.follows();
    let of_modules = schema::OF_PARTS.iter().filter(|(part, _)| follows.contains(part));
    of_modules.filter_map(|(part, module)| Some((module.name, deployment.log_of(*part)?))).collect()
}

/// What the modules here do of themselves.
fn work(deployment: &Arc<Deployment>, shutdown: &Shutdown) {
    let (modules, token) = (&deployment.modules, shutdown.token());
    if let Some(billing) = &modules.billing {
        shutdown.spawn("billing settles and grants", billing.clone().run(token.clone()));
        let billing = billing.clone();
        every(shutdown, "billing renews", RENEWALS, deployment, move |deployment| {
            let billing = billing.clone();
            async move { renew(&deployment, &billing).await }
        });
    }
    if let Some(media) = &modules.media {
        let (workers, stop) = (media.clone(), token.clone());
        shutdown.spawn("media workers", async move {
            if let Err(error) = workers.work(stop).await {
                tracing::error!(%error, "media works on no job");
            }
        });
        shutdown.spawn("media sweeps", media.clone().sweep_until(token.clone()));
    }
    if let Some(playback) = modules.playback.clone() {
        every(shutdown, "playback ends silent sessions", SESSIONS, deployment, move |_| {
            let playback = playback.clone();
            async move {
                let swept = playback.sweep().await;
                swept.map(drop).unwrap_or_else(|failure| tracing::warn!(%failure, "ending silent sessions"));
            }
        });
    }
    if let Some(identity) = modules.identity.clone() {
        every(shutdown, "key uses", KEY_USES, deployment, move |_| {
            let identity = identity.clone();
            async move {
                let written = identity.write_key_uses().await;
                written.unwrap_or_else(|failure| tracing::warn!(%failure, "writing when API keys were last used"));
            }
        });
    }
    if let Some(webhooks) = &modules.webhooks {
        shutdown.spawn("webhooks deliver", webhooks.clone().deliver(token.clone()));
    }
    if let Some(platform) = &modules.platform {
        shutdown.spawn("exports", platform.clone().work(token));
    }
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
async fn renew(deployment: &Deployment, billing: &BillingService) {
    if deployment.elsewhere.places(Part::Billing).is_left() {
        return; // who pays is another's business now
    }
    let tenants = match deployment.directory.list().await {
        Ok(tenants) => tenants,
        Err(failure) => return tracing::warn!(%failure, "listing tenants for renewals"),
    };
    for tenant in tenants.into_iter().filter(|tenant| tenant.state == TenantState::Active) {
        let now = tenant.business_now(deployment.clock.now());
        let mut cx = Cx::new(tenant.id, Caller::Service { name: "billing".into() }, now);
        cx.deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        match billing.tick(&cx).await {
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
    let modules = &deployment.modules;
    if let Some(platform) = &modules.platform
        && let Err(failure) = platform.sweep().await
    {
        tracing::warn!(%failure, "deleting exports that ran out");
    }
    if let Some(audit) = &modules.audit
        && let Err(failure) = audit.sweep().await
    {
        tracing::warn!(%failure, "deleting audit records that are past their days");
    }
    if let Some(webhooks) = &modules.webhooks
        && let Err(failure) = webhooks.sweep().await
    {
        tracing::warn!(%failure, "forgetting deliveries that ended long ago");
    }
    if let Some(identity) = &modules.identity
        && let Err(failure) = identity.sweep().await
    {
        tracing::warn!(%failure, "forgetting sign-ins that ran out");
    }
}
