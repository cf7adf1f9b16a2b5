//! Events over a broker: what holds of an outbox holds of a topic, and when broker, relay or consumers come and go.

use std::{
    cell::Cell,
    rc::Rc,
    sync::{Arc, Mutex},
    time::Duration,
};

use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
    mocking::MockCluster,
    producer::DefaultProducerContext,
};
use tessera_events::{Broker, BrokerSettings, Parked, Relay};
use tessera_store::{Retention, Store};
use tessera_testing::{clock, eventually, on_every_engine};
use tokio_util::sync::CancellationToken;

use crate::world::{
    Poison, Running, SINK, SOURCE, changed, consumer, consumer_of, emit, has_received, options, received, run_poisoned,
};

const TOPIC: &str = "tessera.source";
const PARTITIONS: i32 = 4;

/// A broker of the test's own, and what its topics are like.
struct World {
    cluster: MockCluster<'static, DefaultProducerContext>,
    broker: Broker,
}

impl World {
    fn open() -> Self {
        Self::with_partitions(PARTITIONS)
    }

    fn with_partitions(partitions: i32) -> Self {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic(TOPIC, partitions, 1).unwrap();
        let broker = broker(&cluster.bootstrap_servers(), partitions);
        Self { cluster, broker }
    }

    fn relay(&self, source: &Store) -> Relaying {
        Relaying::start(self.broker.relay(source))
    }

    fn follow(&self, sink: &Store) -> Running {
        Running::start(consumer_of(self.broker.log("source"), sink))
    }

    /// Records in all partitions of the topic.
    fn records(&self) -> i64 {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.cluster.bootstrap_servers());
        let client: BaseConsumer = config.create().unwrap();
        let ends = (0..PARTITIONS).map(|part| client.fetch_watermarks(TOPIC, part, Duration::from_secs(10)).unwrap().1);
        ends.sum()
    }
}

fn broker(hosts: &str, partitions: i32) -> Broker {
    let (hosts, prefix) = (hosts.to_owned(), "tessera".to_owned());
    Broker::new(BrokerSettings { hosts, prefix, partitions, replication: Some(1), sasl: None })
}

/// Relays until it is stopped.
struct Relaying(CancellationToken, tokio::task::JoinHandle<()>);

impl Relaying {
    fn start(relay: Relay) -> Self {
        let stop = CancellationToken::new();
        Self(stop.clone(), tokio::spawn(relay.options(options()).run(stop)))
    }

    async fn stop(self) {
        self.0.cancel();
        self.1.await.unwrap();
    }
}

fn assert_once(events: &[(String, i64, i64)]) {
    assert!(events.iter().all(|(_, _, times)| *times == 1), "{events:?}");
}

/// The versions of a subject in the order they came.
fn versions(events: &[(String, i64, i64)], subject: &str) -> Vec<i64> {
    events.iter().filter(|event| event.0 == subject).map(|event| event.1).collect()
}

#[tokio::test]
async fn events_arrive_once_in_order_and_across_restarts() {
    on_every_engine(async |engine| {
        let world = World::open();
        let (source, sink) = (engine.open(&SOURCE).await, engine.open(&SINK).await);
        emit(&source, "acme", changed("a", 1..=3)).await;
        let (relaying, running) = (world.relay(&source), world.follow(&sink));
        has_received(&sink, "acme", 3).await;
        emit(&source, "globex", changed("a", 1..=1)).await;
        has_received(&sink, "globex", 1).await;
        running.stop().await;
        relaying.stop().await;

        for subject in ["a", "b", "c"] {
            emit(&source, "acme", changed(subject, 4..=103)).await;
        }
        let (relaying, running) = (world.relay(&source), world.follow(&sink));
        let events = has_received(&sink, "acme", 303).await;
        assert_once(&events);
        assert_eq!(versions(&events, "a"), (1..=103).collect::<Vec<_>>());
        assert_eq!(versions(&events, "b"), (4..=103).collect::<Vec<_>>());
        running.stop().await;
        relaying.stop().await;
        assert_eq!(world.records(), 304, "each was brought once");
    })
    .await;
}

