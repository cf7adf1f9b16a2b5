//! Events: appended to an outbox, and with an effect in a consumer, embedded and over a broker.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::{CloudEvent, Cx, Event, Failure};
use tessera_events::{Broker, BrokerSettings, Consumer, HandlerError, Log};
use tessera_store::{Migration, Module, Store, StoreConfig, Tx, params};
use tessera_testing::Tansu;
use tessera_types::SystemClock;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    figure::{Better, Figure},
    world::folder,
};

/// Appends under way at a time, and events in each.
const WRITERS: usize = 64;
const EACH: i64 = 50;
/// Events that consumers are given.
const EVENTS: i64 = 100_000;
/// Those that go over a broker that writes each to a file, which takes longer.
const FEW: i64 = 10_000;
/// Things that the events are about.
const SUBJECTS: i64 = 5_000;
const PARTITIONS: i32 = 8;

static SOURCE: Module = Module { name: "source", migrations: &[] };
static SINK: Module = Module {
    name: "sink",
    migrations: &[Migration {
        name: "0001_things",
        sql: "create table things (tenant text not null, thing text not null, times bigint not null, \
              primary key (tenant, thing))",
        postgres: None,
    }],
};

/// A thing of some size changed.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Changed {
    thing: String,
    version: i64,
    detail: String,
}

impl Event for Changed {
    const TYPE: &'static str = "tessera.source.thing.changed.v1";
    fn subject(&self) -> String {
        self.thing.clone()
    }
    fn version(&self) -> i64 {
        self.version
    }
}

fn changed(number: i64) -> Changed {
    let (thing, version) = (format!("thg_{}", number % SUBJECTS), 1 + number / SUBJECTS);
    Changed { thing, version, detail: "a".repeat(100) }
}

fn cx() -> Cx {
    Cx::service("bench".parse().expect("a literal tenant"), "source", &SystemClock)
}

async fn open(folder: &Path, module: &'static Module) -> Store {
    let config = StoreConfig::sqlite(folder);
    Store::open(&config, module, Arc::new(SystemClock)).await.expect("a store in a fresh folder opens")
}

/// Appends events from `from` on, [`EACH`] a write and [`WRITERS`] writes at a time; events a second.
async fn append(source: &Store, from: i64, count: i64) -> f64 {
    let begun = Instant::now();
    let mut under_way = JoinSet::new();
    let mut next = from;
    while next < from + count || !under_way.is_empty() {
        while under_way.len() < WRITERS && next < from + count {
            let numbers: Vec<i64> = (next..(next + EACH).min(from + count)).collect();
            next += EACH;
            under_way.spawn(source.write(&cx(), numbers, |tx, numbers| {
                Box::pin(async move {
                    for number in numbers {
                        tx.emit(&changed(*number)).await?;
                    }
                    Ok::<_, Failure>(())
                })
            }));
        }
        if let Some(appended) = under_way.join_next().await {
            appended.expect("a write does not panic").expect("events can be appended");
        }
    }
    count as f64 / begun.elapsed().as_secs_f64()
}

const COUNT: &str = "insert into things (tenant, thing, times) values ($1, $2, 1) \
    on conflict (tenant, thing) do update set times = things.times + 1";

async fn count(tx: &mut Tx, event: &CloudEvent) -> Result<(), HandlerError> {
    tx.execute(COUNT, params![&event.subject]).await?;
    Ok(())
}

/// Follows the topic that the source's events are relayed to meanwhile.
async fn over_a_broker(name: &str, source: &Store, hosts: String, events: i64) -> f64 {
    let sink = open(&folder(&format!("events-over-{name}")), &SINK).await;
    let (prefix, replication) = ("bench".to_owned(), Some(1));
    let broker = Broker::new(BrokerSettings { hosts, prefix, partitions: PARTITIONS, replication, sasl: None });
    let stop = CancellationToken::new();
    let relay = tokio::spawn(broker.relay(source).run(stop.clone()));
    let rate = followed(broker.log("source"), &sink, events).await;
    stop.cancel();
    relay.await.expect("a relay does not panic");
    sink.close().await;
    rate
}

/// Follows `log` until all events have had their effect; events a second, and all counted once.
async fn followed(log: Log, sink: &Store, events: i64) -> f64 {
    let (begun, stop) = (Instant::now(), CancellationToken::new());
    let consumer = Consumer::new("bench.source", log, sink).on::<Changed>();
    let running = tokio::spawn(consumer.run(|tx, event| Box::pin(count(tx, event)), stop.clone()));
    let total = async || {
        let sums: Vec<(Option<i64>,)> =
            sink.tenant(&cx()).all("select sum(times) from things where tenant = $1", params![]).await.expect("a sum");
        sums.first().and_then(|(sum,)| *sum).unwrap_or_default()
    };
    while total().await < events {
        assert!(begun.elapsed() < Duration::from_secs(300), "{} of {events} events in five minutes", total().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let rate = events as f64 / begun.elapsed().as_secs_f64();
    stop.cancel();
    running.await.expect("a consumer does not panic");
    assert_eq!(total().await, events, "each event counts once");
    rate
}

/// On threads of their own, as in a server.
pub(crate) async fn events() -> Vec<Figure> {
    let measured = tokio::task::spawn_blocking(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.expect("a runtime can be built").block_on(measure())
    });
    measured.await.expect("the measurement does not panic")
}

async fn measure() -> Vec<Figure> {
    let home = folder("events");
    let (source, sink) = (open(&home, &SOURCE).await, open(&home, &SINK).await);
    append(&source, 0, EVENTS / 10).await; // warm; these count as events too
    let rate = append(&source, EVENTS / 10, EVENTS - EVENTS / 10).await;
    let mut figures = vec![
        Figure::against("events: appended to an outbox", rate, "1/s", Better::Higher, 50_000.0)
            .by(format!("SQLite, {WRITERS} writes at a time of {EACH} events each, of about 200 bytes, all durable")),
    ];
    let embedded = followed(Log::of(&source), &sink, EVENTS).await;
    figures.push(
        Figure::against(
            "events with an effect in a consumer, embedded: rate",
            embedded,
            "1/s",
            Better::Higher,
            10_000.0,
        )
        .by(format!("SQLite, {EVENTS} events about {SUBJECTS} things, an upsert each with its place in the log")),
    );
    if let (Some(memory), Some(file)) = (Tansu::in_memory().await, Tansu::open().await) {
        let rate = over_a_broker("memory", &source, memory.address(), EVENTS).await;
        let name = "events with an effect in a consumer, over a broker: rate";
        figures.push(Figure::against(name, rate, "1/s", Better::Higher, 10_000.0).by(format!(
            "the same events, relayed to {PARTITIONS} partitions of tansu and read from there meanwhile; tansu, beside on the \
             same cores, keeps them in memory, as Kafka leaves the disk to the kernel"
        )));
        let few = open(&folder("events-few"), &SOURCE).await;
        append(&few, 0, FEW).await;
        let on_file = over_a_broker("file", &few, file.address(), FEW).await;
        few.close().await;
        let name = "events with an effect in a consumer, over a broker on a file: rate";
        figures.push(
            Figure::beside(name, on_file, "1/s", Better::Higher, ("tansu in memory", rate))
                .by(format!("{FEW} of them; tansu writes a row of SQLite for each")),
        );
    }
    source.close().await;
    sink.close().await;
    figures
}
