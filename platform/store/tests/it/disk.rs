//! Disks that are full or take no writes.

use tessera_store::{DataFolder, FolderError, Migration, Module, OpenError, Store, StoreConfig, params};
use tessera_testing::{SmallDisk, clock, cx};

use crate::basics::{LIST, PUT, TITLES, Title};

static GROWN: Module = Module {
    name: "titles",
    migrations: &[
        Migration { name: TITLES.migrations[0].name, sql: TITLES.migrations[0].sql, postgres: None },
        Migration {
            name: "0002_stills",
            sql: "create table stills (tenant text not null, id bigint not null, picture blob, primary key (tenant, id)); \
                  with recursive many(n) as (select 1 union all select n + 1 from many where n < 4000) \
                  insert into stills select 'acme', n, zeroblob(1000) from many",
            postgres: None,
        },
    ],
};

async fn open(disk: &SmallDisk, module: &'static Module) -> Result<Store, OpenError> {
    Store::open(&StoreConfig::sqlite(disk.path()), module, clock()).await
}

async fn put(store: &Store, tenant: &str, id: &str, bytes: usize) -> Result<Title, tessera_contract::Failure> {
    let write = store.write(&cx(tenant), (id.to_owned(), bytes), |tx, (id, bytes)| {
        Box::pin(async move { tx.one(PUT, params![id, "Arrival", Some(2016), vec![7u8; *bytes]]).await })
    });
    write.await
}

#[tokio::test]
async fn a_full_disk_refuses_writes_reads_go_on_and_room_is_all_it_takes() {
    let Some(disk) = SmallDisk::mount(8) else { return };
    let store = open(&disk, &TITLES).await.unwrap();
    put(&store, "acme", "before", 10).await.unwrap();
    disk.fill();
    for tenant in ["acme", "globex"] {
        let refused = put(&store, tenant, "refused", 500_000).await.unwrap_err();
        assert!(refused.detail.contains("the disk is full: free some space"), "{refused:?}");
    }
    let read = async |tenant: &str| store.tenant(&cx(tenant)).all::<Title>(LIST, vec![]).await;
    assert_eq!(read("acme").await.unwrap().len(), 1, "what was there is read, and nothing of what was refused");
    disk.free();
    put(&store, "globex", "after", 500_000).await.unwrap();
    assert_eq!((read("acme").await.unwrap().len(), read("globex").await.unwrap().len()), (1, 1));
}

#[tokio::test]
async fn a_migration_that_runs_out_of_disk_is_undone_and_runs_once_there_is_room() {
    let Some(disk) = SmallDisk::mount(24) else { return };
    let store = open(&disk, &TITLES).await.unwrap();
    put(&store, "acme", "kept", 10).await.unwrap();
    store.close().await;
    disk.fill_but(1 << 20);
    let Err(refused) = open(&disk, &GROWN).await else { panic!("4 MB do not fit into one") };
    let said = refused.to_string();
    assert!(said.contains("titles.db") && said.contains("0002_stills"), "{said}");
    assert!(said.contains("was undone: the disk is full: free some space"), "{said}");
    open(&disk, &TITLES).await.expect("the version before still starts").close().await;
    disk.free();
    let store = open(&disk, &GROWN).await.unwrap();
    assert_eq!(store.system().scalar::<i64>("select count(*) from stills", vec![]).await.unwrap(), 4000);
    assert_eq!(store.tenant(&cx("acme")).all::<Title>(LIST, vec![]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_disk_that_takes_no_writes_is_named_with_what_to_do() {
    let Some(disk) = SmallDisk::mount(8) else { return };
    open(&disk, &TITLES).await.unwrap().close().await;
    disk.make_read_only();
    let refused = DataFolder::open(disk.path()).unwrap_err();
    let said = refused.to_string();
    assert!(matches!(refused, FolderError::Io { .. }) && said.contains("mounted read-only"), "{said}");
    assert!(said.contains(&disk.path().display().to_string()) && said.contains("--data"), "{said}");
    let Err(refused) = open(&disk, &GROWN).await else { panic!("nothing can be written there") };
    let said = refused.to_string();
    assert!(said.contains("titles.db") && said.contains("read-only"), "{said}");
}
