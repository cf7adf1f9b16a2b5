//! The last release and this tree as one deployment, while people work on it, and what must be true afterwards.
//!
//! A [`Mix`] says which binary holds what. [`run`] starts it, lets people sign up, buy, watch, publish and grant for a while, waits
//! until every event has been heard, and answers with figures; whatever was refused, lost or done twice is named.

mod deployment;
mod hook;
mod load;
mod mix;
mod settled;

use std::{fmt, time::Duration};

use deployment::Deployment;
use hook::Hook;
use load::Load;
pub use mix::Mix;

/// What came of a mix of versions.
#[derive(Debug)]
pub struct Outcome {
    /// Which mix.
    pub mix: String,
    /// Requests that people made.
    pub requests: usize,
    /// Events that were written meanwhile, each of which was heard.
    pub events: usize,
    /// What went wrong, a line each.
    pub failures: Vec<String>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mix, requests, events, failures } = self;
        write!(f, "{mix:<48} {requests:>8} {:>8} {events:>8}", failures.len())
    }
}

/// The head of a table of [`Outcome`]s.
pub fn head() -> String {
    format!("{:<48} {:>8} {:>8} {:>8}", "versions", "requests", "failures", "events")
}

/// Runs a mix under load for so long.
///
/// # Panics
/// A process does not start, or what people do first does not work.
pub async fn run(mix: &Mix, load: Duration) -> Outcome {
    let deployment = Deployment::start(mix);
    let hook = Hook::open(&deployment).await;
    let before = deployment.outbox();
    let load = Load::run(&deployment, load).await;
    let mut failures = load.failures();
    let events = deployment.events_since(&before);
    failures.extend(settled::settled(&deployment, &hook, &load, &events).await);
    if !failures.is_empty() {
        failures.push(format!("the processes said:\n{}", deployment.said()));
    }
    Outcome { mix: mix.to_string(), requests: load.requests(), events: events.len(), failures }
}
