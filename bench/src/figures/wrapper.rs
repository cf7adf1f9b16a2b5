//! What the contract's rules cost around a call inside a process, with logs and metrics taken as in a server.

#![allow(unreachable_pub, reason = "a contract's trait and types are public to what the attribute writes")]

use std::{sync::Arc, time::Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::{Caller, Contract, Cx, async_trait, contract, errors};
use tessera_types::Timestamp;

use crate::figure::{Better, Figure};

/// A number to add to.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Add {
    /// The number.
    pub to: i64,
}

errors! {
    /// Nothing.
    pub enum AddError {}
}

/// Adds.
#[contract(name = "adding", version = "1.0")]
pub trait Adding: Send + Sync + 'static {
    /// Add one.
    #[post("/v1/add", access = service)]
    async fn add(&self, cx: &Cx, request: Add) -> Result<i64, AddError>;
    /// Add one, once a key.
    #[post("/v1/add-once", access = service, idempotent)]
    async fn add_once(&self, cx: &Cx, request: Add) -> Result<i64, AddError>;
}

struct Bare;

#[async_trait]
impl Adding for Bare {
    async fn add(&self, _: &Cx, request: Add) -> Result<i64, AddError> {
        Ok(std::hint::black_box(request.to) + 1)
    }
    async fn add_once(&self, _: &Cx, request: Add) -> Result<i64, AddError> {
        Ok(std::hint::black_box(request.to) + 1)
    }
}

const CALLS: u32 = 200_000;

/// Nanoseconds of a call, the best of five rounds.
async fn nanoseconds(upkeep: impl Fn(), call: impl AsyncFn(i64) -> i64) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..5 {
        upkeep(); // a server's recorder is kept small in the background
        let (started, mut sum) = (Instant::now(), 0);
        for _ in 0..CALLS {
            sum = call(sum).await;
        }
        assert_eq!(sum, i64::from(CALLS));
        best = best.min(started.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS));
    }
    best
}

/// Guarded calls beside bare ones.
pub(crate) async fn wrapper() -> Vec<Figure> {
    let log = tracing_subscriber::fmt().json().with_max_level(tracing::Level::INFO).with_writer(std::io::sink).finish();
    let _log = tracing::subscriber::set_default(log);
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let upkeep = || handle.run_upkeep();
    metrics::set_global_recorder(recorder).expect("nobody has set one");
    let (bare, cx): (Arc<dyn Adding>, _) = (Arc::new(Bare), context());
    let guarded = <dyn Adding>::guarded(bare.clone());
    let alone = nanoseconds(upkeep, async |to| bare.add(&cx, Add { to }).await.expect("adding")).await;
    let plain = nanoseconds(upkeep, async |to| guarded.add(&cx, Add { to }).await.expect("adding")).await;
    let keyed = cx.with_idempotency_key("0123456789abcdef");
    let once = nanoseconds(upkeep, async |to| guarded.add_once(&keyed, Add { to }).await.expect("adding")).await;
    let method = format!("one core, log and metrics on; the bare call {alone:.0} ns; best of five rounds");
    let limit =
        |name, ours| Figure::against(name, (ours - alone) / 1000.0, "µs", Better::Lower, 2.0).by(method.clone());
    vec![limit("contract wrapper, a call in process", plain), limit("contract wrapper, with an idempotency key", once)]
}

fn context() -> Cx {
    let caller = Caller::Service { name: "playback".into() };
    let mut cx = Cx::new("acme".parse().expect("a tenant"), caller, Timestamp::from_micros(1_800_000_000_000_000));
    cx.deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(3600);
    cx
}
