//! How fast writes and reads are, on both engines: `cargo run --release -p tessera-store --example measure`.

#![allow(clippy::print_stdout, reason = "it is what this is for")]

use std::time::{Duration, Instant};

use tessera_contract::{Event, Failure};
use tessera_store::{Migration, Module, Store, StoreConfig, params};
use tessera_testing::{Engine, cx, engines};
use tokio::task::JoinSet;

static LEASES: Module = Module {
    name: "leases",
    migrations: &[Migration {
        name: "0001_leases",
        sql: "create table leases (tenant text not null, id text not null, beats bigint not null, \
              primary key (tenant, id))",
        postgres: None,
    }],
};

const BEAT: &str = "insert into leases (tenant, id, beats) values ($1, $2, 1) \
    on conflict (tenant, id) do update set beats = leases.beats + 1";
const READ: &str = "select beats from leases where tenant = $1 and id = $2";
const LONG: Duration = Duration::from_secs(2);

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Beaten(String);

impl Event for Beaten {
    const TYPE: &'static str = "tessera.leases.lease.beaten.v1";
    fn subject(&self) -> String {
        self.0.clone()
    }
    fn version(&self) -> i64 {
        1
    }
}

/// A durable write of two rows: a lease and its event.
async fn write(store: Store, client: usize, n: usize) {
    let beat = store.write(&cx("acme"), format!("lease-{client}-{}", n % 100), |tx, id| {
        Box::pin(async move {
            tx.execute(BEAT, params![id]).await?;
            tx.emit(&Beaten(id.clone())).await?;
            Ok::<_, Failure>(())
        })
    });
    beat.await.expect("a write");
}

async fn read(store: Store, client: usize, n: usize) {
    let id = format!("lease-{client}-{}", n % 100);
    store.tenant(&cx("acme")).optional::<(i64,)>(READ, params![id]).await.expect("a read");
}

/// Runs `work` from `clients` tasks for a while; prints how often a second, and the mean time of one.
async fn measure<F>(
    what: &str,
    store: &Store,
    clients: usize,
    work: impl Fn(Store, usize, usize) -> F + Copy + Send + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let began = Instant::now();
    let mut running = JoinSet::new();
    for client in 0..clients {
        let store = store.clone();
        running.spawn(async move {
            let mut n = 0;
            while began.elapsed() < LONG {
                work(store.clone(), client, n).await;
                n += 1;
            }
            n
        });
    }
    let total: usize = running.join_all().await.iter().sum();
    let rate = total as f64 / began.elapsed().as_secs_f64();
    println!("  {what}, {clients:3} clients: {rate:6.0}/s, {:.2} ms each", 1000.0 * clients as f64 / rate);
}

#[tokio::main]
async fn main() {
    for engine in engines() {
        let durable = match &engine.config {
            StoreConfig::Sqlite { .. } => "durable",
            StoreConfig::Postgres { .. } => "without fsync, as in tests",
        };
        println!("{} ({durable})", engine.name);
        run(&engine).await;
    }
}

async fn run(engine: &Engine) {
    let store = engine.open(&LEASES).await;
    for clients in [1, 16, 64, 256] {
        measure("writes", &store, clients, write).await;
    }
    for clients in [1, 16] {
        measure("reads ", &store, clients, read).await;
    }
}
