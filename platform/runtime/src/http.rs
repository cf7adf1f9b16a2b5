//! The HTTP server: what it answers around the modules' routes, and how it listens and drains.

mod access_log;
mod bare;
mod body_pace;
mod connection;
mod counts;
mod front;
mod harden;
mod health;
mod listener;
mod metrics_page;
mod notes;
mod rates;
mod seats;
mod write_pause;

pub use harden::{PAGE_POLICY, content_policy};
pub use health::{Readiness, ReadyCheck};
pub use listener::{Drained, ListenError, listen};
pub use notes::{Notes, Routine};

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{Router, middleware, routing::get};
use tessera_contract::CxSigner;
use tessera_mtls::Mtls;
use tokio::net::TcpListener;

use crate::{
    config::{LimitsConfig, ServerConfig},
    edge::Proxies,
    shutdown::Shutdown,
    telemetry::Metrics,
};
use body_pace::Pace;
use counts::Owners;
use front::Front;
use rates::Rates;
use seats::Seats;

/// Puts a process's routes together and serves them.
///
/// Modules' routers go below their names, apps into the fallback; everything gets a request id, an access log line,
/// rate limits, security headers, and problems in place of bare errors.
///
/// ```no_run
/// # use tessera_runtime::{config::ServerConfig, docs_page, http::{Server, listen}, shutdown::Shutdown, telemetry::Metrics};
/// # async fn run(config: ServerConfig, metrics: Metrics, catalog: axum::Router, app: axum::Router,
/// #     document: serde_json::Value) -> Result<(), Box<dyn std::error::Error>> {
/// let shutdown = Shutdown::new();
/// shutdown.on_signals()?;
/// let listener = listen(config.listen).await?;
/// let server = Server::new(&config, metrics)
///     .mount("catalog", catalog)
///     .merge(docs_page::router("Tessera", vec![("catalog".into(), document)], None))
///     .fallback(app)
///     .sensitive(&["/identity/sign-in", "/billing/v1/checkouts"]);
/// let drained = server.serve(listener, &shutdown).await;
/// # Ok(()) }
/// ```
pub struct Server {
    router: Router,
    mounts: BTreeMap<String, Router>,
    readiness: Readiness,
    proxies: Proxies,
    rates: Option<Rates>,
    metrics: Metrics,
    limits: LimitsConfig,
    seats: Seats,
    metrics_elsewhere: bool,
    between_modules: Option<(TcpListener, Mtls)>,
    signer: Option<CxSigner>,
    services: BTreeMap<String, String>,
}

impl Server {
    /// A server with `/healthz` and `/readyz`, and `/metrics` for this machine when it has no listener of its own.
    pub fn new(config: &ServerConfig, metrics: Metrics) -> Self {
        let exempt = [config.trusted_proxies.as_slice(), &config.rate_limits.exempt].concat();
        let rates = config.rate_limits.enabled.then(|| Rates::new(&config.rate_limits));
        Self {
            router: Router::new(),
            mounts: BTreeMap::new(),
            readiness: Readiness::new(),
            proxies: Proxies::new(config),
            rates,
            metrics,
            limits: config.limits.clone(),
            seats: Seats::new(config.limits.connections_per_address, exempt),
            metrics_elsewhere: config.metrics_listen.is_some(),
            between_modules: None,
            signer: None,
            services: BTreeMap::new(),
        }
    }

    /// Believes what fronts of the deployment have signed of where a request came from.
    #[must_use]
    pub fn behind_fronts(self, signer: CxSigner) -> Self {
        Self { signer: Some(signer), ..self }
    }

    /// No limits by address: whoever calls is a front or another module of the deployment, and speaks for many. `/readyz` tells
    /// them which modules are here, with their versions; viewers, whom a front serves, it does not tell.
    #[must_use]
    pub fn for_modules_alone(mut self, modules: BTreeMap<String, String>) -> Self {
        self.readiness.tell_modules(modules);
        Self { rates: None, seats: Seats::new(usize::MAX, Vec::new()), ..self }
    }

    /// Routes of the contract or module `name`, below `/name`, beside those that are there. Unknown paths below it are
    /// problems, never the app.
    #[must_use]
    pub fn mount(mut self, name: &str, router: Router) -> Self {
        let beside = self.mounts.remove(name).unwrap_or_default();
        self.mounts.insert(name.to_owned(), beside.merge(router));
        self
    }

