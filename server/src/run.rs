//! `tessera up` and `tessera serve`: everything in one process, or some of it, until told to stop.

use std::{
    io::IsTerminal,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use tessera_contract::Failure;
use tessera_runtime::{
    clock::SteadyClock,
    control::Control,
    disk,
    http::{ReadyCheck, Server, listen, metrics_router, serve_aside},
    shutdown::Shutdown,
    telemetry::{self, Told},
};
use tessera_store::DataFolder;
use tokio::net::TcpListener;

use crate::{
    app, background,
    cli::{Place, Serve, Up},
    config::Root,
    demo,
    deployment::Deployment,
    error::CommandError,
    figures, log_level,
    modules::Part,
    mtls, notify,
    output::say,
    reload, routes, settings, spans, trace_command,
};

/// Bytes without which databases may soon be unable to commit: the data disk counts as full.
pub(crate) const SPARE: u64 = 16 << 20;

/// Serves as configured.
pub(crate) async fn serve(config: Option<&Path>, serve: Serve) -> Result<(), CommandError> {
    let again = again(config, &serve.place, &serve.modules);
    Running::start(again()?, again).await?.until_stopped().await
}

/// Serves, with a demo tenant in it.
pub(crate) async fn up(config: Option<&Path>, up: Up) -> Result<(), CommandError> {
    let mut root = settings::load(config, &up.place)?;
    if root.log.level.is_none() && std::env::var_os(telemetry::LOG_VARIABLE).is_none() {
        // A newcomer's terminal is for the addresses; what goes wrong still shows.
        root.log.level = Some("warn".into());
    }
    let started = Instant::now();
    let running = Running::start(root, again(config, &up.place, &[])).await?;
    if up.no_demo {
        say(&format!("Tessera is ready at {}.", running.address()));
        return running.until_stopped().await;
    }
    let port = running.port();
    let demo = demo::Demo { port, film_seconds: up.film_seconds };
    let founder = demo::Founder::of(&running.deployment)?;
    tokio::select! {
        made = demo.ensure(&founder, running.data.path()) => {
            let facts = match made {
                Ok(facts) => facts,
                Err(error) => {
                    running.stop().await;
                    return Err(error);
                }
            };
            say(&facts.welcome(started.elapsed()));
        }
        () = running.shutdown.requested() => say("Stopped before the demo was whole; the next start goes on with it."),
    }
    running.until_stopped().await
}

/// The same settings, read anew.
fn again(config: Option<&Path>, place: &Place, modules: &[Part]) -> reload::Settings {
    let (config, place, modules) = (config.map(Path::to_owned), place.clone(), modules.to_vec());
    Box::new(move || {
        let mut root = settings::load(config.as_deref(), &place)?;
        if !modules.is_empty() {
            root.modules = modules.clone();
        }
        Ok(root)
    })
}

/// A server at work.
struct Running {
    deployment: Arc<Deployment>,
    shutdown: Shutdown,
    serving: tokio::task::JoinHandle<()>,
    drain: Duration,
    listen: std::net::SocketAddr,
    data: DataFolder,
    clock: Arc<SteadyClock>,
}

impl Running {
    async fn start(root: Root, again: reload::Settings) -> Result<Self, CommandError> {
        let level = std::env::var(telemetry::LOG_VARIABLE).ok();
        let telemetry =
            telemetry::start(&root.log, level.as_deref()).map_err(|e| CommandError::caused("starting the log", e))?;
        figures::describe();
        let shutdown = Shutdown::new();
        shutdown.on_signals().map_err(|e| CommandError::caused("listening for signals", e))?;
        // The port and the folder first: what is taken is said before anything slow.
        let listener = listen(root.server.listen).await.map_err(|e| CommandError::new(e.to_string()))?;
        let data = DataFolder::open(&root.data).map_err(|e| CommandError::new(e.to_string()))?;
        let clock = Arc::new(SteadyClock::open(data.path()));
        let bound = listener.local_addr().map_err(|e| CommandError::caused("reading the listener's address", e))?;
        let process = spans::process_name(&root.here(), bound);
        let told = Told::collect(&root.telemetry, &process, clock.clone(), &shutdown);
        let told = told.map_err(|e| CommandError::caused("starting the traces", e))?;
        let deployment = Arc::new(Deployment::open(&root, data.path(), clock.clone()).await?);
        let metrics = figures::looking(telemetry.metrics, &deployment, data.path());
        let reloading = reload::on_hangup(again, &deployment, &shutdown);
        reloading.map_err(|e| CommandError::caused("listening for SIGHUP", e))?;
        deployment.flags.watch(&shutdown);
        background::start(&deployment, &metrics, &shutdown, &clock, root.retention.of_stores());
        let log = telemetry.level;
        let control = Control::new().on(log_level::COMMAND, move |details| {
            let answer = log_level::handle(&log, &details);
            async move { answer }
        });
        let (remembering, asked) = (told.clone(), deployment.clone());
        let control = control
            .on(trace_command::COMMAND, move |details| spans::handle(asked.clone(), remembering.clone(), details));
        let listening = control.listen(data.path(), &shutdown);
        listening.map_err(|e| CommandError::caused("making the control socket in the data folder", e))?;
        if let Some(address) = root.server.metrics_listen {
            let aside = listen(address).await.map_err(|e| CommandError::new(e.to_string()))?;
            let (router, stop) = (metrics_router(metrics.clone()), shutdown.clone());
            shutdown.spawn("metrics listener", async move {
                let drained = serve_aside(aside, router, &stop).await;
                tracing::debug!(?drained, "the metrics listener is closed");
            });
        }
        let server = routes::server(&root.server, &deployment, metrics).ready_when("disk", disk_check(data.path()));
        let server = spans::told_by(server, &deployment, &told);
        let server = between_modules(server, &root, &deployment, &shutdown).await?;
        let serving = tokio::spawn(serve_until(server, listener, shutdown.clone()));
        tracing::info!(listen = %bound, data = %data.path().display(), "ready");
        notify::tell(notify::State::Ready);
        if deployment.here.has(Part::Front) && !app::is_built() {
            say("note: this binary was built without the viewer app; `make app` builds it.");
        }
        Ok(Self { deployment, shutdown, serving, drain: root.server.limits.drain, listen: bound, data, clock })
    }

    fn port(&self) -> u16 {
        self.listen.port()
    }

    fn address(&self) -> String {
        format!("http://{}", self.listen)
    }

    async fn until_stopped(self) -> Result<(), CommandError> {
        self.shutdown.requested().await;
        self.finish().await;
        Ok(())
    }

    async fn stop(self) {
        self.shutdown.request();
        self.finish().await;
    }

    async fn finish(self) {
        notify::tell(notify::State::Stopping);
        if std::io::stderr().is_terminal() {
            say("\nStopping: requests under way may finish. Press Ctrl-C again to stop at once.");
        }
        let _ = self.serving.await; // a panic in it has been logged
        let drained = self.shutdown.drain(self.drain).await;
        if let Some(identity) = &self.deployment.modules.identity
            && let Err(failure) = identity.write_key_uses().await
        {
            tracing::warn!(%failure, "writing when API keys were last used");
        }
        for store in self.deployment.stores() {
            store.close().await;
        }
        background::keep_time(self.clock).await;
        match drained.abandoned.is_empty() {
            true => say("Stopped."),
            false => say(&format!("Stopped; cut off while at work: {}.", drained.abandoned.join(", "))),
        }
    }
}

/// How often certificates are looked at, whether they have changed.
const CERTIFICATES: Duration = Duration::from_secs(5);

/// The server with its listener for other processes' modules, where there is one, and certificates that are watched.
async fn between_modules(
    server: Server,
    root: &Root,
    deployment: &Deployment,
    shutdown: &Shutdown,
) -> Result<Server, CommandError> {
    let Some(certified) = &deployment.mtls else { return Ok(server) };
    if let Err(error) = certified.holds(deployment.clock.now().plus(mtls::SOON)) {
        tracing::warn!(%error, "in two weeks at the latest other modules will not take this process's certificate");
    }
    shutdown.spawn("certificates", certified.clone().watch(CERTIFICATES, shutdown.token()));
    let Some(address) = root.mtls.listen else { return Ok(server) };
    let listener = listen(address).await.map_err(|e| CommandError::new(e.to_string()))?;
    tracing::info!(listen = %address, modules = ?certified.modules(), "modules are called over TLS");
    Ok(server.between_modules(listener, certified.clone()))
}

/// Whether the databases can still commit.
fn disk_check(data: &Path) -> impl ReadyCheck {
    let data = data.to_owned();
    move || {
        let data = data.clone();
        async move {
            let looked = tokio::task::spawn_blocking(move || disk::check_room(&data, SPARE)).await;
            looked.map_err(|e| Failure::internal("looking at the disk", e))?
        }
    }
}

async fn serve_until(server: Server, listener: TcpListener, shutdown: Shutdown) {
    let drained = server.serve(listener, &shutdown).await;
    tracing::info!(?drained, "connections drained");
}
