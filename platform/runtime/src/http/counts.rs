//! What is counted of a module's answers. Each count is looked up once, not at every request.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock},
};

use http::StatusCode;
use metrics::{Counter, Gauge, Histogram};

/// The owner of routes that no module is mounted at, and of the app's.
const OTHERS: [&str; 3] = ["app", "identity", "server"];

/// Which module a route belongs to: the first segment of its template, when a module is mounted there.
pub(super) struct Owners {
    counts: BTreeMap<String, Arc<Counts>>,
    /// gRPC services, and whose they are.
    services: BTreeMap<String, String>,
    active: Gauge,
}

/// One module's counts.
pub(super) struct Counts {
    pub(super) module: String,
    bytes: Counter,
    failures: Counter,
    seconds: RwLock<BTreeMap<StatusCode, Histogram>>,
}

impl Owners {
    pub(super) fn new<'m>(mounts: impl IntoIterator<Item = &'m String>, services: BTreeMap<String, String>) -> Self {
        let names = mounts.into_iter().cloned().chain(services.values().cloned()).chain(OTHERS.map(str::to_owned));
        let names: BTreeSet<String> = names.collect();
        let counts = names.into_iter().map(|name| (name.clone(), Arc::new(Counts::of(name)))).collect();
        Self { counts, services, active: metrics::gauge!("tessera_http_requests_active") }
    }

    /// Of the module that the route's template belongs to.
    pub(super) fn of(&self, route: &str) -> Arc<Counts> {
        let mount = match route.split('/').nth(1).unwrap_or_default() {
            // The issuer's own pages and its discovery stand where OpenID Connect and browsers want them.
            "auth" | ".well-known" => "identity",
            "" => "app",
            mount => self.services.get(mount).map_or(mount, String::as_str),
        };
        self.counts.get(mount).unwrap_or_else(|| &self.counts["server"]).clone()
    }

    /// Requests under way.
    pub(super) fn active(&self) -> Gauge {
        self.active.clone()
    }
}

impl Counts {
    fn of(module: String) -> Self {
        let counter = |name: &'static str| metrics::counter!(name, "module" => module.clone());
        let bytes = counter("tessera_http_response_bytes_total");
        let failures = counter("tessera_http_failures_total");
        failures.increment(0); // from zero, so that the first ones are seen as a rise
        Self { bytes, failures, module, seconds: RwLock::default() }
    }

    /// An answer's head was there after so many seconds.
    pub(super) fn answered(&self, status: StatusCode, seconds: f64) {
        if status.is_server_error() {
            self.failures.increment(1);
        }
        if let Some(known) = self.seconds.read().unwrap_or_else(PoisonError::into_inner).get(&status) {
            return known.record(seconds);
        }
        let labels = [("module", self.module.clone()), ("status", status.as_str().to_owned())];
        let fresh = metrics::histogram!("tessera_http_request_seconds", &labels);
        fresh.record(seconds);
        self.seconds.write().unwrap_or_else(PoisonError::into_inner).insert(status, fresh);
    }

    /// So many bytes of a body were sent.
    pub(super) fn sent(&self, bytes: u64) {
        self.bytes.increment(bytes);
    }
}
