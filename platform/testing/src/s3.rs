//! An S3 service for a test.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::{eventually, free_port, temp_dir};

/// A real S3 service over a folder, in a process of its own, which checks every signature and ends with this value.
pub struct S3Service {
    process: Child,
    /// Where it listens.
    pub at: SocketAddr,
    folder: TempDir,
}

impl S3Service {
    /// The id of the one key that it knows.
    pub const KEY_ID: &str = "reader";
    /// That key's secret.
    pub const SECRET: &str = "not to be seen";

    /// A service with these buckets, empty. `None` where it is not installed, and then it says so.
    pub async fn open(buckets: &[&str]) -> Option<Self> {
        let folder = temp_dir();
        for bucket in buckets {
            fs::create_dir(folder.path().join(bucket)).expect("a bucket's folder can be made");
        }
        let port = free_port();
        let started = Command::new("s3s-fs")
            .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--access-key", Self::KEY_ID])
            .args(["--secret-key", Self::SECRET])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(process) = started else {
            eprintln!("skipped: s3s-fs is not installed; scripts/setup test does it");
            return None;
        };
        let service = Self { process, at: SocketAddr::from(([127, 0, 0, 1], port)), folder };
        eventually("the S3 service to listen", async || TcpStream::connect(service.at).await.ok()).await;
        Some(service)
    }

    /// The folder of its buckets: an object is a file in there.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for S3Service {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _reaped = self.process.wait();
    }
}
