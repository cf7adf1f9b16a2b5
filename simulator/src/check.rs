//! What must hold after every step.

use std::collections::{BTreeMap, BTreeSet};

use tessera_contract_billing::{LedgerTransaction, ListLedger, Subscription, SubscriptionState};
use tessera_contract_entitlement::{Grant, GrantScope};
use tessera_types::{Currency, Money};

use crate::{
    Broken,
    book::Who,
    broken::{BALANCE, CANCELED, GRANTS, MONEY, NO_SURPRISE, ONCE, hold},
    cast::{ACCOUNTS, GRACE, SOURCE, TENANTS},
    shopping,
    sim::Sim,
    watching,
};

/// Of a tenant: half the reading for every step, and what is broken there stays broken until the next.
pub(crate) async fn always(sim: &mut Sim, tenant: usize) -> Result<(), Broken> {
    let captured = sim.world.gateway.captured();
    let conflicts = sim.world.gateway.conflicts();
    hold!(conflicts.is_empty(), ONCE, "one amount for each key", "charges asked for with two amounts: {conflicts:?}");
    let ledger = ledger(sim, tenant).await?;
    for transaction in &ledger {
        balanced(transaction)?;
        let taken = captured.get(&(TENANTS[tenant].to_owned(), transaction.reference.clone()));
        hold!(taken == Some(&debit(transaction)), MONEY, format!("{taken:?} taken"), "{transaction:?}");
    }
    let references: BTreeSet<&String> = ledger.iter().map(|transaction| &transaction.reference).collect();
    hold!(references.len() == ledger.len(), ONCE, "each charge booked once", "{ledger:?}");
    for account in 0..ACCOUNTS.len() {
        let grants = watching::grants(sim, (tenant, account)).await?;
        watching::check_stated(sim, (tenant, account), &grants)?;
        check_sold(sim, (tenant, account), &grants).await?;
    }
    check_canceled(sim)?;
    watching::check_rows(sim).await
}

/// The whole ledger of a tenant.
pub(crate) async fn ledger(sim: &Sim, tenant: usize) -> Result<Vec<LedgerTransaction>, Broken> {
    let (cx, mut cursor, mut all) = (sim.world.staff(tenant), None, Vec::new());
    loop {
        let page = sim.world.services.desk.list_ledger(&cx, ListLedger { limit: Some(100), cursor }).await;
        let page = page.map_err(|e| Broken::new(NO_SURPRISE, "the ledger is read", e.to_string()))?;
        all.extend(page.data);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(all);
        }
    }
}

fn balanced(transaction: &LedgerTransaction) -> Result<(), Broken> {
    let mut sums = BTreeMap::<&Currency, i128>::new();
    for entry in &transaction.entries {
        *sums.entry(&entry.amount.currency).or_default() += i128::from(entry.amount.amount_minor);
    }
    let sound = transaction.entries.len() >= 2 && sums.values().all(|sum| *sum == 0);
    hold!(sound, BALANCE, "at least two entries that sum to zero", "{transaction:?}");
    Ok(())
}

/// What the gateway owes us by a transaction.
pub(crate) fn debit(transaction: &LedgerTransaction) -> Money {
    let receivable = transaction.entries.iter().filter(|entry| entry.account == "gateway:receivable");
    let minor = receivable.map(|entry| entry.amount.amount_minor).sum();
    let currency = transaction.entries.first().map(|entry| entry.amount.currency.clone());
    currency.map_or_else(|| crate::cast::euros(0), |currency| Money::new(minor, currency))
}

/// A grant of billing's is of something sold, as it stands or stood, and never goes back to an older version.
async fn check_sold(sim: &mut Sim, who: Who, grants: &[Grant]) -> Result<(), Broken> {
    let of_billing: Vec<&Grant> = grants.iter().filter(|grant| grant.source != SOURCE).collect();
    if of_billing.is_empty() {
        return Ok(());
    }
    let account = shopping::account(sim, who).await?;
    for grant in of_billing {
        let seen = sim.book.versions.entry((who.0, grant.reference.clone())).or_insert(grant.version);
        hold!(*seen <= grant.version, GRANTS, format!("version {seen} or later"), "{grant:?}");
        *seen = grant.version;
        if let Some(bought) = account.purchases.iter().find(|bought| bought.checkout_id == grant.reference) {
            let scope = GrantScope::Title { title_id: bought.title_id.clone() };
            let same =
                grant.scope == scope && (grant.starts_at, grant.ends_at) == (bought.starts_at, Some(bought.ends_at));
            hold!(same, GRANTS, format!("{bought:?}"), "{grant:?}");
            continue;
        }
        let sold = account.subscriptions.iter().find(|one| one.subscription_id.as_str() == grant.reference);
        let sold = sold.ok_or_else(|| Broken::new(GRANTS, "something sold to the account", format!("{grant:?}")))?;
        let current = grant.version < sold.version || of_subscription(grant, sold);
        hold!(current && grant.version <= sold.version, GRANTS, format!("{sold:?}"), "{grant:?}");
    }
    Ok(())
}

/// Whether a grant is what a subscription stands for.
pub(crate) fn of_subscription(grant: &Grant, sold: &Subscription) -> bool {
    let ends_at = match sold.state {
        SubscriptionState::Active => sold.period_ends_at.plus(GRACE),
        _ => sold.period_ends_at,
    };
    grant.version == sold.version
        && grant.scope == GrantScope::Plan { plan: sold.plan.clone() }
        && (grant.starts_at, grant.ends_at) == (sold.period_starts_at, Some(ends_at))
        && grant.max_streams == sold.max_streams
        && !grant.revoked
}

fn check_canceled(sim: &Sim) -> Result<(), Broken> {
    for ((tenant, key), step) in sim.world.gateway.requested() {
        let Some((subscription, _)) = key.split_once('.') else { continue };
        let tenant = TENANTS.iter().position(|one| *one == tenant).unwrap_or_default();
        let canceled = sim.book.canceled.get(&(tenant, subscription.to_owned()));
        let before = canceled.is_none_or(|canceled| step <= *canceled);
        hold!(before, CANCELED, format!("no charge after step {canceled:?}"), "{key} was charged in step {step}");
    }
    Ok(())
}
