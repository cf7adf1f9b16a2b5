//! A store seen from outside: read-only, beside whoever serves from it, or when nobody does.

use std::{path::Path, str::FromStr};

use sqlx::{ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};
use tessera_contract::Failure;
use tessera_types::Timestamp;

use crate::{
    Module, OpenError, Param, Position, Row, StoreConfig,
    error::Answer,
    file::{File, OpenFile},
    params,
    statement::Connection,
    trouble::{self, Trouble},
};

/// Findings of one table, at most.
const FINDINGS: usize = 10;

/// A store that is looked at. It changes nothing, and locks nobody out.
pub struct Inspector {
    module: &'static Module,
    conn: Open,
}

enum Open {
    Sqlite(File),
    Postgres(PgConnection),
}

/// A job that has ended badly.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct DeadJob {
    /// Whose.
    pub tenant: String,
    /// What kind of job.
    pub kind: String,
    /// Its key among the tenant's jobs of this kind.
    pub key: String,
    /// What its last attempt failed with.
    pub error: Option<String>,
}

/// An event that a consumer could not handle.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct ParkedEvent {
    /// The consumer.
    pub consumer: String,
    /// Whose.
    pub tenant: String,
    /// What it is about; later events of it wait behind this one.
    pub subject: String,
    /// What the handler failed with.
    pub error: Option<String>,
    parked_us: i64,
}

impl ParkedEvent {
    /// Since when.
    pub fn since(&self) -> Timestamp {
        Timestamp::from_micros(self.parked_us)
    }
}

const OLDEST_EVENT: &str = "select min(time_us) from tessera_outbox";
const UNREAD: &str = "select min(time_us) from tessera_outbox where (xact, seq) > ($1, $2)";
const OFFSETS: &str = "select consumer, xact, seq from tessera_offsets order by consumer";
const DEAD: &str = "select tenant, kind, key, error from tessera_jobs where state = 'dead' \
    order by updated_us desc limit 100";
const WAITING: &str = "select min(run_at_us) from tessera_jobs where state = 'queued' and run_at_us <= $1";
const PARKED: &str = "select consumer, tenant, subject, error, parked_us from tessera_parked \
    order by parked_us limit 100";
const TABLES: &str = "select name from sqlite_master where type = 'table' order by name";

impl Inspector {
    /// Looks at the store of `module`; `None` when there is none yet. `served` says whether a process has it open.
    ///
    /// # Errors
    /// It is there and cannot be opened; the error says what to do.
    pub async fn open(config: &StoreConfig, module: &'static Module, served: bool) -> Result<Option<Self>, OpenError> {
        match config {
            StoreConfig::Sqlite { folder } => {
                let path = folder.join(format!("{}.db", module.name));
                if !path.exists() {
                    return Ok(None);
                }
                let file = file(&path, served).map_err(|error| OpenError::file(path.clone(), error))?;
                Ok(Some(Self { module, conn: Open::Sqlite(file) }))
            }
            StoreConfig::Postgres { url, .. } => {
                let options = PgConnectOptions::from_str(url)
                    .map_err(|source| OpenError::Url { module: module.name.into(), source })?
                    .application_name("tessera-doctor")
                    .options([("search_path", module.name), ("statement_timeout", "60s")]);
                let trouble = |error| OpenError::postgres(module.name, error);
                let mut conn = options.connect().await.map_err(trouble)?;
                let there: Option<i32> = sqlx::query_scalar("select 1 from pg_namespace where nspname = $1")
                    .bind(module.name)
                    .fetch_optional(&mut conn)
                    .await
                    .map_err(trouble)?;
                if there.is_none() {
                    return Ok(None);
                }
                // Nobody's rows are hidden from it.
                let role = format!("set role tessera_{}_system", module.name);
                sqlx::raw_sql(sqlx::AssertSqlSafe(role)).execute(&mut conn).await.map_err(trouble)?;
                Ok(Some(Self { module, conn: Open::Postgres(conn) }))
            }
        }
    }

    /// All rows of a module's own question.
    ///
    /// # Errors
    /// The store cannot be read, or is damaged.
    pub async fn all<T: Row>(&mut self, sql: &'static str, params: Vec<Param>) -> Result<Vec<T>, Failure> {
        let read = self.connection().all(sql, params).await;
        read.map_err(|error| trouble::failure(self.module.name, "looking at", sql, error))
    }

    /// When the oldest event that is kept was emitted.
    ///
    /// # Errors
    /// As [`Inspector::all`], as for all that follow.
    pub async fn oldest_event(&mut self) -> Result<Option<Timestamp>, Failure> {
        self.time(OLDEST_EVENT, vec![]).await
    }

