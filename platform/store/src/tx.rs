//! What a write closure sees: statements, events, jobs; never a commit.

use std::sync::Arc;

use serde::Serialize;
use sqlx::{Postgres, Transaction};
use tessera_contract::{AuditChange, Cx, Event, Failure, FailureKind};
use tessera_types::{TenantId, Timestamp};

use crate::{
    Engine, Param, Row, audit,
    error::{Answer, EngineError},
    file::File,
    outbox,
    site::Site,
    statement::{Connection, scoped},
    trouble::Trouble,
};

/// For whom a write runs.
#[derive(Clone)]
pub(crate) enum Scope {
    /// A tenant's request: its tenant is bound as `$1` of every statement.
    Tenant(Box<Cx>),
    /// The relay, workers, sweepers: no tenant.
    System,
}

/// The engine's side of a transaction.
pub(crate) enum Conn {
    Sqlite(File),
    Postgres(Transaction<'static, Postgres>),
}

/// What became of a closure so far, beside its own result.
#[derive(Default)]
pub(crate) struct Progress {
    /// The first statement that failed: nothing more runs, and the closure's result no longer counts.
    pub(crate) broken: Option<(Trouble, Failure)>,
    /// Whether a statement ran, or was tried, that may have changed something.
    pub(crate) wrote: bool,
    /// Events emitted.
    pub(crate) events: u32,
    /// Jobs enqueued.
    pub(crate) jobs: u32,
    /// What was told of, where the audit trail wants to know.
    pub(crate) changes: Vec<AuditChange>,
    /// The answer, where the audit trail wants to know and it is at hand as JSON.
    pub(crate) answer: Option<serde_json::Value>,
}

impl Progress {
    /// Counts in what another closure of the same commit has done.
    pub(crate) fn add(&mut self, closure: &Progress) {
        self.events += closure.events;
        self.jobs += closure.jobs;
    }
}

/// The transaction of one write closure.
///
/// Statements of a tenant's write have the tenant bound as `$1`, so params begin at `$2`. After a statement has
/// failed, the transaction refuses all others and is rolled back whatever the closure returns.
pub struct Tx {
    pub(crate) conn: Conn,
    pub(crate) scope: Scope,
    pub(crate) progress: Progress,
    pub(crate) site: Arc<Site>,
    /// What a wait for another transaction's lock means just now.
    waiting_for_key: bool,
}

impl Tx {
    pub(crate) fn new(conn: Conn, scope: Scope, site: Arc<Site>) -> Self {
        Self { conn, scope, progress: Progress::default(), site, waiting_for_key: false }
    }

    /// The next closure's turn on the same connection.
    pub(crate) fn enter(&mut self, scope: Scope) {
        self.scope = scope;
        self.progress = Progress::default();
    }

    /// Runs a statement; answers how many rows it touched.
    pub async fn execute(&mut self, sql: &'static str, params: Vec<Param>) -> Result<u64, Failure> {
        let params = self.prepare(sql, params)?;
        let done = self.connection().execute(sql, params).await;
        self.settle(sql, done)
    }

    /// Runs an `insert … on conflict do nothing` (or any statement that touches at most one row): whether it was
    /// inserted. This is how a unique key is claimed: a violated constraint would break the transaction instead.
    pub async fn insert_unique(&mut self, sql: &'static str, params: Vec<Param>) -> Result<bool, Failure> {
        debug_assert!(sql.contains("on conflict"), "insert_unique wants `on conflict do nothing`: {sql}");
        Ok(self.execute(sql, params).await? > 0)
    }

    /// All rows.
    pub async fn all<T: Row>(&mut self, sql: &'static str, params: Vec<Param>) -> Result<Vec<T>, Failure> {
        let params = self.prepare(sql, params)?;
        let rows = self.connection().all(sql, params).await;
        self.settle(sql, rows)
    }

    /// The row, if there is one.
    pub async fn optional<T: Row>(&mut self, sql: &'static str, params: Vec<Param>) -> Result<Option<T>, Failure> {
        let params = self.prepare(sql, params)?;
        let row = self.connection().optional(sql, params).await;
        self.settle(sql, row)
    }

    /// The row that must be there (`returning`, `count(*)`); its absence is a fault of ours.
    pub async fn one<T: Row>(&mut self, sql: &'static str, params: Vec<Param>) -> Result<T, Failure> {
        let row = self.optional(sql, params).await?;
        match row.ok_or(EngineError::NoRow) {
            Ok(row) => Ok(row),
            Err(error) => self.settle(sql, Err(error)),
        }
    }

