//! Delivery: once with its effects, in order, around what is poisoned, and across restarts.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tessera_contract::{CloudEvent, Failure, FailureKind};
use tessera_events::{ConsumerOptions, Parked};
use tessera_store::Retention;
use tessera_testing::{clock, eventually, on_every_engine};
use tokio_util::sync::CancellationToken;

use crate::world::{
    Ignored, Poison, Running, SINK, SOURCE, changed, consumer, emit, has_received, options, received, run_poisoned,
};

#[tokio::test]
async fn events_arrive_once_in_order_and_across_restarts() {
    on_every_engine(async |engine| {
        let (source, sink) = (engine.open(&SOURCE).await, engine.open(&SINK).await);
        emit(&source, "acme", changed("a", 1..=3)).await;
        let running = Running::start(consumer(&source, &sink));
        has_received(&sink, "acme", 3).await;
        emit(&source, "globex", changed("a", 1..=1)).await;
        emit(&source, "globex", vec![Ignored("b".into())]).await;
        has_received(&sink, "globex", 1).await;
        running.stop().await;

        emit(&source, "acme", changed("a", 4..=300)).await;
        let running = Running::start(consumer(&source, &sink));
        let events = has_received(&sink, "acme", 300).await;
        let expected: Vec<_> = (1..=300).map(|version| ("a".to_owned(), version, 1)).collect();
        assert_eq!(events, expected);
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn retention_does_not_wait_for_those_who_pass_an_event_by() {
    let (engine, clock) = (tessera_testing::Engine::sqlite(), clock());
    let (source, sink) = (engine.open_at(&SOURCE, clock.clone()).await, engine.open_at(&SINK, clock.clone()).await);
    let passing = ConsumerOptions { pass_by: Duration::from_millis(1), ..options() };
    let running = Running::start(consumer(&source, &sink).options(passing));
    emit(&source, "acme", vec![Ignored("b".into())]).await;
    clock.advance(Duration::from_secs(15 * 24 * 3600));
    eventually("the event to be swept", async || {
        (source.sweep(&Retention::default()).await.unwrap() > 0).then_some(())
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn two_processes_with_one_consumer_still_count_each_event_once() {
    on_every_engine(async |engine| {
        let (source, sink) = (engine.open(&SOURCE).await, engine.open(&SINK).await);
        let both = [Running::start(consumer(&source, &sink)), Running::start(consumer(&source, &sink))];
        for n in 0..10 {
            emit(&source, "acme", changed(&format!("s{n}"), 1..=3)).await;
        }
        let events = has_received(&sink, "acme", 30).await;
        for running in both {
            running.stop().await;
        }
        assert!(events.iter().all(|(_, _, times)| *times == 1), "{events:?}");
    })
    .await;
}

#[tokio::test]
async fn an_older_version_is_passed_over_when_the_consumer_wants_the_latest_only() {
    on_every_engine(async |engine| {
        let (source, sink) = (engine.open(&SOURCE).await, engine.open(&SINK).await);
        for version in [5, 4, 5, 6] {
            emit(&source, "acme", changed("a", version..=version)).await;
        }
        emit(&source, "globex", changed("a", 1..=1)).await;
        let running = Running::start(consumer(&source, &sink).latest_only());
        has_received(&sink, "globex", 1).await;
        assert_eq!(received(&sink, "acme").await, [("a".to_owned(), 5, 1), ("a".to_owned(), 6, 1)]);
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_poisoned_event_parks_its_key_and_others_flow_on() {
    on_every_engine(async |engine| {
        let (source, sink) = (engine.open(&SOURCE).await, engine.open(&SINK).await);
        let poison: Poison = Arc::new(Mutex::new(["bad".to_owned()].into()));
        let follower = consumer(&source, &sink);
        let parked = follower.parked();
        let running = run_poisoned(follower, &poison);
        emit(&source, "acme", changed("bad", 1..=2)).await;
        emit(&source, "acme", changed("good", 1..=2)).await;
        has_received(&sink, "acme", 2).await;
        assert!(received(&sink, "acme").await.iter().all(|(subject, ..)| subject == "good"));
        let waiting = parked.list(10).await.unwrap();
        let summary: Vec<_> =
            waiting.iter().map(|p| (p.event.subjectversion, p.attempts, p.error.as_deref())).collect();
        assert_eq!(summary, [(1, 3, Some("poisoned")), (2, 0, None)]);

        // Still poisoned: it stays, and what comes later waits behind it, after a restart too.
        assert!(parked.retry(&"acme".parse().unwrap(), "bad").await.unwrap());
        eventually("three more attempts", async || (parked.list(1).await.unwrap()[0].attempts == 6).then_some(()))
            .await;
        running.stop().await;
        let running = run_poisoned(consumer(&source, &sink), &poison);
        emit(&source, "acme", changed("bad", 3..=3)).await;
        let parked = Parked::of("sink.source", &sink);
        eventually("the third to be parked", async || (parked.list(10).await.unwrap().len() == 3).then_some(())).await;

        poison.lock().unwrap().clear();
        assert!(!parked.retry(&"globex".parse().unwrap(), "bad").await.unwrap(), "another tenant's key");
        assert!(parked.retry(&"acme".parse().unwrap(), "bad").await.unwrap());
        let events = has_received(&sink, "acme", 5).await;
        let bad: Vec<_> = events.iter().filter(|(subject, ..)| subject == "bad").map(|(_, v, _)| *v).collect();
        assert_eq!(bad, [1, 2, 3], "in order");
        eventually("nothing parked", async || parked.list(10).await.unwrap().is_empty().then_some(())).await;
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn calls_to_other_modules_carry_one_key_over_all_deliveries_of_an_event() {
    on_every_engine(async |engine| {
        let (source, sink) = (engine.open(&SOURCE).await, engine.open(&SINK).await);
        let calls = Arc::new(Mutex::new(Vec::new()));
        let stop = CancellationToken::new();
        let handler = {
            let calls = calls.clone();
            move |cx: tessera_contract::Cx, event: Arc<CloudEvent>| {
                let calls = calls.clone();
                async move {
                    let key = cx.idempotency_key.clone().unwrap().to_string();
                    assert_eq!(key, format!("sink.source:{}", event.id));
                    let mut calls = calls.lock().unwrap();
                    calls.push((cx.tenant.to_string(), key));
                    // Longer out of reach than there are attempts before parking: that is waited for.
                    match calls.len() > 6 {
                        true => Ok(()),
                        false => Err(Failure::new(FailureKind::Unavailable, "the other module is down").into()),
                    }
                }
            }
        };
        let running = tokio::spawn(consumer(&source, &sink).run_outside(handler, stop.clone()));
        emit(&source, "acme", changed("a", 1..=1)).await;
        emit(&source, "globex", changed("a", 1..=1)).await;
        eventually("both events", async || (calls.lock().unwrap().len() == 8).then_some(())).await;
        stop.cancel();
        running.await.unwrap();
        let calls = calls.lock().unwrap().clone();
        assert!(calls[..7].iter().all(|call| *call == calls[0] && call.0 == "acme"), "{calls:?}");
        assert_eq!(calls[7].0, "globex");
        assert_eq!(Parked::of("sink.source", &sink).list(1).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_module_follows_its_own_events() {
    on_every_engine(async |engine| {
        let sink = engine.open(&SINK).await;
        let running = Running::start(consumer(&sink, &sink));
        emit(&sink, "acme", changed("a", 1..=2)).await;
        has_received(&sink, "acme", 2).await;
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn among_events_that_share_a_commit_the_poisoned_are_parked_alone_and_the_rest_count_once() {
    on_every_engine(async |engine| {
        let (source, sink) = (engine.open(&SOURCE).await, engine.open(&SINK).await);
        for version in 1..=3 {
            let round = (0..60).flat_map(|n| changed(&format!("s{n}"), version..=version)).collect();
            emit(&source, "acme", round).await;
        }
        let poison: Poison = Arc::new(Mutex::new(["s7".to_owned(), "s59".to_owned()].into()));
        let parked = Parked::of("sink.source", &sink);
        let both = [(); 2].map(|()| run_poisoned(consumer(&source, &sink), &poison));
        let events = has_received(&sink, "acme", 58 * 3).await;
        eventually("the poisoned to be parked", async || (parked.list(10).await.unwrap().len() == 6).then_some(()))
            .await;
        for running in both {
            running.stop().await;
        }
        assert!(events.iter().all(|(_, _, times)| *times == 1), "{events:?}");
        let of_one =
            |subject: &str| events.iter().filter(|(s, ..)| s == subject).map(|(_, v, _)| *v).collect::<Vec<_>>();
        assert!((0..60).filter(|n| ![7, 59].contains(n)).all(|n| of_one(&format!("s{n}")) == [1, 2, 3]), "{events:?}");
    })
    .await;
}
