//! What both engines must do alike.

use proptest::{prelude::*, test_runner::TestRunner};
use tessera_contract::{Failure, FailureKind};
use tessera_store::{Migration, Module, Store, params};
use tessera_testing::{cx, engines, on_every_engine};

static THINGS: Module = Module {
    name: "things",
    migrations: &[Migration {
        name: "0001_things",
        sql: "create table things (tenant text not null, key text not null, word text, number bigint, \
              fraction double precision, flag boolean, bytes blob, primary key (tenant, key))",
        postgres: None,
    }],
};

#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
struct Thing {
    key: String,
    word: Option<String>,
    number: Option<i64>,
    fraction: Option<f64>,
    flag: Option<bool>,
    bytes: Option<Vec<u8>>,
}

/// Any text but for U+0000.
fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::char::range('\u{1}', char::MAX), 0..12).prop_map(String::from_iter)
}

fn thing() -> impl Strategy<Value = Thing> {
    let fraction = proptest::option::of(proptest::num::f64::NORMAL);
    let bytes = proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20));
    (text(), proptest::option::of(text()), any::<Option<i64>>(), fraction, any::<Option<bool>>(), bytes)
        .prop_map(|(key, word, number, fraction, flag, bytes)| Thing { key, word, number, fraction, flag, bytes })
}

/// Replaces all things of the tenant and reads them back in order.
async fn round_trip(store: &Store, things: Vec<Thing>) -> Vec<Thing> {
    let read = store.write(&cx("acme"), things, |tx, things| {
        Box::pin(async move {
            tx.execute("delete from things where tenant = $1", vec![]).await?;
            for thing in things.clone() {
                let Thing { key, word, number, fraction, flag, bytes } = thing;
                let sql = "insert into things (tenant, key, word, number, fraction, flag, bytes) \
                    values ($1, $2, $3, $4, $5, $6, $7)";
                tx.execute(sql, params![key, word, number, fraction, flag, bytes]).await?;
            }
            let sql = "select key, word, number, fraction, flag, bytes from things where tenant = $1 order by key";
            tx.all::<Thing>(sql, vec![]).await
        })
    });
    Result::<_, Failure>::unwrap(read.await)
}

#[test]
fn every_value_is_read_back_as_it_was_and_keys_order_by_their_bytes() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for engine in engines() {
        let store = runtime.block_on(engine.open(&THINGS));
        let mut runner = TestRunner::new(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() });
        let result = runner.run(&proptest::collection::vec(thing(), 1..10), |things| {
            let mut sorted = things;
            sorted.sort_by(|a, b| a.key.as_bytes().cmp(b.key.as_bytes()));
            sorted.dedup_by(|a, b| a.key == b.key);
            let mut shuffled = sorted.clone();
            shuffled.reverse();
            prop_assert_eq!(runtime.block_on(round_trip(&store, shuffled)), sorted);
            Ok(())
        });
        result.unwrap_or_else(|error| panic!("on {}: {error}", engine.name));
    }
}

#[tokio::test]
async fn a_text_with_u_0000_is_the_request_s_mistake_on_both() {
    on_every_engine(async |engine| {
        let store = engine.open(&THINGS).await;
        let sql = "select key from things where tenant = $1 and key = $2";
        let read = store.tenant(&cx("acme")).optional::<(String,)>(sql, params!["a\0b"]).await;
        assert_eq!(read.unwrap_err().kind, FailureKind::InvalidRequest);
    })
    .await;
}

#[tokio::test]
async fn an_absent_value_may_stand_for_no_filter() {
    on_every_engine(async |engine| {
        let store = engine.open(&THINGS).await;
        let thing = Thing { key: "k".into(), word: None, number: Some(7), fraction: None, flag: None, bytes: None };
        round_trip(&store, vec![thing]).await;
        let sql = "select count(*) from things where tenant = $1 and ($2 is null or number = $2)";
        for (filter, found) in [(None, 1), (Some(7), 1), (Some(8), 0)] {
            let count: i64 = store.tenant(&cx("acme")).scalar(sql, params![filter]).await.unwrap();
            assert_eq!(count, found, "{filter:?}");
        }
        let sum = "select cast(sum(number) as bigint) from things where tenant = $1";
        assert_eq!(store.tenant(&cx("acme")).scalar::<Option<i64>>(sum, vec![]).await.unwrap(), Some(7));
    })
    .await;
}
