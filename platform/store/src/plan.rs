//! What opening would do to the data, before anything is changed: which migrations are to run, what is refused, and
//! whether they would work.

use std::{
    path::Path,
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};
use tessera_types::Clock;

use crate::{
    Engine, Migration, Module, OpenError, Snapshot, SnapshotError, StoreConfig, file::OpenFile, migrate, schema,
    site::Site,
};

/// What opening a module's store would do.
#[derive(Debug)]
pub struct Plan {
    /// Whose.
    pub module: &'static Module,
    /// Whether there is data already.
    pub exists: bool,
    /// The migrations to run, in order; or why the store does not open.
    pub steps: Result<Vec<Step>, OpenError>,
}

/// A migration to run.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Whose: the module's, or `tessera_store` for the tables that every store has.
    pub owner: &'static str,
    /// Which.
    pub migration: &'static Migration,
}

/// What came of running a module's migrations on a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsal {
    /// How long they took.
    pub took: Duration,
    /// What the engine finds wrong with the result; empty when it is sound.
    pub findings: Vec<String>,
}

/// What opening each of `modules` would do. Nothing is changed.
pub async fn plan(config: &StoreConfig, modules: &[&'static Module]) -> Vec<Plan> {
    let mut plans = Vec::new();
    for module in modules.iter().copied() {
        let looked = match config {
            StoreConfig::Sqlite { folder } => sqlite(folder, module),
            StoreConfig::Postgres { url, .. } => postgres(url, module).await,
        };
        plans.push(match looked {
            Ok((exists, steps)) => Plan { module, exists, steps: Ok(steps) },
            Err(error) => Plan { module, exists: true, steps: Err(error) },
        });
    }
    plans
}

fn sqlite(folder: &Path, module: &'static Module) -> Result<(bool, Vec<Step>), OpenError> {
    const TABLE: &str = "select count(*) from sqlite_schema where name = 'tessera_migrations'";
    let path = folder.join(format!("{}.db", module.name));
    if !path.exists() {
        return Ok((false, steps(module, Engine::Sqlite, &[], &[])?));
    }
    let trouble = |error| OpenError::file(path.clone(), error);
    let mut file = OpenFile::new(&path).open().map_err(trouble)?;
    let steps = match file.scalar::<i64>(TABLE, &[]).map_err(trouble)? {
        0 => steps(module, Engine::Sqlite, &[], &[]),
        _ => {
            let platform = migrate::applied_to(&mut file, &migrate::PLATFORM).map_err(trouble)?;
            let own = migrate::applied_to(&mut file, module).map_err(trouble)?;
            steps(module, Engine::Sqlite, &platform, &own)
        }
    };
    file.close().map_err(trouble)?;
    Ok((true, steps?))
}

async fn postgres(url: &str, module: &'static Module) -> Result<(bool, Vec<Step>), OpenError> {
    let trouble = |error| OpenError::postgres(module.name, error);
    let mut conn = connect(url, module).await?;
    let table = format!("select to_regclass('{}.tessera_migrations') is not null", module.name);
    let exists: bool = sqlx::query_scalar(AssertSqlSafe(table)).fetch_one(&mut conn).await.map_err(trouble)?;
    if !exists {
        return Ok((false, steps(module, Engine::Postgres, &[], &[])?));
    }
    let unread = |error| OpenError::postgres(module.name, error);
    let platform = migrate::applied(&mut conn, &migrate::PLATFORM).await.map_err(unread)?;
    let own = migrate::applied(&mut conn, module).await.map_err(unread)?;
    Ok((true, steps(module, Engine::Postgres, &platform, &own)?))
}

async fn connect(url: &str, module: &'static Module) -> Result<PgConnection, OpenError> {
    let parsed = PgConnectOptions::from_str(url);
    let options = parsed.map_err(|source| OpenError::Url { module: module.name.into(), source })?;
    let options = options.application_name("tessera-migrate").options([("search_path", module.name)]);
    options.connect().await.map_err(|error| OpenError::postgres(module.name, error))
}

fn steps(
    module: &'static Module,
    engine: Engine,
    platform: &[migrate::Applied],
    own: &[migrate::Applied],
) -> Result<Vec<Step>, OpenError> {
    let mut steps = Vec::new();
    for (owner, applied) in [(&migrate::PLATFORM, platform), (module, own)] {
        let pending = migrate::pending(owner, engine, applied)?;
        steps.extend(pending.into_iter().map(|migration| Step { owner: owner.name, migration }));
    }
    Ok(steps)
}

/// Runs a module's migrations where they leave nothing behind: SQLite's on a copy in the empty folder `scratch`, which
/// may be removed afterwards; PostgreSQL's in a transaction that is rolled back, which holds the locks of what it changes
/// meanwhile.
///
/// # Errors
/// A migration fails, or the data cannot be read or copied.
pub async fn rehearse(
    config: &StoreConfig,
    module: &'static Module,
    scratch: &Path,
    clock: Arc<dyn Clock>,
) -> Result<Rehearsal, SnapshotError> {
    match config {
        StoreConfig::Sqlite { .. } => {
            Snapshot::take(config, &[module], &*clock).await?.copy(scratch, |_| ())?;
            Ok(on_a_copy(&scratch.join(format!("{}.db", module.name)), module, &*clock)?)
        }
        StoreConfig::Postgres { url, .. } => Ok(rolled_back(url, module, clock).await?),
    }
}

fn on_a_copy(path: &Path, module: &'static Module, clock: &dyn Clock) -> Result<Rehearsal, OpenError> {
    let trouble = |error| OpenError::file(path.to_owned(), error);
    let mut file = OpenFile::new(path).open().map_err(trouble)?;
    let began = Instant::now();
    migrate::sqlite(&mut file, module, clock.now(), path)?;
    let took = began.elapsed();
    let checked: Vec<(String,)> = file.all("pragma integrity_check", &[]).map_err(trouble)?;
    let mut findings: Vec<String> = checked.into_iter().map(|(finding,)| finding).collect();
    findings.retain(|finding| finding != "ok");
    const ORPHANS: &str = "select \"table\" from pragma_foreign_key_check";
    let orphans: Vec<(String,)> = file.all(ORPHANS, &[]).map_err(trouble)?;
    findings.extend(orphans.iter().map(|(table,)| format!("a row of {table} names a row that is not there")));
    file.close().map_err(trouble)?;
    Ok(Rehearsal { took, findings })
}

async fn rolled_back(url: &str, module: &'static Module, clock: Arc<dyn Clock>) -> Result<Rehearsal, OpenError> {
    let trouble = |error| OpenError::postgres(module.name, error);
    let mut conn = connect(url, module).await?;
    let mut tx = conn.begin().await.map_err(trouble)?;
    let began = Instant::now();
    schema::prepare_in(&mut tx, module, &Site::new(module, clock)).await?;
    let took = began.elapsed();
    tx.rollback().await.map_err(trouble)?;
    Ok(Rehearsal { took, findings: vec![] })
}
