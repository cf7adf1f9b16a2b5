//! What the engines' errors mean to a caller.

use std::fmt;

use tessera_contract::{Failure, FailureKind};

use crate::error::EngineError;

/// A statement and what the engine said of it; for the log.
#[derive(Debug, thiserror::Error)]
struct StatementError {
    sql: String,
    source: EngineError,
}

impl fmt::Display for StatementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in `{}`", self.source, self.sql)
    }
}

/// What kind of trouble an engine is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Lost against a concurrent transaction: run it again.
    Conflict,
    /// Waited too long for another transaction's lock.
    Locked,
    DiskFull,
    ReadOnly,
    Damaged,
    /// The disk did not read or write.
    Disk,
    /// The engine cannot be reached, or has no connection free.
    Unreachable,
    /// A broken rule of the schema or a statement that is wrong: a fault of ours.
    Fault,
}

impl Trouble {
    pub(crate) fn of(error: &EngineError) -> Self {
        match error {
            EngineError::Sqlite(error) => match error.sqlite_error() {
                Some(error) => Self::of_sqlite(error.extended_code),
                None => Self::Fault,
            },
            EngineError::Postgres(sqlx::Error::Database(error)) => Self::of_postgres(&error.code().unwrap_or_default()),
            EngineError::Postgres(
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::Protocol(_),
            )
            | EngineError::Busy
            | EngineError::Closed
            | EngineError::Lost => Self::Unreachable,
            EngineError::Postgres(_) | EngineError::Shape(_) | EngineError::NoRow => Self::Fault,
        }
    }

    /// <https://www.sqlite.org/rescode.html>: the low byte is the primary code.
    fn of_sqlite(code: i32) -> Self {
        match code & 0xff {
            5 | 6 => Self::Locked,
            8 => Self::ReadOnly,
            13 => Self::DiskFull,
            11 | 26 => Self::Damaged,
            10 | 14 => Self::Disk,
            _ => Self::Fault,
        }
    }

    /// <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
    fn of_postgres(code: &str) -> Self {
        match code {
            "40001" | "40P01" => Self::Conflict,
            "55P03" => Self::Locked,
            "53100" => Self::DiskFull,
            "25006" => Self::ReadOnly,
            "XX001" | "XX002" => Self::Damaged,
            _ if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => Self::Unreachable,
            _ => Self::Fault,
        }
    }

    /// Its name in metrics.
    const fn name(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Locked => "locked",
            Self::DiskFull => "disk_full",
            Self::ReadOnly => "read_only",
            Self::Damaged => "damaged",
            Self::Disk => "disk",
            Self::Unreachable => "unreachable",
            Self::Fault => "fault",
        }
    }

    /// The failure a caller gets; `module` names the store, `doing` what was being done with it.
    pub(crate) fn failure(self, module: &'static str, doing: &str, sql: &str, source: EngineError) -> Failure {
        metrics::counter!("tessera_store_errors_total", "module" => module, "kind" => self.name()).increment(1);
        let source = StatementError { sql: sql.to_owned(), source };
        let what = match self {
            Self::Conflict => "too many concurrent writes to the same data: try again",
            Self::Locked => "another write holds the data: try again",
            Self::DiskFull => "the disk is full: free some space",
            Self::ReadOnly => "the data is read-only: check permissions and the mount",
            Self::Damaged => "the data is damaged: `tessera doctor --deep` says where; restore it from a backup",
            Self::Disk => "the disk does not read or write it: look for full or read-only disks and the kernel's log",
            Self::Unreachable => "the database cannot be reached",
            Self::Fault => return Failure::internal(&format!("{doing} the {module} store failed"), source),
        };
        match self {
            Self::Damaged => tracing::error!(module, doing, error = %source, "the store's data is damaged"),
            _ => tracing::warn!(module, doing, error = %source, "store in trouble"),
        }
        Failure::unavailable(&format!("{doing} the {module} store: {what}"), source)
    }
}

/// The failure for `error` of `sql`.
pub(crate) fn failure(module: &'static str, doing: &str, sql: &str, error: EngineError) -> Failure {
    Trouble::of(&error).failure(module, doing, sql, error)
}

/// Begins the counts of a module's troubles at zero, so that the first one is seen as a rise.
pub(crate) fn announce(module: &'static str) {
    for kind in [
        Trouble::Conflict,
        Trouble::Locked,
        Trouble::DiskFull,
        Trouble::ReadOnly,
        Trouble::Damaged,
        Trouble::Disk,
        Trouble::Unreachable,
        Trouble::Fault,
    ] {
        metrics::counter!("tessera_store_errors_total", "module" => module, "kind" => kind.name()).increment(0);
    }
}

/// A failure without an engine's error behind it.
pub(crate) fn unavailable(module: &str, what: &str) -> Failure {
    Failure::new(FailureKind::Unavailable, format!("the {module} store {what}"))
}
