//! SQLite: one writer that puts many closures into one durable commit, and a pool of readers.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions as _, Connection as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tessera_contract::Failure;
use tokio::sync::{mpsc, oneshot};

use crate::{
    Module, OpenError, migrate,
    site::Site,
    trouble,
    tx::{Conn, Progress, Scope, Tx},
    write::{Queued, Verdict},
};

/// Closures in one commit, at most.
const BATCH: usize = 256;
/// Writes that may wait in the queue; beyond that, callers wait to enter it.
const QUEUE: usize = 1024;
const READERS: u32 = 4;

/// A message to the writer.
pub(crate) enum Message {
    Write(Box<dyn Queued>),
    Close(oneshot::Sender<()>),
}

/// An open file.
pub(crate) struct Sqlite {
    pub(crate) queue: mpsc::Sender<Message>,
    pub(crate) readers: SqlitePool,
}

/// Opens the module's file in `folder`, brings it up to date, and starts its writer.
pub(crate) async fn open(folder: &Path, module: &'static Module, site: Arc<Site>) -> Result<Sqlite, OpenError> {
    let path = folder.join(format!("{}.db", module.name));
    let trouble = |path: &PathBuf| {
        let path = path.clone();
        move |error| OpenError::file(path.clone(), error)
    };
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .statement_cache_capacity(512);
    let writing = options
        .clone()
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .thread_name({
            let name = module.name;
            move |_| format!("{name}-writer")
        });
    let mut conn = writing.connect().await.map_err(trouble(&path))?;
    migrate::sqlite(&mut conn, module, site.clock.now(), trouble(&path)).await?;
    // The process that held these leases is gone: the data folder is locked by this one.
    sqlx::raw_sql(crate::jobs::VOID_LEASES).execute(&mut conn).await.map_err(trouble(&path))?;
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(Duration::from_secs(5))
        .test_before_acquire(false)
        .connect_lazy_with(options.read_only(true));
    let (queue, inbox) = mpsc::channel(QUEUE);
    tokio::spawn(writer(Tx::new(Conn::Sqlite(conn), Scope::System, site), inbox));
    Ok(Sqlite { queue, readers })
}

async fn writer(mut tx: Tx, mut inbox: mpsc::Receiver<Message>) {
    let mut messages = Vec::with_capacity(BATCH);
    let mut closing = None;
    while closing.is_none() && inbox.recv_many(&mut messages, BATCH).await > 0 {
        let mut batch = Vec::with_capacity(messages.len());
        for message in messages.drain(..) {
            match message {
                Message::Write(write) => batch.push(write),
                Message::Close(done) => closing = Some(done),
            }
        }
        if !batch.is_empty() {
            run(&mut tx, batch).await;
        }
    }
    if let Conn::Sqlite(conn) = tx.conn
        && let Err(error) = conn.close().await
    {
        tracing::warn!(module = tx.site.module.name, %error, "closing the data file");
    }
    if let Some(done) = closing {
        let _ = done.send(());
    }
}

/// Runs a batch in one commit; when that fails, each write alone, so that none suffers for another.
async fn run(tx: &mut Tx, mut batch: Vec<Box<dyn Queued>>) {
    let began = Instant::now();
    let module = tx.site.module.name;
    match commit(tx, &mut batch).await {
        Ok(()) => {
            metrics::histogram!("tessera_store_commit_writes", "module" => module).record(batch.len() as f64);
            metrics::histogram!("tessera_store_commit_seconds", "module" => module).record(began.elapsed());
            batch.into_iter().for_each(|write| write.done(Ok(())));
        }
        Err(failure) if batch.len() == 1 => batch.into_iter().for_each(|write| write.done(Err(failure.clone()))),
        Err(failure) => {
            tracing::warn!(module, writes = batch.len(), %failure, "a group commit failed; committing one by one");
            for write in batch {
                let mut alone = vec![write];
                let end = commit(tx, &mut alone).await;
                alone.into_iter().for_each(|write| write.done(end.clone()));
            }
        }
    }
}

/// All closures of a batch in one transaction, each in its savepoint. A closure that errs is undone alone.
async fn commit(tx: &mut Tx, batch: &mut [Box<dyn Queued>]) -> Result<(), Failure> {
    let mut progress = Progress::default();
    let end = match closures(tx, batch, &mut progress).await {
        Ok(()) => control(tx, "commit").await,
        Err(error) => Err(error),
    };
    match end {
        Ok(()) => {
            Tx::wake(&tx.site, &progress);
            Ok(())
        }
        Err(error) => {
            // It fails where the engine has rolled back by itself, and that is what is wanted.
            let _ = control(tx, "rollback").await;
            Err(trouble::failure(tx.site.module.name, "committing to", "commit", error))
        }
    }
}

/// Runs the closures within `begin` and a `commit` to come. Each statement crosses to SQLite's thread, so that a write
/// that is alone has no savepoint, and the last one does not make another.
async fn closures(tx: &mut Tx, batch: &mut [Box<dyn Queued>], progress: &mut Progress) -> sqlx::Result<()> {
    let last = batch.len() - 1;
    control(tx, if last == 0 { "begin immediate" } else { "begin immediate; savepoint w" }).await?;
    for (at, write) in batch.iter_mut().enumerate() {
        tx.enter(write.scope().clone());
        match write.run(tx).await {
            Verdict::Commit => {
                progress.events += tx.progress.events;
                progress.jobs += tx.progress.jobs;
                if at < last {
                    control(tx, "release w; savepoint w").await?;
                }
            }
            Verdict::Undo | Verdict::Again if last == 0 => control(tx, "rollback; begin immediate").await?,
            Verdict::Undo | Verdict::Again => control(tx, "rollback to w").await?,
        }
    }
    Ok(())
}

async fn control(tx: &mut Tx, sql: &'static str) -> sqlx::Result<()> {
    let conn: &mut SqliteConnection = match &mut tx.conn {
        Conn::Sqlite(conn) => conn,
        Conn::Postgres(_) => return Err(sqlx::Error::Protocol("SQLite's writer holds no SQLite connection".into())),
    };
    sqlx::raw_sql(sql).execute(conn).await.map(drop)
}
