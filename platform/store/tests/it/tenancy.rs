//! A tenant's data is its own, even where a statement forgets to say so.

use tessera_contract::{Failure, FailureKind};
use tessera_store::params;
use tessera_testing::{Engine, cx, on_every_engine};

use crate::basics::{TITLES, put};

#[tokio::test]
async fn a_statement_that_does_not_use_its_tenant_is_refused() {
    on_every_engine(async |engine| {
        let store = engine.open(&TITLES).await;
        put(&store, "globex", "ttl_1").await.unwrap();
        let read = store.tenant(&cx("acme")).all::<(String,)>("select id from titles", vec![]).await;
        assert_eq!(read.unwrap_err().kind, FailureKind::Internal);
        let written: Result<u64, Failure> = store
            .write(&cx("acme"), (), |tx, ()| Box::pin(async move { tx.execute("delete from titles", vec![]).await }))
            .await;
        assert_eq!(written.unwrap_err().kind, FailureKind::Internal);
        assert_eq!(store.system().scalar::<i64>("select count(*) from titles", vec![]).await.unwrap(), 1);
    })
    .await;
}

/// These statements get past the check of their text, and name no tenant in their predicate.
const FORGETFUL_COUNT: &str = "select count(*) from titles where $1 <> 'tenant'";
const FORGETFUL_DELETE: &str = "delete from titles where $1 <> 'tenant'";
const FOREIGN_INSERT: &str = "insert into titles (tenant, id, name, published, score) \
    select 'globex', 'ttl_2', $1, true, 1.0";

#[tokio::test]
async fn row_level_security_stands_behind_every_statement() {
    let engine = Engine::postgres();
    let store = engine.open(&TITLES).await;
    put(&store, "acme", "ttl_1").await.unwrap();
    put(&store, "globex", "ttl_1").await.unwrap();
    for tenant in ["acme", "globex", "initech"] {
        let seen: i64 = store.tenant(&cx(tenant)).scalar(FORGETFUL_COUNT, vec![]).await.unwrap();
        assert_eq!(seen, i64::from(tenant != "initech"), "{tenant}");
    }
    let deleted: Result<u64, Failure> = store
        .write(&cx("acme"), (), |tx, ()| Box::pin(async move { tx.execute(FORGETFUL_DELETE, vec![]).await }))
        .await;
    assert_eq!(deleted.unwrap(), 1, "its own row alone");
    let foreign: Result<u64, Failure> =
        store.write(&cx("acme"), (), |tx, ()| Box::pin(async move { tx.execute(FOREIGN_INSERT, vec![]).await })).await;
    assert_eq!(foreign.unwrap_err().kind, FailureKind::Internal);
    assert_eq!(store.system().scalar::<i64>("select count(*) from titles", vec![]).await.unwrap(), 1);
}

#[tokio::test]
async fn a_tenant_has_no_access_to_tables_of_all_tenants() {
    let engine = Engine::postgres();
    let store = engine.open(&TITLES).await;
    let (acme, system) = (store.tenant(&cx("acme")), store.system());
    let read = acme.all::<(String,)>("select host from hosts where owner = $1 -- tenant", vec![]).await;
    assert_eq!(read.unwrap_err().kind, FailureKind::Internal);
    let hosts = system.all::<(String,)>("select host from hosts where owner = $1", params!["acme"]).await;
    assert_eq!(hosts.unwrap(), vec![]);
}

#[tokio::test]
async fn the_roles_own_nothing_and_every_tenant_s_table_is_secured() {
    let engine = Engine::postgres();
    engine.open(&TITLES).await;
    let server = engine.server().unwrap();
    assert_eq!(
        server.psql(
            "select count(*) from pg_class where relowner in (select oid from pg_roles where rolname like 'tessera_titles_%')"
        ),
        "0"
    );
    assert_eq!(
        server.psql(
            "select count(*) from pg_class t join pg_attribute c on c.attrelid = t.oid where t.relkind = 'r' \
             and t.relnamespace = 'titles'::regnamespace and c.attname = 'tenant' and not t.relrowsecurity"
        ),
        "0"
    );
}
