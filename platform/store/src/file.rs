//! A connection to a SQLite file: opening it, and running statements on the thread that asks.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rusqlite::{
    OpenFlags, Statement,
    config::DbConfig,
    types::{ToSql, ToSqlOutput, Value as Owned, ValueRef},
};

use crate::{
    Param, Row,
    error::{Answer, EngineError},
    row,
};

/// Statements kept prepared.
const PREPARED: usize = 512;
/// Instructions of SQLite's machine between two looks at whether to go on.
const INSTRUCTIONS: i32 = 1000;
/// Looks that are never used up.
const UNLIMITED: u32 = u32::MAX;

/// What a connection that reads keeps of the file, in KiB: the index of a million grants, whose inner pages each look-up passes.
const REMEMBERED: u32 = 8 << 10;

/// What a connection may do, and to which file.
#[derive(Debug, Clone)]
pub(crate) struct OpenFile {
    path: PathBuf,
    access: Access,
    busy: Duration,
    foreign_keys: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Write,
    Create,
    Read,
    /// Nothing beside the file is needed or made: nobody writes it meanwhile.
    Settled,
}

/// An open connection.
pub(crate) struct File {
    conn: rusqlite::Connection,
    /// Looks that are left until a statement is given up, or [`UNLIMITED`].
    looks: Arc<AtomicU32>,
    busy: Duration,
}

impl OpenFile {
    pub(crate) fn new(path: &Path) -> Self {
        let busy = Duration::from_secs(5);
        Self { path: path.to_owned(), access: Access::Write, busy, foreign_keys: true }
    }

    /// Makes the file where there is none.
    pub(crate) fn create(self) -> Self {
        Self { access: Access::Create, ..self }
    }

    pub(crate) fn read_only(self) -> Self {
        Self { access: Access::Read, ..self }
    }

    /// For a file that nobody writes and whose log is empty.
    pub(crate) fn settled(self) -> Self {
        Self { access: Access::Settled, ..self }
    }

    /// How long a statement waits for another connection's lock.
    pub(crate) fn busy(self, busy: Duration) -> Self {
        Self { busy, ..self }
    }

    pub(crate) fn without_foreign_keys(self) -> Self {
        Self { foreign_keys: false, ..self }
    }

    pub(crate) fn open(&self) -> Answer<File> {
        let access = match self.access {
            Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
            Access::Create => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
            Access::Settled => OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
        };
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut conn = match self.access {
            Access::Settled => rusqlite::Connection::open_with_flags(settled(&self.path), flags)?,
            _ => rusqlite::Connection::open_with_flags(&self.path, flags)?,
        };
        conn.busy_timeout(self.busy)?;
        // Else the planner looks at what is bound, and plans a prepared statement anew whenever that changes.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        conn.set_prepared_statement_cache_capacity(PREPARED);
        let looks = Arc::new(AtomicU32::new(UNLIMITED));
        let left = looks.clone();
        let look = move || match left.load(Ordering::Relaxed) {
            UNLIMITED => false,
            0 => true,
            some => {
                left.store(some - 1, Ordering::Relaxed);
                false
            }
        };
        conn.progress_handler(INSTRUCTIONS, Some(look))?;
        let mut file = File { conn, looks, busy: self.busy };
        file.run(if self.foreign_keys { "pragma foreign_keys = on" } else { "pragma foreign_keys = off" })?;
        if self.access == Access::Read {
            file.run(&format!("pragma cache_size = -{REMEMBERED}"))?; // https://www.sqlite.org/pragma.html#pragma_cache_size
        }
        Ok(file)
    }
}

/// <https://www.sqlite.org/uri.html>: the characters that end a path are escaped.
fn settled(path: &Path) -> String {
    let path = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("file:{path}?immutable=1")
}

impl File {
    /// Runs statements without params, one after the other.
    pub(crate) fn run(&mut self, sql: &str) -> Answer<()> {
        Ok(self.conn.execute_batch(sql)?)
    }

