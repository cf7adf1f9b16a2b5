//! Purchases.

use tessera_contract::Failure;
use tessera_contract_billing::Purchase;
use tessera_store::{Reader, Tx, params};
use tessera_types::AccountId;

use super::{count, money, parsed, time};

const INSERT: &str = "insert into purchases (tenant, checkout_id, account_id, title_id, amount_minor, currency, \
    max_streams, starts_at, ends_at, version) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const BY_ACCOUNT: &str = "select checkout_id, account_id, title_id, amount_minor, currency, max_streams, starts_at, \
    ends_at, version from purchases where tenant = $1 and account_id = $2 \
    order by starts_at desc, checkout_id desc limit 100";

#[derive(serde::Deserialize)]
struct PurchaseRow {
    checkout_id: String,
    account_id: String,
    title_id: String,
    amount_minor: i64,
    currency: String,
    max_streams: i64,
    starts_at: i64,
    ends_at: i64,
    version: i64,
}

impl TryFrom<PurchaseRow> for Purchase {
    type Error = Failure;
    fn try_from(row: PurchaseRow) -> Result<Self, Failure> {
        Ok(Self {
            checkout_id: row.checkout_id,
            account_id: parsed(&row.account_id, "a purchase's account")?,
            title_id: parsed(&row.title_id, "a purchase's title")?,
            price: money(row.amount_minor, &row.currency)?,
            max_streams: count(row.max_streams)?,
            starts_at: time(row.starts_at),
            ends_at: time(row.ends_at),
            version: row.version,
        })
    }
}

/// Adds a purchase.
pub(crate) async fn insert_purchase(tx: &mut Tx, purchase: &Purchase) -> Result<(), Failure> {
    let Purchase { checkout_id, account_id, title_id, price, max_streams, starts_at, ends_at, version } = purchase;
    let (minor, currency, streams) = (price.amount_minor, &price.currency, *max_streams);
    let values = params![checkout_id, account_id, title_id, minor, currency, streams, starts_at, ends_at, *version];
    tx.execute(INSERT, values).await.map(drop)
}

/// An account's purchases, newest first, the latest 100.
pub(crate) async fn purchases(reader: &Reader, account: &AccountId) -> Result<Vec<Purchase>, Failure> {
    let rows: Vec<PurchaseRow> = reader.all(BY_ACCOUNT, params![account]).await?;
    rows.into_iter().map(Purchase::try_from).collect()
}
