//! A module that emits, one that listens, and what it has heard.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use tessera_contract::{CloudEvent, Event, Failure, FailureKind};
use tessera_events::{Consumer, ConsumerOptions, HandlerError, Log};
use tessera_store::{Migration, Module, Store, Tx, params};
use tessera_testing::{cx, eventually};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) static SOURCE: Module = Module { name: "source", migrations: &[] };
pub(crate) static SINK: Module = Module {
    name: "sink",
    migrations: &[Migration {
        name: "0001_received",
        sql: "create table received (tenant text not null, subject text not null, version bigint not null, \
              times bigint not null, at bigint not null, primary key (tenant, subject, version))",
        postgres: None,
    }],
};

/// An event of a subject and version.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub(crate) struct Changed {
    pub(crate) subject: String,
    pub(crate) version: i64,
}

impl Event for Changed {
    const TYPE: &'static str = "tessera.source.thing.changed.v1";
    fn subject(&self) -> String {
        self.subject.clone()
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// An event that nobody subscribes to.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub(crate) struct Ignored(pub(crate) String);

impl Event for Ignored {
    const TYPE: &'static str = "tessera.source.thing.ignored.v1";
    fn subject(&self) -> String {
        self.0.clone()
    }
    fn version(&self) -> i64 {
        1
    }
}

pub(crate) async fn emit<E: Event + Clone>(store: &Store, tenant: &str, events: Vec<E>) {
    let emitted = store.write(&cx(tenant), events, |tx, events| {
        Box::pin(async move {
            for event in events {
                tx.emit(event).await?;
            }
            Ok::<_, Failure>(())
        })
    });
    emitted.await.unwrap();
}

pub(crate) fn changed(subject: &str, versions: std::ops::RangeInclusive<i64>) -> Vec<Changed> {
    versions.map(|version| Changed { subject: subject.into(), version }).collect()
}

pub(crate) const RECEIVE: &str = "insert into received (tenant, subject, version, times, at) values ($1, $2, $3, 1, \
    (select count(*) from received where tenant = $1)) \
    on conflict (tenant, subject, version) do update set times = received.times + 1";

pub(crate) async fn receive(tx: &mut Tx, event: &CloudEvent) -> Result<(), HandlerError> {
    tx.execute(RECEIVE, params![&event.subject, event.subjectversion]).await?;
    Ok(())
}

/// What the sink has of a tenant, in the order it came: subject, version, times.
pub(crate) async fn received(sink: &Store, tenant: &str) -> Vec<(String, i64, i64)> {
    let sql = "select subject, version, times from received where tenant = $1 order by at";
    sink.tenant(&cx(tenant)).all(sql, vec![]).await.unwrap()
}

pub(crate) async fn has_received(sink: &Store, tenant: &str, count: usize) -> Vec<(String, i64, i64)> {
    eventually(&format!("{count} events of {tenant}"), async || {
        Some(received(sink, tenant).await).filter(|events| events.len() >= count)
    })
    .await
}

pub(crate) fn options() -> ConsumerOptions {
    ConsumerOptions {
        attempts: 3,
        backoff: Duration::from_millis(1),
        poll: Duration::from_millis(20),
        presence: Duration::from_millis(50),
        ..Default::default()
    }
}

pub(crate) fn consumer(source: &Store, sink: &Store) -> Consumer {
    consumer_of(Log::of(source), sink)
}

pub(crate) fn consumer_of(log: Log, sink: &Store) -> Consumer {
    Consumer::new("sink.source", log, sink).on::<Changed>().options(options())
}

/// Runs until the answer is stopped.
pub(crate) struct Running(pub(crate) CancellationToken, pub(crate) JoinHandle<()>);

impl Running {
    pub(crate) fn start(consumer: Consumer) -> Self {
        let stop = CancellationToken::new();
        Self(stop.clone(), tokio::spawn(consumer.run(|tx, event| Box::pin(receive(tx, event)), stop)))
    }

    pub(crate) async fn stop(self) {
        self.0.cancel();
        self.1.await.unwrap();
    }
}

/// Subjects whose handler fails.
pub(crate) type Poison = Arc<Mutex<HashSet<String>>>;

pub(crate) fn run_poisoned(consumer: Consumer, poison: &Poison) -> Running {
    let (stop, poison) = (CancellationToken::new(), poison.clone());
    let run = consumer.run(
        move |tx, event| {
            let poisoned = poison.lock().unwrap().contains(&event.subject);
            Box::pin(async move {
                receive(tx, event).await?;
                match poisoned {
                    true => Err(Failure::new(FailureKind::Internal, "poisoned").into()),
                    false => Ok(()),
                }
            })
        },
        stop.clone(),
    );
    Running(stop, tokio::spawn(run))
}
