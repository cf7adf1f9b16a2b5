//! The connections that read a SQLite file.
//!
//! A read costs microseconds, less than handing it to another thread: it runs on the thread that asks. One that turns
//! out long, or has to wait for a lock, is given up there and begun again on a thread that may wait.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    error::{Answer, EngineError},
    file::{File, OpenFile, is_given_up},
};

/// How long a read waits for a connection.
const WAIT: Duration = Duration::from_secs(5);
/// Thousands of instructions that a read may take on the thread that asks: about a millisecond.
const SHORT: u32 = 100;

/// Connections of one file, opened when they are first needed.
pub(crate) struct Readers {
    file: OpenFile,
    most: usize,
    turns: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<File>>>,
}

/// The use of a connection, which is given back with this value.
struct Reading {
    file: Option<File>,
    idle: Arc<Mutex<Vec<File>>>,
    _turn: OwnedSemaphorePermit,
}

impl Readers {
    pub(crate) fn new(file: OpenFile, most: usize) -> Self {
        Self { file, most, turns: Arc::new(Semaphore::new(most)), idle: Arc::default() }
    }

    /// Runs `read`, which is one statement, on a connection when there is one free; perhaps twice.
    pub(crate) async fn read<T, F>(&self, read: F) -> Answer<T>
    where
        T: Send + 'static,
        F: Fn(&mut File) -> Answer<T> + Send + 'static,
    {
        let mut reading = self.acquire().await?;
        match reading.run(Some(SHORT), &read) {
            Err(error) if is_given_up(&error) => {
                let long = tokio::task::spawn_blocking(move || reading.run(None, &read));
                long.await.unwrap_or(Err(EngineError::Lost))
            }
            read => read,
        }
    }

    async fn acquire(&self) -> Answer<Reading> {
        let turn = match self.turns.clone().try_acquire_owned() {
            Ok(turn) => turn,
            Err(_) => {
                let turn = tokio::time::timeout(WAIT, self.turns.clone().acquire_owned()).await;
                turn.map_err(|_| EngineError::Busy)?.map_err(|_| EngineError::Closed)?
            }
        };
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let file = match idle {
            Some(file) => file,
            None => self.file.open()?,
        };
        Ok(Reading { file: Some(file), idle: self.idle.clone(), _turn: turn })
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
        for file in idle {
            if let Err(error) = file.close() {
                tracing::warn!(%error, "closing a reader of a data file");
            }
        }
    }
}

impl Reading {
    fn run<T>(&mut self, thousands: Option<u32>, read: impl Fn(&mut File) -> Answer<T>) -> Answer<T> {
        let file = self.file.as_mut().ok_or(EngineError::Closed)?;
        file.limit(thousands)?;
        read(file)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        // Before the turn is given back, so that whoever gets it finds the connection.
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.file.take());
    }
}
