//! The control socket: how a command reaches the process that runs on a data folder.
//!
//! `DATA/control.sock` takes one JSON line, `{"command": "log-level", …}`, and answers one: `{"done": …}` or
//! `{"failed": "why"}`. It is for the user that the process runs as, and for root. What the commands are, the composition
//! root says.

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    io,
    os::{fd::AsRawFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
};

use crate::shutdown::Shutdown;

const NAME: &str = "control.sock";
/// A command is a line of a few hundred bytes.
const LONGEST: u64 = 64 * 1024;
/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(5);

type Answer = BoxFuture<'static, Result<Value, String>>;
type Handler = Arc<dyn Fn(Value) -> Answer + Send + Sync>;

/// The commands that a process takes.
#[derive(Clone, Default)]
pub struct Control(BTreeMap<&'static str, Handler>);

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nothing runs there.
    #[error("no server runs on {}: {source}; start it, or name its data folder with --data", .folder.display())]
    NotRunning {
        /// The data folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It did not answer as it should.
    #[error("asking the server on {}: {source}", .folder.display())]
    Broken {
        /// The data folder.
        folder: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// It said no.
    #[error("{0}")]
    Refused(String),
}

impl Control {
    /// Takes no command yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes `command`: its handler gets the whole line, and answers what the asker is told.
    #[must_use]
    pub fn on<F, R>(mut self, command: &'static str, handler: F) -> Self
    where
        F: Fn(Value) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Value, String>> + Send + 'static,
    {
        self.0.insert(command, Arc::new(move |line| handler(line).boxed()));
        self
    }

    /// Listens in `data`, which this process holds, until `shutdown`.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn listen(self, data: &Path, shutdown: &Shutdown) -> io::Result<()> {
        let path = data.join(NAME);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = in_folder(data, |path| UnixListener::bind(path))?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        let stop = shutdown.clone();
        shutdown.spawn("control socket", async move {
            loop {
                tokio::select! {
                    () = stop.requested() => break,
                    taken = listener.accept() => match taken {
                        Ok((stream, _)) => drop(tokio::spawn(self.clone().converse(stream))),
                        Err(error) => {
                            tracing::warn!(%error, "a command could not be taken");
                            tokio::time::sleep(Duration::from_millis(100)).await;
                        }
                    },
                }
            }
            let _gone_already = fs::remove_file(path);
        });
        Ok(())
    }

    async fn converse(self, mut stream: UnixStream) {
        let answer = match tokio::time::timeout(PATIENCE, asked(&mut stream)).await {
            Ok(Ok(line)) => self.answer(line).await,
            Ok(Err(why)) => Err(why),
            Err(_) => Err("the command did not arrive in time".to_owned()),
        };
        let answer = match answer {
            Ok(done) => json!({ "done": done }),
            Err(why) => json!({ "failed": why }),
        };
        if let Err(error) = stream.write_all(format!("{answer}\n").as_bytes()).await {
            tracing::debug!(%error, "whoever gave a command did not wait for its answer");
        }
    }

    async fn answer(&self, line: Value) -> Result<Value, String> {
        let command = line["command"].as_str().unwrap_or_default().to_owned();
        let Some(handler) = self.0.get(command.as_str()) else {
            let known: Vec<&str> = self.0.keys().copied().collect();
            return Err(format!("the server knows no command {command:?}; it knows {}", known.join(", ")));
        };
        tracing::info!(command, "a command on the control socket");
        handler(line).await
    }
}

/// The one line of a client that may ask.
async fn asked(stream: &mut UnixStream) -> Result<Value, String> {
    let peer = stream.peer_cred().map_err(|e| format!("finding out who asks: {e}"))?.uid();
    if peer != 0 && peer != rustix::process::geteuid().as_raw() {
        return Err("only the user that the server runs as, and root, may give it commands".to_owned());
    }
    let mut line = String::new();
    let mut reader = BufReader::new(stream).take(LONGEST);
    reader.read_line(&mut line).await.map_err(|e| format!("reading the command: {e}"))?;
    serde_json::from_str(&line).map_err(|e| format!("the command is not a line of JSON: {e}"))
}

/// Gives the process on `data` a command and waits for its answer, however long that takes.
///
/// # Errors
/// [`ControlError`].
pub async fn ask(data: &Path, command: &str, mut details: Value) -> Result<Value, ControlError> {
    let broken = |source| ControlError::Broken { folder: data.to_owned(), source };
    details["command"] = command.into();
    let stream = in_folder(data, |path| std::os::unix::net::UnixStream::connect(path))
        .map_err(|source| ControlError::NotRunning { folder: data.to_owned(), source })?;
    stream.set_nonblocking(true).map_err(broken)?;
    let mut stream = UnixStream::from_std(stream).map_err(broken)?;
    stream.write_all(format!("{details}\n").as_bytes()).await.map_err(broken)?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await.map_err(broken)?;
    let ended = |e: serde_json::Error| broken(io::Error::new(io::ErrorKind::UnexpectedEof, e));
    let mut answer: Value = serde_json::from_str(&line).map_err(ended)?;
    match answer["failed"].as_str() {
        Some(why) => Err(ControlError::Refused(why.to_owned())),
        None => Ok(answer["done"].take()),
    }
}

/// A socket's path has at most 107 bytes; the folder's may be longer, so that it is named by an open handle.
fn in_folder<T>(folder: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let handle = fs::File::open(folder)?;
    act(&PathBuf::from(format!("/proc/self/fd/{}/{NAME}", handle.as_raw_fd())))
}
