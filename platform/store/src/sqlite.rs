//! SQLite: one writer that puts many closures into one durable commit, and a pool of readers.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use tessera_contract::Failure;
use tessera_faults::reached;
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::{mpsc, oneshot},
};

use crate::{
    Module, OpenError,
    error::{Answer, EngineError},
    file::OpenFile,
    migrate,
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
/// How a file is written. What retention deletes can go back to the disk (`auto_vacuum`, which counts before the first
/// table only); a log that a long read made grow is cut to 16 MB again.
const WRITING: &str = "pragma auto_vacuum = incremental; pragma journal_mode = wal; pragma synchronous = full; \
    pragma journal_size_limit = 16777216";

/// A message to the writer.
pub(crate) enum Message {
    Write(Box<dyn Queued>),
    Close(oneshot::Sender<()>),
}

/// An open file.
pub(crate) struct Sqlite {
    pub(crate) queue: mpsc::Sender<Message>,
    /// Writes that the writer has taken from the queue and not ended.
    pub(crate) in_hand: Arc<AtomicUsize>,
    pub(crate) readers: Readers,
    pub(crate) path: PathBuf,
}

/// Opens the module's file in `folder`, brings it up to date, and starts its writer.
pub(crate) async fn open(folder: &Path, module: &'static Module, site: Arc<Site>) -> Result<Sqlite, OpenError> {
    let path = folder.join(format!("{}.db", module.name));
    let trouble = |error| OpenError::file(path.clone(), error);
    let options = OpenFile::new(&path);
    let mut file = options.clone().create().open().map_err(trouble)?;
    file.run(WRITING).map_err(trouble)?;
    migrate::sqlite(&mut file, module, site.clock.now(), &path)?;
    // The process that held these leases is gone: the data folder is locked by this one.
    file.run(crate::jobs::VOID_LEASES).map_err(trouble)?;
    let readers = Readers::new(options.read_only(), READERS);
    let (queue, inbox) = mpsc::channel(QUEUE);
    let in_hand = Arc::<AtomicUsize>::default();
    let tx = Tx::new(Conn::Sqlite(file), Scope::System, site);
    start(module, writer(tx, inbox, in_hand.clone())).map_err(trouble)?;
    Ok(Sqlite { queue, in_hand, readers, path })
}

impl Sqlite {
    /// Writes that are not ended: in the queue, or in the writer's hand.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity() + self.in_hand.load(Ordering::Relaxed)
    }
}

/// Runs the writer on a thread of its own, for it waits for the disk; in a runtime of one thread, on that one.
fn start(module: &'static Module, writer: impl Future<Output = ()> + Send + 'static) -> Answer<()> {
    let runtime = Handle::current();
    if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
        runtime.spawn(writer);
        return Ok(());
    }
    let thread = thread::Builder::new().name(format!("{}-writer", module.name));
    let started = thread.spawn(move || runtime.block_on(writer));
    started.map(drop).map_err(|_| EngineError::Lost)
}

async fn writer(mut tx: Tx, mut inbox: mpsc::Receiver<Message>, in_hand: Arc<AtomicUsize>) {
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
            in_hand.store(batch.len(), Ordering::Relaxed);
            run(&mut tx, batch).await;
            in_hand.store(0, Ordering::Relaxed);
        }
    }
    if let Conn::Sqlite(file) = tx.conn
        && let Err(error) = file.close()
    {
        tracing::warn!(module = tx.site.module.name, %error, "closing the data file");
    }
    if let Some(done) = closing {
        let _ = done.send(());
    }
}

/// Why a batch was not committed.
enum Uncommitted {
    /// No transaction could be begun: another program has the file, or it cannot be written. None of the writes ran.
    NotBegun(Failure),
    /// It was begun and undone; one of the writes may be why.
    Undone(Failure),
}

