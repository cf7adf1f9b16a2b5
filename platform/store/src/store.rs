//! The handle of an open store.

use std::sync::{Arc, Weak};

use tessera_contract::Failure;
use tessera_types::{Clock, Timestamp};
use tokio::sync::oneshot;

use crate::{
    Engine, Module, OpenError, StoreConfig, gauges,
    postgres::{self, Postgres},
    site::Site,
    sqlite::{self, Message, Sqlite},
    trouble::unavailable,
    write::Queued,
};

/// A module's data. Cheap to clone; all clones are one store.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

/// A handle that does not keep the store open.
pub(crate) struct WeakStore(Weak<Inner>);

impl WeakStore {
    pub(crate) fn upgrade(&self) -> Option<Store> {
        self.0.upgrade().map(|inner| Store { inner })
    }
}

struct Inner {
    site: Arc<Site>,
    backend: Backend,
}

/// The engine behind a store.
pub(crate) enum Backend {
    Sqlite(Box<Sqlite>),
    Postgres(Arc<Postgres>),
}

impl Store {
    /// Opens the store of `module`, creating it or bringing it up to date. `clock` is wall time.
    ///
    /// For SQLite, hold the folder's [`crate::DataFolder`] lock: there must be one process.
    pub async fn open(config: &StoreConfig, module: &'static Module, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        gauges::opened(module.name);
        let site = Site::new(module, clock);
        let backend = match config {
            StoreConfig::Sqlite { folder } => {
                Backend::Sqlite(Box::new(sqlite::open(folder, module, site.clone()).await?))
            }
            StoreConfig::Postgres { url, max_connections } => {
                Backend::Postgres(Arc::new(postgres::open(url, *max_connections, module, site.clone()).await?))
            }
        };
        Ok(Self { inner: Arc::new(Inner { site, backend }) })
    }

    /// Finishes the writes under way and closes the files or connections. Later calls fail as unavailable.
    pub async fn close(&self) {
        match &self.inner.backend {
            Backend::Sqlite(sqlite) => {
                // The writer last: whoever closes a file last brings the log's pages into it, and a reader may not write.
                sqlite.readers.close().await;
                let (done, closed) = oneshot::channel();
                if sqlite.queue.send(Message::Close(done)).await.is_ok() {
                    // An error says that the writer is gone: closed.
                    let _ = closed.await;
                }
            }
            Backend::Postgres(postgres) => postgres.pool.close().await,
        }
    }

    /// Whether the store answers: for readiness.
    pub async fn ping(&self) -> Result<(), Failure> {
        self.system().scalar::<i64>("select cast(1 as bigint)", vec![]).await.map(drop)
    }

    /// Whose store it is.
    pub fn module(&self) -> &'static Module {
        self.inner.site.module
    }

    /// Which engine it runs on.
    pub fn engine(&self) -> Engine {
        match self.inner.backend {
            Backend::Sqlite(_) => Engine::Sqlite,
            Backend::Postgres(_) => Engine::Postgres,
        }
    }

    /// Wall time, by the clock the store was opened with.
    pub fn now(&self) -> Timestamp {
        self.inner.site.clock.now()
    }

    /// The clock the store was opened with.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.inner.site.clock.clone()
    }

    pub(crate) fn downgrade(&self) -> WeakStore {
        WeakStore(Arc::downgrade(&self.inner))
    }

    pub(crate) fn site(&self) -> &Arc<Site> {
        &self.inner.site
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.inner.backend
    }

    /// Hands a write to its engine.
    pub(crate) async fn enqueue(&self, write: Box<dyn Queued>) -> Result<(), Failure> {
        match &self.inner.backend {
            Backend::Sqlite(sqlite) => {
                let sent = sqlite.queue.send(Message::Write(write)).await;
                sent.map_err(|_| unavailable(self.module().name, "is closed"))
            }
            Backend::Postgres(postgres) => {
                tokio::spawn(postgres.clone().write(write));
                Ok(())
            }
        }
    }
}
