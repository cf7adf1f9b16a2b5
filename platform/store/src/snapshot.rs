//! Every module's data at one instant, read while a server writes: for backups, and for what a command looks up.
//!
//! SQLite has a file a module, and no snapshot over files. So writing is fenced for a moment: the write lock of every
//! file is taken, then a read transaction is begun on every file, then the locks are let go. What the transactions see is
//! one instant, whichever process writes. Nobody waits in a circle, for a write waits for no other store. PostgreSQL has
//! one snapshot over all schemas, which is exported, so that `pg_dump` reads the same.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    str::FromStr,
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, postgres::PgConnectOptions};
use tessera_types::{Clock, Timestamp};

use crate::{
    Engine, Module, OpenError, Row, StoreConfig,
    error::{Answer, EngineError},
    file::{File, OpenFile},
    params,
    statement::Connection,
    trouble::Trouble,
};

/// How long one file's write may hold up the fence.
const ONE_WRITE: Duration = Duration::from_secs(2);
/// How long all of them may: well below what a server's writes wait for a lock.
const ALL_WRITES: Duration = Duration::from_secs(3);

/// All modules' data at one instant. Holding it keeps SQLite's logs from shrinking: do not keep it for long.
pub struct Snapshot {
    taken: Timestamp,
    fenced: Duration,
    source: Source,
}

enum Source {
    Sqlite(Vec<Opened>),
    Postgres { conn: Box<PgConnection>, name: String, modules: Vec<&'static Module> },
}

struct Opened {
    module: &'static Module,
    file: File,
}

/// A module's place in the history of its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The module.
    pub module: String,
    /// Its latest migration that has run; 0 before the first.
    pub version: i64,
    /// The program that ran it.
    pub written_by: String,
}

/// Why the data was not had at one instant, or not copied. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Nothing was ever stored there.
    #[error("there is no data in {}: is this the data folder? `--data` names another one", .0.display())]
    NoData(PathBuf),
    /// A write went on and on.
    #[error("a write of {module} did not end in {} s, and the others cannot wait for it: try again", ALL_WRITES.as_secs())]
    Busy {
        /// Whose.
        module: &'static str,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The engine did not do it.
    #[error("{doing} the {module} data{}", if Trouble::of(source) == Trouble::Damaged { ", which is damaged: restore it from a backup" } else { "" })]
    Engine {
        /// What was being done.
        doing: &'static str,
        /// With whose data.
        module: String,
        /// What the engine said.
        source: EngineError,
    },
    /// The copy cannot be written.
    #[error("writing {}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl SnapshotError {
    fn engine<E: Into<EngineError>>(doing: &'static str, module: &str) -> impl FnOnce(E) -> Self {
        let module = module.to_owned();
        move |source| Self::Engine { doing, module, source: source.into() }
    }
}

impl Snapshot {
    /// Takes it. Modules that have no data yet are left out.
    ///
    /// # Errors
    /// There is no data at all, a write does not end in time, or the engine refuses.
    pub async fn take(
        config: &StoreConfig,
        modules: &[&'static Module],
        clock: &dyn Clock,
    ) -> Result<Self, SnapshotError> {
        match config {
            StoreConfig::Sqlite { folder } => fence(folder, modules, clock),
            StoreConfig::Postgres { url, .. } => export(url, modules, clock).await,
        }
    }

    /// The instant, by the clock.
    pub fn taken(&self) -> Timestamp {
        self.taken
    }

    /// How long writes had to wait.
    pub fn fenced(&self) -> Duration {
        self.fenced
    }

    /// Which engine it is of.
    pub fn engine(&self) -> Engine {
        match self.source {
            Source::Sqlite(_) => Engine::Sqlite,
            Source::Postgres { .. } => Engine::Postgres,
        }
    }

    /// PostgreSQL's name of the snapshot, for `pg_dump --snapshot`; it holds as long as this value.
    pub fn exported(&self) -> Option<&str> {
        match &self.source {
            Source::Sqlite(_) => None,
            Source::Postgres { name, .. } => Some(name),
        }
    }

    /// The modules that have data.
    pub fn modules(&self) -> Vec<&'static str> {
        match &self.source {
            Source::Sqlite(files) => files.iter().map(|file| file.module.name).collect(),
            Source::Postgres { modules, .. } => modules.iter().map(|module| module.name).collect(),
        }
    }

