//! Why a store does not open.

use std::path::PathBuf;

use tessera_contract::{Failure, FailureKind};

use crate::{error::EngineError, trouble::Trouble};

/// Why a store does not open. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A later version of the program has been here.
    #[error(
        "the {module} data is of schema version {found} (applied by tessera {written_by}), newer than the {known} that \
         this tessera {} knows: start tessera {written_by} or later, or restore a backup made before that upgrade",
        env!("CARGO_PKG_VERSION")
    )]
    NewerData {
        /// Whose data.
        module: String,
        /// The version found.
        found: i64,
        /// The latest version this program knows.
        known: i64,
        /// The program that wrote it.
        written_by: String,
    },
    /// A migration that has run is not the one this program has under that name.
    #[error(
        "migration {name} of {module} is not the one that has run on this data: a released migration never changes; \
         use the program that the data came from, or add a new migration"
    )]
    ChangedMigration {
        /// Whose.
        module: String,
        /// Which.
        name: String,
    },
    /// A migration failed; nothing of it remains.
    #[error("migration {name} of {place} failed and was undone: {hint}")]
    Migration {
        /// The file or schema.
        place: String,
        /// Which.
        name: String,
        /// What is wrong and what to do.
        hint: &'static str,
        /// What the engine said.
        source: EngineError,
    },
    /// The file or its folder cannot be used.
    #[error("the data file {} cannot be opened: {hint}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong and what to do.
        hint: &'static str,
        /// What the engine said.
        source: EngineError,
    },
    /// The server cannot be reached, or refuses.
    #[error("PostgreSQL for {module} cannot be used ({hint})")]
    Postgres {
        /// Whose store.
        module: String,
        /// What is wrong and what to do.
        hint: String,
        /// What the server said.
        source: EngineError,
    },
    /// The configured address is not one.
    #[error("the PostgreSQL address for {module} is not a URL such as postgres://user:password@host/database")]
    Url {
        /// Whose store.
        module: String,
        /// Why not.
        source: sqlx::Error,
    },
    /// It opened, and refused what its module does first in it.
    #[error(transparent)]
    First(#[from] Failure),
}

impl OpenError {
    pub(crate) fn file(path: PathBuf, source: EngineError) -> Self {
        let hint = match Trouble::of(&source) {
            Trouble::Damaged => "it is not a database or is damaged: restore it from a backup",
            Trouble::DiskFull => "the disk is full: free some space and start again",
            Trouble::ReadOnly => "it is read-only: check permissions and the mount",
            Trouble::Locked => "another process holds it",
            Trouble::Disk => {
                "the disk does not read or write it: look for full or read-only disks and the kernel's log"
            }
            Trouble::Conflict | Trouble::Unreachable | Trouble::Fault => "check that the folder exists and is writable",
        };
        Self::File { path, hint, source }
    }

    pub(crate) fn migration(place: &str, name: &str, source: EngineError) -> Self {
        let hint = match Trouble::of(&source) {
            Trouble::DiskFull => "the disk is full: free some space and start again",
            Trouble::ReadOnly => "it is read-only: check permissions and the mount",
            Trouble::Damaged => "the data is damaged: restore it from a backup",
            Trouble::Disk => {
                "the disk does not read or write it: look for full or read-only disks and the kernel's log"
            }
            Trouble::Locked | Trouble::Conflict | Trouble::Unreachable => "it could not be reached: start again",
            Trouble::Fault => "the data is as before: report this, and start the version that it was written by",
        };
        Self::Migration { place: place.into(), name: name.into(), hint, source }
    }

    pub(crate) fn postgres(module: &str, source: impl Into<EngineError>) -> Self {
        let source = source.into();
        let code = match &source {
            EngineError::Postgres(sqlx::Error::Database(error)) => error.code().unwrap_or_default().into_owned(),
            _ => String::new(),
        };
        let hint = match code.as_str() {
            "42501" => format!(
                "the configured role may not create what is needed; as an administrator run: create role \
                 tessera_{module}_tenant nologin; create role tessera_{module}_system nologin; grant \
                 tessera_{module}_tenant, tessera_{module}_system to <the configured role>; grant create on database \
                 <the database> to <the configured role>"
            ),
            "28P01" | "28000" => "sign-in was refused: check user and password".into(),
            "3D000" => "there is no such database: create it first".into(),
            _ => "check that the server runs and the address is right".into(),
        };
        Self::Postgres { module: module.into(), hint, source }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let detail = error.to_string();
        let failure = Failure::unavailable(&detail, error);
        debug_assert_eq!(failure.kind, FailureKind::Unavailable);
        failure
    }
}
