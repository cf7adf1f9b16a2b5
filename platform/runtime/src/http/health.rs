//! `/healthz` (the process runs) and `/readyz` (it can serve): named checks, and not ready while draining.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Json, extract::State, http::StatusCode};
use futures::future::{BoxFuture, FutureExt, join_all};
use serde::Serialize;
use tessera_contract::Failure;

/// A check that takes longer has failed.
const LONGEST: Duration = Duration::from_secs(2);

/// Something that has to hold for the process to be of use: any `Fn() -> impl Future<Output = Result<(), Failure>>`.
pub trait ReadyCheck: Send + Sync + 'static {
    /// Whether it holds now. The failure goes to the log; outside, only the check's name is seen.
    fn check(&self) -> BoxFuture<'static, Result<(), Failure>>;
}

impl<F, R> ReadyCheck for F
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), Failure>> + Send + 'static,
{
    fn check(&self) -> BoxFuture<'static, Result<(), Failure>> {
        self().boxed()
    }
}

/// Whether the process is ready. Clones are the same.
#[derive(Clone, Default)]
pub struct Readiness {
    checks: Arc<Mutex<BTreeMap<String, Arc<dyn ReadyCheck>>>>,
    draining: Arc<AtomicBool>,
    modules: BTreeMap<String, String>,
}

#[derive(Serialize)]
pub(super) struct Report {
    ready: bool,
    draining: bool,
    checks: BTreeMap<String, &'static str>,
    /// The versions of its modules, where it says them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    modules: BTreeMap<String, String>,
}

impl Readiness {
    /// Ready, with nothing to check.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check, in place of one of this name.
    pub fn add(&self, name: &str, check: impl ReadyCheck) {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), Arc::new(check));
    }

    /// The modules that the process serves, with their versions: from now on a report has them.
    pub fn tell_modules(&mut self, modules: BTreeMap<String, String>) {
        self.modules = modules;
    }

    /// Not ready from now on, whatever the checks say.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    pub(super) async fn report(&self) -> Report {
        let checks: Vec<_> = {
            let checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
            checks.iter().map(|(name, check)| (name.clone(), check.clone())).collect()
        };
        let checks: BTreeMap<_, _> = join_all(checks.into_iter().map(run)).await.into_iter().collect();
        let draining = self.draining.load(Ordering::SeqCst);
        let ready = !draining && checks.values().all(|answer| *answer == "ok");
        Report { ready, draining, checks, modules: self.modules.clone() }
    }
}

async fn run((name, check): (String, Arc<dyn ReadyCheck>)) -> (String, &'static str) {
    let answer = match tokio::time::timeout(LONGEST, check.check()).await {
        Ok(Ok(())) => "ok",
        Ok(Err(failure)) => {
            tracing::warn!(check = name, error = &failure as &dyn std::error::Error, "not ready");
            "failed"
        }
        Err(_) => {
            tracing::warn!(check = name, "not ready: the check did not answer in time");
            "timed out"
        }
    };
    (name, answer)
}

pub(super) async fn readyz(State(readiness): State<Readiness>) -> (StatusCode, Json<Report>) {
    let report = readiness.report().await;
    (if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(report))
}
