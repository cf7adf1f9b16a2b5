//! Buying: each test card, keys, tenants, grants.

use std::sync::{Arc, atomic::Ordering};

use serde_json::json;
use tessera_contract::{Contract, ContractError};
use tessera_contract_billing::{Billing, BillingManagement, CheckoutState, GetCheckout, OfferTerms, SubscriptionState};
use tessera_contract_entitlement::GrantScope;
use tessera_testing::{cx, eventually, on_every_engine};

use crate::shop::{DECLINED, EXPIRED, NO_FUNDS, PAYS, Shop, order, staff, viewer};

#[tokio::test]
async fn a_paid_rental_is_a_purchase_a_booking_and_a_grant_by_the_time_of_the_answer() {
    on_every_engine(async |engine| {
        let shop = Shop::open(engine).await;
        let (offer, token) = (shop.rental("acme", "ttl_1").await, shop.token("acme", PAYS).await);
        let alice = viewer("acc_alice", "k1");
        let checkout = shop.buy(&alice, &offer, &token).await.unwrap();
        assert_eq!((checkout.state, checkout.amount), (CheckoutState::Succeeded, offer.price.clone()));

        let purchase = shop.account(&alice).await.purchases.remove(0);
        assert_eq!(purchase.starts_at, alice.business_now);
        assert_eq!(purchase.ends_at.since(purchase.starts_at).as_secs(), 48 * 3600);
        let grant = shop.grants.of("acme", &checkout.checkout_id).expect("put before the answer");
        assert_eq!(grant.scope, GrantScope::Title { title_id: purchase.title_id });
        assert_eq!((grant.ends_at, &*grant.source), (Some(purchase.ends_at), "billing"));

        let booked = shop.ledger("acme").await;
        assert_eq!((booked.len(), &booked[0].reference), (1, &checkout.checkout_id));
        let legs: Vec<_> = booked[0].entries.iter().map(|e| (&*e.account, e.amount.amount_minor)).collect();
        assert_eq!(legs, [("gateway:receivable", 799), ("revenue:rental", -799)]);
        assert_eq!(shop.ledger("globex").await, []);

        // Rented again once it has run out, not before.
        assert_eq!(shop.buy(&viewer("acc_alice", "k2"), &offer, &token).await.unwrap_err().code(), "already_owned");
        let later = viewer("acc_alice", "k2").at(purchase.ends_at);
        assert_eq!(shop.buy(&later, &offer, &token).await.unwrap().state, CheckoutState::Succeeded);
    })
    .await;
}

#[tokio::test]
async fn a_refused_card_says_why_again_and_again_and_leaves_nothing_behind() {
    on_every_engine(async |engine| {
        let shop = Shop::open(engine).await;
        let offer = shop.plan("acme", "basic").await;
        for (number, why) in [(DECLINED, "declined by its bank"), (NO_FUNDS, "not enough funds"), (EXPIRED, "expired")]
        {
            let token = shop.token("acme", number).await;
            let alice = viewer("acc_alice", &number.replace(' ', ""));
            for _ in 0..2 {
                let error = shop.buy(&alice, &offer, &token).await.unwrap_err();
                assert_eq!((error.code(), error.to_string().contains(why)), ("card_declined", true), "{error}");
            }
        }
        let foreign = shop.token("globex", PAYS).await;
        let error = shop.buy(&viewer("acc_alice", "foreign"), &offer, &foreign).await.unwrap_err();
        assert_eq!(error.code(), "payment_token_invalid");
        let account = shop.account(&viewer("acc_alice", "-")).await;
        assert_eq!((account.subscriptions, account.purchases, shop.ledger("acme").await), (vec![], vec![], vec![]));

        let token = shop.token("acme", PAYS).await;
        shop.buy(&viewer("acc_alice", "good"), &offer, &token).await.unwrap();
        assert_eq!(shop.account(&viewer("acc_alice", "-")).await.subscriptions[0].state, SubscriptionState::Active);
    })
    .await;
}

#[tokio::test]
async fn many_at_once_with_one_key_or_with_many_are_charged_once() {
    on_every_engine(async |engine| {
        let shop = Shop::open(engine).await;
        let (offer, token) = (shop.plan("acme", "basic").await, shop.token("acme", PAYS).await);
        let one_key = (0..8).map(|_| viewer("acc_alice", "same"));
        let many_keys = (0..8).map(|number| viewer("acc_bob", &format!("key-{number}")));
        let attempts: Vec<_> = one_key.chain(many_keys).collect();
        let buying = attempts.iter().map(|buyer| shop.buy(buyer, &offer, &token));
        let answers = futures::future::join_all(buying).await;
        let ids: std::collections::BTreeSet<_> =
            answers[..8].iter().map(|answer| answer.as_ref().unwrap().checkout_id.clone()).collect();
        assert_eq!(ids.len(), 1, "one key is one checkout");
        assert!(answers[..8].iter().all(|answer| answer.as_ref().unwrap().state == CheckoutState::Succeeded));
        let (sold, refused): (Vec<_>, Vec<_>) = answers[8..].iter().partition(|answer| answer.is_ok());
        let codes: Vec<_> = refused.iter().map(|answer| answer.as_ref().unwrap_err().code()).collect();
        assert_eq!(sold.len(), 1);
        assert!(codes.iter().all(|code| ["charge_pending", "already_owned"].contains(code)), "{codes:?}");
        assert_eq!(shop.ledger("acme").await.len(), 2, "one charge for each of the two accounts");
    })
    .await;
}

