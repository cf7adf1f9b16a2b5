//! Runs the migrations that have not run yet, the store's own first.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use tessera_types::Timestamp;

use crate::{Engine, Migration, Module, OpenError, Param, statement::Connection};

/// The tables of the store itself.
static PLATFORM: Module = crate::module!("tessera_store", ["0001_platform" + postgres]);

const CREATE: &str = "create table if not exists tessera_migrations (owner text not null, version bigint not null, \
    name text not null, checksum text not null, written_by text not null, applied_us bigint not null, \
    primary key (owner, version))";
const APPLIED: &str = "select version, checksum, written_by from tessera_migrations where owner = $1 order by version";
const RECORD: &str = "insert into tessera_migrations (owner, version, name, checksum, written_by, applied_us) \
    values ($1, $2, $3, $4, $5, $6)";

/// A migration as recorded: version, checksum, and the program that applied it.
type Applied = (i64, String, String);

/// Which of the module's migrations are still to run. Errors when the data is newer, or of another history.
fn pending(module: &Module, engine: Engine, applied: &[Applied]) -> Result<Vec<&'static Migration>, OpenError> {
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

fn failed<'a>(module: &'a Module, migration: &'a Migration) -> impl FnOnce(sqlx::Error) -> OpenError + 'a {
    |source| OpenError::Migration { module: module.name.into(), name: migration.name.into(), source }
}

/// Brings a file up to date, each migration in its own transaction.
pub(crate) async fn sqlite(
    conn: &mut SqliteConnection,
    module: &'static Module,
    now: Timestamp,
    trouble: impl Fn(sqlx::Error) -> OpenError,
) -> Result<(), OpenError> {
    sqlx::raw_sql(CREATE).execute(&mut *conn).await.map_err(&trouble)?;
    for module in [&PLATFORM, module] {
        let applied = Connection::Sqlite(conn).all(APPLIED, crate::params![module.name]).await.map_err(&trouble)?;
        for migration in pending(module, Engine::Sqlite, &applied)? {
            let mut tx = conn.begin_with("begin immediate").await.map_err(&trouble)?;
            sqlx::raw_sql(migration.text(Engine::Sqlite)).execute(&mut *tx).await.map_err(failed(module, migration))?;
            let record = record(module, migration, Engine::Sqlite, now);
            Connection::Sqlite(&mut tx).execute(RECORD, record).await.map_err(failed(module, migration))?;
            tx.commit().await.map_err(failed(module, migration))?;
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
    let mut any = false;
    for module in [&PLATFORM, module] {
        let applied = Connection::Postgres(conn).all(APPLIED, crate::params![module.name]).await.map_err(trouble)?;
        for migration in pending(module, Engine::Postgres, &applied)? {
            let sql = AssertSqlSafe(migration.text(Engine::Postgres));
            sqlx::raw_sql(sql).execute(&mut *conn).await.map_err(failed(module, migration))?;
            let record = record(module, migration, Engine::Postgres, now);
            Connection::Postgres(conn).execute(RECORD, record).await.map_err(failed(module, migration))?;
            tracing::info!(module = module.name, migration = migration.name, "migrated");
            any = true;
        }
    }
    Ok(any)
}
