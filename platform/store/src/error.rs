//! What an engine says when it does not do what it was asked.

/// An engine's error, or the handle's own where no engine was reached.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// SQLite refused.
    #[error(transparent)]
    Sqlite(Box<rusqlite::Error>),
    /// PostgreSQL refused, or its connection broke.
    #[error(transparent)]
    Postgres(#[from] sqlx::Error),
    /// A row does not have the shape that was asked for.
    #[error("a row is not what was asked for: {0}")]
    Shape(String),
    /// A row that must be there is not.
    #[error("there is no such row")]
    NoRow,
    /// All connections stayed busy.
    #[error("no connection came free in time")]
    Busy,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// Whether it happened is not known: the engine was lost before it answered.
    #[error("the engine was lost before it answered")]
    Lost,
}

impl From<rusqlite::Error> for EngineError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Box::new(error))
    }
}

/// What an engine answers.
pub(crate) type Answer<T> = Result<T, EngineError>;

impl EngineError {
    /// Whether the disk is full.
    pub fn is_disk_full(&self) -> bool {
        crate::trouble::Trouble::of(self) == crate::trouble::Trouble::DiskFull
    }
}
