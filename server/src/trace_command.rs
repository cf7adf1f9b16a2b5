//! `tessera trace`: what was done for a request, process by process.

use std::path::Path;

use serde_json::json;
use tessera_runtime::control;

use crate::{
    cli::Trace,
    error::CommandError,
    output::{say, tell},
    settings,
    spans::{Gathered, Silent},
    trace_tree::{Tree, milliseconds, trees, what},
};

/// The command on the control socket.
pub(crate) const COMMAND: &str = "trace";

/// Asks the server on the data folder, which asks the others, and prints what they remember.
pub(crate) async fn run(config: Option<&Path>, arguments: Trace) -> Result<(), CommandError> {
    let root = settings::load(config, &arguments.place())?;
    let id = arguments.id.trim();
    let answer = control::ask(&root.data, COMMAND, json!({ "id": id })).await;
    let answer = answer.map_err(|e| CommandError::new(e.to_string()))?;
    let read = serde_json::from_value(answer).map_err(|e| CommandError::caused("reading the server's answer", e))?;
    let Gathered { spans, silent } = read;
    // An id of a request is one of its trace's spans; a trace's own id is not.
    let request = Some(id).filter(|id| spans.iter().any(|span| span.request_id.as_deref() == Some(id)));
    let trees = trees(&spans, request);
    if arguments.json {
        tell(&json!({ "spans": spans, "silent": silent }).to_string());
    } else {
        trees.iter().for_each(show);
    }
    for Silent { address, why } in &silent {
        say(&format!("nothing from {address}: {why}"));
    }
    match trees.is_empty() {
        false => Ok(()),
        true => Err(CommandError::new(format!(
            "no process remembers {id:?}: what is older than {} minutes is forgotten, earlier where there is much of it \
             ([telemetry]), and so is what was before a restart",
            root.telemetry.kept_minutes
        ))),
    }
}

fn show(tree: &Tree<'_>) {
    let root = tree.root();
    let request = root.request_id.as_deref().unwrap_or("none");
    let tenant = root.tenant.as_deref().unwrap_or("none");
    tell(&format!("trace {}  request {request}  tenant {tenant}", root.trace_id));
    tell(&format!("{:>10} {:>10}", "start ms", "took ms"));
    tree.lines().iter().for_each(|line| tell(line));
    let (slowest, own) = tree.slowest();
    let own = milliseconds(i64::try_from(own).unwrap_or(i64::MAX));
    tell(&format!("longest by itself: {}, {own} ms, in {}", what(slowest), slowest.process));
    if let Some(failed) = tree.failed() {
        tell(&format!("failed first: {}, {}, in {}", what(failed), failed.end, failed.process));
    }
}
