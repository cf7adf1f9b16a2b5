//! How a schema grows, and what is refused.

use futures::future::join_all;
use tessera_store::{Migration, Module, OpenError, Store, StoreConfig, plan, rehearse};
use tessera_testing::{clock, cx, on_every_engine, temp_dir};

/// Children whose parent is checked at the commit.
pub(crate) static DEFERRED: Module = Module {
    name: "deferred",
    migrations: &[step(
        "0001_children",
        "create table parents (tenant text not null, id text not null, primary key (tenant, id)); \
         create table children (tenant text not null, id bigint not null, parent text not null, \
         primary key (tenant, id), \
         foreign key (tenant, parent) references parents (tenant, id) deferrable initially deferred); \
         insert into parents (tenant, id) values ('acme', 'root')",
    )],
};

const fn step(name: &'static str, sql: &'static str) -> Migration {
    Migration { name, sql, postgres: None }
}

const FIRST: Migration = step("0001_songs", "create table songs (tenant text not null primary key, name text)");
const SECOND: Migration =
    step("0002_year", "alter table songs add column year bigint; create table bands (tenant text)");
const CHANGED: Migration = step("0001_songs", "create table songs (tenant text not null primary key, title text)");
const BROKEN: Migration = step("0002_broken", "create table half (id bigint); create table songs (id bigint)");

static OLD: Module = Module { name: "songs", migrations: &[FIRST] };
static NEW: Module = Module { name: "songs", migrations: &[FIRST, SECOND] };
static OTHER: Module = Module { name: "songs", migrations: &[CHANGED] };
static FAULTY: Module = Module { name: "songs", migrations: &[FIRST, BROKEN] };

async fn open(config: &StoreConfig, module: &'static Module) -> Result<Store, OpenError> {
    Store::open(config, module, clock()).await
}

#[tokio::test]
async fn a_schema_grows_and_later_steps_are_secured_too() {
    on_every_engine(async |engine| {
        engine.open(&OLD).await.close().await;
        let store = engine.open(&NEW).await;
        let years = "select year, name from songs where tenant = $1";
        assert_eq!(store.tenant(&cx("acme")).all::<(Option<i64>, Option<String>)>(years, vec![]).await.unwrap(), []);
        let acme = store.tenant(&cx("acme"));
        assert_eq!(acme.all::<(String,)>("select tenant from bands where tenant = $1", vec![]).await.unwrap(), []);
        engine.open(&NEW).await;
    })
    .await;
}

#[tokio::test]
async fn newer_data_is_refused_with_both_versions_and_the_way_out() {
    on_every_engine(async |engine| {
        engine.open(&NEW).await.close().await;
        let Err(refused) = open(&engine.config, &OLD).await else { panic!("newer data was accepted") };
        let message = refused.to_string();
        assert!(matches!(refused, OpenError::NewerData { found: 2, known: 1, .. }), "{message}");
        assert!(message.contains("schema version 2") && message.contains("the 1 that"), "{message}");
        assert!(message.contains("start tessera") && message.contains("restore a backup"), "{message}");
    })
    .await;
}

#[tokio::test]
async fn a_released_migration_that_was_changed_is_refused() {
    on_every_engine(async |engine| {
        engine.open(&OLD).await.close().await;
        let Err(refused) = open(&engine.config, &OTHER).await else { panic!("another history was accepted") };
        assert!(matches!(&refused, OpenError::ChangedMigration { name, .. } if name == "0001_songs"), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_of_itself() {
    on_every_engine(async |engine| {
        engine.open(&OLD).await.close().await;
        let Err(refused) = open(&engine.config, &FAULTY).await else { panic!("it cannot have worked") };
        assert!(matches!(&refused, OpenError::Migration { name, .. } if name == "0002_broken"), "{refused}");
        let store = engine.open(&OLD).await;
        store.system().all::<(i64,)>("select id from half", vec![]).await.unwrap_err();
    })
    .await;
}

#[tokio::test]
async fn processes_that_start_at_once_migrate_once() {
    let engine = tessera_testing::Engine::postgres();
    for opened in join_all((0..4).map(|_| open(&engine.config, &NEW))).await {
        opened.unwrap().ping().await.unwrap();
    }
}

#[tokio::test]
async fn a_damaged_file_is_named_and_left_alone() {
    let folder = temp_dir();
    let path = folder.path().join("songs.db");
    let noise = vec![7u8; 8192];
    std::fs::write(&path, &noise).unwrap();
    let Err(refused) = open(&StoreConfig::sqlite(folder.path()), &OLD).await else { panic!("noise was accepted") };
    let message = refused.to_string();
    assert!(message.contains("songs.db") && message.contains("restore it from a backup"), "{message}");
    assert_eq!(std::fs::read(&path).unwrap(), noise);
}

#[tokio::test]
async fn a_folder_that_is_missing_is_named() {
    let folder = temp_dir();
    let config = StoreConfig::sqlite(folder.path().join("nowhere"));
    let Err(refused) = open(&config, &OLD).await else { panic!("there is no such folder") };
    assert!(refused.to_string().contains("nowhere/songs.db"), "{refused}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let folder = temp_dir();
    let url = format!("postgres://nobody@localhost/none?host={}", folder.path().display());
    let Err(refused) = open(&StoreConfig::postgres(url), &OLD).await else { panic!("there is no such server") };
    assert!(refused.to_string().contains("check that the server runs"), "{refused}");
}

static SINGERS: Module = Module { name: "singers", migrations: &[FIRST] };
static SINGERS_LATER: Module = Module { name: "singers", migrations: &[FIRST, SECOND] };

#[tokio::test]
async fn a_plan_says_what_would_run_and_all_that_is_refused_and_changes_nothing() {
    on_every_engine(async |engine| {
        let plans = plan(&engine.config, &[&OLD, &SINGERS]).await;
        assert!(plans.iter().all(|plan| !plan.exists));
        engine.open(&OLD).await.close().await;
        engine.open(&SINGERS).await.close().await;
        let plans = plan(&engine.config, &[&NEW, &SINGERS]).await;
        let names = |at: usize| -> Vec<&str> {
            plans[at].steps.as_ref().unwrap().iter().map(|step| step.migration.name).collect()
        };
        assert!(plans[0].exists);
        assert_eq!((names(0), names(1)), (vec!["0002_year"], vec![]), "on {}", engine.name);

        engine.open(&NEW).await.close().await;
        engine.open(&SINGERS_LATER).await.close().await;
        let refused = plan(&engine.config, &[&OLD, &SINGERS]).await;
        assert!(refused.iter().all(|plan| matches!(plan.steps, Err(OpenError::NewerData { found: 2, .. }))));
        engine.open(&NEW).await; // as it was
    })
    .await;
}

#[tokio::test]
async fn a_rehearsal_runs_migrations_where_they_leave_nothing_behind() {
    on_every_engine(async |engine| {
        engine.open(&OLD).await.close().await;
        let scratch = temp_dir();
        let done = rehearse(&engine.config, &NEW, scratch.path(), clock()).await.unwrap();
        assert_eq!(done.findings, Vec::<String>::new());
        let scratch = temp_dir();
        let failed = rehearse(&engine.config, &FAULTY, scratch.path(), clock()).await.unwrap_err();
        assert!(failed.to_string().contains("0002_broken"), "{failed}");
        let steps = &plan(&engine.config, &[&NEW]).await[0].steps;
        assert_eq!(steps.as_ref().unwrap().len(), 1, "it is still to run");
        engine.open(&OLD).await;
    })
    .await;
}
