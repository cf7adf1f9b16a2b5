//! What is forgotten, what is kept, and the space that comes back.

use std::{path::Path, time::Duration};

use tessera_contract::Failure;
use tessera_store::{Param, Position, Retention, Store, params};
use tessera_testing::{Engine, clock, on_every_engine};

use crate::basics::{TITLES, put};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn run(store: &Store, sql: &'static str, values: Vec<Param>) -> u64 {
    let write =
        store.system_write(values, move |tx, values| Box::pin(async move { tx.execute(sql, values.clone()).await }));
    write.await.unwrap()
}

async fn subjects(store: &Store) -> Vec<String> {
    let read = store.events_after(Position::default(), 100).await.unwrap();
    read.events.into_iter().map(|(_, event)| event.subject).collect()
}

#[tokio::test]
async fn events_wait_for_their_slowest_reader_and_in_the_end_for_nobody() {
    on_every_engine(async |engine| {
        let clock = clock();
        let store = engine.open_at(&TITLES, clock.clone()).await;
        for (tenant, id) in [("acme", "one"), ("globex", "two"), ("acme", "three")] {
            put(&store, tenant, id).await.unwrap();
        }
        let all = store.events_after(Position::default(), 10).await.unwrap().events;
        let at = |number: usize| all[number].0;
        store.followed_by("fast", &store);
        store.followed_by("slow", &store);
        let offset = "insert into tessera_offsets (consumer, xact, seq, updated_us) values ($1, $2, $3, 0)";
        run(&store, offset, params!["fast", at(2).xact, at(2).seq]).await;
        clock.advance(15 * DAY);
        assert_eq!(store.sweep(&Retention::default()).await.unwrap(), 0, "one reader has not begun");
        run(&store, offset, params!["slow", at(0).xact, at(0).seq]).await;
        store.sweep(&Retention::default()).await.unwrap();
        assert_eq!(subjects(&store).await, ["two", "three"], "what all have read is gone, and nothing else");
        put(&store, "acme", "four").await.unwrap();
        clock.advance(80 * DAY);
        store.sweep(&Retention::default()).await.unwrap();
        assert_eq!(subjects(&store).await, ["four"], "nobody is waited for any longer");
    })
    .await;
}

#[tokio::test]
async fn versions_go_with_the_events_that_they_guard_against() {
    on_every_engine(async |engine| {
        let clock = clock();
        let store = engine.open_at(&TITLES, clock.clone()).await;
        let seen = "insert into tessera_versions (consumer, tenant, subject, version, seen_us) \
            values ('c', $1, $2, 3, $3)";
        for (tenant, subject) in [("acme", "quiet"), ("acme", "parked"), ("globex", "parked")] {
            run(&store, seen, params![tenant, subject, store.now()]).await;
        }
        clock.advance(92 * DAY);
        let park = "insert into tessera_parked (consumer, xact, seq, tenant, subject, event, attempts, parked_us, ready) \
            values ('c', 0, 1, 'acme', 'parked', '{}', 5, $1, false)";
        run(&store, park, params![store.now()]).await;
        run(&store, seen, params!["globex", "new", store.now()]).await;
        store.sweep(&Retention::default()).await.unwrap();
        let left = "select tenant, subject from tessera_versions order by tenant, subject";
        let left: Vec<(String, String)> = store.system().all(left, vec![]).await.unwrap();
        assert_eq!(left, [("acme".into(), "parked".into()), ("globex".into(), "new".into())]);
        clock.advance(91 * DAY);
        store.sweep(&Retention::default()).await.unwrap();
        assert_eq!(store.system().scalar::<i64>("select count(*) from tessera_parked", vec![]).await.unwrap(), 0);
    })
    .await;
}

fn size(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}

/// What a day of a busy service leaves: 36 MB of kept answers.
async fn a_busy_day(store: &Store) -> Result<u64, Failure> {
    let sql = "with recursive day(n) as (select 1 union all select n + 1 from day where n < 30000) \
        insert into tessera_idempotency (tenant, caller, operation, key, fingerprint, answer, created_us) \
        select 'acme', 'c', 'o', $1 || n, 'f', hex(randomblob(500)), $2 from day";
    let values = params![store.now().to_string(), store.now()];
    store.system_write(values, move |tx, values| Box::pin(async move { tx.execute(sql, values.clone()).await })).await
}

#[tokio::test]
async fn a_busy_store_takes_no_more_of_the_disk_than_what_it_keeps() {
    const MB: u64 = 1 << 20;
    let (engine, clock) = (Engine::sqlite(), clock());
    let (file, log) = (engine.folder().join("titles.db"), engine.folder().join("titles.db-wal"));
    let store = engine.open_at(&TITLES, clock.clone()).await;
    for day in 0..2 {
        assert_eq!(a_busy_day(&store).await.unwrap(), 30_000);
        clock.advance(3 * DAY);
        assert_eq!(store.sweep(&Retention::default()).await.unwrap(), 30_000, "day {day}");
        put(&store, "acme", "after").await.unwrap();
        assert!(size(&log) <= 17 * MB, "day {day}: the log has {} bytes", size(&log));
    }
    store.close().await;
    assert!(size(&file) < 6 * MB, "{} bytes are left", size(&file));
}