    /// Runs a statement; answers how many rows it touched.
    pub(crate) fn execute(&mut self, sql: &str, params: &[Param]) -> Answer<u64> {
        let before = self.conn.total_changes();
        let mut statement = self.conn.prepare_cached(sql)?;
        bind(&mut statement, params)?;
        let mut rows = statement.raw_query();
        while rows.next()?.is_some() {}
        // A statement that changes nothing leaves the count of the one before it.
        Ok(if self.conn.total_changes() == before { 0 } else { self.conn.changes() })
    }

    /// All rows.
    pub(crate) fn all<T: Row>(&mut self, sql: &str, params: &[Param]) -> Answer<Vec<T>> {
        let mut statement = self.conn.prepare_cached(sql)?;
        bind(&mut statement, params)?;
        let mut rows = statement.raw_query();
        let mut all = Vec::new();
        while let Some(found) = rows.next()? {
            all.push(row::read(found)?);
        }
        Ok(all)
    }

    /// The row, if there is one.
    pub(crate) fn optional<T: Row>(&mut self, sql: &str, params: &[Param]) -> Answer<Option<T>> {
        let mut statement = self.conn.prepare_cached(sql)?;
        bind(&mut statement, params)?;
        let mut rows = statement.raw_query();
        rows.next()?.map(row::read).transpose()
    }

    /// The first column of the row that must be there.
    pub(crate) fn scalar<T>(&mut self, sql: &str, params: &[Param]) -> Answer<T>
    where
        (T,): Row,
    {
        self.optional::<(T,)>(sql, params)?.map(|(value,)| value).ok_or(EngineError::NoRow)
    }

    /// Each row as it comes, until `each` says that it is enough.
    pub(crate) fn each(
        &mut self,
        sql: &str,
        params: &[Param],
        mut each: impl FnMut(&rusqlite::Row<'_>) -> Answer<bool>,
    ) -> Answer<()> {
        let mut statement = self.conn.prepare(sql)?;
        bind(&mut statement, params)?;
        let mut rows = statement.raw_query();
        while let Some(found) = rows.next()? {
            if !each(found)? {
                break;
            }
        }
        Ok(())
    }

    /// From now on, gives a statement up ([`is_given_up`]) after so many thousand instructions, or at once where it would
    /// wait for a lock; `None` never does.
    pub(crate) fn limit(&mut self, thousands: Option<u32>) -> Answer<()> {
        self.looks.store(thousands.unwrap_or(UNLIMITED), Ordering::Relaxed);
        let busy = if thousands.is_some() { Duration::ZERO } else { self.busy };
        Ok(self.conn.busy_timeout(busy)?)
    }

    /// Closes it. The last connection to close a file brings its log's pages into it.
    pub(crate) fn close(self) -> Answer<()> {
        self.conn.close().map_err(|(_, error)| error.into())
    }
}

/// Whether a statement was given up for its length, or for a lock.
pub(crate) fn is_given_up(error: &EngineError) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, OperationInterrupted};
    matches!(error, EngineError::Sqlite(error)
        if matches!(error.sqlite_error_code(), Some(OperationInterrupted | DatabaseBusy)))
}

/// `$2` is the second of `params`, whatever SQLite counts it as: to it, `$2` is a name.
fn bind(statement: &mut Statement<'_>, params: &[Param]) -> Answer<()> {
    for at in 1..=statement.parameter_count() {
        let number = statement.parameter_name(at).and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok());
        let param = number.unwrap_or(at).checked_sub(1).and_then(|at| params.get(at));
        let param = param.ok_or_else(|| EngineError::Shape(format!("there is no value for parameter {at}")))?;
        statement.raw_bind_parameter(at, param)?;
    }
    Ok(())
}

impl ToSql for Param {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Text(Some(text)) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Bytes(Some(bytes)) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Self::Int(Some(value)) => ToSqlOutput::Owned(Owned::Integer(*value)),
            Self::Float(Some(value)) => ToSqlOutput::Owned(Owned::Real(*value)),
            Self::Bool(Some(value)) => ToSqlOutput::Owned(Owned::Integer((*value).into())),
            Self::Text(None) | Self::Bytes(None) | Self::Int(None) | Self::Float(None) | Self::Bool(None) => {
                ToSqlOutput::Owned(Owned::Null)
            }
        })
    }
}
