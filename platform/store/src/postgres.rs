//! PostgreSQL: a transaction a write, serializable and retried; reads under the tenant's role.

use std::{str::FromStr, sync::Arc, time::Duration};

use sqlx::{
    AssertSqlSafe, PgPool, Postgres as Pg, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tessera_contract::Failure;
use tessera_faults::reached;
use tokio::sync::Semaphore;

use crate::{
    Module, OpenError,
    error::EngineError,
    schema,
    site::Site,
    trouble::{self, Trouble},
    tx::{Conn, Scope, Tx},
    write::{Queued, Verdict},
};

/// Runs of one closure, at most.
const ATTEMPTS: u32 = 20;
/// From this attempt on, those who keep losing go one at a time, so that they do not defeat each other for ever.
const ORDERLY: u32 = 2;

/// An open schema.
pub(crate) struct Postgres {
    pub(crate) pool: PgPool,
    pub(crate) site: Arc<Site>,
    /// What this server's transaction ids are counted from in the outbox.
    pub(crate) epoch: i64,
    orderly: Semaphore,
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    Write,
}

/// Connects, and brings the module's schema up to date.
pub(crate) async fn open(
    url: &str,
    max_connections: u32,
    module: &'static Module,
    site: Arc<Site>,
) -> Result<Postgres, OpenError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|source| OpenError::Url { module: module.name.into(), source })?
        .application_name(&format!("tessera-{}", module.name))
        .options([
            ("search_path", module.name),
            ("lock_timeout", "2s"),
            ("idle_in_transaction_session_timeout", "60s"),
            ("timezone", "UTC"),
        ]);
    let pool = PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(Duration::from_secs(5))
        // A connection is tested when it comes back; one that died since fails its `begin`, which is then begun anew.
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .map_err(|error| OpenError::postgres(module.name, error))?;
    let epoch = schema::prepare(&pool, module, &site).await?;
    Ok(Postgres { pool, site, epoch, orderly: Semaphore::new(1) })
}

impl Postgres {
    /// Begins a transaction under the scope's role, with its tenant set, in one round trip.
    pub(crate) async fn begin(&self, scope: &Scope, purpose: Purpose) -> sqlx::Result<Transaction<'static, Pg>> {
        let mode = match purpose {
            Purpose::Read => "isolation level repeatable read, read only",
            Purpose::Write => "isolation level serializable",
        };
        let sql = match scope {
            // A tenant's name is a DNS label: nothing to quote.
            Scope::Tenant(cx) => format!(
                "begin {mode}; set local role {}; select set_config('tessera.tenant', '{}', true)",
                self.site.tenant_role(),
                cx.tenant
            ),
            Scope::System => format!("begin {mode}; {}", self.site.system_role_sql()),
        };
        // In its own task: given up half-way, it would leave an open transaction in the pool.
        let begun = tokio::spawn(begin_anew(self.pool.clone(), sql));
        begun.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
    }

    /// Runs a write to its end. Spawned, so that a caller that goes away does not cut it in two.
    pub(crate) async fn write(self: Arc<Self>, mut write: Box<dyn Queued>) {
        let began = std::time::Instant::now();
        let mut turn = None;
        let mut attempt = 1;
        let end = loop {
            match self.attempt(&mut *write).await {
                Ok(()) => break Ok(()),
                Err((Trouble::Conflict, _)) if attempt < ATTEMPTS => {
                    metrics::counter!("tessera_store_conflicts_total", "module" => self.site.module.name).increment(1);
                    if attempt >= ORDERLY && turn.is_none() {
                        turn = self.orderly.acquire().await.ok();
                    }
                    let most = 2u64.pow(attempt.min(6)) as f64;
                    tokio::time::sleep(Duration::from_secs_f64(most * rand::random::<f64>() / 1000.0)).await;
                    attempt += 1;
                }
                Err((_, failure)) => break Err(failure),
            }
        };
        metrics::histogram!("tessera_store_commit_writes", "module" => self.site.module.name).record(1.0);
        metrics::histogram!("tessera_store_commit_seconds", "module" => self.site.module.name).record(began.elapsed());
        write.done(end);
    }

    async fn attempt(&self, write: &mut dyn Queued) -> Result<(), (Trouble, Failure)> {
        let trouble = |doing: &'static str| {
            move |error: EngineError| {
                let trouble = Trouble::of(&error);
                (trouble, trouble.failure(self.site.module.name, doing, doing, error))
            }
        };
        let begun = self.begin(write.scope(), Purpose::Write).await;
        let begun = begun.map_err(|error| trouble("beginning a write to")(error.into()))?;
        let mut tx = Tx::new(Conn::Postgres(begun), write.scope().clone(), self.site.clone());
        let verdict = write.run(&mut tx).await;
        let Conn::Postgres(open) = tx.conn else { unreachable!("begun on PostgreSQL") };
        match verdict {
            Verdict::Commit => {
                let lost = || trouble("hearing back from")(EngineError::Lost);
                if reached("commit.before", self.site.module.name) {
                    return Err(lost());
                }
                open.commit().await.map_err(|error| trouble("committing to")(error.into()))?;
                if reached("commit.after", self.site.module.name) {
                    return Err(lost());
                }
                Tx::wake(&self.site, &tx.progress);
                Ok(())
            }
            Verdict::Undo => {
                // When even the rollback fails, the connection is gone and the transaction with it.
                let _ = open.rollback().await;
                Ok(())
            }
            Verdict::Again => {
                let _ = open.rollback().await;
                Err(tx.progress.broken.unwrap_or_else(|| {
                    (Trouble::Conflict, trouble::unavailable(self.site.module.name, "is busy: try again"))
                }))
            }
        }
    }
}

/// Begins on a connection that lives: after the server was restarted, every idle one is dead.
async fn begin_anew(pool: PgPool, sql: String) -> sqlx::Result<Transaction<'static, Pg>> {
    let mut dead = 0;
    loop {
        match pool.begin_with(AssertSqlSafe(sql.clone())).await {
            Err(error) if dead < pool.options().get_max_connections() && is_dead(&error) => dead += 1,
            begun => return begun,
        }
    }
}

/// Whether the connection broke, or the server had ended it (57P01 to 57P03, 57P05).
fn is_dead(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P")),
        _ => false,
    }
}
