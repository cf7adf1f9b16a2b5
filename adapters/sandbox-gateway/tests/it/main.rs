//! The sandbox gateway against its contract, and its test cards.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod faults;

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tessera_contract::{Api, Contract, ContractError};
use tessera_contract_payment_gateway::{
    CardVault, Charge, ChargeState, CreateCharge, CreateToken, GatewayError, GetCharge, PaymentGateway,
    conformance::RULES,
};
use tessera_sandbox_gateway::{SandboxGateway, SandboxGatewayConfig};
use tessera_testing::{Calls, Engine, ManualClock, clock, conforms, cx, on_every_engine};
use tessera_types::Money;

#[tokio::test]
async fn the_gateway_conforms_on_every_engine_and_binding() {
    on_every_engine(async |engine| {
        let gateway = open(engine, clock()).await;
        let fixture = cards(&gateway).await;
        conforms("payment-gateway", RULES, || apis(&gateway), &fixture).await;
    })
    .await;
}

/// The state that the rules ask for.
async fn cards(gateway: &Arc<SandboxGateway>) -> Value {
    json!({
        "token": token(gateway, "acme", "4242 4242 4242 4242").await,
        "declined_token": token(gateway, "acme", "4000 0000 0000 0002").await,
        "others_token": token(gateway, "globex", "4242 4242 4242 4242").await,
        "currency": "EUR",
    })
}

#[tokio::test]
async fn every_test_card_ends_as_its_page_says() {
    on_every_engine(async |engine| {
        let gateway = open(engine, clock()).await;
        for (number, state, code) in [
            ("4242 4242 4242 4242", ChargeState::Succeeded, None),
            ("4000 0000 0000 0002", ChargeState::Declined, Some("card_declined")),
            ("4000 0000 0000 9995", ChargeState::Declined, Some("insufficient_funds")),
            ("4000 0000 0000 0069", ChargeState::Declined, Some("expired_card")),
            ("4000 0000 0000 0077", ChargeState::Pending, None),
        ] {
            let charge = charge(&gateway, number, &number.replace(' ', "")).await.unwrap();
            assert_eq!((charge.state, charge.decline_code.as_deref()), (state, code), "{number}");
            assert_eq!(charge.decline_message.is_some(), code.is_some());
        }
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_was_charged_and_a_lost_request_was_not() {
    on_every_engine(async |engine| {
        let gateway = open(engine, clock()).await;
        let late = charge(&gateway, "4000 0000 0000 0259", "late").await.unwrap_err();
        let lost = charge(&gateway, "4000 0000 0000 0341", "lost").await.unwrap_err();
        assert_eq!((late.code(), lost.code()), ("deadline_exceeded", "deadline_exceeded"));
        assert_eq!(found(&gateway, "late").await.unwrap().state, ChargeState::Succeeded);
        assert_eq!(found(&gateway, "lost").await.unwrap_err().code(), "charge_not_found");
    })
    .await;
}

#[tokio::test]
async fn a_slow_charge_succeeds_after_a_while_also_after_a_restart() {
    on_every_engine(async |engine| {
        let clock = clock();
        let gateway = open(engine, clock.clone()).await;
        charge(&gateway, "4000 0000 0000 0077", "slow").await.unwrap();
        gateway.store().close().await;
        let gateway = open(engine, clock.clone()).await;
        assert_eq!(found(&gateway, "slow").await.unwrap().state, ChargeState::Pending);
        clock.advance(Duration::from_secs(20));
        assert_eq!(found(&gateway, "slow").await.unwrap().state, ChargeState::Succeeded);
    })
    .await;
}

#[tokio::test]
async fn a_card_that_runs_out_in_the_tenants_time_is_declined() {
    let engine = Engine::sqlite();
    let gateway = open(&engine, clock()).await;
    let expiring = CreateToken { expiry_month: 2, expiry_year: 2026, ..card("4242 4242 4242 4242") };
    let token = gateway.create_token(&cx("acme"), expiring).await.unwrap().payment_token;
    let month = |months| cx("acme").business_now.plus_months(months);
    for (key, at, state) in [("now", month(0), ChargeState::Succeeded), ("later", month(2), ChargeState::Declined)] {
        let charged = gateway.create_charge(&billing("acme").at(at).key(key), request(&token)).await.unwrap();
        assert_eq!(charged.state, state, "{key}");
    }
}

#[tokio::test]
async fn a_card_number_is_neither_stored_nor_repeated() {
    let engine = Engine::sqlite();
    let gateway = open(&engine, clock()).await;
    charge(&gateway, "4242 4242 4242 4242", "k").await.unwrap();
    assert!(!format!("{:?}", card("4242 4242 4242 4242")).contains("4242"));
    gateway.store().close().await;
    for file in std::fs::read_dir(engine.folder()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for number in [&b"4242424242424242"[..], b"4242 4242"] {
            assert!(!bytes.windows(number.len()).any(|part| part == number), "a card number is in the data folder");
        }
    }
    // A number without its quotes is a wrong type; the answer must not quote it back.
    let api = <dyn CardVault>::api(open(&engine, clock()).await as Arc<dyn CardVault>);
    let request = json!({
        "card_number": 4242424242424242u64, "expiry_month": 1, "expiry_year": 2030, "security_code": "123",
    });
    let input = request.as_object().cloned().unwrap();
    let problem = api.endpoint("create_token").unwrap().call(cx("acme").build(), input, false).await.unwrap_err();
    assert_eq!((problem.status, problem.param.as_deref()), (400, Some("card_number")));
    assert!(!problem.detail.contains("4242"), "{}", problem.detail);
}

async fn open(engine: &Engine, clock: Arc<ManualClock>) -> Arc<SandboxGateway> {
    let config = SandboxGatewayConfig { answer_timeout_seconds: 0, ..SandboxGatewayConfig::default() };
    tessera_sandbox_gateway::open(config, &engine.config, clock).await.unwrap()
}

fn apis(gateway: &Arc<SandboxGateway>) -> Vec<Api> {
    vec![<dyn PaymentGateway>::api(gateway.clone() as Arc<dyn PaymentGateway>)]
}

fn billing(tenant: &str) -> Calls {
    cx(tenant).service("billing")
}

fn card(number: &str) -> CreateToken {
    CreateToken { card_number: number.into(), expiry_month: 12, expiry_year: 2030, security_code: "123".into() }
}

async fn token(gateway: &SandboxGateway, tenant: &str, number: &str) -> String {
    let token = gateway.create_token(&cx(tenant), card(number)).await.unwrap();
    assert_eq!((&*token.brand, &*token.last4), ("visa", &number[number.len() - 4..]));
    token.payment_token.into_exposed()
}

fn request(token: &str) -> CreateCharge {
    let amount = Money::new(799, "EUR".parse().unwrap());
    CreateCharge { payment_token: token.into(), amount, statement: "TESSERA".into() }
}

async fn charge(gateway: &SandboxGateway, number: &str, key: &str) -> Result<Charge, GatewayError> {
    let token = token(gateway, "acme", number).await;
    gateway.create_charge(&billing("acme").key(key), request(&token)).await
}

async fn found(gateway: &SandboxGateway, key: &str) -> Result<Charge, GatewayError> {
    gateway.get_charge(&billing("acme"), GetCharge { reference: key.into() }).await
}
