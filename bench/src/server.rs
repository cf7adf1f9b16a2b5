//! The optimised `tessera` at work on a data folder, and nginx beside it.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tessera_testing::free_port;
use tessera_tests::project;

/// How long a server may take to come up or go down.
const PATIENCE: Duration = Duration::from_secs(240);

/// The optimised binary, which `make bench` builds first.
pub(crate) fn binary() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| project().join("target"), PathBuf::from);
    let binary = target.join("release/tessera");
    assert!(binary.exists(), "there is no {}: `make bench` builds it", binary.display());
    binary
}

/// What is set differently from the defaults: limits by address would measure the limits, and no side writes a line a request.
pub(crate) const SETTINGS: &str = "[log]\nlevel = \"warn\"\n[server.limits]\nconnections = 20000\nconnections_per_address = 20000\n[server.rate_limits]\nenabled = false\n[identity.attempts]\n\
    address = { requests = 1000000, window_seconds = 60 }\naccount_at_address = { requests = 1000000, window_seconds = 60 }\n\
    account = { requests = 1000000, window_seconds = 60 }\n\
    sign_up = { requests = 1000000, window_seconds = 60 }\n";

/// A server process; ended with this value.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From the start of the process to the first 200 of `/readyz`.
    pub(crate) ready_after: Duration,
}

impl Server {
    /// Starts `tessera` with `command` (`up …` or `serve …`) on `data`, and waits until it is ready.
    pub(crate) async fn tessera(data: &Path, command: &[&str]) -> Self {
        Self::tessera_with(data, command, "").await
    }

    /// The same with more settings.
    pub(crate) async fn tessera_with(data: &Path, command: &[&str], more: &str) -> Self {
        Self::tessera_at(free_port(), data, command, &format!("{SETTINGS}{more}")).await
    }

    /// With these settings and no others, at this port.
    pub(crate) async fn tessera_at(port: u16, data: &Path, command: &[&str], settings: &str) -> Self {
        let config = data.with_extension("toml");
        fs::write(&config, settings).expect("settings can be written");
        let log = fs::File::create(data.with_extension("log")).expect("a log can be written");
        let begun = Instant::now();
        let mut tessera = Command::new(binary());
        tessera.arg("--config").arg(&config).args(command).arg("--data").arg(data);
        tessera.args(["--port", &port.to_string()]);
        tessera.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = tessera.spawn().expect("the binary starts");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut server = Self { child, address, ready_after: Duration::ZERO };
        server.until_ready("/readyz", begun).await;
        server
    }

    /// Starts nginx as `configuration` says, in which `{port}` and `{root}` stand for its port and `root`.
    pub(crate) async fn nginx(root: &Path, configuration: &str) -> Option<Self> {
        let found = ["/usr/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| Path::new(path).exists());
        let Some(nginx) = found else {
            eprintln!("nginx is not here (apt-get install nginx-light): its figures are left out");
            return None;
        };
        let port = free_port();
        let text = configuration.replace("{port}", &port.to_string()).replace("{root}", &root.display().to_string());
        let file = root.join("nginx.conf");
        fs::write(&file, text).expect("nginx's configuration can be written");
        let begun = Instant::now();
        let child =
            Command::new(nginx).arg("-p").arg(root).arg("-c").arg(&file).arg("-e").arg(root.join("error.log")).spawn();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut server = Self { child: child.expect("nginx starts"), address, ready_after: Duration::ZERO };
        server.until_ready("/ready", begun).await;
        Some(server)
    }

    async fn until_ready(&mut self, path: &str, begun: Instant) {
        let client = tessera_contract::http_client();
        let url = format!("http://{}{path}", self.address);
        loop {
            if let Ok(answer) = client.get(&url).send().await
                && answer.status().is_success()
            {
                self.ready_after = begun.elapsed();
                return;
            }
            let ended = self.child.try_wait().expect("a child can be asked");
            assert!(ended.is_none(), "the server ended ({ended:?}) before it was ready");
            assert!(begun.elapsed() < PATIENCE, "the server is not ready after {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory, in MB.
    pub(crate) fn resident(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).expect("Linux tells of a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
        kilobytes.expect("a size in kB") * 1024.0 / 1e6
    }

    /// Asks it to stop, and waits.
    pub(crate) async fn stop(mut self) {
        assert!(self.ask_to_stop(), "a server can be asked to stop");
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait().expect("a child can be asked").is_none() {
            assert!(Instant::now() < deadline, "the server does not stop");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn ask_to_stop(&self) -> bool {
        let asked = Command::new("kill").args(["-s", "INT", &self.child.id().to_string()]).status();
        asked.is_ok_and(|status| status.success())
    }
}

/// Stops it when a measurement fails. nginx is asked, not killed: its workers would outlive it.
impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) && !self.ask_to_stop() {
            let _ = self.child.kill(); // it may have ended meanwhile
        }
        let _ = self.child.wait();
    }
}
