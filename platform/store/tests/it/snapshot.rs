//! All modules at one instant, and a copy of them.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use futures::future::join_all;
use tessera_contract::Failure;
use tessera_store::{DataFolder, Module, Position, Snapshot, SnapshotError, Store, StoreConfig, params};
use tessera_testing::{clock, cx, eventually, on_every_engine, temp_dir};
use tokio_util::sync::CancellationToken;

use crate::basics::{TITLES, put};

macro_rules! counter {
    ($module:literal) => {
        Module {
            name: $module,
            migrations: &[tessera_store::Migration {
                name: "0001_counts",
                sql: "create table counts (tenant text not null primary key, n bigint not null); \
                      create index \"counts by n\" on counts (n)",
                postgres: None,
            }],
        }
    };
}
static LEADER: Module = counter!("leader");
static MIDDLE: Module = counter!("middle");
static FOLLOWER: Module = counter!("follower");

const COUNT: &str = "select n from counts order by n desc limit 1";

async fn set(store: &Store, tenant: &str, n: i64) {
    let write = store.write(&cx(tenant), n, |tx, n| {
        Box::pin(async move {
            const SET: &str = "insert into counts (tenant, n) values ($1, $2) \
                on conflict (tenant) do update set n = excluded.n";
            tx.execute(SET, params![*n]).await?;
            Ok::<_, Failure>(())
        })
    });
    write.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_module_is_ahead_of_the_one_it_follows() {
    on_every_engine(async |engine| {
        let stores = [engine.open(&LEADER).await, engine.open(&MIDDLE).await, engine.open(&FOLLOWER).await];
        for store in &stores {
            set(store, "acme", 0).await;
            set(store, "globex", 0).await;
        }
        let (stop, counted) = (CancellationToken::new(), Arc::new(AtomicI64::new(0)));
        let counting = tokio::spawn({
            let (stores, stop, counted) = (stores.clone(), stop.clone(), counted.clone());
            async move {
                for n in 1.. {
                    if stop.is_cancelled() {
                        return;
                    }
                    for store in &stores {
                        set(store, "acme", n).await;
                    }
                    counted.store(n, Ordering::SeqCst);
                }
            }
        });
        let mut seen = Vec::new();
        for _ in 0..20 {
            // In the order in which a module would be ahead, were each read at a time of its own.
            let mut snapshot = Snapshot::take(&engine.config, &[&LEADER, &MIDDLE, &FOLLOWER], &*clock()).await.unwrap();
            let mut counts = Vec::new();
            for module in ["leader", "middle", "follower"] {
                counts.extend(snapshot.all::<(i64,)>(module, COUNT).await.unwrap());
            }
            let [(leader,), (middle,), (follower,)] = counts[..] else { panic!("{counts:?}") };
            assert!(leader >= middle && middle >= follower && follower + 1 >= leader, "{counts:?}");
            seen.push(leader);
            eventually("writes to go on", || async { (counted.load(Ordering::SeqCst) > leader).then_some(()) }).await;
        }
        stop.cancel();
        counting.await.unwrap();
        assert!(seen.is_sorted_by(|a, b| a < b), "writes went on meanwhile: {seen:?}");
    })
    .await;
}

#[tokio::test]
async fn a_copy_is_a_store_that_goes_on_where_the_other_was() {
    let (data, backup) = (temp_dir(), temp_dir());
    let config = StoreConfig::sqlite(data.path());
    let store = Store::open(&config, &TITLES, clock()).await.unwrap();
    join_all((0..50).map(|n| {
        let store = store.clone();
        async move { put(&store, if n % 2 == 0 { "acme" } else { "globex" }, &format!("ttl_{n}")).await.unwrap() }
    }))
    .await;
    let (events, end) =
        (store.events_after(Position::default(), 100).await.unwrap(), store.events_end().await.unwrap());
    let mut begun = Vec::new();
    let snapshot = Snapshot::take(&config, &[&TITLES], &*clock()).await.unwrap();
    put(&store, "acme", "ttl_later").await.unwrap();
    let names = snapshot.copy(backup.path(), |module| begun.push(module.to_owned())).unwrap();
    assert_eq!((names, begun), (vec!["titles.db".to_owned()], vec!["titles".to_owned()]));

    let copy = Store::open(&StoreConfig::sqlite(backup.path()), &TITLES, clock()).await.unwrap();
    assert_eq!(crate::basics::list(&copy, "acme").await.len(), 25, "what was written after the instant is not in it");
    let copied = copy.events_after(Position::default(), 100).await.unwrap();
    let ids = |batch: &tessera_store::Batch| batch.events.iter().map(|(at, e)| (*at, e.id.clone())).collect::<Vec<_>>();
    assert_eq!(ids(&copied), ids(&events));
    copy.system_write((), |tx, ()| {
        Box::pin(async move { tx.execute("delete from tessera_outbox", vec![]).await.map(drop) })
    })
    .await
    .unwrap_or_else(|failure: Failure| panic!("{failure}"));
    put(&copy, "acme", "ttl_next").await.unwrap();
    assert!(copy.events_end().await.unwrap() > end, "a number that was given out is not given out again");
    let mode: i64 = copy.system().scalar("select auto_vacuum from pragma_auto_vacuum", vec![]).await.unwrap();
    assert_eq!(mode, 2, "the copy can give space back too");
}

#[tokio::test]
async fn a_page_that_cannot_be_read_ends_the_copy_and_names_the_module() {
    let (data, backup) = (temp_dir(), temp_dir());
    let config = StoreConfig::sqlite(data.path());
    let store = Store::open(&config, &TITLES, clock()).await.unwrap();
    join_all((0..200).map(|n| {
        let store = store.clone();
        async move { put(&store, "acme", &format!("ttl_{n}")).await.unwrap() }
    }))
    .await;
    store.close().await;
    let path = data.path().join("titles.db");
    let mut bytes = fs::read(&path).unwrap();
    // The last quarter, which has rows; the schema is in the first pages.
    let rows = bytes.len() / 4 * 3;
    bytes[rows..].fill(0xff);
    fs::write(&path, bytes).unwrap();
    let snapshot = Snapshot::take(&config, &[&TITLES], &*clock()).await.unwrap();
    let refused = snapshot.copy(backup.path(), |_| ()).unwrap_err();
    assert!(matches!(refused, SnapshotError::Engine { .. }), "{refused}");
    assert!(refused.to_string().contains("titles data, which is damaged"), "{refused}");
}

#[tokio::test]
async fn a_write_that_does_not_end_is_not_waited_for_and_a_folder_without_data_is_named() {
    let data = temp_dir();
    let config = StoreConfig::sqlite(data.path());
    let none = Snapshot::take(&config, &[&LEADER], &*clock()).await.err().unwrap();
    assert!(none.to_string().contains(&data.path().display().to_string()), "{none}");

    let _folder = DataFolder::open(data.path()).unwrap();
    let (leader, follower) = (
        Store::open(&config, &LEADER, clock()).await.unwrap(),
        Store::open(&config, &FOLLOWER, clock()).await.unwrap(),
    );
    let (begun, go_on) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let slow = follower.write(&cx("acme"), (begun.clone(), go_on.clone()), |_, (begun, go_on)| {
        Box::pin(async move {
            begun.notify_one();
            go_on.notified().await;
            Ok::<_, Failure>(())
        })
    });
    let slow = tokio::spawn(slow);
    begun.notified().await;
    let busy = Snapshot::take(&config, &[&LEADER, &FOLLOWER], &*clock()).await.err().unwrap();
    assert!(matches!(busy, SnapshotError::Busy { module: "follower" }), "{busy}");
    set(&leader, "acme", 1).await; // the fence is gone
    go_on.notify_one();
    slow.await.unwrap().unwrap();
    let taken = Snapshot::take(&config, &[&LEADER, &MIDDLE, &FOLLOWER], &*clock()).await.unwrap();
    assert_eq!(taken.modules(), ["leader", "follower"], "a module without data is left out");
}
