//! Runs the migrations that have not run yet, the store's own first.

use std::path::Path;

use sqlx::{AssertSqlSafe, PgConnection};
use tessera_types::Timestamp;

use crate::{
    Engine, Migration, Module, OpenError, Param,
    error::{Answer, EngineError},
    file::File,
    statement::Connection,
};

/// The tables of the store itself.
pub(crate) static PLATFORM: Module = crate::module!(
    "tessera_store",
    ["0001_platform" + postgres, "0002_version_ages" + postgres, "0003_job_turns", "0004_topics"]
);

const CREATE: &str = "create table if not exists tessera_migrations (owner text not null, version bigint not null, \
    name text not null, checksum text not null, written_by text not null, applied_us bigint not null, \
    primary key (owner, version))";
const APPLIED: &str = "select version, checksum, written_by from tessera_migrations where owner = $1 order by version";
const RECORD: &str = "insert into tessera_migrations (owner, version, name, checksum, written_by, applied_us) \
    values ($1, $2, $3, $4, $5, $6)";

/// A migration as recorded: version, checksum, and the program that applied it.
pub(crate) type Applied = (i64, String, String);

/// The migrations of `module` that have run, in order. The table that keeps them is there.
pub(crate) async fn applied(conn: &mut PgConnection, module: &Module) -> Answer<Vec<Applied>> {
    Connection::Postgres(conn).all(APPLIED, crate::params![module.name]).await
}

/// As [`applied`], of a file.
pub(crate) fn applied_to(file: &mut File, module: &Module) -> Answer<Vec<Applied>> {
    file.all(APPLIED, &crate::params![module.name])
}

/// Which of the module's migrations are still to run. Errors when the data is newer, or of another history.
pub(crate) fn pending(
    module: &Module,
    engine: Engine,
    applied: &[Applied],
) -> Result<Vec<&'static Migration>, OpenError> {
    let known = module.migrations.last().map_or(0, Migration::version);
    if let Some((found, _, written_by)) = applied.iter().find(|(version, ..)| *version > known) {
        let (module, written_by) = (module.name.to_owned(), written_by.clone());
        return Err(OpenError::NewerData { module, found: *found, known, written_by });
    }
    for (version, checksum, _) in applied {
        let migration = module.migrations.iter().find(|m| m.version() == *version);
        if let Some(changed) = migration.filter(|m| m.checksum(engine) != *checksum) {
            return Err(OpenError::ChangedMigration { module: module.name.into(), name: changed.name.into() });
        }
    }
    let done = applied.last().map_or(0, |(version, ..)| *version);
    Ok(module.migrations.iter().filter(|m| m.version() > done).collect())
}

fn record(module: &Module, migration: &Migration, engine: Engine, now: Timestamp) -> Vec<Param> {
    let (version, checksum) = (migration.version(), migration.checksum(engine));
    crate::params![module.name, version, migration.name, checksum, env!("CARGO_PKG_VERSION"), now]
}

fn failed<'a, E: Into<EngineError>>(place: &'a str, migration: &'a Migration) -> impl FnOnce(E) -> OpenError + 'a {
    move |source| OpenError::migration(place, migration.name, source.into())
}

/// Brings a file up to date, each migration in its own transaction.
pub(crate) fn sqlite(file: &mut File, module: &'static Module, now: Timestamp, path: &Path) -> Result<(), OpenError> {
    let trouble = |error| OpenError::file(path.to_owned(), error);
    let place = path.display().to_string();
    file.run(CREATE).map_err(trouble)?;
    for module in [&PLATFORM, module] {
        let applied = applied_to(file, module).map_err(trouble)?;
        for migration in pending(module, Engine::Sqlite, &applied)? {
            file.run("begin immediate").map_err(trouble)?;
            let done = file.run(migration.text(Engine::Sqlite)).and_then(|()| {
                file.execute(RECORD, &record(module, migration, Engine::Sqlite, now))?;
                file.run("commit")
            });
            if done.is_err() {
                // It fails where the engine has rolled back by itself, and that is what is wanted.
                let _ = file.run("rollback");
            }
            done.map_err(failed(&place, migration))?;
            tracing::info!(module = module.name, migration = migration.name, "migrated");
        }
    }
    Ok(())
}

/// Brings a schema up to date within the caller's transaction, which holds the module's advisory lock.
/// Returns whether anything ran.
pub(crate) async fn postgres(
    conn: &mut PgConnection,
    module: &'static Module,
    now: Timestamp,
) -> Result<bool, OpenError> {
    let trouble = |source| OpenError::postgres(module.name, source);
    sqlx::raw_sql(CREATE).execute(&mut *conn).await.map_err(trouble)?;
    let place = format!("the schema {}", module.name);
    let mut any = false;
    for module in [&PLATFORM, module] {
        let applied = applied(conn, module).await.map_err(|error| OpenError::postgres(module.name, error))?;
        for migration in pending(module, Engine::Postgres, &applied)? {
            let sql = AssertSqlSafe(migration.text(Engine::Postgres));
            sqlx::raw_sql(sql).execute(&mut *conn).await.map_err(failed(&place, migration))?;
            let record = record(module, migration, Engine::Postgres, now);
            Connection::Postgres(conn).execute(RECORD, record).await.map_err(failed(&place, migration))?;
            tracing::info!(module = module.name, migration = migration.name, "migrated");
            any = true;
        }
    }
    Ok(any)
}
