//! What goes on behind the requests: events, jobs, payments.

use std::time::Duration;

use tessera_contract::Failure;
use tessera_runtime::{directory, edge::TenantKind};
use tessera_store::{DeadJob, Module, ParkedEvent};
use tessera_types::Timestamp;

use super::{
    Patient,
    report::{Group, number},
    stores::open,
};
use crate::{events::EventsConfig, schema::MODULES};

/// An event that waits longer than this, while a server runs, is not being read. What a consumer passes by is recorded
/// every minute.
const SLOW: Duration = Duration::from_secs(300);
const STUCK: Duration = Duration::from_secs(3600);

/// Whose outbox a consumer reads, by its name; what audit and webhooks follow is named in the consumer itself. With a broker, only
/// billing, which follows itself, and the relays read one.
fn source_of(events: &EventsConfig, consumer: &str) -> Option<&'static Module> {
    let source = match consumer {
        "billing.grants" => "billing",
        other if events.is_brokered() => events.relayed(other)?,
        "catalog.assets" => "media",
        "viewers.accounts" => "identity",
        "viewers.progress" => "playback",
        other => other.strip_prefix("audit.").or_else(|| other.strip_prefix("webhooks."))?,
    };
    MODULES.iter().copied().find(|module| module.name == source)
}

/// What the stores say of the work in them.
#[derive(Default)]
struct Work {
    oldest: Option<Timestamp>,
    parked: Vec<ParkedEvent>,
    dead: Vec<(&'static str, DeadJob)>,
    /// The module with a job that is due, and since when.
    waiting: Option<(Timestamp, &'static str)>,
}

pub(super) async fn look(patient: &Patient<'_>, group: &mut Group) {
    let looked = async {
        let work = all(patient).await?;
        lag(patient, &work, group).await?;
        parked(patient, &work, group);
        jobs(patient, &work, group);
        payments(patient, group).await
    };
    if let Err(failure) = looked.await {
        group.bad("stores", failure.to_string(), "see above");
    }
}

async fn all(patient: &Patient<'_>) -> Result<Work, Failure> {
    let mut work = Work::default();
    for module in MODULES {
        let Some(mut look) = open(patient, module).await? else { continue };
        work.oldest = [work.oldest, look.oldest_event().await?].into_iter().flatten().min();
        work.parked.extend(look.parked().await?);
        work.dead.extend(look.dead_jobs().await?.into_iter().map(|job| (module.name, job)));
        let waiting = look.job_waits_since(patient.now).await?.map(|since| (since, module.name));
        work.waiting = [work.waiting, waiting].into_iter().flatten().min();
        look.close().await;
    }
    Ok(work)
}

async fn lag(patient: &Patient<'_>, work: &Work, group: &mut Group) -> Result<(), Failure> {
    let mut slowest: Option<(Timestamp, String)> = None;
    for books in MODULES {
        let Some(mut look) = open(patient, books).await? else { continue };
        let offsets = look.offsets().await;
        look.close().await;
        for (consumer, position) in offsets? {
            let Some(source) = source_of(&patient.root.events, &consumer) else { continue };
            let Some(mut look) = open(patient, source).await? else { continue };
            let unread = look.unread_since(position).await;
            look.close().await;
            slowest = [slowest, unread?.map(|since| (since, consumer))].into_iter().flatten().min();
        }
    }
    let Some((since, consumer)) = slowest else {
        let kept = work.oldest.map(|oldest| format!("; the oldest that is kept is {} old", patient.ago(oldest)));
        group.good("events", format!("every event was read{}", kept.unwrap_or_default()));
        return Ok(());
    };
    let behind = patient.now.since(since);
    let found = format!("{consumer} is {} behind", patient.ago(since));
    match (&patient.server, behind) {
        (None, _) => group.good("events", format!("{found}, and goes on with the next start")),
        (Some(_), behind) if behind > STUCK => group.bad("events", found, "the log says what it waits for"),
        (Some(_), behind) if behind > SLOW => group.note("events", found, "the log says what it waits for"),
        (Some(_), _) => group.good("events", found),
    }
    Ok(())
}

fn parked(patient: &Patient<'_>, work: &Work, group: &mut Group) {
    let Some(first) = work.parked.first() else {
        return group.good("parked", "no event was given up");
    };
    let found = format!(
        "{} given up, the first {} ago: {} on {} of {}: {}",
        number(work.parked.len(), "event"),
        patient.ago(first.since()),
        first.consumer,
        first.subject,
        first.tenant,
        first.error.as_deref().unwrap_or("no reason was kept"),
    );
    group.bad("parked", found, "what follows on the same subject waits behind it: mend what it says, or report it");
}

fn jobs(patient: &Patient<'_>, work: &Work, group: &mut Group) {
    match work.dead.first() {
        None => group.good("jobs", "none has failed for good"),
        Some((module, job)) => {
            let found = format!(
                "{} failed for good, the last: {} {} of {} in {module}: {}",
                number(work.dead.len(), "job"),
                job.kind,
                job.key,
                job.tenant,
                job.error.as_deref().unwrap_or("no reason was kept"),
            );
            group.note("jobs", found, "mend what it says, then ask for the same once more");
        }
    }
    if let Some((since, module)) = work.waiting.filter(|_| patient.server.is_some())
        && patient.now.since(since) > STUCK
    {
        let found = format!("a job of {module} is due for {}", patient.ago(since));
        group.note("queue", found, "if that grows, add processors or raise media.concurrent_jobs");
    }
}

async fn payments(patient: &Patient<'_>, group: &mut Group) -> Result<(), Failure> {
    let Some(mut look) = open(patient, &directory::MODULE).await? else { return Ok(()) };
    let tenants = directory::seen(&mut look).await;
    look.close().await;
    let live: Vec<String> = tenants?
        .into_iter()
        .filter(|tenant| tenant.kind == TenantKind::Live)
        .map(|tenant| tenant.id.to_string())
        .collect();
    if !live.is_empty() {
        let found = format!("the sandbox gateway moves no money, and is what {} sells with", live.join(", "));
        group.note("payments", found, "sell nothing there until a gateway of a payment provider is built in");
    }
    Ok(())
}