    /// The first column of the row that must be there.
    pub async fn scalar<T>(&mut self, sql: &'static str, params: Vec<Param>) -> Result<T, Failure>
    where
        (T,): Row,
    {
        self.one::<(T,)>(sql, params).await.map(|(value,)| value)
    }

    /// Writes an event of the tenant into the outbox: it arrives if and only if this transaction commits.
    pub async fn emit<E: Event>(&mut self, event: &E) -> Result<(), Failure> {
        let Scope::Tenant(cx) = &self.scope else {
            return Err(self.fault("an event has a tenant: emit it in a tenant's write"));
        };
        if cx.deed().is_some() && self.progress.changes.len() < audit::CHANGES {
            let change = AuditChange { event: E::TYPE.into(), subject: event.subject(), version: event.version() };
            self.progress.changes.push(change);
        }
        let values = outbox::values(cx, self.now(), event)?;
        self.execute(outbox::INSERT, values).await?;
        self.progress.events += 1;
        Ok(())
    }

    /// Queues a job of the tenant, to run from `run_at` on if this transaction commits. A job is unique by kind and
    /// key: `false` says that there is one already, running, done or dead, and nothing was changed.
    pub async fn enqueue<P: Serialize>(
        &mut self,
        kind: &'static str,
        key: &str,
        payload: &P,
        run_at: Timestamp,
    ) -> Result<bool, Failure> {
        let Scope::Tenant(cx) = &self.scope else {
            return Err(self.fault("a job has a tenant: enqueue it in a tenant's write"));
        };
        let values = crate::jobs::values(cx, self.now(), kind, key, payload, run_at)?;
        let new = self.execute(crate::jobs::INSERT, values).await? > 0;
        self.progress.jobs += u32::from(new);
        Ok(new)
    }

    /// Wall time.
    pub fn now(&self) -> Timestamp {
        self.site.clock.now()
    }

    /// The caller's context, in a tenant's write.
    pub fn cx(&self) -> Option<&Cx> {
        match &self.scope {
            Scope::Tenant(cx) => Some(cx),
            Scope::System => None,
        }
    }

    /// Which engine runs this.
    pub fn engine(&self) -> Engine {
        match self.conn {
            Conn::Sqlite(_) => Engine::Sqlite,
            Conn::Postgres(_) => Engine::Postgres,
        }
    }

    /// For the platform: goes on as the system, in the same transaction, so that a consumer's offset commits together
    /// with a tenant's effects. There is no way back.
    pub async fn become_system(&mut self) -> Result<(), Failure> {
        self.scope = Scope::System;
        if let Conn::Postgres(tx) = &mut self.conn {
            let role = self.site.system_role_sql();
            let done = sqlx::raw_sql(sqlx::AssertSqlSafe(role)).execute(&mut **tx).await;
            self.settle("set local role", done.map_err(EngineError::from))?;
        }
        Ok(())
    }

    /// Claims an idempotency key: whether it was free. A concurrent request that holds it and does not finish is
    /// `InProgress`.
    pub(crate) async fn claim_key(&mut self, sql: &'static str, params: Vec<Param>) -> Result<bool, Failure> {
        self.waiting_for_key = true;
        let inserted = self.execute(sql, params).await;
        self.waiting_for_key = false;
        inserted.map(|rows| rows > 0)
    }

    fn connection(&mut self) -> Connection<'_> {
        match &mut self.conn {
            Conn::Sqlite(conn) => Connection::Sqlite(conn),
            Conn::Postgres(tx) => Connection::Postgres(tx),
        }
    }

    fn tenant(&self) -> Option<&TenantId> {
        self.cx().map(|cx| &cx.tenant)
    }

    fn prepare(&mut self, sql: &str, params: Vec<Param>) -> Result<Vec<Param>, Failure> {
        if let Some((_, failure)) = &self.progress.broken {
            return Err(failure.clone());
        }
        self.progress.wrote |= !sql.starts_with("select");
        match scoped(self.tenant(), sql, params) {
            Ok(params) => Ok(params),
            Err(failure) => {
                self.progress.broken = Some((Trouble::Fault, failure.clone()));
                Err(failure)
            }
        }
    }

    /// A fault of ours that is not a statement's: it breaks the transaction too.
    fn fault(&mut self, what: &str) -> Failure {
        let failure = Failure::new(FailureKind::Internal, what);
        self.progress.broken = Some((Trouble::Fault, failure.clone()));
        failure
    }

    /// A statement's error becomes a failure, and breaks the transaction.
    fn settle<T>(&mut self, sql: &str, done: Answer<T>) -> Result<T, Failure> {
        done.map_err(|error| {
            let trouble = Trouble::of(&error);
            let failure = match (trouble, self.waiting_for_key) {
                (Trouble::Locked, true) => crate::idempotency::in_progress(),
                _ => trouble.failure(self.site.module.name, "writing to", sql, error),
            };
            self.progress.broken = Some((trouble, failure.clone()));
            failure
        })
    }
}

impl Tx {
    /// The failure that broke the transaction, if a statement failed.
    pub(crate) fn broken(&self) -> Option<Failure> {
        self.progress.broken.as_ref().map(|(_, failure)| failure.clone())
    }

    /// Whether the closure lost against a concurrent transaction and is to run again.
    pub(crate) fn lost_a_race(&self) -> bool {
        matches!(self.progress.broken, Some((Trouble::Conflict, _)))
    }

    /// Tells the readers, after the commit.
    pub(crate) fn wake(site: &Site, progress: &Progress) {
        if progress.events > 0 {
            site.events.send_modify(|n| *n += 1);
        }
        if progress.jobs > 0 {
            site.jobs.send_modify(|n| *n += 1);
        }
    }
}
