//! Renewals, as the tenant's time moves.

use std::time::Duration;

use tessera_contract::ContractError;
use tessera_contract_billing::{Billing, CancelSubscription, Offer, RenewalRun, Subscription, SubscriptionState};
use tessera_testing::{Calls, Engine, cx, eventually, on_every_engine};
use tessera_types::Timestamp;

use crate::shop::{ANSWER_LOST, PAYS, REQUEST_LOST, Shop, staff, viewer};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Alice subscribes on 31 January.
async fn subscribe(shop: &Shop, token: &str) -> (Calls, Offer, Subscription) {
    let offer = shop.plan("acme", "basic").await;
    let alice = viewer("acc_alice", "k1").at(time("2026-01-31T12:00:00Z"));
    shop.buy(&alice, &offer, token).await.unwrap();
    let subscription = shop.account(&alice).await.subscriptions.remove(0);
    (alice, offer, subscription)
}

async fn tick(shop: &Shop, now: &str) -> RenewalRun {
    shop.billing.tick(&staff("acme").at(time(now))).await.unwrap()
}

fn run(renewed: u32, declined: u32, pending: u32) -> RenewalRun {
    RenewalRun { renewed, declined, pending }
}

#[tokio::test]
async fn periods_are_charged_one_by_one_and_counted_from_the_31st() {
    on_every_engine(async |engine| {
        let shop = Shop::open(engine).await;
        shop.run();
        let (alice, offer, first) = subscribe(&shop, &shop.token("acme", PAYS).await).await;
        assert_eq!(first.period_ends_at, time("2026-02-28T12:00:00Z"));
        assert_eq!(tick(&shop, "2026-02-28T11:59:59Z").await, run(0, 0, 0));
        assert_eq!(tick(&shop, "2026-02-28T12:00:00Z").await, run(1, 0, 0));
        assert_eq!(tick(&shop, "2026-02-28T12:00:00Z").await, run(0, 0, 0));
        // Another tenant's time is its own.
        let globex = cx("globex").at(time("2027-01-01T00:00:00Z"));
        assert_eq!(shop.billing.tick(&globex).await.unwrap(), run(0, 0, 0));
        assert_eq!(tick(&shop, "2026-05-30T00:00:00Z").await, run(2, 0, 0));

        let renewed = shop.account(&alice).await.subscriptions.remove(0);
        assert_eq!(renewed.period_starts_at, time("2026-04-30T12:00:00Z"));
        assert_eq!((renewed.period_ends_at, renewed.state), (time("2026-05-31T12:00:00Z"), SubscriptionState::Active));
        let booked: Vec<_> = shop.ledger("acme").await.iter().rev().map(|t| t.booked_at.to_string()).collect();
        let on = |day: &str| format!("2026-{day}T12:00:00Z");
        assert_eq!(booked, [on("01-31"), on("02-28"), on("03-31"), on("04-30")]);
        let grant = eventually("the renewed grant", async || {
            shop.grants.of("acme", renewed.subscription_id.as_str()).filter(|grant| grant.version == renewed.version)
        });
        let grace = Duration::from_secs(3600);
        assert_eq!(grant.await.ends_at, Some(renewed.period_ends_at.plus(grace)));
        assert_eq!(shop.buy(&viewer("acc_alice", "k2"), &offer, "tok").await.unwrap_err().code(), "already_owned");
    })
    .await;
}

#[tokio::test]
async fn two_runs_at_once_charge_each_period_once() {
    on_every_engine(async |engine| {
        let shop = Shop::open(engine).await;
        let (offer, token) = (shop.plan("acme", "basic").await, shop.token("acme", PAYS).await);
        for number in 0..10 {
            shop.buy(&viewer(&format!("acc_{number}"), "k"), &offer, &token).await.unwrap();
        }
        let now = "2026-04-20T00:00:00Z";
        let (one, two) = futures::future::join(tick(&shop, now), tick(&shop, now)).await;
        // What one run is at, the other passes over: both may end before the last period, and the next run goes on.
        let rest = tick(&shop, now).await;
        assert_eq!(one.renewed + two.renewed + rest.renewed, 30);
        assert_eq!(tick(&shop, now).await, run(0, 0, 0));
        assert_eq!(shop.ledger("acme").await.len(), 40);
    })
    .await;
}

