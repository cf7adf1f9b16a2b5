//! A PostgreSQL server of a test's own.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::template;

/// Runs the server as its child until standard input closes, which it does when the test ends, however it ends; then
/// stops the server at once and removes its folder. Each line ends the server as it stands, and starts it again. The first
/// argument is that folder.
const WATCHDOG: &str = r#"
folder=$1; shift
"$@" &
server=$!
while read -r _; do
    kill -QUIT $server 2>/dev/null
    wait $server
    "$@" &
    server=$!
done
kill -QUIT $server 2>/dev/null
wait $server
rm -rf "$folder"
"#;

/// Nothing here outlives the test, so nothing is made durable.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
    "shared_buffers=16MB",
    "max_connections=300",
];

/// A running server with an empty database `postgres`; stopped and removed with its value, or with the process.
///
/// It listens on a Unix socket in its own folder only: there is no port to be taken.
pub struct Postgres {
    folder: PathBuf,
    binaries: PathBuf,
    watchdog: Child,
}

impl Postgres {
    /// Starts one, in about a quarter of a second. Panics with what to install when there is no PostgreSQL.
    pub fn start() -> Self {
        Self::with(SETTINGS)
    }

    /// One that keeps what it has acknowledged when [`Postgres::restart`] ends it.
    pub fn lasting() -> Self {
        let settings = SETTINGS.iter().filter(|setting| !setting.starts_with("synchronous_commit"));
        Self::with(&settings.copied().collect::<Vec<_>>())
    }

    fn with(settings: &[&str]) -> Self {
        let binaries = template::binaries();
        let folder = crate::temp_dir().keep();
        let data = folder.join("data");
        template::copy_to(&data, &binaries);
        template::hand_over(&folder);
        let server = template::unprivileged(&binaries.join("postgres"));
        let log = File::create(folder.join("log")).expect("a log file can be made");
        let mut command = Command::new("sh");
        command.args(["-c", WATCHDOG, "tessera-postgres"]).arg(&folder);
        command.arg(server.get_program()).args(server.get_args()).arg("-D").arg(&data).arg("-k").arg(&folder);
        command.args(settings.iter().flat_map(|setting| ["-c", setting]));
        command.stdin(Stdio::piped()).stdout(log.try_clone().expect("a file can be shared")).stderr(log);
        // Out of the terminal's reach: Ctrl-C ends the test, and the watchdog cleans up after it.
        let watchdog = command.process_group(0).spawn().expect("sh can be started");
        let mut started = Self { folder, binaries, watchdog };
        started.wait_until_ready();
        started
    }

    /// How to connect, as its superuser.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// How to connect to another database of it.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.folder.display())
    }

    /// Runs SQL through `psql` as the superuser; answers what it printed, unaligned and without headers.
    pub fn psql(&self, sql: &str) -> String {
        let mut psql = Command::new(self.binaries.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "postgres", "-h"]);
        let output = psql.arg(&self.folder).args(["-c", sql]).output().expect("psql can be started");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Where its data and socket are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Ends it at once, as a fault would, with every connection to it; and starts it again.
    pub fn restart(&mut self) {
        let pid = || {
            let state = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap_or_default();
            state.lines().next().map(str::to_owned)
        };
        let before = pid();
        let orders = self.watchdog.stdin.as_mut().expect("the watchdog listens until the end");
        orders.write_all(b"again\n").expect("the watchdog hears");
        let deadline = Instant::now() + Duration::from_secs(30);
        while pid() == before || !self.is_ready() {
            assert!(Instant::now() < deadline, "PostgreSQL did not start again in 30 s");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn is_ready(&self) -> bool {
        // The server writes its state into the last line of this file.
        let state = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap_or_default();
        state.lines().last().is_some_and(|line| line.trim() == "ready")
    }

    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if self.is_ready() {
                return;
            }
            let ended = self.watchdog.try_wait().ok().flatten().is_some();
            let log = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(!ended && !log().contains("FATAL"), "PostgreSQL did not start:\n{}", log());
            assert!(Instant::now() < deadline, "PostgreSQL was not ready in 30 s:\n{}", log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        // It cannot fail in a way that a test could mend.
        let _ = self.watchdog.wait();
    }
}
