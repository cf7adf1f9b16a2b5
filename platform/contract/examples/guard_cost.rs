//! What the contract's rules cost around a call inside a process: `cargo run --release --example guard_cost`.

#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used, reason = "a measurement")]

use std::{sync::Arc, time::Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::{Caller, Contract, Cx, async_trait, contract, errors};
use tessera_types::Timestamp;

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Add {
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

const CALLS: u32 = 300_000;

async fn measure(what: &str, call: impl AsyncFn(i64) -> i64) {
    let mut best = f64::MAX;
    for _ in 0..5 {
        let started = Instant::now();
        let mut sum = 0;
        for _ in 0..CALLS {
            sum = call(sum).await;
        }
        assert_eq!(sum, i64::from(CALLS));
        best = best.min(started.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS));
    }
    println!("{what:30} {best:8.0} ns a call");
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (bare, cx): (Arc<dyn Adding>, _) = (Arc::new(Bare), context());
    let guarded = <dyn Adding>::guarded(bare.clone());
    measure("bare", async |to| bare.add(&cx, Add { to }).await.unwrap()).await;
    measure("cloning the context", async |to| {
        std::hint::black_box(cx.clone()).business_now.as_micros().min(0) + to + 1
    })
    .await;
    measure("guarded", async |to| guarded.add(&cx, Add { to }).await.unwrap()).await;
    let keyed = cx.with_idempotency_key("0123456789abcdef");
    measure("guarded, with an effect", async |to| guarded.add_once(&keyed, Add { to }).await.unwrap()).await;
}

fn context() -> Cx {
    let caller = Caller::Service { name: "playback".into() };
    Cx::new("acme".parse().unwrap(), caller, Timestamp::from_micros(1_800_000_000_000_000))
}
