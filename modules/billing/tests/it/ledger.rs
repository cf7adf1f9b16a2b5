//! The ledger as staff read it.

use tessera_contract_billing::{BillingManagement, ListLedger};
use tessera_testing::on_every_engine;

use crate::shop::{PAYS, Shop, staff, viewer};

#[tokio::test]
async fn the_ledger_is_read_page_by_page_newest_first_and_every_transaction_balances() {
    on_every_engine(async |engine| {
        let shop = Shop::open(engine).await;
        let token = shop.token("acme", PAYS).await;
        for number in 0..5 {
            let offer = shop.rental("acme", &format!("ttl_{number}")).await;
            let at = viewer("acc_alice", &format!("k{number}")).business_now.plus_months(number);
            shop.buy(&viewer("acc_alice", &format!("k{number}")).at(at), &offer, &token).await.unwrap();
        }
        let (mut read, mut cursor) = (Vec::new(), None);
        loop {
            let request = ListLedger { limit: Some(2), cursor };
            let page = shop.billing.list_ledger(&staff("acme"), request).await.unwrap();
            assert!(page.data.len() <= 2);
            read.extend(page.data);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(read, shop.ledger("acme").await);
        assert!(read.len() == 5 && read.is_sorted_by(|a, b| a.booked_at >= b.booked_at));
        for transaction in read {
            let sum: i64 = transaction.entries.iter().map(|entry| entry.amount.amount_minor).sum();
            assert_eq!((sum, transaction.entries.len()), (0, 2), "{transaction:?}");
        }
    })
    .await;
}