    /// Where the consumers stand that keep their books here, by name.
    pub async fn offsets(&mut self) -> Result<Vec<(String, Position)>, Failure> {
        let rows: Vec<(String, i64, i64)> = self.all(OFFSETS, vec![]).await?;
        Ok(rows.into_iter().map(|(consumer, xact, seq)| (consumer, Position { xact, seq })).collect())
    }

    /// When the first event after `position` was emitted.
    pub async fn unread_since(&mut self, position: Position) -> Result<Option<Timestamp>, Failure> {
        self.time(UNREAD, params![position.xact, position.seq]).await
    }

    /// Jobs that have ended badly, the latest first, at most a hundred.
    pub async fn dead_jobs(&mut self) -> Result<Vec<DeadJob>, Failure> {
        self.all(DEAD, vec![]).await
    }

    /// Since when a job is due that nobody works on.
    pub async fn job_waits_since(&mut self, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
        self.time(WAITING, params![now]).await
    }

    /// Events that a consumer could not handle, the oldest first, at most a hundred.
    pub async fn parked(&mut self) -> Result<Vec<ParkedEvent>, Failure> {
        self.all(PARKED, vec![]).await
    }

    /// What is wrong with the file, each finding with its table where the engine says one; empty when it is sound.
    /// `deep` compares every index with its table too. PostgreSQL looks after its own.
    ///
    /// # Errors
    /// The file cannot be read for another reason than damage.
    pub fn damage(&mut self, deep: bool) -> Result<Vec<String>, Failure> {
        let Open::Sqlite(file) = &mut self.conn else { return Ok(vec![]) };
        let tables: Vec<(String,)> = match file.all(TABLES, &[]) {
            Ok(tables) => tables,
            Err(error) if Trouble::of(&error) == Trouble::Damaged => return Ok(vec![error.to_string()]),
            Err(error) => return Err(trouble::failure(self.module.name, "looking at", TABLES, error)),
        };
        let check = if deep { "integrity_check" } else { "quick_check" };
        let mut found = Vec::new();
        for (table,) in tables {
            let sql = format!("pragma {check}('{}')", table.replace('\'', "''"));
            match file.all::<(String,)>(&sql, &[]) {
                Ok(rows) => {
                    let lines = rows.iter().flat_map(|(text,)| text.lines());
                    let wrong = lines.filter(|line| *line != "ok" && !line.starts_with("***"));
                    found.extend(wrong.map(|line| format!("table {table}: {line}")).take(FINDINGS));
                }
                Err(error) if Trouble::of(&error) == Trouble::Damaged => found.push(format!("table {table}: {error}")),
                Err(error) => return Err(trouble::failure(self.module.name, "looking at", check, error)),
            }
        }
        Ok(found)
    }

    /// The engine and its version, for people.
    ///
    /// # Errors
    /// As [`Inspector::all`].
    pub async fn engine(&mut self) -> Result<String, Failure> {
        let (name, sql) = match self.conn {
            Open::Sqlite(_) => ("SQLite", "select sqlite_version()"),
            Open::Postgres(_) => ("PostgreSQL", "select current_setting('server_version')"),
        };
        let rows: Vec<(String,)> = self.all(sql, vec![]).await?;
        Ok(format!("{name} {}", rows.first().map_or("?", |(version,)| version)))
    }

    /// Ends the look.
    pub async fn close(self) {
        let closed = match self.conn {
            Open::Sqlite(file) => file.close(),
            Open::Postgres(conn) => conn.close().await.map_err(Into::into),
        };
        if let Err(error) = closed {
            tracing::debug!(module = self.module.name, %error, "ending a look at a store");
        }
    }

    async fn time(&mut self, sql: &'static str, params: Vec<Param>) -> Result<Option<Timestamp>, Failure> {
        let rows: Vec<(Option<i64>,)> = self.all(sql, params).await?;
        Ok(rows.first().and_then(|(micros,)| *micros).map(Timestamp::from_micros))
    }

    fn connection(&mut self) -> Connection<'_> {
        match &mut self.conn {
            Open::Sqlite(file) => Connection::Sqlite(file),
            Open::Postgres(conn) => Connection::Postgres(conn),
        }
    }
}

/// Opens a file so that nothing beside it has to be written where nobody serves from it and its log is empty.
fn file(path: &Path, served: bool) -> Answer<File> {
    let log = path.with_extension("db-wal");
    let settled = !served && std::fs::metadata(&log).map_or(0, |log| log.len()) == 0;
    let file = OpenFile::new(path);
    if settled { file.settled() } else { file.read_only() }.open()
}