#[tokio::test]
async fn a_declined_renewal_ends_the_subscription_with_what_was_paid() {
    on_every_engine(async |engine| {
        let shop = Shop::open(engine).await;
        // The card runs out at the end of March: the periods of 28 February and 31 March are charged in time.
        let token = shop.token_until("acme", PAYS, 2026, 3).await;
        let (alice, offer, _) = subscribe(&shop, &token).await;
        shop.run();
        assert_eq!(tick(&shop, "2026-12-01T00:00:00Z").await, run(2, 1, 0));
        assert_eq!(tick(&shop, "2026-12-01T00:00:00Z").await, run(0, 0, 0));
        let ended = shop.account(&alice).await.subscriptions.remove(0);
        assert_eq!((ended.state, ended.period_ends_at), (SubscriptionState::Canceled, time("2026-04-30T12:00:00Z")));
        let reference = ended.subscription_id.to_string();
        let last = async || shop.grants.of("acme", &reference).filter(|grant| grant.version == ended.version);
        assert_eq!(eventually("the last grant", last).await.ends_at, Some(ended.period_ends_at));

        let again = viewer("acc_alice", "k2").at(time("2026-12-01T00:00:00Z"));
        shop.buy(&again, &offer, &shop.token("acme", PAYS).await).await.unwrap();
        assert_eq!(shop.account(&alice).await.subscriptions.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn canceling_keeps_the_paid_period_and_ends_there() {
    on_every_engine(async |engine| {
        let shop = Shop::open(engine).await;
        shop.run();
        let (alice, offer, subscription) = subscribe(&shop, &shop.token("acme", PAYS).await).await;
        let request = || CancelSubscription { subscription_id: subscription.subscription_id.clone() };
        let bob = viewer("acc_bob", "-");
        let refusal = shop.billing.cancel_subscription(&bob, request()).await.unwrap_err();
        assert_eq!(refusal.code(), "subscription_not_found");
        let canceled = shop.billing.cancel_subscription(&alice, request()).await.unwrap();
        assert_eq!(
            (canceled.state, canceled.period_ends_at),
            (SubscriptionState::Canceled, subscription.period_ends_at)
        );
        assert_eq!(shop.billing.cancel_subscription(&alice, request()).await.unwrap(), canceled);
        let reference = canceled.subscription_id.to_string();
        let last = async || shop.grants.of("acme", &reference).filter(|grant| grant.version == canceled.version);
        assert_eq!(eventually("the last grant", last).await.ends_at, Some(canceled.period_ends_at));

        assert_eq!(tick(&shop, "2027-01-01T00:00:00Z").await, run(0, 0, 0));
        let token = shop.token("acme", PAYS).await;
        let soon = viewer("acc_alice", "k2").at(time("2026-02-01T00:00:00Z"));
        assert_eq!(shop.buy(&soon, &offer, &token).await.unwrap_err().code(), "already_owned");
        let later = viewer("acc_alice", "k2").at(canceled.period_ends_at);
        shop.buy(&later, &offer, &token).await.unwrap();
    })
    .await;
}

/// A subscription begun with a good card, then charged to one that behaves like `number`.
async fn renewing_with(engine: &Engine, number: &str) -> (Shop, Calls, Subscription) {
    let shop = Shop::open(engine).await;
    let (alice, _, subscription) = subscribe(&shop, &shop.token("acme", PAYS).await).await;
    let token = shop.token("acme", number).await;
    let write = shop.billing.store().write(&alice, token, |tx, token| {
        Box::pin(async move {
            const SWAP: &str = "update subscriptions set payment_token = $2 where tenant = $1";
            tx.execute(SWAP, vec![token.into()]).await
        })
    });
    assert_eq!(write.await.unwrap(), 1);
    (shop, alice, subscription)
}

#[tokio::test]
async fn a_renewal_without_an_answer_is_not_repeated_and_resolves_itself() {
    on_every_engine(async |engine| {
        let (shop, alice, first) = renewing_with(engine, ANSWER_LOST).await;
        for _ in 0..2 {
            assert_eq!(tick(&shop, "2026-03-01T00:00:00Z").await, run(0, 0, 1));
        }
        assert_eq!(shop.account(&alice).await.subscriptions, [first]);
        // The process ends; the next one's job finds the charge.
        shop.die().await;
        let shop = Shop::open_with(engine, shop.clock.clone(), shop.grants.clone()).await;
        shop.run();
        shop.clock.advance(Duration::from_secs(5));
        let renewed = eventually("the renewal", async || {
            let subscription = shop.account(&alice).await.subscriptions.remove(0);
            (subscription.period_ends_at == time("2026-03-31T12:00:00Z")).then_some(subscription)
        });
        assert_eq!(renewed.await.state, SubscriptionState::Active);
        assert_eq!(shop.ledger("acme").await.len(), 2);
        assert_eq!(tick(&shop, "2026-03-01T00:00:00Z").await, run(0, 0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_renewal_canceled_before_it_was_charged_is_never_charged() {
    let engine = Engine::sqlite();
    let (shop, alice, first) = renewing_with(&engine, REQUEST_LOST).await;
    assert_eq!(tick(&shop, "2026-03-01T00:00:00Z").await, run(0, 0, 1));
    let request = CancelSubscription { subscription_id: first.subscription_id.clone() };
    shop.billing.cancel_subscription(&alice, request).await.unwrap();
    let offer = shop.plan("acme", "basic").await;
    let token = shop.token("acme", PAYS).await;
    let again = viewer("acc_alice", "k2").at(time("2026-03-01T00:00:00Z"));
    let refusal = shop.buy(&again, &offer, &token).await.unwrap_err();
    assert_eq!(refusal.code(), "charge_pending", "the plan may still turn out to be paid");
    shop.run();
    shop.clock.advance(Duration::from_secs(61));
    let bought = async || shop.buy(&again, &offer, &token).await.ok();
    eventually("the renewal to be given up", bought).await;
    assert_eq!(shop.ledger("acme").await.len(), 2, "the first period of each subscription, and no renewal");
}

#[tokio::test]
async fn a_renewal_is_not_given_up_while_its_last_request_may_still_be_on_its_way() {
    let engine = Engine::sqlite();
    let (shop, alice, first) = renewing_with(&engine, REQUEST_LOST).await;
    assert_eq!(tick(&shop, "2026-03-01T00:00:00Z").await, run(0, 0, 1));
    shop.clock.advance(Duration::from_secs(61));
    assert!(shop.billing.settle_next().await.unwrap(), "charged again, and again no answer");
    let request = CancelSubscription { subscription_id: first.subscription_id.clone() };
    shop.billing.cancel_subscription(&alice, request).await.unwrap();
    let offer = shop.plan("acme", "basic").await;
    let token = shop.token("acme", PAYS).await;
    let again = viewer("acc_alice", "k2").at(time("2026-03-01T00:00:00Z"));
    shop.clock.advance(Duration::from_secs(30));
    assert!(shop.billing.settle_next().await.unwrap(), "asked after");
    let refusal = shop.buy(&again, &offer, &token).await.unwrap_err();
    assert_eq!(refusal.code(), "charge_pending", "the second request may still arrive");
    shop.clock.advance(Duration::from_secs(61));
    assert!(shop.billing.settle_next().await.unwrap(), "given up");
    shop.buy(&again, &offer, &token).await.unwrap();
    assert_eq!(shop.ledger("acme").await.len(), 2, "the first period of each subscription, and no renewal");
}