    /// All rows of a module's statement over all tenants; none when the module has no data.
    ///
    /// # Errors
    /// The engine refuses the statement, or cannot read the data.
    pub async fn all<T: Row>(&mut self, module: &str, sql: &'static str) -> Result<Vec<T>, SnapshotError> {
        let failed = SnapshotError::engine("reading", module);
        match &mut self.source {
            Source::Sqlite(files) => {
                let Some(of) = files.iter_mut().find(|of| of.module.name == module) else { return Ok(vec![]) };
                of.file.all(sql, &[]).map_err(failed)
            }
            Source::Postgres { conn, modules, .. } => {
                let Some(module) = modules.iter().find(|known| known.name == module) else { return Ok(vec![]) };
                let rows = async {
                    let path = format!("set local search_path to {}", module.name);
                    sqlx::raw_sql(AssertSqlSafe(path)).execute(&mut **conn).await?;
                    Connection::Postgres(conn).all(sql, vec![]).await
                };
                let rows: Answer<Vec<T>> = rows.await;
                rows.map_err(failed)
            }
        }
    }

    /// How far each module's schema has come.
    ///
    /// # Errors
    /// As [`Self::all`].
    pub async fn versions(&mut self) -> Result<Vec<SchemaVersion>, SnapshotError> {
        const LATEST: &str = "select owner, version, written_by from tessera_migrations order by version";
        let mut versions = Vec::new();
        for module in self.modules() {
            let rows: Vec<(String, i64, String)> = self.all(module, LATEST).await?;
            let latest = rows.into_iter().rfind(|(owner, ..)| owner == module);
            let (_, version, written_by) = latest.unwrap_or_default();
            versions.push(SchemaVersion { module: module.to_owned(), version, written_by });
        }
        Ok(versions)
    }

    /// Writes SQLite's modules as files `<module>.db` of their own into `folder`, for their owner alone and on disk when
    /// this returns, and answers their names. `each` is told of every module that is begun. A page that cannot be read is
    /// an error. Does nothing for PostgreSQL, whose data `pg_dump` reads.
    ///
    /// # Errors
    /// The data is damaged, or the copy cannot be written.
    pub fn copy(self, folder: &Path, mut each: impl FnMut(&str)) -> Result<Vec<String>, SnapshotError> {
        let Source::Sqlite(files) = self.source else { return Ok(vec![]) };
        let mut names = Vec::new();
        for Opened { module, mut file } in files {
            each(module.name);
            let name = format!("{}.db", module.name);
            let path = folder.join(&name);
            let mut options = OpenOptions::new();
            let made = options.write(true).create_new(true).mode(0o600).open(&path);
            made.map_err(|source| SnapshotError::Write { path: path.clone(), source })?;
            copy(&mut file, &path).map_err(SnapshotError::engine("copying", module.name))?;
            file.close().map_err(SnapshotError::engine("closing", module.name))?;
            names.push(name);
        }
        Ok(names)
    }
}

