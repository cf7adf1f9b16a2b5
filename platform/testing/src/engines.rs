//! The same test on SQLite and on PostgreSQL.

use std::sync::Arc;

use tessera_store::{Module, Store, StoreConfig};
use tessera_types::{ManualClock, Timestamp};

use crate::{Postgres, TempDir, temp_dir};

/// 2026-01-15T12:00:00Z: when [`clock`] begins, and the business time of [`crate::cx`].
pub(crate) const START: Timestamp = Timestamp::from_micros(1_768_478_400_000_000);

/// A clock that stands at 2026-01-15T12:00:00Z until it is moved.
pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(START))
}

/// An engine for a test, with nothing in it; gone with its value.
pub struct Engine {
    /// `sqlite` or `postgres`.
    pub name: &'static str,
    /// To open any module's store with.
    pub config: StoreConfig,
    folder: TempDir,
    postgres: Option<Postgres>,
}

impl Engine {
    /// SQLite in a temporary folder.
    pub fn sqlite() -> Self {
        let folder = temp_dir();
        Self { name: "sqlite", config: StoreConfig::sqlite(folder.path()), folder, postgres: None }
    }

    /// A PostgreSQL of its own.
    pub fn postgres() -> Self {
        let postgres = Postgres::start();
        Self {
            name: "postgres",
            config: StoreConfig::postgres(postgres.url()),
            folder: temp_dir(),
            postgres: Some(postgres),
        }
    }

    /// Opens `module`'s store on it, with a clock at [`clock`]'s start.
    pub async fn open(&self, module: &'static Module) -> Store {
        self.open_at(module, clock()).await
    }

    /// Opens `module`'s store on it, with this clock.
    pub async fn open_at(&self, module: &'static Module, clock: Arc<ManualClock>) -> Store {
        let opened = Store::open(&self.config, module, clock).await;
        opened.unwrap_or_else(|error| panic!("opening {} on {}: {error:?}", module.name, self.name))
    }

    /// A folder for whatever else the test keeps (blobs); SQLite's files are here too.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Ends the server, as an outage does; nothing on SQLite.
    pub fn stop_server(&mut self) {
        self.postgres = None;
    }

    /// The server, to do something to it; `None` on SQLite.
    pub fn server(&self) -> Option<&Postgres> {
        self.postgres.as_ref()
    }
}

/// Both engines, fresh.
pub fn engines() -> Vec<Engine> {
    vec![Engine::sqlite(), Engine::postgres()]
}

/// Runs the same test on both engines, one after the other:
///
/// ```ignore
/// #[tokio::test]
/// async fn a_title_is_read_back() {
///     on_every_engine(async |engine| {
///         let store = engine.open(&MODULE).await;
///         // …
///     })
///     .await;
/// }
/// ```
pub async fn on_every_engine(test: impl AsyncFn(&Engine)) {
    for engine in engines() {
        // Shown by the test runner when the test fails.
        eprintln!("on {}:", engine.name);
        test(&engine).await;
    }
}

/// A store of `module` on SQLite, with the folder that it lives in: for tests that are not about the store.
pub async fn store(module: &'static Module) -> (Store, Engine) {
    let engine = Engine::sqlite();
    (engine.open(module).await, engine)
}
