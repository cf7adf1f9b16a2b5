//! Addresses: how many, whose, and their secrets at rest and in time.

use std::time::Duration;

use tessera_contract::Contract;
use tessera_contract_webhooks::{CreateEndpoint, RotateSecret, Webhooks, WebhooksError};
use tessera_runtime::{config::Secret, secrets::KeyRing};
use tessera_testing::on_every_engine;
use tessera_webhooks::{Deps, WebhooksConfig};

use crate::world::{Receiver, THING, World, local, staff};

#[tokio::test]
async fn a_tenant_has_so_many_addresses_and_no_more() {
    on_every_engine(async |engine| {
        let world = World::open(engine, WebhooksConfig { endpoints_per_tenant: 2, ..local() }).await;
        for key in ["one", "two"] {
            world.register("acme", "https://hooks.example/", key).await;
        }
        let request = CreateEndpoint {
            url: "https://hooks.example/".into(),
            description: String::new(),
            event_types: vec!["*".into()],
        };
        let cx = staff("acme").with_idempotency_key("three");
        let refused = world.api().create_endpoint(&cx, request).await;
        assert!(matches!(refused, Err(WebhooksError::TooManyEndpoints(_))), "{refused:?}");
        world.register("globex", "https://hooks.example/", "one").await;
    })
    .await;
}

#[tokio::test]
async fn what_is_no_public_https_address_or_no_type_of_event_is_refused() {
    let engine = tessera_testing::Engine::sqlite();
    let world = World::open(&engine, WebhooksConfig::default()).await;
    for (url, kind) in [
        ("http://hooks.example/", THING),
        ("https://10.0.0.1/", THING),
        ("https://[::1]/", THING),
        ("https://hooks.example/", "tessera.source.thing.unheard.v1"),
    ] {
        let request = CreateEndpoint { url: url.into(), description: String::new(), event_types: vec![kind.into()] };
        let refused = world.api().create_endpoint(&staff("acme").with_idempotency_key(url), request).await;
        assert!(matches!(refused, Err(WebhooksError::Failure(_))), "{url} {kind}: {refused:?}");
    }
}

#[tokio::test]
async fn an_old_secret_signs_too_until_its_time_is_over() {
    on_every_engine(async |engine| {
        let world = World::open(engine, local()).await;
        let receiver = Receiver::open().await;
        let endpoint = world.register("acme", &receiver.url(), "one").await.endpoint.endpoint_id;
        let request = RotateSecret { endpoint_id: endpoint, grace_seconds: Some(3600) };
        world.api().rotate_secret(&staff("acme").with_idempotency_key("new"), request).await.unwrap();
        let working = world.work();
        world.tell("acme", "a", 1).await;
        receiver.has(1).await;
        world.clock.advance(Duration::from_secs(3601));
        world.tell("acme", "a", 2).await;
        let posts = receiver.has(2).await;
        let signatures = |at: usize| posts[at].header("webhook-signature").split(' ').count();
        assert_eq!((signatures(0), signatures(1)), (2, 1));
        working.stop().await;
    })
    .await;
}

#[tokio::test]
async fn secrets_are_sealed_and_stay_the_same_under_a_new_master_key() {
    on_every_engine(async |engine| {
        let world = World::open(engine, local()).await;
        let receiver = Receiver::open().await;
        let made = world.register("acme", &receiver.url(), "one").await;
        let sql = "select length(sealed) from secrets";
        let sealed: Vec<(i64,)> = world.webhooks.store().system().all(sql, vec![]).await.unwrap();
        assert_eq!(sealed, [(12 + 32 + 16,)], "nonce, secret, tag");

        let ring = KeyRing::new("2", Secret::new([8; 32])).unwrap().with_older("1", Secret::new([7; 32])).unwrap();
        let deps = Deps { clock: world.clock.clone(), master_keys: ring, event_types: vec![THING] };
        let rewrapping = tessera_webhooks::open(local(), &engine.config, deps).await.unwrap();
        assert_eq!((rewrapping.rewrap().await.unwrap(), rewrapping.rewrap().await.unwrap()), (1, 0));
        let under: Vec<(String, i64)> =
            world.webhooks.store().system().all(tessera_webhooks::SEALED_UNDER, vec![]).await.unwrap();
        assert_eq!(under, [("2".to_owned(), 1)]);
        let request =
            CreateEndpoint { url: receiver.url(), description: String::new(), event_types: vec![THING.into()] };
        let cx = staff("acme").with_idempotency_key("one");
        let again = <dyn Webhooks>::guarded(rewrapping).create_endpoint(&cx, request).await.unwrap();
        assert_eq!(again, made, "the same secret, opened with the new master key");
    })
    .await;
}
