//! A broker that speaks Kafka's protocol, in a process of its own.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use tokio::net::TcpStream;

use crate::{TempDir, eventually, free_port, temp_dir};

/// Tansu, at one address for as long as it lives.
pub struct Tansu {
    port: u16,
    storage: &'static str,
    folder: TempDir,
    process: Option<Child>,
}

impl Tansu {
    /// Started on a file, which has what was acknowledged; `None`, and that is said, where it is not installed.
    pub async fn open() -> Option<Self> {
        Self::on("sqlite://broker.db").await
    }

    /// The same with what was acknowledged in its memory alone, as a broker has it that leaves the disk to the kernel.
    pub async fn in_memory() -> Option<Self> {
        Self::on("memory://tansu/").await
    }

    async fn on(storage: &'static str) -> Option<Self> {
        let mut tansu = Self { port: free_port(), storage, folder: temp_dir(), process: None };
        if tansu.try_start().await {
            return Some(tansu);
        }
        eprintln!("skipped: tansu is not installed; scripts/setup test builds it");
        None
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts it again, after [`Tansu::kill`].
    pub async fn start(&mut self) {
        assert!(self.try_start().await, "tansu was there a moment ago");
    }

    /// Whether the program is there.
    async fn try_start(&mut self) -> bool {
        let url = format!("tcp://{}", self.address());
        let started = Command::new(program())
            .args(["broker", "--listener-url", &url, "--advertised-listener-url", &url])
            .args(["--storage-engine", self.storage])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(process) = started else { return false };
        self.process = Some(process);
        eventually("the broker to listen", async || TcpStream::connect(self.address()).await.ok()).await;
        true
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // An error says that it is gone.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Drop for Tansu {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where scripts/setup puts it, or by its name.
fn program() -> PathBuf {
    let cache = std::env::var_os("TESSERA_CACHE").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/tessera")));
    let cached = cache.map(|cache| cache.join("bin/tansu")).filter(|path| path.exists());
    cached.unwrap_or_else(|| "tansu".into())
}
