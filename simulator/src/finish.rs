//! The end: faults are over, everything is decided, and the whole must fit.

use std::{collections::BTreeSet, time::Duration};

use tessera_contract_billing::{
    Checkout, CheckoutState, GetCheckout, LedgerTransaction, Subscription, SubscriptionState,
};
use tessera_contract_entitlement::Grant;
use tessera_types::Timestamp;

use crate::{
    Broken,
    book::{Known, Thing, Who},
    broken::{BALANCE, DECIDED, GRANTS, MONEY, NO_SURPRISE, NOT_TWICE, ONCE, RELAY, hold},
    cast::{ACCOUNTS, PLANS, SOURCE, TENANTS, TITLES},
    check,
    gateway::Told,
    mirror, passing, shopping,
    sim::{Action, Sim},
    watching,
};

/// Rounds until everything must be decided: each is longer than the longest back-off.
const ROUNDS: usize = 12;
const ROUND: Duration = Duration::from_secs(61);
const OPEN: &str = "select count(*) from tessera_jobs where state in ('queued', 'running')";
const DEAD: &str = "select count(*) from tessera_jobs where state = 'dead'";
const PARKED: &str = "select count(*) from tessera_parked";
const EVENTS: &str = "select count(*) from tessera_outbox";

/// Lets everything come to its end, and checks the whole.
pub(crate) async fn finish(sim: &mut Sim) -> Result<(), Broken> {
    quiesce(sim).await?;
    retry_all(sim).await?;
    quiesce(sim).await?;
    check_all(sim).await
}

/// Without faults, until nothing is open.
pub(crate) async fn quiesce(sim: &mut Sim) -> Result<(), Broken> {
    sim.world.faults.clear();
    for _ in 0..ROUNDS {
        sim.step += 1;
        sim.world.gateway.at_step(sim.step);
        sim.world.pass(ROUND);
        settle_now(sim).await?;
        if still_open(sim).await? == 0 {
            return Ok(());
        }
    }
    let open = still_open(sim).await?;
    Err(Broken::new(DECIDED, "no charge is open", format!("{open} still are after {ROUNDS} rounds")))
}

/// Everything that can happen without time passing.
pub(crate) async fn settle_now(sim: &mut Sim) -> Result<(), Broken> {
    while sim.world.gateway.held() > 0 {
        sim.answer(0, Told::Answer).await?;
    }
    for tenant in 0..TENANTS.len() {
        passing::tick_of(sim, tenant).await?;
    }
    while passing::settle(sim).await? != passing::NOTHING_DUE {}
    for action in [Action::PutGrants, Action::Listen] {
        sim.perform(action).await?;
    }
    Ok(())
}

async fn still_open(sim: &Sim) -> Result<i64, Broken> {
    let billing = sim.world.services.billing.store().system();
    let read = |e: tessera_contract::Failure| Broken::new(NO_SURPRISE, "a count", e.to_string());
    let dead = billing.scalar::<i64>(DEAD, vec![]).await.map_err(read)?;
    hold!(dead == 0, DECIDED, "money does not get lost after some attempts", "{dead} jobs are dead");
    for store in [sim.world.services.billing.store(), &sim.world.services.mirror] {
        let parked = store.system().scalar::<i64>(PARKED, vec![]).await.map_err(read)?;
        hold!(parked == 0, RELAY, "no event parked", "{parked} are parked in {}", store.module().name);
    }
    billing.scalar::<i64>(OPEN, vec![]).await.map_err(read)
}

/// Every key once more: what was begun answers what it was, what was not begun may begin now.
async fn retry_all(sim: &mut Sim) -> Result<(), Broken> {
    for number in 0..sim.book.intents.len() {
        sim.step += 1;
        sim.world.gateway.at_step(sim.step);
        sim.world.pass(Duration::from_millis(1));
        let told = shopping::order(sim, number, false).await?;
        sim.trace.push(format!("{:>4} at the end, intent {number} again: {told}", sim.step));
        hold!(told != "charge_pending", DECIDED, "no charge is open", "{:?}", sim.book.intents[number]);
    }
    Ok(())
}

async fn check_all(sim: &mut Sim) -> Result<(), Broken> {
    let captured = sim.world.gateway.captured();
    for (tenant, name) in TENANTS.iter().enumerate() {
        let name = (*name).to_owned();
        check::always(sim, tenant).await?;
        let ledger = check::ledger(sim, tenant).await?;
        let booked: BTreeSet<_> = ledger.iter().map(|one| (name.clone(), one.reference.clone())).collect();
        let taken: BTreeSet<_> = captured.keys().filter(|(of, _)| *of == name).cloned().collect();
        hold!(booked == taken, MONEY, format!("taken: {taken:?}"), "booked: {booked:?}");
        let sum: i64 = ledger.iter().flat_map(|one| &one.entries).map(|entry| entry.amount.amount_minor).sum();
        hold!(sum == 0, BALANCE, "0", "{sum} over all accounts");
        let mut sold = BTreeSet::new();
        for account in 0..ACCOUNTS.len() {
            check_account(sim, (tenant, account), &ledger, &mut sold).await?;
        }
        let references: BTreeSet<String> = taken.into_iter().map(|(_, key)| key).collect();
        hold!(sold == references, MONEY, format!("taken: {references:?}"), "sold: {sold:?}");
    }
    check_relay(sim).await
}

