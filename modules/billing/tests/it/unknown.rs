//! Charges whose outcome is not known: time-outs, slow banks, processes that end between two steps.

use std::{sync::Arc, time::Duration};

use tessera_contract::{Contract, ContractError, Cx, async_trait};
use tessera_contract_billing::{Billing, CheckoutState, GetCheckout, SubscriptionState};
use tessera_contract_payment_gateway::{Charge, CreateCharge, GatewayError, GetCharge, PaymentGateway};
use tessera_testing::{Calls, Engine, eventually, on_every_engine};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::shop::{ANSWER_LOST, PAYS, REQUEST_LOST, SLOW, Shop, billing, order, viewer};

/// The checkout's state once it is no longer pending.
async fn settled(shop: &Shop, viewer: &Calls, checkout_id: &str) -> CheckoutState {
    eventually("the checkout's outcome", async || {
        let state = shop.checkout(viewer, checkout_id).await.state;
        (state != CheckoutState::Pending).then_some(state)
    })
    .await
}

#[tokio::test]
async fn a_lost_answer_is_asked_after_and_becomes_the_purchase_it_was() {
    on_every_engine(async |engine| {
        let shop = Shop::open(engine).await;
        let (offer, token) = (shop.plan("acme", "basic").await, shop.token("acme", ANSWER_LOST).await);
        let alice = viewer("acc_alice", "k1");
        let checkout = shop.buy(&alice, &offer, &token).await.unwrap();
        assert_eq!(checkout.state, CheckoutState::Pending);
        assert_eq!(shop.account(&alice).await.subscriptions[0].state, SubscriptionState::Incomplete);
        let good = shop.token("acme", PAYS).await;
        let second = shop.buy(&viewer("acc_alice", "k2"), &offer, &good).await.unwrap_err();
        assert_eq!(second.code(), "charge_pending");

        shop.run();
        shop.clock.advance(Duration::from_secs(5));
        assert_eq!(settled(&shop, &alice, &checkout.checkout_id).await, CheckoutState::Succeeded);
        let subscription = shop.account(&alice).await.subscriptions.remove(0);
        assert_eq!(subscription.state, SubscriptionState::Active);
        let begun = alice.business_now.plus(Duration::from_secs(5));
        assert_eq!(subscription.period_starts_at, begun, "the time of waiting is not the buyer's loss");
        assert_eq!(shop.buy(&alice, &offer, &token).await.unwrap().state, CheckoutState::Succeeded);
        assert_eq!(shop.ledger("acme").await.len(), 1);
        let reference = subscription.subscription_id.to_string();
        eventually("the grant", async || shop.grants.of("acme", &reference)).await;
    })
    .await;
}