/// Takes the snapshot of all files that are there.
fn fence(folder: &Path, modules: &[&'static Module], clock: &dyn Clock) -> Result<Snapshot, SnapshotError> {
    let mut files = Vec::new();
    for module in modules.iter().copied() {
        let path = folder.join(format!("{}.db", module.name));
        if path.exists() {
            files.push((Opened { module, file: connect(&path)? }, connect(&path)?));
        }
    }
    if files.is_empty() {
        return Err(SnapshotError::NoData(folder.to_owned()));
    }
    let began = Instant::now();
    for (opened, fence) in &mut files {
        let module = opened.module.name;
        match fence.run("begin immediate") {
            Err(error) if Trouble::of(&error) == Trouble::Locked => return Err(SnapshotError::Busy { module }),
            Ok(()) if began.elapsed() > ALL_WRITES => return Err(SnapshotError::Busy { module }),
            begun => begun.map_err(SnapshotError::engine("fencing", module))?,
        }
    }
    for (Opened { module, file }, _) in &mut files {
        let begun = file.run("begin; select count(*) from sqlite_schema");
        begun.map_err(SnapshotError::engine("reading", module.name))?;
    }
    let taken = clock.now();
    for (opened, fence) in &mut files {
        fence.run("rollback").map_err(SnapshotError::engine("letting go of", opened.module.name))?;
    }
    let fenced = began.elapsed();
    let mut opened = Vec::new();
    for (of, fence) in files {
        fence.close().map_err(SnapshotError::engine("letting go of", of.module.name))?;
        opened.push(of);
    }
    Ok(Snapshot { taken, fenced, source: Source::Sqlite(opened) })
}

fn connect(path: &Path) -> Result<File, SnapshotError> {
    // Rows are copied table by table: a child may come before its parent.
    let file = OpenFile::new(path).busy(ONE_WRITE).without_foreign_keys();
    Ok(file.open().map_err(|error| OpenError::file(path.to_owned(), error))?)
}

async fn export(url: &str, modules: &[&'static Module], clock: &dyn Clock) -> Result<Snapshot, SnapshotError> {
    let options = PgConnectOptions::from_str(url).map_err(|source| OpenError::Url { module: "all".into(), source })?;
    let connected = options.application_name("tessera-backup").connect().await;
    let mut conn = connected.map_err(|error| OpenError::postgres("all modules", error))?;
    let failed = || SnapshotError::engine::<sqlx::Error>("taking a snapshot of", "PostgreSQL");
    let begin = "begin isolation level repeatable read, read only";
    sqlx::raw_sql(begin).execute(&mut conn).await.map_err(failed())?;
    let name: String = sqlx::query_scalar("select pg_export_snapshot()").fetch_one(&mut conn).await.map_err(failed())?;
    let taken = clock.now();
    let schemas: Vec<String> =
        sqlx::query_scalar("select nspname::text from pg_namespace").fetch_all(&mut conn).await.map_err(failed())?;
    let modules: Vec<_> =
        modules.iter().copied().filter(|module| schemas.iter().any(|schema| schema == module.name)).collect();
    let source = Source::Postgres { conn: Box::new(conn), name, modules };
    Ok(Snapshot { taken, fenced: Duration::ZERO, source })
}

/// Copies all that the connection's read transaction sees into the empty file at `to`, in one transaction: rows first,
/// then indexes, which are built anew.
fn copy(file: &mut File, to: &Path) -> Answer<()> {
    const OBJECTS: &str = "select type, name, sql from sqlite_schema where sql is not null and name not like \
        'sqlite\\_%' escape '\\' order by case type when 'table' then 0 else 1 end, rowid";
    file.execute("attach $1 as copy", &params![to.to_string_lossy().into_owned()])?;
    // As a store makes its file: it is set before the first table, or never.
    file.run("pragma copy.auto_vacuum = incremental")?;
    let objects: Vec<(String, String, String)> = file.all(OBJECTS, &[])?;
    for (kind, name, sql) in objects {
        let made = in_copy(&sql).ok_or_else(|| EngineError::Shape(format!("{kind} {name} cannot be copied")))?;
        file.run(&made)?;
        if kind == "table" {
            let name = name.replace('"', "\"\"");
            file.run(&format!("insert into copy.\"{name}\" select * from main.\"{name}\""))?;
        }
    }
    // Numbers that were given out are not given out again, also of rows that are deleted.
    const COUNTED: &str = "select count(*) from main.sqlite_schema where name = 'sqlite_sequence'";
    if file.scalar::<i64>(COUNTED, &[])? > 0 {
        const COUNTERS: &str = "delete from copy.sqlite_sequence; \
            insert into copy.sqlite_sequence select * from main.sqlite_sequence";
        file.run(COUNTERS)?;
    }
    file.run("commit")
}

/// A statement of SQLite's schema, for the attached database: there it begins as SQLite itself writes it.
fn in_copy(sql: &str) -> Option<String> {
    ["CREATE TABLE ", "CREATE INDEX ", "CREATE UNIQUE INDEX "]
        .iter()
        .find_map(|begin| sql.strip_prefix(begin).map(|rest| format!("{begin}copy.{rest}")))
}

#[cfg(test)]
mod tests {
    use super::in_copy;

    #[test]
    fn what_makes_a_table_or_an_index_makes_it_in_the_copy() {
        for (sql, expected) in [
            ("CREATE TABLE songs (id text)", Some("CREATE TABLE copy.songs (id text)")),
            (
                "CREATE UNIQUE INDEX \"by name\" on songs (id)",
                Some("CREATE UNIQUE INDEX copy.\"by name\" on songs (id)"),
            ),
            ("CREATE VIRTUAL TABLE words using fts5(text)", None),
        ] {
            assert_eq!(in_copy(sql).as_deref(), expected);
        }
    }
}
