//! What reaches whom: once and signed, again when it failed, never somebody else's.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tessera_contract_webhooks::{
    DeliveryState, EditEndpoint, EndpointState, GetEndpoint, PingEndpoint, ReplayDelivery, ReplaySince, WebhooksError,
};
use tessera_events::{Log, Position};
use tessera_testing::{eventually, on_every_engine};
use tessera_types::Clock;
use tokio::net::TcpListener;

use crate::world::{Receiver, THING, World, local, staff};

const DAY: u64 = 24 * 3600;

#[tokio::test]
async fn an_event_is_posted_once_to_each_address_of_its_tenant_that_wants_it() {
    on_every_engine(async |engine| {
        let world = World::open(engine, local()).await;
        let (ours, theirs) = (Receiver::open().await, Receiver::open().await);
        let made = world.register("acme", &ours.url(), "one").await;
        world.register("globex", &theirs.url(), "one").await;
        let working = world.work();
        for version in 1..=5 {
            world.tell("acme", "a", version).await;
        }
        world.tell("globex", "b", 1).await;
        let posts = ours.has(5).await;
        theirs.has(1).await;
        world.until(&made.endpoint.endpoint_id, DeliveryState::Delivered, 5).await;
        working.stop().await;

        let working = world.work();
        world.tell("acme", "a", 6).await;
        ours.has(6).await;
        working.stop().await;
        assert_eq!((ours.posts().len(), theirs.posts().len()), (6, 1), "none came again after a restart");
        for post in posts {
            let event: serde_json::Value = serde_json::from_str(&post.body).unwrap();
            assert_eq!((&event["type"], &event["tenant"]), (&THING.into(), &"acme".into()));
            assert_eq!(event["id"], post.header("webhook-id"));
            assert_eq!(post.header("content-type"), "application/cloudevents+json; charset=utf-8");
        }
    })
    .await;
}

#[tokio::test]
async fn what_fails_is_tried_again_under_the_same_id_and_its_attempts_are_listed() {
    on_every_engine(async |engine| {
        let world = World::open(engine, local()).await;
        let receiver = Receiver::open().await;
        receiver.answers([500, 302, 503]);
        let endpoint = world.register("acme", &receiver.url(), "one").await.endpoint.endpoint_id;
        let working = world.work();
        world.tell("acme", "a", 1).await;
        let delivered = world.until(&endpoint, DeliveryState::Delivered, 1).await;
        working.stop().await;
        let posts = receiver.posts();
        assert_eq!(posts.len(), 4);
        assert!(posts.iter().all(|post| post.header("webhook-id") == posts[0].header("webhook-id")));
        let found = world.delivery(&delivered[0]).await;
        let statuses: Vec<_> = found.calls.iter().map(|call| (call.number, call.status)).collect();
        assert_eq!(statuses, [(1, Some(500)), (2, Some(302)), (3, Some(503)), (4, Some(204))]);
        assert!(found.calls[1].at.since(found.calls[0].at) >= Duration::from_secs(4), "a wait between attempts");
        let request = GetEndpoint { endpoint_id: endpoint };
        let address = world.api().get_endpoint(&staff("acme"), request).await.unwrap();
        assert_eq!(address.failing_since, None, "a success ends a failure");
    })
    .await;
}

#[tokio::test]
async fn what_nobody_takes_is_given_up_after_days_and_can_be_replayed() {
    on_every_engine(async |engine| {
        let world = World::open(engine, local()).await;
        let receiver = Receiver::open().await;
        receiver.answers([500, 500]);
        let endpoint = world.register("acme", &receiver.url(), "one").await.endpoint.endpoint_id;
        let before = world.clock.now();
        let working = world.work();
        for version in 1..=2 {
            world.tell("acme", "a", version).await;
        }
        receiver.has(1).await;
        eventually("both deliveries", async || {
            (world.deliveries(&endpoint, DeliveryState::Pending).await.len() == 2).then_some(())
        })
        .await;
        world.clock.advance(Duration::from_secs(4 * DAY));
        let failed = world.until(&endpoint, DeliveryState::Failed, 2).await;
        let request = ReplayDelivery { delivery_id: failed[0].clone() };
        let replayed = world.api().replay_delivery(&staff("acme"), request).await.unwrap();
        assert_eq!(replayed.state, DeliveryState::Pending);
        let since = ReplaySince { endpoint_id: endpoint.clone(), since: before };
        let all = world.api().replay_since(&staff("acme"), since).await.unwrap();
        assert_eq!((all.deliveries, all.more), (1, false));
        world.until(&endpoint, DeliveryState::Delivered, 2).await;
        working.stop().await;
        let seen: std::collections::BTreeSet<String> =
            receiver.posts().iter().map(|post| post.header("webhook-id").to_owned()).collect();
        assert_eq!(seen.len(), 2, "the same ids as before");
    })
    .await;
}

