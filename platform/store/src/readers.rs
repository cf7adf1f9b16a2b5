//! The connections that read a SQLite file.
//!
//! A pool of our own because a read costs microseconds: the general one gives a connection back in a task, and the task
//! wakes another thread.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a read waits for a connection.
const WAIT: Duration = Duration::from_secs(5);

/// Connections of one file, opened when they are first needed.
pub(crate) struct Readers {
    options: SqliteConnectOptions,
    most: usize,
    turns: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<SqliteConnection>>>,
}

/// A connection that is given back with this value.
pub(crate) struct Reading {
    connection: Option<SqliteConnection>,
    idle: Arc<Mutex<Vec<SqliteConnection>>>,
    _turn: OwnedSemaphorePermit,
}

impl Readers {
    pub(crate) fn new(options: SqliteConnectOptions, most: usize) -> Self {
        Self { options, most, turns: Arc::new(Semaphore::new(most)), idle: Arc::default() }
    }

    /// A connection, when there is one free.
    pub(crate) async fn acquire(&self) -> sqlx::Result<Reading> {
        let turn = match self.turns.clone().try_acquire_owned() {
            Ok(turn) => turn,
            Err(_) => {
                let turn = tokio::time::timeout(WAIT, self.turns.clone().acquire_owned()).await;
                turn.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?
            }
        };
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.options.connect().await?,
        };
        Ok(Reading { connection: Some(connection), idle: self.idle.clone(), _turn: turn })
    }

    /// Connections at work, and how many there can be.
    pub(crate) fn busy(&self) -> (usize, usize) {
        (self.most - self.turns.available_permits().min(self.most), self.most)
    }

    /// Waits for the reads under way, and closes the file.
    pub(crate) async fn close(&self) {
        let all = u32::try_from(self.most).unwrap_or(u32::MAX);
        // Nobody holds one for longer than a read; an error says that it is closed already.
        let _all = self.turns.acquire_many(all).await;
        self.turns.close();
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for connection in idle {
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, "closing a reader of a data file");
            }
        }
    }
}

impl Deref for Reading {
    type Target = SqliteConnection;
    fn deref(&self) -> &SqliteConnection {
        self.connection.as_ref().expect("held until it is dropped")
    }
}

impl DerefMut for Reading {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        self.connection.as_mut().expect("held until it is dropped")
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        // Before the turn is given back, so that whoever gets it finds the connection.
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.connection.take());
    }
}
