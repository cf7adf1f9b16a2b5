//! Where a store keeps its data.

use std::{fmt, path::PathBuf};

/// Which engine, and where.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreConfig {
    /// A file `<module>.db` in a folder that this process has locked (see [`crate::DataFolder`]).
    Sqlite {
        /// The data folder.
        folder: PathBuf,
    },
    /// A PostgreSQL database; every module has its own schema there.
    Postgres {
        /// `postgres://user:password@host:port/database`, of a role that owns the schemas.
        url: String,
        /// How many connections a module may hold.
        max_connections: u32,
    },
}

impl StoreConfig {
    /// SQLite in `folder`.
    pub fn sqlite(folder: impl Into<PathBuf>) -> Self {
        Self::Sqlite { folder: folder.into() }
    }

    /// PostgreSQL at `url`, with at most eight connections a module.
    pub fn postgres(url: impl Into<String>) -> Self {
        Self::Postgres { url: url.into(), max_connections: 8 }
    }

    /// The engine's name, for logs and messages.
    pub fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres { .. } => "postgres",
        }
    }
}

impl fmt::Debug for StoreConfig {
    /// Without the URL: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { folder } => f.debug_struct("Sqlite").field("folder", folder).finish(),
            Self::Postgres { max_connections, .. } => {
                f.debug_struct("Postgres").field("max_connections", max_connections).finish_non_exhaustive()
            }
        }
    }
}
