//! The order of events: nothing appears behind a position that was read.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::future::join_all;
use tessera_contract::{Event, Failure};
use tessera_store::{Position, Retention, Store, params};
use tessera_testing::{clock, cx, on_every_engine};
use tokio::sync::Notify;

use crate::basics::{TITLES, TitlePut, put};

/// Events of one subject, counting up.
#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Counted {
    subject: String,
    version: i64,
}

impl Event for Counted {
    const TYPE: &'static str = "tessera.titles.title.counted.v1";
    fn subject(&self) -> String {
        self.subject.clone()
    }
    fn version(&self) -> i64 {
        self.version
    }
}

#[tokio::test]
async fn events_behind_a_running_transaction_are_held_back_and_none_is_lost() {
    let engine = tessera_testing::Engine::postgres();
    let store = engine.open(&TITLES).await;
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = store.write(&cx("acme"), (begun.clone(), go_on.clone()), |tx, (begun, go_on)| {
        Box::pin(async move {
            tx.emit(&TitlePut { id: "slow".into() }).await?;
            begun.notify_one();
            go_on.notified().await;
            Ok::<_, Failure>(())
        })
    });
    let fast = async {
        begun.notified().await;
        put(&store, "globex", "fast").await.unwrap();
        let held = store.events_after(Position::default(), 10).await.unwrap();
        assert!(held.events.is_empty() && held.more, "held back: {held:?}");
        go_on.notify_one();
    };
    tokio::join!(async { slow.await.unwrap() }, fast);
    let read = store.events_after(Position::default(), 10).await.unwrap();
    let subjects: Vec<_> = read.events.iter().map(|(_, event)| event.subject.as_str()).collect();
    assert_eq!(subjects, ["slow", "fast"], "in the order the transactions began to write");
    assert!(!read.more);
}

/// Counts a subject up, with an event.
async fn count(store: &Store, subject: String) {
    let counted = store.write(&cx("acme"), subject, |tx, subject| {
        Box::pin(async move {
            let sql = "insert into titles (tenant, id, name, year, published, score) values ($1, $2, 'x', 1, true, 1.0) \
                on conflict (tenant, id) do update set year = titles.year + 1 returning year";
            let version = tx.scalar(sql, params![subject]).await?;
            tx.emit(&Counted { subject: subject.clone(), version }).await
        })
    });
    Result::<(), Failure>::unwrap(counted.await);
}

#[tokio::test]
async fn a_reader_sees_every_event_once_and_each_subject_in_order() {
    const SUBJECTS: usize = 5;
    const EACH: usize = 20;
    on_every_engine(async |engine| {
        let store = engine.open(&TITLES).await;
        let writers = join_all((0..SUBJECTS * EACH).map(|n| count(&store, format!("ttl_{}", n % SUBJECTS))));
        let reader = async {
            let (mut position, mut seen, mut total) = (Position::default(), HashMap::<String, i64>::new(), 0);
            let mut bell = store.events_bell();
            while total < SUBJECTS * EACH {
                bell.mark_unchanged();
                let batch = store.events_after(position, 7).await.unwrap();
                for (at, event) in batch.events {
                    let last = seen.insert(event.subject.clone(), event.subjectversion).unwrap_or(0);
                    assert_eq!(event.subjectversion, last + 1, "the next of {}", event.subject);
                    assert!(at > position);
                    (position, total) = (at, total + 1);
                }
                if !batch.more && total < SUBJECTS * EACH {
                    bell.changed().await.unwrap();
                }
                tokio::task::yield_now().await;
            }
            assert_eq!(store.events_end().await.unwrap(), position);
        };
        tokio::join!(writers, reader);
    })
    .await;
}

#[tokio::test]
async fn old_events_are_swept_and_their_numbers_never_come_back() {
    on_every_engine(async |engine| {
        let clock = clock();
        let store = engine.open_at(&TITLES, clock.clone()).await;
        put(&store, "acme", "old").await.unwrap();
        let before = store.events_end().await.unwrap();
        clock.advance(Duration::from_secs(15 * 24 * 3600));
        assert_eq!(store.sweep(&Retention::default()).await.unwrap(), 1);
        put(&store, "acme", "new").await.unwrap();
        let read = store.events_after(before, 10).await.unwrap();
        assert_eq!(read.events.len(), 1, "found behind the old position: {read:?}");
    })
    .await;
}

#[tokio::test]
async fn events_after_a_restore_into_another_server_come_after_those_before() {
    let engine = tessera_testing::Engine::postgres();
    let store = engine.open(&TITLES).await;
    put(&store, "acme", "before").await.unwrap();
    store.close().await;
    // As if the data came from another server, which had counted further.
    engine.server().unwrap().psql(
        "update titles.tessera_epochs set system = 'another'; \
         update titles.tessera_outbox set xact = xact + 1000000",
    );
    let store = engine.open(&TITLES).await;
    let position = store.events_end().await.unwrap();
    put(&store, "acme", "after").await.unwrap();
    let read = store.events_after(position, 10).await.unwrap();
    assert_eq!(read.events.len(), 1, "{read:?}");
    assert_eq!(read.events[0].1.subject, "after");
}
