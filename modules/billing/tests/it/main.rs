//! The built-in billing against its contract, and what it does besides. The gateway is the sandbox one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod behaviour;
mod faults;
mod ledger;
mod renewals;
mod shop;
mod unknown;

use serde_json::{Value, json};
use tessera_contract_billing::{OfferTerms, conformance::RULES};
use tessera_testing::{conforms, on_every_engine};

use crate::shop::{DECLINED, PAYS, Shop};

#[tokio::test]
async fn billing_conforms_on_every_engine_and_binding() {
    on_every_engine(async |engine| {
        let shop = Shop::open(engine).await;
        let fixture = stocked(&shop).await;
        conforms("billing", RULES, || shop.apis(), &fixture).await;
    })
    .await;
}

/// The state that the rules ask for.
async fn stocked(shop: &Shop) -> Value {
    let any_title = OfferTerms::Rental { title_id: None, hours: 48 };
    let archived = shop.offer("acme", any_title.clone()).await;
    shop.archive("acme", &archived).await;
    json!({
        "plan_offer": shop.plan("acme", "basic").await.offer_id,
        "plan": "basic",
        "title_offer": shop.rental("acme", "ttl_1").await.offer_id,
        "title": "ttl_1",
        "any_title_offer": shop.offer("acme", any_title.clone()).await.offer_id,
        "archived_offer": archived.offer_id,
        "others_offer": shop.offer("globex", any_title).await.offer_id,
        "token": shop.token("acme", PAYS).await,
        "declined_token": shop.token("acme", DECLINED).await,
        "viewer": "acc_viewer",
        "neighbour": "acc_neighbour",
    })
}
