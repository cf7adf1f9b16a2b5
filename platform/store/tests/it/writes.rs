//! Writes that fail, panic, race, or lose their caller: each is one transaction, whatever happens to its neighbours.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use tessera_contract::{Failure, FailureKind};
use tessera_store::{Engine, Store, params};
use tessera_testing::{cx, eventually, on_every_engine};

use crate::basics::{PUT, TITLES, Title, list, put};

const COUNT: &str = "select count(*) from titles where tenant = $1";

/// Puts a title, then fails in the way of `id`'s first letter.
async fn put_or(store: &Store, id: String) -> Result<(), Failure> {
    store
        .write(&cx("acme"), id, |tx, id| {
            Box::pin(async move {
                tx.one::<Title>(PUT, params![id, "x", None::<i64>, None::<Vec<u8>>]).await?;
                match &id[..1] {
                    "e" => Err(Failure::new(FailureKind::NotFound, "its own error")),
                    "p" => panic!("a bug in {id}"),
                    "s" => {
                        let swallowed = tx.execute("insert into nowhere (tenant) values ($1)", vec![]).await;
                        assert_eq!(swallowed.unwrap_err().kind, FailureKind::Internal);
                        Ok(())
                    }
                    _ => Ok(()),
                }
            })
        })
        .await
}

#[tokio::test]
async fn a_write_that_fails_is_undone_alone() {
    on_every_engine(async |engine| {
        let store = engine.open(&TITLES).await;
        let ids = (0..40).map(|n| format!("{}{n:02}", ["good", "err", "panic", "swallow"][n % 4]));
        let results = join_all(ids.map(|id| async { (id.clone(), put_or(&store, id).await) })).await;
        for (id, result) in &results {
            let kind = result.as_ref().err().map(|failure| failure.kind);
            let expected = match &id[..1] {
                "e" => Some(FailureKind::NotFound),
                "p" | "s" => Some(FailureKind::Internal),
                _ => None,
            };
            assert_eq!(kind, expected, "{id}: {result:?}");
        }
        let stored = list(&store, "acme").await;
        assert_eq!(stored.len(), 10, "the good ones and no other: {stored:?}");
        assert!(stored.iter().all(|title| title.id.starts_with("good")));
    })
    .await;
}

#[tokio::test]
async fn concurrent_read_then_write_loses_no_update() {
    on_every_engine(async |engine| {
        let store = engine.open(&TITLES).await;
        put(&store, "acme", "counter").await.unwrap();
        let increment = || {
            store.write(&cx("acme"), (), |tx, ()| {
                Box::pin(async move {
                    let year: i64 =
                        tx.scalar("select year from titles where tenant = $1 and id = $2", params!["counter"]).await?;
                    tx.execute("update titles set year = $2 where tenant = $1", params![year + 1]).await?;
                    Ok::<_, Failure>(())
                })
            })
        };
        for result in join_all((0..50).map(|_| increment())).await {
            result.unwrap();
        }
        assert_eq!(list(&store, "acme").await[0].year, Some(2016 + 50));
    })
    .await;
}

#[tokio::test]
async fn a_hundred_starts_against_two_slots_take_two() {
    on_every_engine(async |engine| {
        let store = engine.open(&TITLES).await;
        let start = |n: u32| {
            store.write(&cx("acme"), n, |tx, n| {
                Box::pin(async move {
                    if tx.scalar::<i64>(COUNT, vec![]).await? >= 2 {
                        return Err(Failure::new(FailureKind::RateLimited, "both slots are taken"));
                    }
                    tx.execute(PUT, params![format!("slot-{n}"), "x", None::<i64>, None::<Vec<u8>>]).await
                })
            })
        };
        let results = join_all((0..100).map(start)).await;
        let refused = |r: &Result<u64, Failure>| r.as_ref().is_err_and(|f| f.kind == FailureKind::RateLimited);
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 2);
        assert_eq!(results.iter().filter(|r| refused(r)).count(), 98, "{results:?}");
    })
    .await;
}

