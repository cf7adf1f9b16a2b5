//! A module's data: SQLite or PostgreSQL behind one handle.
//!
//! A [`Store`] owns how data is committed, migrated, kept apart by tenant, and how its events, jobs and idempotency
//! keys share the transaction of their effect. It refuses to know any module's tables: SQL is the module's, in its own
//! `store.rs`, written once for both engines. See README.md for how a module uses it.

mod audit;
mod config;
mod error;
mod export;
mod file;
mod folder;
mod followers;
mod gauges;
mod idempotency;
mod inspect;
mod jobs;
mod migrate;
mod module;
mod open;
mod outbox;
mod param;
mod plan;
mod postgres;
mod provision;
mod read;
mod readers;
mod retention;
mod row;
mod schema;
mod site;
mod snapshot;
mod sqlite;
mod statement;
mod store;
mod trouble;
mod tx;
mod write;

pub use config::StoreConfig;
pub use error::EngineError;
pub use export::{ExportedRow, Exporter, STORE_TABLES, TenantTable, TenantTables};
pub use folder::{DataFolder, FolderError};
pub use inspect::{DeadJob, Inspector, ParkedEvent};
pub use jobs::{Job, JobError, JobState, JobView, Jobs, WorkerOptions};
#[doc(hidden)]
pub use module::numbered;
pub use module::{Engine, Migration, Module};
pub use open::OpenError;
pub use outbox::{Batch, Position};
pub use param::Param;
pub use plan::{Plan, Rehearsal, Step, plan, rehearse};
pub use provision::{login_role, provision};
pub use read::Reader;
pub use retention::Retention;
pub use row::Row;
pub use schema::prepare_roles;
pub use snapshot::{SchemaVersion, Snapshot, SnapshotError};
pub use store::Store;
pub use tx::Tx;
pub use write::Writing;