    /// The gRPC service `service` of the module `name`, below `/service` as gRPC has it; counted as the module's.
    #[must_use]
    pub fn service(mut self, name: &str, service: &str, router: Router) -> Self {
        self.services.insert(service.to_owned(), name.to_owned());
        self.mount(service, router)
    }

    /// More routes, as they stand: the reference, an issuer's pages.
    #[must_use]
    pub fn merge(self, router: Router) -> Self {
        Self { router: self.router.merge(router), ..self }
    }

    /// Answers what no route does: an app's files.
    #[must_use]
    pub fn fallback(self, router: Router) -> Self {
        Self { router: self.router.fallback_service(router), ..self }
    }

    /// Something that has to hold before `/readyz` says ready: a store that answers.
    #[must_use]
    pub fn ready_when(self, name: &str, check: impl ReadyCheck) -> Self {
        self.readiness.add(name, check);
        self
    }

    /// Counts requests that change something below these paths against the stricter quota: sign-in, sign-up, checkout.
    #[must_use]
    pub fn sensitive(mut self, paths: &[&str]) -> Self {
        if let Some(rates) = &mut self.rates {
            rates.sensitive(paths);
        }
        self
    }

    /// Serves the same on a second listener, over TLS with certificates on both sides, for modules of other processes.
    /// Limits by address do not hold there.
    #[must_use]
    pub fn between_modules(self, listener: TcpListener, mtls: Mtls) -> Self {
        Self { between_modules: Some((listener, mtls)), ..self }
    }

    /// The whole as one router: what [`Self::serve`] serves, and what a test calls in process.
    pub fn into_router(self) -> Router {
        let probes = Router::new()
            .route("/healthz", get(async || "ok\n"))
            .route("/readyz", get(health::readyz).with_state(self.readiness));
        let metrics = match self.metrics_elsewhere {
            true => Router::new(),
            false => metrics_page::for_this_machine(self.metrics),
        };
        let modules: Vec<&String> = self.mounts.keys().filter(|name| !self.services.contains_key(*name)).collect();
        let owners = Owners::new(modules, self.services.clone());
        let front = Arc::new(Front {
            proxies: self.proxies,
            owners,
            rates: self.rates,
            pace: Pace::new(&self.limits),
            signer: self.signer,
        });
        let mounted = self.mounts.into_iter().fold(self.router, |routes, (name, mount)| {
            let mount = mount.fallback(bare::not_found).method_not_allowed_fallback(bare::method_not_allowed);
            routes.nest(&format!("/{name}"), mount)
        });
        let routes = mounted.merge(probes).merge(metrics).method_not_allowed_fallback(bare::method_not_allowed);
        routes.layer(middleware::from_fn_with_state(front, front::front))
    }

    /// Serves on `listener` until `shutdown` is requested, then drains: `/readyz` says so for the configured notice,
    /// no new connection is taken, and requests under way may finish within the configured time.
    pub async fn serve(mut self, listener: TcpListener, shutdown: &Shutdown) -> Drained {
        let (limits, seats, readiness) = (self.limits.clone(), self.seats.clone(), self.readiness.clone());
        let between_modules = self.between_modules.take();
        let router = self.into_router();
        let public = listener::serve(listener, None, router.clone(), (&limits, seats), &readiness, shutdown);
        let Some((listener, mtls)) = between_modules else { return public.await };
        // A process calls for as many people as there are.
        let modules = (&limits, Seats::new(limits.connections, Vec::new()));
        let modules = listener::serve(listener, Some(&mtls), router, modules, &readiness, shutdown);
        let (public, modules) = tokio::join!(public, modules);
        public.and(&modules)
    }
}

/// `/metrics` alone, for a listener that only the operator reaches.
pub fn metrics_router(metrics: Metrics) -> Router {
    metrics_page::router(metrics)
}

/// Serves `router` as it stands on a second listener, until `shutdown` is requested.
pub async fn serve_aside(listener: TcpListener, router: Router, shutdown: &Shutdown) -> Drained {
    let limits = LimitsConfig { drain_notice: Duration::ZERO, ..LimitsConfig::default() };
    let seats = Seats::new(limits.connections_per_address, Vec::new());
    listener::serve(listener, None, router, (&limits, seats), &Readiness::new(), shutdown).await
}
