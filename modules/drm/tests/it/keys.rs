//! Content keys: made once, sealed at rest, opened by the master key that sealed them.

use std::{collections::BTreeSet, sync::Arc};

use tessera_contract::{ContractError, FailureKind};
use tessera_contract_drm::{Drm, GetContentKey};
use tessera_runtime::config::Secret;
use tessera_testing::on_every_engine;

use crate::world::{World, open, ring, service};

fn get(asset: &str) -> GetContentKey {
    GetContentKey { asset_id: asset.parse().unwrap(), label: None }
}

#[tokio::test]
async fn a_hundred_packagers_at_once_get_one_key() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        let asked = (0..100).map(|_| {
            let drm = world.drm.clone();
            tokio::spawn(async move { drm.get_content_key(&service("acme"), get("ast_1")).await.unwrap() })
        });
        let mut keys = BTreeSet::new();
        for task in asked.collect::<Vec<_>>() {
            let key = task.await.unwrap();
            keys.insert((key.key_id, key.key, key.iv));
        }
        assert_eq!(keys.len(), 1);
        let count: i64 = world.drm.store().system().scalar("select count(*) from content_keys", vec![]).await.unwrap();
        assert_eq!(count, 1);
    })
    .await;
}

#[tokio::test]
async fn the_same_asset_id_has_another_key_in_another_tenant() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        let (ours, theirs) = (world.key("acme", "ast_1").await, world.key("globex", "ast_1").await);
        assert_ne!((ours.key_id, ours.key), (theirs.key_id, theirs.key));
    })
    .await;
}

#[tokio::test]
async fn no_key_stands_in_the_store_in_the_clear() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        let key = world.key("acme", "ast_1").await;
        let secret = u128::from_str_radix(&key.key, 16).unwrap().to_be_bytes();
        let rows: Vec<(Vec<u8>, String)> =
            world.drm.store().system().all("select wrapped, master_key_id from content_keys", vec![]).await.unwrap();
        let [(wrapped, master)] = &rows[..] else { panic!("one row, got {}", rows.len()) };
        assert!(!wrapped.windows(16).any(|window| window == secret));
        assert_eq!(master, "m1");
    })
    .await;
}

#[tokio::test]
async fn a_replaced_master_key_still_opens_what_it_sealed() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        let key = world.key("acme", "ast_1").await;

        let rotated = ring("m2", 10).with_older("m1", Secret::new([9; 32])).unwrap();
        let drm = open(engine, &world.clock, &world.grants, rotated).await;
        assert_eq!(drm.get_content_key(&service("acme"), get("ast_1")).await.unwrap(), key);
        drm.get_content_key(&service("acme"), get("ast_2")).await.unwrap();
        let sql = "select master_key_id from content_keys order by asset_id";
        let masters: Vec<(String,)> = drm.store().system().all(sql, vec![]).await.unwrap();
        assert_eq!(masters, [("m1".to_owned(),), ("m2".to_owned(),)], "new keys are under the new one");
    })
    .await;
}

/// As an older server left it.
static BEFORE_LABELS: tessera_store::Module = tessera_store::module!("drm", ["0001_content_keys"]);
const INSERT_BEFORE_LABELS: &str = "insert into content_keys \
    (tenant, asset_id, key_id, wrapped, master_key_id, created_at) values ('acme', 'ast_1', 'k', $1, 'm1', 1)";

#[tokio::test]
async fn a_key_from_before_labels_is_the_one_without_a_label() {
    on_every_engine(async |engine| {
        let store = engine.open(&BEFORE_LABELS).await;
        let written = store.system_write(vec![7u8; 3], |tx, wrapped| {
            Box::pin(async move { tx.execute(INSERT_BEFORE_LABELS, tessera_store::params![wrapped.clone()]).await })
        });
        assert_eq!(written.await.unwrap(), 1);
        store.close().await;
        let store = engine.open(&tessera_drm::MODULE).await;
        let rows: Vec<(String, String, Vec<u8>)> =
            store.system().all("select label, key_id, wrapped from content_keys", vec![]).await.unwrap();
        assert_eq!(rows, [(String::new(), "k".to_owned(), vec![7; 3])]);
    })
    .await;
}

#[tokio::test]
async fn without_its_master_key_a_content_key_is_a_fault_that_names_it() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        world.key("acme", "ast_1").await;
        for (master, named) in [(ring("m3", 9), "which is not configured"), (ring("m1", 8), "was not made by")] {
            let drm = open(engine, &world.clock, &Arc::default(), master).await;
            let error = drm.get_content_key(&service("acme"), get("ast_1")).await.unwrap_err();
            assert_eq!(error.failure().unwrap().kind, FailureKind::Internal);
            assert!(error.to_string().contains(named) && error.to_string().contains("m1"), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn after_rewrapping_the_old_master_key_is_not_needed_and_every_content_key_is_the_same() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        let mut keys = Vec::new();
        for (tenant, asset) in [("acme", "ast_1"), ("acme", "ast_2"), ("globex", "ast_1")] {
            keys.push((tenant, asset, world.key(tenant, asset).await));
        }
        let labelled = world.labelled_key("acme", "ast_1", Some("hd")).await;
        let rotated = ring("m2", 10).with_older("m1", Secret::new([9; 32])).unwrap();
        let drm = open(engine, &world.clock, &world.grants, rotated).await;
        assert_eq!(drm.rewrap().await.unwrap(), 4);
        assert_eq!(drm.rewrap().await.unwrap(), 0, "what is done is done");
        let under: Vec<(String, i64)> = drm.store().system().all(tessera_drm::SEALED_UNDER, vec![]).await.unwrap();
        assert_eq!(under, [("m2".to_owned(), 4)]);
        let alone = open(engine, &world.clock, &world.grants, ring("m2", 10)).await;
        for (tenant, asset, key) in keys {
            assert_eq!(alone.get_content_key(&service(tenant), get(asset)).await.unwrap(), key, "{tenant} {asset}");
        }
        let again = GetContentKey { label: Some("hd".parse().unwrap()), ..get("ast_1") };
        assert_eq!(alone.get_content_key(&service("acme"), again).await.unwrap(), labelled);
        let without = open(engine, &world.clock, &world.grants, ring("m3", 11)).await;
        assert!(without.rewrap().await.unwrap_err().to_string().contains("m2"), "a key that is not there is named");
    })
    .await;
}
