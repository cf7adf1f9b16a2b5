//! Runs the migrations that have not run yet, the store's own first.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use tessera_types::Timestamp;

use crate::{Engine, Migration, Module, OpenError, Param, statement::Connection};

/// The tables of the store itself.
pub(crate) static PLATFORM: Module =
    crate::module!("tessera_store", ["0001_platform" + postgres, "0002_version_ages" + postgres]);

const CREATE: &str = "create table if not exists tessera_migrations (owner text not null, version bigint not null, \
    name text not null, checksum text not null, written_by text not null, applied_us bigint not null, \
    primary key (owner, version))";
const APPLIED: &str = "select version, checksum, written_by from tessera_migrations where owner = $1 order by version";
const RECORD: &str = "insert into tessera_migrations (owner, version, name, checksum, written_by, applied_us) \
    values ($1, $2, $3, $4, $5, $6)";

/// A migration as recorded: version, checksum, and the program that applied it.
pub(crate) type Applied = (i64, String, String);

/// The migrations of `module` that have run, in order. The table that keeps them is there.
pub(crate) async fn applied(conn: Connection<'_>, module: &Module) -> sqlx::Result<Vec<Applied>> {
    conn.all(APPLIED, crate::params![module.name]).await
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

fn failed<'a>(place: &'a str, migration: &'a Migration) -> impl FnOnce(sqlx::Error) -> OpenError + 'a {
    move |source| OpenError::migration(place, migration.name, source)
}

/// Brings a file up to date, each migration in its own transaction.
pub(crate) async fn sqlite(
    conn: &mut SqliteConnection,
    module: &'static Module,
    now: Timestamp,
    path: &Path,
) -> Result<(), OpenError> {
    let trouble = |error| OpenError::file(path.to_owned(), error);
    let place = path.display().to_string();
    sqlx::raw_sql(CREATE).execute(&mut *conn).await.map_err(&trouble)?;
    for module in [&PLATFORM, module] {
        let applied = applied(Connection::Sqlite(conn), module).await.map_err(&trouble)?;
        for migration in pending(module, Engine::Sqlite, &applied)? {
            let mut tx = conn.begin_with("begin immediate").await.map_err(&trouble)?;
            sqlx::raw_sql(migration.text(Engine::Sqlite)).execute(&mut *tx).await.map_err(failed(&place, migration))?;
            let record = record(module, migration, Engine::Sqlite, now);
            Connection::Sqlite(&mut tx).execute(RECORD, record).await.map_err(failed(&place, migration))?;
            tx.commit().await.map_err(failed(&place, migration))?;
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
        let applied = applied(Connection::Postgres(conn), module).await.map_err(trouble)?;
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
