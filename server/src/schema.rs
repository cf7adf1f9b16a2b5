//! Every module's schema, and what is refused before any of them is opened.

use std::path::Path;

use tessera_store::{Module, Plan, StoreConfig, plan};

use crate::{error::CommandError, restore};

/// The modules whose data a deployment has; each is opened in deployment.rs.
pub(crate) static MODULES: &[&Module] = &[
    &tessera_runtime::directory::MODULE,
    &tessera_audit::MODULE,
    &tessera_billing::MODULE,
    &tessera_catalog::MODULE,
    &tessera_drm::MODULE,
    &tessera_entitlement::MODULE,
    &tessera_identity::MODULE,
    &tessera_media::MODULE,
    &tessera_playback::MODULE,
    &tessera_sandbox_gateway::MODULE,
    &tessera_tenancy::MODULE,
    &tessera_viewers::MODULE,
    &tessera_webhooks::MODULE,
];

/// What opening them would do. Refuses what cannot be opened, all of it at once, before anything is changed.
pub(crate) async fn check(store: &StoreConfig, data: &Path) -> Result<Vec<Plan>, CommandError> {
    restore::refuse_half(data)?;
    let plans = plan(store, MODULES).await;
    let refused: Vec<String> = plans.iter().filter_map(|plan| plan.steps.as_ref().err()).map(sentence).collect();
    match &refused[..] {
        [] => Ok(plans),
        [only] => Err(CommandError::new(format!("the data cannot be opened, and was left alone: {only}"))),
        all => {
            Err(CommandError::new(format!("the data cannot be opened, and was left alone:\n  {}", all.join("\n  "))))
        }
    }
}

/// An error with its causes.
pub(crate) fn sentence(error: &tessera_store::OpenError) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

/// That all of it is as this program writes it.
pub(crate) fn refuse_older(plans: &[Plan]) -> Result<(), CommandError> {
    let waiting: Vec<&str> = plans
        .iter()
        .filter(|plan| plan.exists && plan.steps.as_ref().is_ok_and(|steps| !steps.is_empty()))
        .map(|plan| plan.module.name)
        .collect();
    match waiting.is_empty() {
        true => Ok(()),
        false => Err(CommandError::new(format!(
            "the data of {} is older than this tessera {}: back it up with the tessera that it runs on, or run `tessera \
             migrate` first",
            waiting.join(", "),
            env!("CARGO_PKG_VERSION")
        ))),
    }
}
