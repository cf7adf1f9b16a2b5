//! What a module does with its store every day.

use std::sync::atomic::{AtomicBool, Ordering};

use tessera_contract::{Event, Failure, FailureKind};
use tessera_store::{Migration, Module, Position, Store, params};
use tessera_testing::{cx, on_every_engine};

pub(crate) static TITLES: Module = Module {
    name: "titles",
    migrations: &[Migration {
        name: "0001_titles",
        sql: "create table titles (tenant text not null, id text not null, name text not null, year bigint, \
              published boolean not null, score double precision not null, poster blob, primary key (tenant, id)); \
              create table hosts (host text not null primary key, owner text not null)",
        postgres: None,
    }],
};

#[derive(Debug, PartialEq, serde::Deserialize)]
pub(crate) struct Title {
    pub id: String,
    pub name: String,
    pub year: Option<i64>,
    pub published: bool,
    pub score: f64,
    pub poster: Option<Vec<u8>>,
}

pub(crate) const PUT: &str = "insert into titles (tenant, id, name, year, published, score, poster) \
    values ($1, $2, $3, $4, true, 7.5, $5) on conflict (tenant, id) do update set name = excluded.name \
    returning id, name, year, published, score, poster";
pub(crate) const LIST: &str =
    "select id, name, year, published, score, poster from titles where tenant = $1 order by id";

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub(crate) struct TitlePut {
    pub id: String,
}

impl Event for TitlePut {
    const TYPE: &'static str = "tessera.titles.title.put.v1";
    fn subject(&self) -> String {
        self.id.clone()
    }
    fn version(&self) -> i64 {
        1
    }
}

/// Puts a title and emits its event.
pub(crate) async fn put(store: &Store, tenant: &str, id: &str) -> Result<Title, Failure> {
    store
        .write(&cx(tenant), id.to_owned(), |tx, id| {
            Box::pin(async move {
                let title: Title = tx.one(PUT, params![id, "Arrival", Some(2016), vec![1u8, 2]]).await?;
                tx.emit(&TitlePut { id: id.clone() }).await?;
                Ok(title)
            })
        })
        .await
}

pub(crate) async fn list(store: &Store, tenant: &str) -> Vec<Title> {
    store.tenant(&cx(tenant)).all(LIST, vec![]).await.unwrap()
}

#[tokio::test]
async fn rows_of_all_types_are_read_back_by_their_tenant_alone() {
    on_every_engine(async |engine| {
        let store = engine.open(&TITLES).await;
        let title = put(&store, "acme", "ttl_1").await.unwrap();
        assert_eq!((title.year, title.score, title.poster.as_deref()), (Some(2016), 7.5, Some(&[1u8, 2][..])));
        assert_eq!(list(&store, "acme").await, vec![title]);
        assert_eq!(list(&store, "globex").await, vec![]);
        let count: i64 = store.system().scalar("select count(*) from titles", vec![]).await.unwrap();
        assert_eq!(count, 1);
    })
    .await;
}

#[tokio::test]
async fn an_event_is_in_the_outbox_when_its_write_is_committed_and_only_then() {
    on_every_engine(async |engine| {
        let store = engine.open(&TITLES).await;
        put(&store, "acme", "ttl_1").await.unwrap();
        let failed: Result<(), Failure> = store
            .write(&cx("acme"), (), |tx, ()| {
                Box::pin(async move {
                    tx.emit(&TitlePut { id: "ttl_2".into() }).await?;
                    Err(Failure::new(FailureKind::NotFound, "no"))
                })
            })
            .await;
        assert_eq!(failed.unwrap_err().kind, FailureKind::NotFound);
        let batch = store.events_after(Position::default(), 10).await.unwrap();
        let [(_, event)] = &batch.events[..] else { panic!("one event: {batch:?}") };
        assert_eq!((event.subject.as_str(), event.tenant.as_str()), ("ttl_1", "acme"));
        assert_eq!(event.source, "/tessera/titles");
        assert_eq!(event.data, serde_json::json!({"id": "ttl_1"}));
        assert!(!batch.more);
    })
    .await;
}

#[tokio::test]
async fn data_outlives_the_store_that_wrote_it() {
    on_every_engine(async |engine| {
        let store = engine.open(&TITLES).await;
        put(&store, "acme", "ttl_1").await.unwrap();
        store.close().await;
        assert_eq!(put(&store, "acme", "ttl_2").await.unwrap_err().kind, FailureKind::Unavailable);
        let store = engine.open(&TITLES).await;
        assert_eq!(list(&store, "acme").await.len(), 1);
        store.ping().await.unwrap();
    })
    .await;
}

/// A million steps: more than a read may take on the thread that asks.
const LONG: &str = "with recursive n(i) as (select cast(1 as bigint) union all select i + 1 from n where i < 1000000) \
    select cast(sum(i) as bigint) from n";

#[tokio::test]
async fn a_read_that_takes_long_holds_up_nobody_and_comes_to_its_end() {
    on_every_engine(async |engine| {
        let store = engine.open(&TITLES).await;
        let system = store.system();
        let ended = AtomicBool::new(false);
        let long = async {
            let sum = system.scalar::<i64>(LONG, vec![]).await.unwrap();
            ended.store(true, Ordering::SeqCst);
            sum
        };
        let short = async {
            let one = system.scalar::<i64>("select cast(1 as bigint)", vec![]).await.unwrap();
            (one, ended.load(Ordering::SeqCst))
        };
        assert_eq!(tokio::join!(long, short), (500_000_500_000, (1, false)), "the short one does not wait");
        // The connection that was given up on is as good as before.
        assert_eq!(system.scalar::<i64>(LONG, vec![]).await.unwrap(), 500_000_500_000);
    })
    .await;
}

#[derive(Debug, serde::Deserialize)]
#[expect(dead_code, reason = "it is never read")]
struct Wrong {
    name: i64,
}

#[tokio::test]
async fn a_row_of_another_shape_is_a_fault_that_names_the_column() {
    on_every_engine(async |engine| {
        let store = engine.open(&TITLES).await;
        put(&store, "acme", "ttl_1").await.unwrap();
        let refused = store.system().all::<Wrong>("select name from titles", vec![]).await.unwrap_err();
        assert_eq!(refused.kind, FailureKind::Internal);
        let why = std::error::Error::source(&refused).map(ToString::to_string).unwrap_or_default();
        assert!(why.contains("name: invalid type"), "{why}");
        let refused = store.system().all::<(String, String)>("select name from titles", vec![]).await.unwrap_err();
        assert_eq!(refused.kind, FailureKind::Internal);
    })
    .await;
}
