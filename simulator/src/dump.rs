//! All business rows as text, the same for two worlds in which the same has happened.
//!
//! Minted ids are replaced by their number of appearance; rows are in an order that does not depend on them. Left out are
//! the numbers that say in which order independent things were written (`change_number`), and what belongs to no tenant's
//! business: the outbox, jobs, offsets.

use std::collections::BTreeMap;
use std::fmt::Write;

use tessera_store::Store;

use crate::{Broken, broken::NO_SURPRISE, cast::TENANTS, sim::Sim};

/// Tables of billing: what to write of each row, and in what order.
const BILLING: &[(&str, &str)] = &[
    (
        "offers",
        "select json_array(offer_id, kind, plan, title_id, hours, amount_minor, currency, max_streams, archived, \
        version) from offers where tenant = $1 order by offer_id",
    ),
    (
        "checkouts",
        "select json_array(checkout_id, account_id, offer_id, title_id, amount_minor, currency, state, refusal, \
        decline_message, subscription_id, created_at, started_at) from checkouts where tenant = $1 \
        order by started_at, checkout_id",
    ),
    (
        "holdings",
        "select json_array(account_id, thing, checkout_id, pending, until) from holdings where tenant = $1 \
        order by account_id, thing",
    ),
    (
        "subscriptions",
        "select json_array(subscription_id, account_id, offer_id, checkout_id, plan, amount_minor, currency, \
        max_streams, state, anchor, period, period_starts_at, period_ends_at, renewing_since, payment_token, version) \
        from subscriptions where tenant = $1 order by subscription_id",
    ),
    (
        "purchases",
        "select json_array(checkout_id, account_id, title_id, amount_minor, currency, max_streams, starts_at, \
        ends_at, version) from purchases where tenant = $1 order by checkout_id",
    ),
    (
        "ledger",
        "select json_array(t.reference, t.description, t.booked_at, e.line, e.account, e.amount_minor, e.currency) \
        from ledger_transactions t join ledger_entries e on e.tenant = t.tenant and e.transaction_id = t.transaction_id \
        where t.tenant = $1 order by t.reference, e.line",
    ),
];

/// Tables of entitlement.
const ENTITLEMENT: &[(&str, &str)] = &[
    (
        "grants",
        "select json_array(source, reference, account_id, scope, starts_at, ends_at, max_streams, revoked, version) \
        from grants where tenant = $1 order by source, reference",
    ),
    (
        "leases",
        "select json_array(session_id, account_id, device_id, device_name, viewing, facts, expires_at) \
        from leases where tenant = $1 order by session_id",
    ),
];

/// The whole world.
pub(crate) async fn dump(sim: &Sim) -> Result<String, Broken> {
    let mut text = String::new();
    let services = &sim.world.services;
    for (store, tables) in [(services.billing.store(), BILLING), (services.entitlement.store(), ENTITLEMENT)] {
        for tenant in 0..TENANTS.len() {
            for (table, sql) in tables {
                write(sim, store, tenant, table, sql, &mut text).await?;
            }
        }
    }
    Ok(normalised(&text))
}

async fn write(
    sim: &Sim,
    store: &Store,
    tenant: usize,
    table: &str,
    sql: &'static str,
    text: &mut String,
) -> Result<(), Broken> {
    let rows: Result<Vec<(String,)>, _> = store.tenant(&sim.world.service(tenant, "simulator")).all(sql, vec![]).await;
    for (row,) in rows.map_err(|e| Broken::new(NO_SURPRISE, "rows are read", e.to_string()))? {
        let _ = writeln!(text, "{} {table} {row}", TENANTS[tenant]);
    }
    Ok(())
}

/// With each minted id (a prefix and 32 hexadecimal digits) replaced by its number of appearance.
fn normalised(text: &str) -> String {
    let mut numbers = BTreeMap::<&str, usize>::new();
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('_') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        let body = after.bytes().take_while(u8::is_ascii_hexdigit).count();
        if body == 32 {
            let next = numbers.len();
            let number = *numbers.entry(&after[..body]).or_insert(next);
            let _ = write!(out, "{before}_#{number}");
            rest = &after[body..];
        } else {
            let _ = write!(out, "{before}_");
            rest = after;
        }
    }
    out + rest
}

/// The first line in which two dumps differ.
pub(crate) fn difference(one: &str, other: &str) -> Option<(String, String)> {
    if one == other {
        return None;
    }
    let (mut ones, mut others) = (one.lines(), other.lines());
    loop {
        match (ones.next(), others.next()) {
            (None, None) => return Some(("the same lines".into(), "another end".into())),
            (a, b) if a == b => {}
            (a, b) => return Some((a.unwrap_or("no more rows").into(), b.unwrap_or("no more rows").into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_numbered_as_they_appear() {
        let id = |digit: &str| format!("chk_{}", digit.repeat(32));
        let text = format!("[\"{}\",\"acc_1\",\"{}\"] {}.2", id("a"), id("b"), id("a"));
        assert_eq!(normalised(&text), "[\"chk_#0\",\"acc_1\",\"chk_#1\"] chk_#0.2");
        assert_eq!(difference("a\nb\n", "a\nc\n"), Some(("b".into(), "c".into())));
    }
}
