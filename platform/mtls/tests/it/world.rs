//! A deployment with certificates, and a listener that answers with who called.

use std::{path::Path, sync::Arc, time::Duration};

use rustls::pki_types::ServerName;
use tempfile::TempDir;
use tessera_mtls::{Authority, Mtls, MtlsFiles};
use tessera_types::{Clock, SystemClock, Timestamp};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};

pub const DAY: Duration = Duration::from_secs(86_400);

pub fn now() -> Timestamp {
    SystemClock.now()
}

/// An authority in a folder of its own.
pub struct Deployment {
    pub folder: TempDir,
    pub authority: Authority,
}

impl Deployment {
    pub fn new(domain: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::init(folder.path(), domain.parse().unwrap(), now(), DAY).unwrap();
        Self { folder, authority }
    }

    pub fn issue(&self, name: &str, modules: &[&str]) {
        let modules: Vec<String> = modules.iter().map(|module| (*module).to_owned()).collect();
        self.authority.issue(name, &modules, now(), DAY).unwrap();
    }

    pub fn files(&self, name: &str) -> MtlsFiles {
        files(self.folder.path(), name)
    }

    /// The module of this name, with a certificate of its own.
    pub fn module(&self, name: &str) -> Mtls {
        self.issue(name, &[name]);
        Mtls::open(self.files(name)).unwrap()
    }
}

pub fn files(folder: &Path, name: &str) -> MtlsFiles {
    MtlsFiles {
        certificate: folder.join(format!("{name}.pem")),
        key: folder.join(format!("{name}-key.pem")),
        authority: folder.join("authority.pem"),
    }
}

/// Answers each byte with the names of who sent it, and a full stop.
pub struct Listening {
    pub address: std::net::SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Listening {
    pub async fn new(mtls: &Mtls) -> Self {
        let acceptor = TlsAcceptor::from(mtls.server());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                connections.spawn(async move {
                    let mut stream = acceptor.accept(stream).await.ok()?;
                    let names = Mtls::peer(stream.get_ref().1.peer_certificates()).join(",") + ".";
                    while stream.read_u8().await.is_ok() {
                        stream.write_all(names.as_bytes()).await.ok()?;
                        stream.flush().await.ok()?;
                    }
                    Some(())
                });
            }
        });
        Self { address, task }
    }

    /// Connects with this configuration.
    pub async fn connect(&self, config: rustls::ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    /// Who the other side says this is; an error where either side refuses the other.
    pub async fn ask(&self, config: rustls::ClientConfig) -> std::io::Result<String> {
        whoami(&mut self.connect(config).await?).await
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub async fn whoami(stream: &mut TlsStream<TcpStream>) -> std::io::Result<String> {
    stream.write_all(b"?").await?;
    stream.flush().await?;
    let mut said = String::new();
    loop {
        match char::from(stream.read_u8().await?) {
            '.' => return Ok(said),
            letter => said.push(letter),
        }
    }
}
