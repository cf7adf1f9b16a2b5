//! SIGHUP: the configuration is read again, and what may change while the process runs is taken over.
//!
//! To a server that was started at a terminal it says that the terminal is gone: then it stops, as it always did.

use std::{
    io::{self, IsTerminal},
    sync::Arc,
};

use tessera_runtime::shutdown::Shutdown;
use tokio::signal::unix::{SignalKind, signal};

use crate::{config::Root, deployment::Deployment, error::CommandError};

/// Reads the configuration as the start did.
pub(crate) type Settings = Box<dyn Fn() -> Result<Root, CommandError> + Send>;

/// Takes over, at each SIGHUP, where modules are. A configuration that cannot be read, or cannot be taken over while the process
/// runs, changes nothing.
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
            match settings().and_then(|root| take_over(&deployment, &root)) {
                Ok(changes) if changes.is_empty() => {
                    tracing::info!(
                        "the configuration was read again: nothing that may change while running has changed"
                    );
                }
                Ok(changes) => changes.iter().for_each(|change| tracing::info!("{change}")),
                Err(error) => tracing::error!(%error, "the configuration is not taken over; what stood before stands"),
            }
        }
    });
    Ok(())
}

/// Takes over where modules are asked, who signs people in and the flags: all of it or, when part of it cannot be, nothing.
fn take_over(deployment: &Deployment, root: &Root) -> Result<Vec<String>, CommandError> {
    let (sign_in, flags) = (deployment.sign_in.changed(root)?, deployment.flags.changed(root)?);
    let mut changes = deployment.elsewhere.take_over(root)?;
    changes.extend(flags.map(|taken| deployment.flags.settle(taken)));
    if let Some(change) = sign_in {
        changes.push(deployment.sign_in.settle(change));
        deployment.edge.forget_issuers();
    }
    Ok(changes)
}
