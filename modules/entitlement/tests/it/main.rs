//! The built-in entitlement against its contract, and under concurrency.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod faults;

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tessera_contract::{Contract, ContractError, Cx};
use tessera_contract_entitlement::{
    AcquireLease, DecisionRequest, Entitlement, GrantScope, PlayFacts, PutGrant, RenewLease, Viewing,
    conformance::RULES,
};
use tessera_entitlement::{EntitlementConfig, EntitlementService};
use tessera_testing::{Engine, ManualClock, clock, conforms, cx, on_every_engine};

async fn open(engine: &Engine, clock: Arc<ManualClock>) -> Arc<EntitlementService> {
    tessera_entitlement::open(EntitlementConfig::default(), &engine.config, clock).await.unwrap()
}

fn playback() -> Cx {
    cx("acme").service("playback").build()
}

fn grant(max_streams: u32) -> PutGrant {
    PutGrant {
        source: "billing".into(),
        reference: "sub_1".into(),
        account_id: "acc_1".parse().unwrap(),
        scope: GrantScope::Plan { plan: "basic".into() },
        starts_at: playback().business_now,
        ends_at: Some(playback().business_now.plus(Duration::from_secs(3600))),
        max_streams,
        version: 1,
    }
}

fn lease(number: u32) -> AcquireLease {
    let facts = json!({"title_id": "ttl_1", "free": false, "plans": ["basic"], "minimum_age": 0});
    AcquireLease {
        session_id: format!("pbs_{number}").parse().unwrap(),
        device_id: format!("device-{number}"),
        device_name: format!("Device {number}").into(),
        viewing: Viewing { account_id: "acc_1".parse().unwrap(), territory: None, age_limit: None },
        facts: serde_json::from_value::<PlayFacts>(facts).unwrap(),
    }
}

#[tokio::test]
async fn entitlement_conforms_on_every_engine_and_binding() {
    on_every_engine(async |engine| {
        let entitlement = open(engine, clock()).await;
        let apis = || vec![<dyn Entitlement>::api(entitlement.clone())];
        conforms("entitlement", RULES, apis, &json!({})).await;
    })
    .await;
}

#[tokio::test]
async fn of_a_hundred_starts_at_once_two_get_the_two_slots() {
    on_every_engine(async |engine| {
        let entitlement = open(engine, clock()).await;
        entitlement.put_grant(&playback(), grant(2)).await.unwrap();
        let starts = (0..100).map(|number| {
            let entitlement = entitlement.clone();
            tokio::spawn(async move { entitlement.acquire_lease(&playback(), lease(number)).await })
        });
        let mut taken = 0;
        for start in starts.collect::<Vec<_>>() {
            match start.await.unwrap() {
                Ok(_) => taken += 1,
                Err(refusal) => assert_eq!(refusal.code(), "stream_limit_reached", "{refusal}"),
            }
        }
        assert_eq!(taken, 2);
    })
    .await;
}

#[tokio::test]
async fn a_slot_without_beats_frees_itself_and_one_that_nobody_took_can_be_renewed() {
    on_every_engine(async |engine| {
        let clock = clock();
        let entitlement = open(engine, clock.clone()).await;
        entitlement.put_grant(&playback(), grant(1)).await.unwrap();
        entitlement.acquire_lease(&playback(), lease(1)).await.unwrap();
        clock.advance(Duration::from_secs(59));
        assert_eq!(entitlement.acquire_lease(&playback(), lease(2)).await.unwrap_err().code(), "stream_limit_reached");
        clock.advance(Duration::from_secs(2));
        let renew = |number: u32| RenewLease { session_id: format!("pbs_{number}").parse().unwrap() };
        entitlement.renew_lease(&playback(), renew(1)).await.expect("nobody took the slot");
        clock.advance(Duration::from_secs(61));
        entitlement.acquire_lease(&playback(), lease(2)).await.unwrap();
        assert_eq!(entitlement.renew_lease(&playback(), renew(1)).await.unwrap_err().code(), "lease_not_found");
    })
    .await;
}

#[tokio::test]
async fn a_grant_ends_by_the_tenants_time_and_not_by_the_machines() {
    on_every_engine(async |engine| {
        let clock = clock();
        let entitlement = open(engine, clock.clone()).await;
        entitlement.put_grant(&playback(), grant(1)).await.unwrap();
        let request = || DecisionRequest { viewing: lease(1).viewing, facts: lease(1).facts };
        clock.advance(Duration::from_secs(7200));
        assert!(entitlement.decide(&playback(), request()).await.unwrap().allowed, "wall time alone ends nothing");
        let later = cx("acme").service("playback").at(playback().business_now.plus(Duration::from_secs(3600)));
        let decision = entitlement.decide(&later, request()).await.unwrap();
        assert!(!decision.allowed);
        let beat = entitlement.acquire_lease(&later, lease(1)).await.unwrap_err();
        assert_eq!(beat.code(), "grant_ended", "{beat}");
    })
    .await;
}