#[tokio::test]
async fn a_grant_is_put_by_its_event_when_entitlement_was_away() {
    on_every_engine(async |engine| {
        let shop = Shop::open(engine).await;
        let (offer, token) = (shop.plan("acme", "basic").await, shop.token("acme", PAYS).await);
        shop.grants.away.store(true, Ordering::SeqCst);
        let checkout = shop.buy(&viewer("acc_alice", "k"), &offer, &token).await.unwrap();
        assert_eq!(checkout.state, CheckoutState::Succeeded, "what is paid is paid");
        let reference = checkout.subscription_id.unwrap().to_string();
        assert_eq!(shop.grants.of("acme", &reference), None);
        shop.run();
        shop.grants.away.store(false, Ordering::SeqCst);
        let grant = eventually("the grant", async || shop.grants.of("acme", &reference)).await;
        assert_eq!(grant.scope, GrantScope::Plan { plan: "basic".into() });
        assert_eq!(shop.grants.of("globex", &reference), None);
    })
    .await;
}

#[tokio::test]
async fn tenants_and_accounts_never_meet() {
    on_every_engine(async |engine| {
        let shop = Shop::open(engine).await;
        let (offer, token) = (shop.rental("acme", "ttl_1").await, shop.token("acme", PAYS).await);
        let checkout = shop.buy(&viewer("acc_alice", "k"), &offer, &token).await.unwrap();
        let elsewhere = cx("globex").viewer("acc_alice").key("k");
        for stranger in [viewer("acc_bob", "k"), elsewhere.clone()] {
            assert!(shop.account(&stranger).await.purchases.is_empty());
            let request = GetCheckout { checkout_id: checkout.checkout_id.clone() };
            let refusal = shop.billing.get_checkout(&stranger, request).await.unwrap_err();
            assert_eq!(refusal.code(), "checkout_not_found");
        }
        let refusal = shop.buy(&elsewhere, &offer, &token).await.unwrap_err();
        assert_eq!(refusal.code(), "offer_not_found");
        let request = tessera_contract_billing::ArchiveOffer { offer_id: offer.offer_id.clone() };
        assert_eq!(shop.billing.archive_offer(&staff("globex"), request).await.unwrap_err().code(), "offer_not_found");
    })
    .await;
}

#[tokio::test]
async fn an_id_of_another_kind_is_refused_by_its_prefix() {
    let engine = tessera_testing::Engine::sqlite();
    let shop = Shop::open(&engine).await;
    let alice = viewer("acc_alice", "k");
    let refusal = shop.billing.get_checkout(&alice, GetCheckout { checkout_id: "sub_1".into() }).await.unwrap_err();
    assert!(refusal.status() == 400 && refusal.to_string().contains("chk_"), "{refusal}");
    let refusal = shop.billing.get_checkout(&alice, GetCheckout { checkout_id: "chk_\0".into() }).await.unwrap_err();
    assert_eq!(refusal.status(), 400, "{refusal}");
    let mut offer = shop.rental("acme", "ttl_1").await;
    let refusal = shop.buy(&alice, &offer, "tok\0").await.unwrap_err();
    assert_eq!(refusal.code(), "payment_token_invalid");
    offer.offer_id = "ttl_1".parse().unwrap();
    let refusal = shop.buy(&alice, &offer, "tok").await.unwrap_err();
    assert!(refusal.status() == 400 && refusal.to_string().contains("off_"), "{refusal}");
}

#[tokio::test]
async fn an_archived_offer_is_sold_no_more_and_its_checkouts_still_answer() {
    on_every_engine(async |engine| {
        let shop = Shop::open(engine).await;
        let (offer, token) = (shop.plan("acme", "basic").await, shop.token("acme", PAYS).await);
        let first = shop.buy(&viewer("acc_alice", "k"), &offer, &token).await.unwrap();
        let archived = shop.archive("acme", &offer).await;
        assert!(archived.archived && archived.version == 2);
        assert_eq!(shop.archive("acme", &offer).await, archived, "archiving twice is fine");
        let refusal = shop.buy(&viewer("acc_bob", "k"), &offer, &token).await.unwrap_err();
        assert_eq!(refusal.code(), "offer_not_found");
        assert_eq!(shop.buy(&viewer("acc_alice", "k"), &offer, &token).await.unwrap(), first);
    })
    .await;
}

#[tokio::test]
async fn a_price_sent_by_the_client_is_refused_by_name() {
    let engine = tessera_testing::Engine::sqlite();
    let shop = Shop::open(&engine).await;
    let offer = shop.offer("acme", OfferTerms::Subscription { plan: "basic".into() }).await;
    let api = <dyn Billing>::api(shop.billing.clone() as Arc<dyn Billing>);
    let mut request = serde_json::to_value(order(&offer, "tok_1")).unwrap();
    request["price"] = json!({"amount_minor": 1, "currency": "EUR"});
    let input = request.as_object().cloned().unwrap();
    let endpoint = api.endpoint("create_checkout").unwrap();
    let problem = endpoint.call(viewer("acc_alice", "k").build(), input, false).await.unwrap_err();
    assert_eq!((problem.status, problem.param.as_deref()), (400, Some("price")));
}