/// Runs a batch in one commit; when that is undone, each write alone, so that none suffers for another.
async fn run(tx: &mut Tx, mut batch: Vec<Box<dyn Queued>>) {
    let began = Instant::now();
    let module = tx.site.module.name;
    match commit(tx, &mut batch).await {
        Ok(()) => {
            metrics::histogram!("tessera_store_commit_writes", "module" => module).record(batch.len() as f64);
            metrics::histogram!("tessera_store_commit_seconds", "module" => module).record(began.elapsed());
            batch.into_iter().for_each(|write| write.done(Ok(())));
        }
        Err(Uncommitted::NotBegun(failure)) => batch.into_iter().for_each(|write| write.done(Err(failure.clone()))),
        Err(Uncommitted::Undone(failure)) if batch.len() == 1 => {
            batch.into_iter().for_each(|write| write.done(Err(failure.clone())));
        }
        Err(Uncommitted::Undone(failure)) => {
            tracing::warn!(module, writes = batch.len(), %failure, "a group commit failed; committing one by one");
            for write in batch {
                let mut alone = vec![write];
                let end = match commit(tx, &mut alone).await {
                    Ok(()) => Ok(()),
                    Err(Uncommitted::NotBegun(failure) | Uncommitted::Undone(failure)) => Err(failure),
                };
                alone.into_iter().for_each(|write| write.done(end.clone()));
            }
        }
    }
}

/// All closures of a batch in one transaction. A closure that errs is undone alone.
async fn commit(tx: &mut Tx, batch: &mut [Box<dyn Queued>]) -> Result<(), Uncommitted> {
    let mut progress = Progress::default();
    if let Err(error) = control(tx, "begin immediate") {
        // A rollback fails where there is nothing to undo, and that is what is wanted.
        let _ = control(tx, "rollback");
        let failure = trouble::failure(tx.site.module.name, "beginning to write to", "commit", error);
        return Err(Uncommitted::NotBegun(failure));
    }
    let end = match together(tx, batch, &mut progress).await {
        Ok(()) if reached("commit.before", tx.site.module.name) => Err(EngineError::Lost),
        Ok(()) => control(tx, "commit"),
        Err(error) => Err(error),
    };
    if end.is_ok() && reached("commit.after", tx.site.module.name) && batch.len() == 1 {
        Tx::wake(&tx.site, &progress);
        let lost = EngineError::Lost;
        let failure = trouble::failure(tx.site.module.name, "hearing back from", "commit", lost);
        return Err(Uncommitted::Undone(failure));
    }
    match end {
        Ok(()) => {
            Tx::wake(&tx.site, &progress);
            Ok(())
        }
        Err(error) => {
            // It fails where the engine has rolled back by itself, and that is what is wanted.
            let _ = control(tx, "rollback");
            Err(Uncommitted::Undone(trouble::failure(tx.site.module.name, "committing to", "commit", error)))
        }
    }
}

/// Runs the closures within a transaction that was begun, without a savepoint for each. When one has to be undone that has
/// written something, they run again, each in its savepoint.
async fn together(tx: &mut Tx, batch: &mut [Box<dyn Queued>], progress: &mut Progress) -> Answer<()> {
    for write in batch.iter_mut() {
        tx.enter(write.scope().clone());
        match write.run(tx).await {
            Verdict::Commit => progress.add(&tx.progress),
            Verdict::Undo | Verdict::Again if !tx.progress.wrote => {}
            Verdict::Undo | Verdict::Again => {
                control(tx, "rollback; begin immediate")?;
                *progress = Progress::default();
                return if batch.len() == 1 { Ok(()) } else { apart(tx, batch, progress).await };
            }
        }
    }
    Ok(())
}

/// Runs the closures within the same transaction, each in its savepoint.
async fn apart(tx: &mut Tx, batch: &mut [Box<dyn Queued>], progress: &mut Progress) -> Answer<()> {
    control(tx, "savepoint w")?;
    for write in batch {
        tx.enter(write.scope().clone());
        match write.run(tx).await {
            Verdict::Commit => {
                progress.add(&tx.progress);
                control(tx, "release w; savepoint w")?;
            }
            Verdict::Undo | Verdict::Again => control(tx, "rollback to w")?,
        }
    }
    Ok(())
}

fn control(tx: &mut Tx, sql: &'static str) -> Answer<()> {
    match &mut tx.conn {
        Conn::Sqlite(file) => file.run(sql),
        Conn::Postgres(_) => Err(EngineError::Lost), // never: SQLite's writer holds a file
    }
}
