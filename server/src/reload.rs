//! SIGHUP: the configuration is read again, and what may change while the process runs is taken over.
//!
//! To a server that was started at a terminal it says that the terminal is gone: then it stops, as it always did.

use std::{
    io::{self, IsTerminal},
    sync::Arc,
};

use tessera_runtime::shutdown::Shutdown;
use tokio::signal::unix::{SignalKind, signal};

use crate::{config::Root, deployment::Deployment, error::CommandError, modules::Part};

/// Reads the configuration as the start did.
pub(crate) type Settings = Box<dyn Fn() -> Result<Root, CommandError> + Send>;

/// Takes over, at each SIGHUP, where entitlement is. A configuration that cannot be read changes nothing.
///
/// # Errors
/// The signal cannot be listened for.
pub(crate) fn on_hangup(settings: Settings, deployment: &Arc<Deployment>, shutdown: &Shutdown) -> io::Result<()> {
    let mut hangups = signal(SignalKind::hangup())?;
    let attended = io::stderr().is_terminal();
    let (deployment, stop) = (deployment.clone(), shutdown.clone());
    shutdown.spawn("reload", async move {
        loop {
            tokio::select! {
                () = stop.requested() => return,
                _ = hangups.recv() => {}
            }
            if attended {
                return stop.request();
            }
            match settings() {
                Ok(root) => take_over(&root, &deployment),
                Err(error) => tracing::error!(%error, "the configuration is not taken over; what stood before stands"),
            }
        }
    });
    Ok(())
}

fn take_over(root: &Root, deployment: &Deployment) {
    let url = root
        .addresses(Part::Entitlement)
        .filter(|_| !(deployment.here.chosen && deployment.here.has(Part::Entitlement)));
    let moved = deployment.modules.entitlement.as_ref().map_or(Ok(false), |entitlement| entitlement.place(url));
    let at = url.map_or_else(|| "the built-in module".to_owned(), ToString::to_string);
    match moved {
        Ok(true) => tracing::info!(at, "entitlement is elsewhere from now on"),
        Ok(false) => {
            tracing::info!("the configuration was read again: nothing that may change while running has changed")
        }
        Err(error) => tracing::error!(%error, "the configuration is not taken over; what stood before stands"),
    }
}
