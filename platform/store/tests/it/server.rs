//! What an operator's PostgreSQL may do to us.

use tessera_contract::FailureKind;
use tessera_store::{Store, StoreConfig};
use tessera_testing::{Engine, clock, cx};

use crate::basics::{TITLES, list, put};

#[tokio::test]
async fn connections_that_the_server_has_ended_are_replaced() {
    let engine = Engine::postgres();
    let store = engine.open(&TITLES).await;
    put(&store, "acme", "ttl_1").await.unwrap();
    let end =
        "select count(pg_terminate_backend(pid)) > 0 from pg_stat_activity where application_name = 'tessera-titles'";
    assert_eq!(engine.server().unwrap().psql(end), "t");
    assert_eq!(list(&store, "acme").await.len(), 1);
    put(&store, "acme", "ttl_2").await.unwrap();
}

#[tokio::test]
async fn a_server_that_goes_away_makes_the_store_unavailable_and_no_worse() {
    let mut engine = Engine::postgres();
    let store = engine.open(&TITLES).await;
    put(&store, "acme", "ttl_1").await.unwrap();
    engine.stop_server();
    let read = store.tenant(&cx("acme")).all::<(String,)>("select id from titles where tenant = $1", vec![]).await;
    assert_eq!(read.unwrap_err().kind, FailureKind::Unavailable);
}

#[tokio::test]
async fn a_role_without_rights_is_told_what_an_administrator_must_run() {
    let engine = Engine::postgres();
    let server = engine.server().unwrap();
    server.psql("create role app login");
    let config = StoreConfig::postgres(server.url().replace("postgres@", "app@"));
    let Err(refused) = Store::open(&config, &TITLES, clock()).await else { panic!("the role has no rights") };
    let message = refused.to_string();
    let hint = message.split_once("as an administrator run: ").expect(&message).1.trim_end_matches(')');
    // The hint itself is what is run, with its blanks filled.
    server.psql(&hint.replace("<the configured role>", "app").replace("<the database>", "postgres"));
    let store = Store::open(&config, &TITLES, clock()).await.unwrap();
    put(&store, "acme", "ttl_1").await.unwrap();
    put(&store, "globex", "ttl_1").await.unwrap();
    let seen: i64 =
        store.tenant(&cx("acme")).scalar("select count(*) from titles where $1 <> 'tenant'", vec![]).await.unwrap();
    assert_eq!(seen, 1);
    assert_eq!(store.events_after(Default::default(), 10).await.unwrap().events.len(), 2);
}