#[tokio::test]
async fn an_address_that_fails_for_days_or_is_gone_is_disabled_and_that_is_told() {
    on_every_engine(async |engine| {
        for (answers, days) in [(vec![410], 0), (vec![500; 50], 6)] {
            let world = World::open(engine, local()).await;
            let receiver = Receiver::open().await;
            receiver.answers(answers);
            let key = format!("after-{days}-days");
            let endpoint = world.register("acme", &receiver.url(), &key).await.endpoint.endpoint_id;
            let working = world.work();
            world.tell("acme", &key, 1).await;
            receiver.has(1).await;
            if days > 0 {
                // The days count from when the failure is known.
                eventually("the address to have failed", async || {
                    let request = GetEndpoint { endpoint_id: endpoint.clone() };
                    world.api().get_endpoint(&staff("acme"), request).await.unwrap().failing_since
                })
                .await;
                world.clock.advance(Duration::from_secs(days * DAY));
                world.tell("acme", &key, 2).await;
            }
            let looks = AtomicU32::new(0);
            let disabled = eventually("the address to be disabled", async || {
                // Now and then: time that runs takes the lease of whoever is calling.
                if looks.fetch_add(1, Ordering::Relaxed).is_multiple_of(8) {
                    world.clock.advance(Duration::from_secs(60));
                }
                let request = GetEndpoint { endpoint_id: endpoint.clone() };
                let found = world.api().get_endpoint(&staff("acme"), request).await.unwrap();
                (found.state == EndpointState::Disabled).then_some(found)
            })
            .await;
            let told = Log::of(world.webhooks.store()).read(Position::default(), 100).await.unwrap().events;
            let mut of_ours = told
                .iter()
                .map(|(_, event)| event)
                .filter(|event| event.data["endpoint"]["endpoint_id"] == endpoint.as_str());
            assert_eq!(of_ours.next_back().unwrap().kind, "tessera.webhooks.endpoint.disabled.v1");
            // What waited for it is given up without a call.
            world.until(&endpoint, DeliveryState::Failed, if days > 0 { 2 } else { 1 }).await;
            let ping = PingEndpoint { endpoint_id: endpoint.clone() };
            let refused = world.api().ping_endpoint(&staff("acme").with_idempotency_key(&*key), ping).await;
            assert!(matches!(refused, Err(WebhooksError::EndpointIsDisabled(_))), "{refused:?}");

            let edit = EditEndpoint {
                endpoint_id: endpoint.clone(),
                url: None,
                description: None,
                event_types: None,
                enabled: Some(true),
                expected_version: disabled.version,
            };
            let enabled = world.api().edit_endpoint(&staff("acme"), edit).await.unwrap();
            assert_eq!((enabled.state, enabled.failing_since), (EndpointState::Enabled, None));
            working.stop().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_silent_address_holds_up_no_other() {
    let engine = tessera_testing::Engine::sqlite();
    let world = World::open(&engine, local()).await;
    // Accepts connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", silent.local_addr().unwrap());
    world.register("acme", &url, "silent").await;
    let receiver = Receiver::open().await;
    world.register("acme", &receiver.url(), "quick").await;
    let working = world.work();
    for version in 1..=60 {
        world.tell("acme", "a", version).await;
    }
    eventually("all posts", async || {
        world.clock.advance(Duration::from_secs(1));
        (receiver.posts().len() >= 60).then_some(())
    })
    .await;
    working.stop().await;
    drop(silent);
}

#[tokio::test]
async fn a_name_that_leads_into_a_private_network_is_not_called() {
    let engine = tessera_testing::Engine::sqlite();
    let config = tessera_webhooks::WebhooksConfig { allow_http: true, ..Default::default() };
    let world = World::open(&engine, config).await;
    let receiver = Receiver::open().await;
    let port = receiver.url().rsplit(':').next().unwrap().to_owned();
    let endpoint = world.register("acme", &format!("http://localhost:{port}"), "inside").await.endpoint.endpoint_id;
    let working = world.work();
    world.tell("acme", "a", 1).await;
    let error = eventually("a refusal", async || {
        let pending = world.deliveries(&endpoint, DeliveryState::Pending).await;
        world.delivery(pending.first()?).await.delivery.last_error
    })
    .await;
    assert!(error.contains("private or local network") && error.contains("[webhooks]"), "{error}");
    assert!(receiver.posts().is_empty());
    working.stop().await;
}
