//! PostgreSQL with a role a module: what each may, and several processes that start together.

use sqlx::Connection;
use tessera_store::{Module, Store, StoreConfig, provision};
use tessera_testing::{Engine, clock};

use crate::basics::{TITLES, list, put};

static SECRETS: Module = Module { name: "secrets", migrations: &[] };

fn as_role(url: &str, module: &Module) -> StoreConfig {
    StoreConfig::postgres(url.replace("postgres@", &format!("tessera_{}:pass@", module.name)))
}

#[tokio::test]
async fn a_modules_role_works_in_its_own_schema_and_sees_no_other() {
    let engine = Engine::postgres();
    let server = engine.server().unwrap();
    for module in [&TITLES, &SECRETS, &TITLES] {
        provision(&server.url(), module, "pass").await.unwrap();
    }
    let store = Store::open(&as_role(&server.url(), &TITLES), &TITLES, clock()).await.unwrap();
    put(&store, "acme", "ttl_1").await.unwrap();
    assert_eq!(list(&store, "acme").await.len(), 1);
    assert_eq!(store.events_after(Default::default(), 10).await.unwrap().events.len(), 1);
    let other = Store::open(&as_role(&server.url(), &SECRETS), &SECRETS, clock()).await.unwrap();
    other.ping().await.unwrap();

    let url = server.url().replace("postgres@", "tessera_secrets@");
    let mut conn = sqlx::PgConnection::connect(&url).await.unwrap();
    for forbidden in [
        "select * from titles.titles",
        "select * from titles.tessera_outbox",
        "set role tessera_titles_system",
        "set role tessera_titles",
        "create table titles.mine (id text)",
        "create schema mine",
        "create role mine",
    ] {
        let refused = sqlx::raw_sql(forbidden).execute(&mut conn).await.unwrap_err();
        let code = refused.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned();
        assert_eq!(code, "42501", "{forbidden}: {refused}");
    }
}

#[tokio::test]
async fn of_three_that_start_at_once_one_migrates() {
    let engine = Engine::postgres();
    let server = engine.server().unwrap();
    provision(&server.url(), &TITLES, "pass").await.unwrap();
    let config = as_role(&server.url(), &TITLES);
    let opened = futures::future::join_all((0..3).map(|_| Store::open(&config, &TITLES, clock()))).await;
    for store in opened {
        store.unwrap().ping().await.unwrap();
    }
    let ran = "select count(*) = count(distinct (owner, version)) and count(*) > 1 from titles.tessera_migrations";
    assert_eq!(server.psql(ran), "t");
}

#[tokio::test]
async fn three_processes_that_share_a_file_migrate_it_once() {
    let folder = tessera_testing::temp_dir();
    let config = StoreConfig::sqlite(folder.path());
    let opened = futures::future::join_all((0..3).map(|_| Store::open(&config, &TITLES, clock()))).await;
    for store in &opened {
        store.as_ref().unwrap().ping().await.unwrap();
    }
}
