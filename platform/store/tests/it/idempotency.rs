//! One effect for an idempotency key, under concurrency too.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use tessera_contract::{Cx, Failure, FailureKind};
use tessera_store::{Retention, Store, params};
use tessera_testing::{clock, cx, on_every_engine};
use tokio::sync::Notify;

use crate::basics::{PUT, TITLES, list};

/// Puts a title with a fresh id; the answer says which.
async fn add(store: &Store, cx: &Cx, runs: &Arc<AtomicU32>) -> Result<String, Failure> {
    store
        .write_once(cx, runs.clone(), |tx, runs| {
            Box::pin(async move {
                let id = format!("ttl_{}", runs.fetch_add(1, Ordering::SeqCst));
                tx.execute(PUT, params![&id, "x", None::<i64>, None::<Vec<u8>>]).await?;
                Ok(id)
            })
        })
        .await
}

#[tokio::test]
async fn the_same_key_and_request_get_the_kept_answer() {
    on_every_engine(async |engine| {
        let (store, runs) = (engine.open(&TITLES).await, Arc::default());
        let acme = cx("acme").viewer("acc_1");
        let first = acme.clone().effect("add", "key", "request");
        let answer = add(&store, &first, &runs).await.unwrap();
        assert_eq!(add(&store, &first, &runs).await.unwrap(), answer);

        let other = add(&store, &acme.clone().effect("add", "key", "another request"), &runs).await;
        assert_eq!(other.unwrap_err().kind, FailureKind::IdempotencyConflict);

        // Tenant, caller and operation are part of the key; without one, every call is an effect.
        for apart in [
            cx("globex").viewer("acc_1").effect("add", "key", "request"),
            cx("acme").viewer("acc_2").effect("add", "key", "request"),
            acme.clone().effect("put", "key", "request"),
            acme.clone(),
        ] {
            assert_ne!(add(&store, &apart, &runs).await.unwrap(), answer, "{apart:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_error_is_not_kept() {
    on_every_engine(async |engine| {
        let (store, runs) = (engine.open(&TITLES).await, Arc::default());
        let acme = cx("acme").effect("add", "key", "request");
        let failed: Result<String, Failure> = store
            .write_once(&acme, (), |_, ()| Box::pin(async { Err(Failure::new(FailureKind::Unavailable, "later")) }))
            .await;
        assert_eq!(failed.unwrap_err().kind, FailureKind::Unavailable);
        add(&store, &acme, &runs).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn concurrent_duplicates_have_one_effect() {
    on_every_engine(async |engine| {
        let (store, runs) = (engine.open(&TITLES).await, Arc::default());
        let acme = cx("acme").effect("add", "key", "request");
        let answers = join_all((0..30).map(|_| add(&store, &acme, &runs))).await;
        let answers: Vec<String> = answers.into_iter().map(|answer| answer.unwrap()).collect();
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        assert_eq!(list(&store, "acme").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_duplicate_of_a_request_that_does_not_end_is_told_so() {
    let engine = tessera_testing::Engine::postgres();
    let store = engine.open(&TITLES).await;
    let acme = cx("acme").effect("add", "key", "request");
    let (claimed, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = store.write_once(&acme, (claimed.clone(), go_on.clone()), |_, (claimed, go_on)| {
        Box::pin(async move {
            claimed.notify_one();
            go_on.notified().await;
            Ok::<_, Failure>("slow".to_owned())
        })
    });
    let duplicate = async {
        claimed.notified().await;
        let told = add(&store, &acme, &Arc::default()).await.unwrap_err();
        go_on.notify_one();
        told
    };
    let (slow, told) = tokio::join!(slow, duplicate);
    assert_eq!(slow.unwrap(), "slow");
    assert_eq!((told.kind, told.retry_after), (FailureKind::InProgress, Some(Duration::from_secs(1))));
}

#[tokio::test]
async fn keys_are_kept_for_a_day_at_least() {
    on_every_engine(async |engine| {
        let (clock, runs) = (clock(), Arc::default());
        let store = engine.open_at(&TITLES, clock.clone()).await;
        let acme = cx("acme").effect("add", "key", "request");
        let keep = Retention { idempotency: Duration::ZERO, ..Retention::default() };
        let first = add(&store, &acme, &runs).await.unwrap();
        clock.advance(Duration::from_secs(24 * 3600 - 1));
        assert_eq!(store.sweep(&keep).await.unwrap(), 0);
        assert_eq!(add(&store, &acme, &runs).await.unwrap(), first);
        clock.advance(Duration::from_secs(2));
        assert_eq!(store.sweep(&keep).await.unwrap(), 1);
        assert_ne!(add(&store, &acme, &runs).await.unwrap(), first);
    })
    .await;
}
