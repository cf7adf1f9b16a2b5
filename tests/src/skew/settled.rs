//! What must be true once everybody has gone home.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::Value;
use tessera_contract::{Event, OperationRecorded};
use tessera_contracts::event_types;
use tokio::time::Instant;

use super::{
    deployment::{Deployment, Written},
    hook::Hook,
    load::Load,
};
use crate::Browser;

/// How long what was told may take to be heard.
const PATIENCE: Duration = Duration::from_secs(60);
const PARKED: &str = "select consumer || ' ' || subject || ' ' || coalesce(error, '') from tessera_parked";
const DEAD_JOBS: &str =
    "select kind || ' ' || key || ' ' || coalesce(error, '') from tessera_jobs where state = 'dead'";
const TRAIL: &str = "select record_id from records";
const CHARGES: &str = "select reference from charges where decline_code is null";

/// Waits until it is, and names what is not so in the end.
pub(super) async fn settled(deployment: &Deployment, hook: &Hook, load: &Load, events: &[Written]) -> Vec<String> {
    let until = Instant::now() + PATIENCE;
    loop {
        let mut found = unheard(deployment, hook, events);
        found.extend(money(deployment, load).await);
        found.extend(trail(deployment, load).await);
        found.extend(progress(load, &deployment.title()).await);
        if found.is_empty() || Instant::now() > until {
            found.extend(given_up(deployment));
            return found;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Events that did not come to who follows them: webhooks, and the audit.
fn unheard(deployment: &Deployment, hook: &Hook, events: &[Written]) -> Vec<String> {
    let told = event_types();
    let records: BTreeSet<String> = deployment.rows("audit", TRAIL).into_iter().map(|row| row.join("|")).collect();
    let is_lost = |event: &&Written| match event.kind == OperationRecorded::TYPE {
        true => !event.data["record_id"].as_str().is_some_and(|id| records.contains(id)),
        false => told.contains(&event.kind.as_str()) && !hook.heard(&event.id),
    };
    let lost = events.iter().filter(is_lost);
    lost.map(|event| format!("an event of {} was not heard: {} {}", event.module, event.kind, event.id)).collect()
}

/// Whoever paid has paid once, has a grant, and the books balance.
async fn money(deployment: &Deployment, load: &Load) -> Vec<String> {
    let (staff, mut found) = (deployment.staff(), Vec::new());
    let mut booked: BTreeMap<String, usize> = BTreeMap::new();
    for transaction in all(&staff, "/billing/v1/management/ledger").await {
        let entries = transaction["entries"].as_array().cloned().unwrap_or_default();
        let sum: i64 = entries.iter().filter_map(|entry| entry["amount"]["amount_minor"].as_i64()).sum();
        if sum != 0 {
            found.push(format!("a transaction sums to {sum}: {transaction}"));
        }
        *booked.entry(transaction["reference"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    let mut charged: BTreeMap<String, usize> = BTreeMap::new();
    for row in deployment.rows("sandbox_gateway", CHARGES) {
        *charged.entry(row[0].clone()).or_default() += 1;
    }
    if booked != charged {
        found.push(format!("the books say {booked:?} and the gateway {charged:?}"));
    }
    let grants = all(&staff, "/entitlement/v1/grants").await;
    for bought in load.bought() {
        let times = booked.get(&bought.checkout_id).copied().unwrap_or_default();
        let granted = grants.iter().filter(|grant| grant["reference"] == bought.subscription_id.as_str()).count();
        if (times, granted) != (1, 1) {
            found.push(format!("{} was booked {times} times and granted {granted} times", bought.checkout_id));
        }
    }
    found
}

/// What staff did stands in the trail once, each thing.
async fn trail(deployment: &Deployment, load: &Load) -> Vec<String> {
    let (staff, mut found) = (deployment.staff(), Vec::new());
    for (title, done) in load.titles() {
        let records = staff.get(&format!("/audit/v1/records?target={title}")).await.json();
        let records = records["data"].as_array().map_or(0, Vec::len);
        if records != done {
            found.push(format!("the trail of {title} has {records} records of {done}"));
        }
    }
    found
}

/// Whoever stopped comes back where they stopped.
async fn progress(load: &Load, title: &str) -> Vec<String> {
    let mut found = Vec::new();
    for bought in load.bought() {
        let profiles = bought.viewer.get("/viewers/v1/profiles").await.json();
        let profile = profiles["data"][0]["profile_id"].as_str().unwrap_or_default().to_owned();
        let progress = bought.viewer.get(&format!("/viewers/v1/profiles/{profile}/progress")).await.json();
        let entries = progress["data"].as_array().cloned().unwrap_or_default();
        if !entries.iter().any(|entry| entry["title_id"] == title && entry["position_seconds"] == bought.stopped_at) {
            found.push(format!("{profile} stopped at {} and is at {progress}", bought.stopped_at));
        }
    }
    found
}

/// Events that a consumer gave up, and jobs.
fn given_up(deployment: &Deployment) -> Vec<String> {
    let rows = |what: &'static str, sql: &'static str| {
        let of = move |module| deployment.rows(module, sql).into_iter().map(move |row| (module, row.join("|")));
        Deployment::databases().flat_map(of).map(move |(module, row)| format!("{what} of {module}: {row}"))
    };
    rows("a parked event", PARKED).chain(rows("a dead job", DEAD_JOBS)).collect()
}

/// Everything of a list, page by page.
async fn all(staff: &Browser, path: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = staff.get(&format!("{path}?limit=100{cursor}")).await.json();
        let data = page["data"].as_array().cloned().unwrap_or_default();
        let more = !data.is_empty();
        all.extend(data);
        match page["next_cursor"].as_str().filter(|_| more) {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}
