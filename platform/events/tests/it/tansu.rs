//! A real broker in a process of its own, killed and started again while events go through it.

use std::time::Duration;

use tessera_events::{Broker, BrokerSettings, ConsumerOptions};
use tessera_store::Store;
use tessera_testing::{Tansu, eventually, on_every_engine};
use tokio_util::sync::CancellationToken;

use crate::world::{Running, SINK, SOURCE, changed, consumer_of, emit, options, received};

/// Subjects, and versions of each.
const SUBJECTS: i64 = 12;
const VERSIONS: i64 = 150;

/// Waits for as long as something goes on: a broker's restart takes the clients a while.
async fn until_all_came(what: &str, sink: &Store, wanted: usize) {
    let mut had = received(sink, "acme").await.len();
    while had < wanted {
        had = eventually(&format!("more than {had} of {wanted} events {what}"), async || {
            Some(received(sink, "acme").await.len()).filter(|has| *has > had)
        })
        .await;
    }
}

#[tokio::test]
async fn no_event_is_lost_or_counted_twice_when_the_broker_is_killed_under_load() {
    on_every_engine(async |engine| {
        let Some(mut tansu) = Tansu::open().await else { return };
        let (source, sink) = (engine.open(&SOURCE).await, engine.open(&SINK).await);
        let broker = Broker::new(BrokerSettings {
            hosts: tansu.address(),
            prefix: "tessera".into(),
            partitions: 3,
            replication: Some(1),
            sasl: None,
        });
        let patient = ConsumerOptions { longest_backoff: Duration::from_millis(500), ..options() };
        let stop = CancellationToken::new();
        let relay = broker.relay(&source).options(patient.clone());
        let relaying = tokio::spawn(relay.run(stop.clone()));
        let running = Running::start(consumer_of(broker.log("source"), &sink).options(patient));

        let load = tokio::spawn({
            let source = source.clone();
            async move {
                for version in 1..=VERSIONS {
                    let all = (0..SUBJECTS).flat_map(|n| changed(&format!("s{n}"), version..=version)).collect();
                    emit(&source, "acme", all).await;
                    tokio::task::yield_now().await;
                }
            }
        });
        let total = (SUBJECTS * VERSIONS) as usize;
        for part in 1..=3 {
            until_all_came("before the broker dies", &sink, total * part / 5).await;
            tansu.kill();
            tansu.start().await;
        }
        load.await.unwrap();
        until_all_came("after all", &sink, total).await;
        let events = received(&sink, "acme").await;
        assert_eq!(events.len(), total);
        assert!(events.iter().all(|(_, _, times)| *times == 1), "an event had its effect twice");
        for n in 0..SUBJECTS {
            let subject = format!("s{n}");
            let versions: Vec<i64> = events.iter().filter(|event| event.0 == subject).map(|event| event.1).collect();
            assert_eq!(versions, (1..=VERSIONS).collect::<Vec<_>>(), "{subject} in order");
        }
        running.stop().await;
        stop.cancel();
        relaying.await.unwrap();
    })
    .await;
}