#[tokio::test]
async fn nothing_is_lost_while_the_broker_is_away() {
    on_every_engine(async |engine| {
        let world = World::open();
        let (source, sink) = (engine.open(&SOURCE).await, engine.open(&SINK).await);
        let (relaying, running) = (world.relay(&source), world.follow(&sink));
        emit(&source, "acme", changed("a", 1..=10)).await;
        has_received(&sink, "acme", 10).await;
        world.cluster.broker_down(1).unwrap();
        emit(&source, "acme", changed("a", 11..=60)).await;
        relaying.stop().await;
        let relaying = world.relay(&source);
        world.cluster.broker_up(1).unwrap();
        let events = has_received(&sink, "acme", 60).await;
        assert_once(&events);
        assert_eq!(versions(&events, "a"), (1..=60).collect::<Vec<_>>());
        running.stop().await;
        relaying.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_brought_twice_counts_once() {
    on_every_engine(async |engine| {
        let world = World::open();
        let (source, sink) = (engine.open(&SOURCE).await, engine.open(&SINK).await);
        for subject in ["a", "b"] {
            emit(&source, "acme", changed(subject, 1..=20)).await;
        }
        let running = world.follow(&sink);
        // The relay dies twice after the broker has taken its events and before it has recorded that.
        let deaths = Rc::new(Cell::new(0));
        let seen = deaths.clone();
        let failing = tessera_faults::fail_when(move |point| {
            let dies = point == "event.between:relay.tessera.source" && seen.get() < 2;
            seen.set(seen.get() + i32::from(dies));
            dies
        });
        let relaying = world.relay(&source);
        eventually("two deaths", async || (deaths.get() == 2).then_some(())).await;
        emit(&source, "acme", changed("a", 21..=25)).await;
        let events = has_received(&sink, "acme", 45).await;
        drop(failing);
        emit(&source, "globex", changed("a", 1..=1)).await;
        has_received(&sink, "globex", 1).await;
        assert_once(&events);
        assert_eq!(versions(&events, "a"), (1..=25).collect::<Vec<_>>());
        assert!(world.records() >= 40 * 3, "the events were brought three times: {}", world.records());
        running.stop().await;
        relaying.stop().await;
    })
    .await;
}

#[tokio::test]
async fn processes_share_the_partitions_and_take_over_from_one_that_goes() {
    on_every_engine(async |engine| {
        let world = World::open();
        let (source, sink) = (engine.open(&SOURCE).await, engine.open(&SINK).await);
        let relays = [world.relay(&source), world.relay(&source)];
        let (first, second) = (world.follow(&sink), world.follow(&sink));
        let subjects: Vec<String> = (0..20).map(|n| format!("s{n}")).collect();
        for subject in &subjects {
            emit(&source, "acme", changed(subject, 1..=5)).await;
        }
        has_received(&sink, "acme", 50).await;
        first.stop().await;
        for subject in &subjects {
            emit(&source, "acme", changed(subject, 6..=10)).await;
        }
        let third = world.follow(&sink);
        let events = has_received(&sink, "acme", 200).await;
        assert_once(&events);
        for subject in &subjects {
            assert_eq!(versions(&events, subject), (1..=10).collect::<Vec<_>>(), "{subject}");
        }
        for running in [second, third] {
            running.stop().await;
        }
        for relaying in relays {
            relaying.stop().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_poisoned_event_parks_its_key_and_its_partition_flows_on() {
    on_every_engine(async |engine| {
        let world = World::with_partitions(1);
        let (source, sink) = (engine.open(&SOURCE).await, engine.open(&SINK).await);
        let poison: Poison = Arc::new(Mutex::new(["bad".to_owned()].into()));
        let relaying = world.relay(&source);
        let running = run_poisoned(consumer_of(world.broker.log("source"), &sink), &poison);
        emit(&source, "acme", changed("bad", 1..=2)).await;
        emit(&source, "acme", changed("good", 1..=2)).await;
        has_received(&sink, "acme", 2).await;
        assert!(received(&sink, "acme").await.iter().all(|(subject, ..)| subject == "good"));
        poison.lock().unwrap().clear();
        let parked = Parked::of("sink.source", &sink);
        assert_eq!(parked.list(10).await.unwrap().len(), 2);
        assert!(parked.retry(&"acme".parse().unwrap(), "bad").await.unwrap());
        let events = has_received(&sink, "acme", 4).await;
        assert_eq!(versions(&events, "bad"), [1, 2]);
        running.stop().await;
        relaying.stop().await;
    })
    .await;
}

#[tokio::test]
async fn going_to_a_broker_to_another_and_back_counts_nothing_twice() {
    on_every_engine(async |engine| {
        let (source, sink) = (engine.open(&SOURCE).await, engine.open(&SINK).await);
        let mut last = 0;
        let mut more = async || {
            for subject in ["a", "b", "c"] {
                emit(&source, "acme", changed(subject, last + 1..=last + 4)).await;
            }
            last += 4;
        };
        more().await;
        let running = Running::start(consumer(&source, &sink));
        has_received(&sink, "acme", 12).await;
        running.stop().await;

        for (partitions, total) in [(PARTITIONS, 24), (3, 36)] {
            let cluster = MockCluster::new(1).unwrap();
            let topic = format!("p{partitions}.source");
            cluster.create_topic(&topic, partitions, 1).unwrap();
            let (hosts, prefix) = (cluster.bootstrap_servers(), format!("p{partitions}"));
            let world = Broker::new(BrokerSettings { hosts, prefix, partitions, replication: None, sasl: None });
            more().await;
            let relaying = Relaying::start(world.relay(&source));
            let running = Running::start(consumer_of(world.log("source"), &sink));
            has_received(&sink, "acme", total).await;
            running.stop().await;
            relaying.stop().await;
        }

        more().await;
        let running = Running::start(consumer(&source, &sink));
        let events = has_received(&sink, "acme", 48).await;
        assert_once(&events);
        assert_eq!(versions(&events, "b"), (1..=16).collect::<Vec<_>>());
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn retention_waits_for_the_relay() {
    let (engine, clock) = (tessera_testing::Engine::sqlite(), clock());
    let world = World::open();
    let source = engine.open_at(&SOURCE, clock.clone()).await;
    world.cluster.broker_down(1).unwrap();
    let relaying = world.relay(&source);
    emit(&source, "acme", changed("a", 1..=3)).await;
    clock.advance(Duration::from_secs(15 * 24 * 3600));
    assert_eq!(source.sweep(&Retention::default()).await.unwrap(), 0, "events that were not brought are kept");
    world.cluster.broker_up(1).unwrap();
    eventually("the events to go", async || (source.sweep(&Retention::default()).await.unwrap() > 0).then_some(()))
        .await;
    assert_eq!(world.records(), 3);
    relaying.stop().await;
}
