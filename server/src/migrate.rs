//! `tessera migrate`: brings the data forward, or says what that would do.

use std::{fs, path::Path, sync::Arc};

use tessera_store::{Plan, Store, rehearse};
use tessera_types::SystemClock;

use crate::{cli::Migrate, config::Root, error::CommandError, output::tell, schema, settings};

/// Where copies are tried; the next start clears it, if this process does not.
const SCRATCH: &str = "scratch/migrate";

/// Migrates, or with `dry_run` tries it where it leaves nothing behind.
pub(crate) async fn run(config: Option<&Path>, args: Migrate) -> Result<(), CommandError> {
    let root = settings::of_data(config, args.data.as_deref())?;
    if args.dry_run {
        let plans = schema::check_here(&root, &root.data).await?;
        return try_all(&root, &plans).await;
    }
    let data = tessera_store::DataFolder::open(&root.data).map_err(|e| CommandError::new(e.to_string()))?;
    let plans = schema::check_here(&root, data.path()).await?;
    for plan in plans {
        let steps = names(&plan);
        if steps.is_empty() {
            tell(&format!("{:<16} up to date", plan.module.name));
            continue;
        }
        let opened = Store::open(&root.store_of(plan.module, data.path())?, plan.module, Arc::new(SystemClock)).await;
        opened.map_err(|error| CommandError::new(schema::sentence(&error)))?.close().await;
        tell(&format!("{:<16} ran {}", plan.module.name, steps.join(", ")));
    }
    Ok(())
}

/// The migrations that are to run. A plan that was refused has none, and was said already.
fn names(plan: &Plan) -> Vec<String> {
    let steps = plan.steps.as_deref().unwrap_or_default();
    steps.iter().map(|step| format!("{}/{}", step.owner, step.migration.name)).collect()
}

async fn try_all(root: &Root, plans: &[Plan]) -> Result<(), CommandError> {
    let mut bad = Vec::new();
    for plan in plans {
        let (module, steps) = (plan.module.name, names(plan));
        if steps.is_empty() {
            tell(&format!("{module:<16} up to date"));
            continue;
        }
        if !plan.exists {
            tell(&format!("{module:<16} has no data yet; would run {}", steps.join(", ")));
            continue;
        }
        let scratch = root.data.join(SCRATCH).join(module);
        let _ = fs::remove_dir_all(&scratch); // of a try that was cut off, or none
        let doing = |e| CommandError::caused(format!("making {}", scratch.display()), e);
        fs::create_dir_all(&scratch).map_err(doing)?;
        let tried =
            rehearse(&root.store_of(plan.module, &root.data)?, plan.module, &scratch, Arc::new(SystemClock)).await;
        let _ = fs::remove_dir_all(&scratch); // the next start clears it otherwise
        match tried {
            Ok(done) if done.findings.is_empty() => {
                let milliseconds = done.took.as_millis();
                tell(&format!("{module:<16} would run {} in about {milliseconds} ms: tried, sound", steps.join(", ")));
            }
            Ok(done) => bad.push(format!("{module}: after {}: {}", steps.join(", "), done.findings.join("; "))),
            Err(error) => bad.push(CommandError::caused(format!("{module}: {}", steps.join(", ")), error).to_string()),
        }
    }
    match bad.is_empty() {
        true => Ok(()),
        false => {
            let found = bad.join("\n  ");
            Err(CommandError::new(format!("the migrations would fail; nothing was changed:\n  {found}")))
        }
    }
}