/// An account's things against the ledger: each paid period and rental, its grant, and no time paid twice.
async fn check_account(
    sim: &mut Sim,
    who: Who,
    ledger: &[LedgerTransaction],
    sold: &mut BTreeSet<String>,
) -> Result<(), Broken> {
    let mut times = Vec::<(Thing, Timestamp, Timestamp)>::new();
    let state = shopping::account(sim, who).await?;
    let grants = watching::grants(sim, who).await?;
    let of_billing = grants.iter().filter(|grant| grant.source != SOURCE).count();
    let things = state.purchases.len() + state.subscriptions.len();
    hold!(of_billing == things, GRANTS, format!("{state:?}"), "{of_billing} grants: {grants:?}");
    for bought in &state.purchases {
        let title = TITLES.iter().position(|title| *title == bought.title_id.as_str()).unwrap_or_default();
        times.push((Thing::Title(title), bought.starts_at, bought.ends_at));
        sold.insert(bought.checkout_id.clone());
    }
    let checkouts = checkouts(sim, who).await?;
    for subscription in &state.subscriptions {
        let id = &subscription.subscription_id;
        let checkout = checkouts.iter().find(|one| one.subscription_id.as_ref() == Some(id));
        let checkout =
            checkout.ok_or_else(|| Broken::new(ONCE, "a key that bought it", format!("{subscription:?}")))?;
        let grant = grants.iter().find(|grant| grant.reference == id.as_str());
        let granted = grant.is_some_and(|grant| check::of_subscription(grant, subscription));
        hold!(granted, GRANTS, format!("{subscription:?}"), "{grant:?}");
        let anchor = check_periods(sim, who, subscription, checkout, ledger, sold)?;
        let plan = PLANS.iter().position(|plan| *plan == subscription.plan).unwrap_or_default();
        times.push((Thing::Plan(plan), anchor, subscription.period_ends_at));
    }
    for checkout in &checkouts {
        hold!(sold.contains(&checkout.checkout_id), ONCE, "a thing for a paid checkout", "{checkout:?}");
    }
    times.sort();
    for two in times.windows(2) {
        let apart = two[0].0 != two[1].0 || two[0].2 <= two[1].1;
        hold!(apart, NOT_TWICE, "times that do not overlap", "{two:?} of {who:?}");
    }
    Ok(())
}

/// A subscription's periods are booked one by one, from its first instant until now. Answers that instant.
fn check_periods(
    sim: &Sim,
    who: Who,
    subscription: &Subscription,
    checkout: &Checkout,
    ledger: &[LedgerTransaction],
    sold: &mut BTreeSet<String>,
) -> Result<Timestamp, Broken> {
    let first = ledger.iter().find(|one| one.reference == checkout.checkout_id);
    let first = first.ok_or_else(|| Broken::new(MONEY, "its first period booked", format!("{subscription:?}")))?;
    sold.insert(first.reference.clone());
    let mut period = 0;
    while let Some(next) =
        ledger.iter().find(|one| one.reference == format!("{}.{}", subscription.subscription_id, period + 1))
    {
        period += 1;
        sold.insert(next.reference.clone());
        let due = first.booked_at.plus_months(period);
        hold!(next.booked_at == due, MONEY, format!("booked at {due}"), "{next:?}");
        hold!(check::debit(next) == subscription.price, MONEY, format!("{}", subscription.price), "{next:?}");
    }
    let bounds = (first.booked_at.plus_months(period), first.booked_at.plus_months(period + 1));
    let own = (subscription.period_starts_at, subscription.period_ends_at);
    hold!(own == bounds, MONEY, format!("period {period}: {bounds:?}"), "{subscription:?}");
    let now = sim.world.business_now(who.0);
    let current = subscription.state == SubscriptionState::Canceled || now < subscription.period_ends_at;
    hold!(current, DECIDED, format!("an active subscription is renewed at {now}"), "{subscription:?}");
    Ok(first.booked_at)
}

/// The paid checkouts of an account, one for each key that succeeded.
async fn checkouts(sim: &mut Sim, who: Who) -> Result<Vec<Checkout>, Broken> {
    let mut paid = Vec::new();
    for intent in sim.book.intents.clone().into_iter().filter(|intent| intent.who == who) {
        hold!(!intent.is_open(), DECIDED, "an outcome for each key", "{intent:?}");
        let (Known::Succeeded, Some(checkout_id)) = (intent.known, intent.checkout_id) else { continue };
        let cx = sim.world.viewer(who.0, who.1);
        let answer = sim.world.services.shop.get_checkout(&cx, GetCheckout { checkout_id }).await;
        let checkout = answer.map_err(|e| Broken::new(ONCE, "a paid checkout is there", e.to_string()))?;
        hold!(checkout.state == CheckoutState::Succeeded, ONCE, "succeeded", "{checkout:?}");
        paid.push(checkout);
    }
    Ok(paid)
}

/// Whoever listens to entitlement has heard each event once, in order, and knows what entitlement knows.
async fn check_relay(sim: &mut Sim) -> Result<(), Broken> {
    let read = |e: tessera_contract::Failure| Broken::new(NO_SURPRISE, "the mirror is read", e.to_string());
    let (heard, words, wrong) = mirror::heard(&sim.world.services.mirror).await.map_err(read)?;
    let entitlement = sim.world.services.entitlement.store().system();
    let events = entitlement.scalar::<i64>(EVENTS, vec![]).await.map_err(read)?;
    hold!((words, wrong) == (events, 0), RELAY, format!("{events} events, each once"), "{words}, {wrong} wrong");
    let mut known = Vec::new();
    for (tenant, name) in TENANTS.iter().enumerate() {
        for account in 0..ACCOUNTS.len() {
            let grants = watching::grants(sim, (tenant, account)).await?;
            let heard = |one: Grant| ((*name).to_owned(), one.grant_id.to_string(), one.version, one.revoked);
            known.extend(grants.into_iter().map(heard));
        }
    }
    known.sort();
    hold!(heard == known, RELAY, format!("{known:?}"), "{heard:?}");
    Ok(())
}
