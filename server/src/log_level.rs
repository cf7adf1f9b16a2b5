//! `tessera log-level`: what a running server logs, seen and changed without a restart.

use std::{path::Path, time::Duration};

use serde_json::{Value, json};
use tessera_runtime::{control, telemetry::LogLevel};

use crate::{
    cli::LogLevel as Arguments,
    error::CommandError,
    output::{say, tell},
    settings,
};

/// The command on the control socket.
pub(crate) const COMMAND: &str = "log-level";

/// Asks the server on the data folder, and prints the level that stands now.
pub(crate) async fn run(config: Option<&Path>, arguments: Arguments) -> Result<(), CommandError> {
    let root = settings::load(config, &arguments.place())?;
    let details = json!({
        "set": arguments.level.is_some() || arguments.reset,
        "level": arguments.level,
        "seconds": arguments.hold.map(|hold| hold.as_secs()),
    });
    let standing = control::ask(&root.data, COMMAND, details).await;
    let standing = standing.map_err(|e| CommandError::new(e.to_string()))?;
    tell(standing["level"].as_str().unwrap_or_default());
    if let Some(seconds) = standing["reverts_in_seconds"].as_u64() {
        let configured = standing["configured"].as_str().unwrap_or_default();
        say(&format!("Back to {configured} in {seconds} s."));
    }
    Ok(())
}

/// Carries the command out in the server.
pub(crate) fn handle(level: &LogLevel, details: &Value) -> Result<Value, String> {
    let standing = match details["set"].as_bool() {
        Some(true) => level.set(details["level"].as_str(), details["seconds"].as_u64().map(Duration::from_secs)),
        Some(false) | None => Ok(level.standing()),
    };
    serde_json::to_value(standing.map_err(|e| e.to_string())?).map_err(|e| e.to_string())
}