#[tokio::test]
async fn a_lost_request_is_given_up_only_when_it_cannot_arrive_any_more() {
    on_every_engine(async |engine| {
        let shop = Shop::open(engine).await;
        let (offer, token) = (shop.rental("acme", "ttl_1").await, shop.token("acme", REQUEST_LOST).await);
        let alice = viewer("acc_alice", "k1");
        let checkout = shop.buy(&alice, &offer, &token).await.unwrap();
        assert_eq!(checkout.state, CheckoutState::Pending);
        shop.run();
        shop.clock.advance(Duration::from_secs(59));
        let jobs = shop.billing.store().jobs();
        let asked = async || {
            let job = jobs.get(&alice, "settle_checkout", &checkout.checkout_id).await.unwrap().unwrap();
            job.error.is_some().then_some(())
        };
        eventually("the job to have asked once", asked).await;
        assert_eq!(shop.checkout(&alice, &checkout.checkout_id).await.state, CheckoutState::Pending);

        shop.clock.advance(Duration::from_secs(61));
        assert_eq!(settled(&shop, &alice, &checkout.checkout_id).await, CheckoutState::Declined);
        let refusal = shop.buy(&alice, &offer, &token).await.unwrap_err();
        assert_eq!((refusal.code(), refusal.to_string().contains("no money moved")), ("card_declined", true));
        let good = shop.token("acme", PAYS).await;
        shop.buy(&viewer("acc_alice", "k2"), &offer, &good).await.unwrap();
        assert_eq!(shop.ledger("acme").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_slow_charge_is_resolved_when_the_bank_has_made_up_its_mind() {
    let engine = Engine::sqlite();
    let shop = Shop::open(&engine).await;
    let (offer, token) = (shop.rental("acme", "ttl_1").await, shop.token("acme", SLOW).await);
    let alice = viewer("acc_alice", "k1");
    let checkout = shop.buy(&alice, &offer, &token).await.unwrap();
    assert_eq!(checkout.state, CheckoutState::Pending);
    shop.run();
    shop.clock.advance(Duration::from_secs(20));
    assert_eq!(settled(&shop, &alice, &checkout.checkout_id).await, CheckoutState::Succeeded);
}

/// The buyer's checkout, which nobody told them of: by its job.
async fn own_checkout(shop: &Shop, buyer: &Calls) -> String {
    for job in shop.billing.store().jobs().list(buyer, "settle_checkout", "", 10).await.unwrap() {
        let request = GetCheckout { checkout_id: job.key.clone() };
        if shop.billing.get_checkout(buyer, request).await.is_ok() {
            return job.key;
        }
    }
    panic!("a checkout that was begun has a job");
}

/// A gateway that a test can hold: before the charge reaches the sandbox, or after.
struct Held {
    inner: Arc<dyn PaymentGateway>,
    before: Semaphore,
    after: Semaphore,
    /// A permit for each call that has arrived.
    arrived: Semaphore,
}

impl Held {
    fn new(shop: &Shop, before: usize, after: usize) -> Arc<Self> {
        let inner = <dyn PaymentGateway>::guarded(shop.gateway.clone() as Arc<dyn PaymentGateway>);
        let [before, after, arrived] = [before, after, 0].map(Semaphore::new);
        Arc::new(Self { inner, before, after, arrived })
    }
}

#[async_trait]
impl PaymentGateway for Held {
    async fn create_charge(&self, cx: &Cx, request: CreateCharge) -> Result<Charge, GatewayError> {
        if self.before.available_permits() == 0 {
            self.arrived.add_permits(1);
        }
        self.before.acquire().await.unwrap().forget();
        let charge = self.inner.create_charge(cx, request).await;
        if self.after.available_permits() == 0 {
            self.arrived.add_permits(1);
        }
        self.after.acquire().await.unwrap().forget();
        charge
    }

    async fn get_charge(&self, cx: &Cx, request: GetCharge) -> Result<Charge, GatewayError> {
        self.inner.get_charge(cx, request).await
    }
}

#[tokio::test]
async fn a_process_that_ends_between_two_steps_charges_neither_twice_nor_in_vain() {
    on_every_engine(async |engine| {
        // Where the process ends: before the gateway gets the charge, or before the outcome is written.
        for (account, before, after, outcome) in
            [("acc_alice", 0, 0, CheckoutState::Declined), ("acc_bob", 1, 0, CheckoutState::Succeeded)]
        {
            let shop = Shop::open(engine).await;
            let (offer, token) = (shop.rental("acme", "ttl_1").await, shop.token("acme", PAYS).await);
            let held = Held::new(&shop, before, after);
            let dying = billing(engine, held.clone(), shop.clock.clone(), shop.grants.clone()).await;
            let buyer = viewer(account, "k1");
            let (caller, contract) = (buyer.clone(), dying.clone());
            let buying = tokio::spawn(async move {
                let contract = <dyn Billing>::guarded(contract as Arc<dyn Billing>);
                contract.create_checkout(&caller, order(&offer, &token)).await
            });
            held.arrived.acquire().await.unwrap().forget();
            buying.abort();
            dying.store().close().await;
            shop.die().await;

            let shop = Shop::open_with(engine, shop.clock.clone(), shop.grants.clone()).await;
            shop.run();
            shop.clock.advance(Duration::from_secs(61));
            let checkout_id = own_checkout(&shop, &buyer).await;
            assert_eq!(settled(&shop, &buyer, &checkout_id).await, outcome, "{account}");
            let bought = shop.account(&buyer).await.purchases.len();
            assert_eq!(bought, usize::from(outcome == CheckoutState::Succeeded));
            shop.die().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_goes_away_loses_nothing() {
    let engine = Engine::sqlite();
    let shop = Shop::open(&engine).await;
    let (offer, token) = (shop.rental("acme", "ttl_1").await, shop.token("acme", PAYS).await);
    let held = Held::new(&shop, 1, 0);
    let patient = billing(&engine, held.clone(), shop.clock.clone(), shop.grants.clone()).await;
    let alice = viewer("acc_alice", "k1");
    let (caller, contract) = (alice.clone(), patient.clone());
    let buying = tokio::spawn(async move { contract.create_checkout(&caller, order(&offer, &token)).await });
    held.arrived.acquire().await.unwrap().forget();
    buying.abort();
    assert!(buying.await.unwrap_err().is_cancelled());
    // Nor does a process that is told to stop: it waits for the charge.
    let stop = CancellationToken::new();
    stop.cancel();
    let stopping = tokio::spawn(patient.clone().run(stop));
    held.after.add_permits(1);
    stopping.await.unwrap();
    assert_eq!(shop.account(&alice).await.purchases.len(), 1, "bought, though nobody waited for it");
}
