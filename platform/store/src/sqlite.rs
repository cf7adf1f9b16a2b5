//! SQLite: one writer that puts many closures into one durable commit, and a pool of readers.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions as _, Connection as _, SqliteConnection,
    sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tessera_contract::Failure;
use tessera_faults::reached;
use tokio::sync::{mpsc, oneshot};

use crate::{
    Module, OpenError, migrate,
    readers::Readers,
    site::Site,
    trouble,
    tx::{Conn, Progress, Scope, Tx},
    write::{Queued, Verdict},
};

/// Closures in one commit, at most.
const BATCH: usize = 256;
/// Writes that may wait in the queue; beyond that, callers wait to enter it.
const QUEUE: usize = 1024;
const READERS: usize = 4;
/// What the write-ahead log is cut to once its pages are in the file: 16 MB.
const LOG_BYTES: &str = "16777216";

/// A message to the writer.
pub(crate) enum Message {
    Write(Box<dyn Queued>),
    Close(oneshot::Sender<()>),
}

/// An open file.
pub(crate) struct Sqlite {
    pub(crate) queue: mpsc::Sender<Message>,
    pub(crate) readers: Readers,
    pub(crate) path: PathBuf,
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
        .disable_statement_logging()
        .statement_cache_capacity(512);
    let writing = options
        .clone()
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // What retention deletes can go back to the disk, and a log that a long read made grow is cut again.
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .pragma("journal_size_limit", LOG_BYTES)
        .thread_name({
            let name = module.name;
            move |_| format!("{name}-writer")
        });
    let mut conn = writing.connect().await.map_err(trouble(&path))?;
    migrate::sqlite(&mut conn, module, site.clock.now(), &path).await?;
    // The process that held these leases is gone: the data folder is locked by this one.
    sqlx::raw_sql(crate::jobs::VOID_LEASES).execute(&mut conn).await.map_err(trouble(&path))?;
    let readers = Readers::new(options.read_only(true), READERS);
    let (queue, inbox) = mpsc::channel(QUEUE);
    tokio::spawn(writer(Tx::new(Conn::Sqlite(conn), Scope::System, site), inbox));
    Ok(Sqlite { queue, readers, path })
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

/// All closures of a batch in one transaction. A closure that errs is undone alone.
async fn commit(tx: &mut Tx, batch: &mut [Box<dyn Queued>]) -> Result<(), Failure> {
    let mut progress = Progress::default();
    let end = match together(tx, batch, &mut progress).await {
        Ok(()) if reached("commit.before", tx.site.module.name) => Err(sqlx::Error::WorkerCrashed),
        Ok(()) => control(tx, "commit").await,
        Err(error) => Err(error),
    };
    if end.is_ok() && reached("commit.after", tx.site.module.name) && batch.len() == 1 {
        Tx::wake(&tx.site, &progress);
        let lost = sqlx::Error::WorkerCrashed;
        return Err(trouble::failure(tx.site.module.name, "hearing back from", "commit", lost));
    }
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

/// Runs the closures within `begin` and a `commit` to come, without a savepoint for each: every statement crosses to
/// SQLite's thread and back. When one has to be undone that has written something, they run again, each in its savepoint.
async fn together(tx: &mut Tx, batch: &mut [Box<dyn Queued>], progress: &mut Progress) -> sqlx::Result<()> {
    control(tx, "begin immediate").await?;
    for write in batch.iter_mut() {
        tx.enter(write.scope().clone());
        match write.run(tx).await {
            Verdict::Commit => progress.add(&tx.progress),
            Verdict::Undo | Verdict::Again if !tx.progress.wrote => {}
            Verdict::Undo | Verdict::Again => {
                control(tx, "rollback; begin immediate").await?;
                *progress = Progress::default();
                return if batch.len() == 1 { Ok(()) } else { apart(tx, batch, progress).await };
            }
        }
    }
    Ok(())
}

/// Runs the closures within the same transaction, each in its savepoint.
async fn apart(tx: &mut Tx, batch: &mut [Box<dyn Queued>], progress: &mut Progress) -> sqlx::Result<()> {
    control(tx, "savepoint w").await?;
    for write in batch {
        tx.enter(write.scope().clone());
        match write.run(tx).await {
            Verdict::Commit => {
                progress.add(&tx.progress);
                control(tx, "release w; savepoint w").await?;
            }
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
