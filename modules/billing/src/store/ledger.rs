//! The ledger.

use tessera_contract::Failure;
use tessera_contract_billing::{LedgerEntry, LedgerTransaction};
use tessera_store::{Reader, Tx, params};
use tessera_types::Timestamp;

use super::{money, time};
use crate::ledger::Booking;

const INSERT: &str = "insert into ledger_transactions (tenant, transaction_id, reference, description, booked_at) \
    values ($1, $2, $3, $4, $5)";
const INSERT_ENTRY: &str = "insert into ledger_entries (tenant, transaction_id, line, account, amount_minor, currency) \
    values ($1, $2, $3, $4, $5, $6)";

/// A page of transactions with their entries, as one statement: what is booked meanwhile does not come between.
const PAGE: &str = "select t.transaction_id, t.reference, t.description, t.booked_at, e.account, e.amount_minor, e.currency \
    from (select tenant, transaction_id, reference, description, booked_at from ledger_transactions \
          where tenant = $1 and ($2 is null or (booked_at, transaction_id) < ($2, $3)) \
          order by booked_at desc, transaction_id desc limit $4) t \
    join ledger_entries e on e.tenant = t.tenant and e.transaction_id = t.transaction_id \
    order by t.booked_at desc, t.transaction_id desc, e.line";

#[derive(serde::Deserialize)]
struct EntryRow {
    transaction_id: String,
    reference: String,
    description: String,
    booked_at: i64,
    account: String,
    amount_minor: i64,
    currency: String,
}

/// Books a transaction. What it belongs to being booked already is a fault of ours, and undoes the write.
pub(crate) async fn book(tx: &mut Tx, id: &str, booking: &Booking) -> Result<(), Failure> {
    tx.execute(INSERT, params![id, &booking.reference, &booking.description, booking.booked_at]).await?;
    for (line, LedgerEntry { account, amount }) in (0i64..).zip(booking.entries()) {
        tx.execute(INSERT_ENTRY, params![id, line, account, amount.amount_minor, &amount.currency]).await?;
    }
    Ok(())
}

/// Transactions before `before`, newest first.
pub(crate) async fn page(
    reader: &Reader,
    before: Option<(Timestamp, String)>,
    limit: u32,
) -> Result<Vec<LedgerTransaction>, Failure> {
    let (at, id) = before.unzip();
    let values = params![at, id, limit];
    let rows: Vec<EntryRow> = reader.all(PAGE, values).await?;
    let mut page = Vec::<LedgerTransaction>::new();
    for row in rows {
        let EntryRow { transaction_id, reference, description, account, .. } = row;
        let entry = LedgerEntry { account, amount: money(row.amount_minor, &row.currency)? };
        match page.last_mut().filter(|last| last.transaction_id == transaction_id) {
            Some(same) => same.entries.push(entry),
            None => {
                let (booked_at, entries) = (time(row.booked_at), vec![entry]);
                page.push(LedgerTransaction { transaction_id, reference, description, booked_at, entries });
            }
        }
    }
    Ok(page)
}