#[tokio::test]
async fn a_write_whose_caller_goes_away_happens_entirely() {
    on_every_engine(async |engine| {
        let store = engine.open(&TITLES).await;
        for n in 0..20 {
            let (store, id) = (store.clone(), format!("ttl_{n:02}"));
            let write = tokio::spawn(async move { put(&store, "acme", &id).await });
            tokio::task::yield_now().await;
            write.abort();
        }
        put(&store, "acme", "last").await.unwrap();
        eventually("as many events as titles", async || {
            let titles = list(&store, "acme").await.len();
            let events = store.events_after(Default::default(), 100).await.unwrap().events.len();
            (titles == events && titles > 0).then_some(())
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_write_past_its_deadline_does_not_begin() {
    on_every_engine(async |engine| {
        let store = engine.open(&TITLES).await;
        let runs = Arc::new(AtomicU32::new(0));
        let late = cx("acme").with_timeout(Duration::ZERO);
        let result: Result<(), Failure> = store
            .write(&late, runs.clone(), |_, runs| {
                Box::pin(async move {
                    runs.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                })
            })
            .await;
        assert_eq!(result.unwrap_err().kind, FailureKind::DeadlineExceeded);
        assert_eq!(runs.load(Ordering::SeqCst), 0);
    })
    .await;
}

#[tokio::test]
async fn a_commit_that_fails_fails_its_own_write_alone() {
    on_every_engine(async |engine| {
        let store = engine.open(&TITLES).await;
        store
            .system_write((), |tx, ()| {
                Box::pin(async move {
                    tx.execute("select 1", vec![]).await?;
                    Ok::<_, Failure>(())
                })
            })
            .await
            .unwrap();
        // A deferred constraint is checked at the commit, when the closure has long succeeded.
        let store = engine.open(&crate::migrations::DEFERRED).await;
        let child = |n: i64| {
            store.write(&cx("acme"), n, |tx, n| {
                Box::pin(async move {
                    let parent = if n % 5 == 0 { "nobody" } else { "root" };
                    let sql = "insert into children (tenant, id, parent) values ($1, $2, $3)";
                    tx.execute(sql, params![*n, parent]).await
                })
            })
        };
        let results: Vec<Result<u64, Failure>> = join_all((0..20).map(child)).await;
        for (n, result) in results.iter().enumerate() {
            assert_eq!(result.is_ok(), n % 5 != 0, "child {n}: {result:?}");
        }
        let stored: i64 =
            store.tenant(&cx("acme")).scalar("select count(*) from children where tenant = $1", vec![]).await.unwrap();
        assert_eq!(stored, 16);
    })
    .await;
}

#[tokio::test]
async fn a_full_disk_is_named_and_nothing_is_lost() {
    let engine = tessera_testing::Engine::sqlite();
    let store = engine.open(&TITLES).await;
    assert_eq!(store.engine(), Engine::Sqlite);
    put(&store, "acme", "before").await.unwrap();
    let limit = |pages: &'static str| {
        store.system_write(pages, move |tx, _| Box::pin(async move { tx.all::<(i64,)>(pages, vec![]).await }))
    };
    let _: Vec<(i64,)> = Result::<_, Failure>::unwrap(limit("pragma max_page_count = 1").await);
    let big = || {
        store.write(&cx("acme"), vec![0u8; 1 << 20], |tx, poster| {
            Box::pin(async move { tx.execute(PUT, params!["big", "x", None::<i64>, poster]).await })
        })
    };
    for result in join_all((0..3).map(|_| big())).await {
        let failure: Failure = result.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unavailable);
        assert!(failure.detail.contains("the disk is full"), "{failure}");
    }
    let _: Vec<(i64,)> = Result::<_, Failure>::unwrap(limit("pragma max_page_count = 1000000").await);
    big().await.unwrap();
    assert_eq!(list(&store, "acme").await.len(), 2);
}
