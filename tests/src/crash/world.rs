//! One deployment: its data folder, and a keeper who starts the server again whenever it has died.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, types::ValueRef};
use serde_json::json;
use tessera_testing::{Postgres, Tansu, TempDir, free_port, temp_dir};
use tokio::sync::OnceCell;

use super::{
    clip,
    keeper::{Keeper, Keepers},
    patient::Patient,
    viewer::{Purchase, Viewer},
};
use crate::{Site, run_with};

/// Everything that waits is short, and nobody is limited; what a promise rests on is as it is for everybody.
const SETTINGS: &str = r#"
[server]
default_territory = "DE"
[server.rate_limits]
enabled = false
[log]
format = "text"
level = "warn"
[billing]
charge_timeout_seconds = 1
ask_after_seconds = 1
never_charged_after_seconds = 2
[sandbox_gateway]
answer_timeout_seconds = 0
pending_seconds = 1
[entitlement]
lease_seconds = 3
[identity.password]
memory_kib = 8
iterations = 1
[identity.attempts]
address = { requests = 1000000, window_seconds = 60 }
account = { requests = 1000000, window_seconds = 60 }
sign_up = { requests = 1000000, window_seconds = 60 }
[webhooks]
networks = ["127.0.0.0/8"]
allow_http = true
[media]
preset = "ultrafast"
encode_chunk_seconds = 2
attempts = 1000
sweep_seconds = 1
spare_disk_bytes = 1
"#;

/// What several processes have in common, besides their database.
const TOGETHER: &str = r#"
[shared]
secrets = "shared/secrets"
directory = "shared"
[blobs]
folder = "shared/blobs"
"#;
/// Processes that hold every module.
const REPLICAS: usize = 3;
/// Modules: section and mount.
const MODULES: [(&str, &str); 13] = [
    ("audit", "audit"),
    ("billing", "billing"),
    ("catalog", "catalog"),
    ("delivery", "delivery"),
    ("drm", "drm"),
    ("entitlement", "entitlement"),
    ("identity", "identity"),
    ("media", "media"),
    ("playback", "playback"),
    ("sandbox_gateway", "payment-gateway"),
    ("tenancy", "tenancy"),
    ("viewers", "viewers"),
    ("webhooks", "webhooks"),
];

/// Pictures of the source that is encoded in parts: two, and a few pictures more.
pub(crate) const LONG: u32 = 105;
/// The tenant that people work in.
const TENANT: &str = "acme";
/// The one that nobody touches.
pub(crate) const OTHER_TENANT: &str = "globex";

/// A deployment that survives.
pub struct World {
    pub(crate) site: Site,
    pub(crate) staff: Patient,
    pub(crate) others_staff: Patient,
    /// Who looks after tenants.
    pub(crate) operator: Patient,
    /// The plan that is for sale.
    pub(crate) offer_id: String,
    /// A source that is cheap to transcode.
    pub(crate) clip: Vec<u8>,
    /// One that is encoded in parts.
    pub(crate) long_clip: Vec<u8>,
    /// What was acknowledged to buyers.
    pub(crate) purchases: Mutex<Vec<Purchase>>,
    /// Assets that were said to be ready.
    pub(crate) assets: Mutex<BTreeSet<String>>,
    regular: OnceCell<Viewer>,
    /// A title that is there, and its asset.
    film: OnceCell<(String, String)>,
    /// API keys: secret, and whether it was revoked.
    pub(crate) keys: Mutex<Vec<(String, bool)>>,
    serial: AtomicU64,
    keepers: Keepers,
    watches: Vec<JoinHandle<()>>,
    /// Of a deployment of several processes: what they stand on.
    beneath: Option<tokio::sync::Mutex<Beneath>>,
    folder: TempDir,
}

/// The services of a deployment of several processes.
struct Beneath {
    database: Postgres,
    /// `None` where it is not installed: then modules read each other's feeds.
    broker: Option<Tansu>,
}

impl World {
    /// Makes one: two tenants, a plan for sale, and a server that runs.
    pub async fn make() -> Self {
        let (folder, port) = (temp_dir(), free_port());
        fs::write(folder.path().join("tessera.toml"), SETTINGS).expect("the settings can be written");
        let keeper = Keeper::new(folder.path(), "data", &["--port", &port.to_string()], &[]);
        Self::with(folder, port, vec![Arc::new(keeper)], None).await
    }

    /// Three replicas of every module, and a front, on PostgreSQL and, where there is one, a broker.
    pub async fn replicated() -> Self {
        let (folder, database, broker) = (temp_dir(), Postgres::lasting(), Tansu::open().await);
        let mut settings = format!("store = {{ url = {:?}, max_connections = 4 }}\n", database.url());
        settings += &SETTINGS.replace("level = \"warn\"", "level = \"warn,tessera::run=info\"");
        settings += TOGETHER;
        if let Some(broker) = &broker {
            settings += &format!("[events]\nbroker = \"kafka://{}\"\npartitions = 4\n", broker.address());
        }
        fs::write(folder.path().join("tessera.toml"), settings).expect("the settings can be written");
        let ports: Vec<u16> = (0..=REPLICAS).map(|_| free_port()).collect();
        let urls = |mount: &str| {
            let urls = ports[1..].iter().map(|port| format!("\"http://127.0.0.1:{port}/{mount}\""));
            format!("[{}]", urls.collect::<Vec<_>>().join(", "))
        };
        let variable = |section: &str| format!("TESSERA_{}__URLS", section.to_uppercase());
        let mut places: Vec<(String, String)> =
            MODULES.iter().map(|(section, mount)| (variable(section), urls(mount))).collect();
        places.push(("TESSERA_SERVER__PUBLIC_PORT".to_owned(), ports[0].to_string()));
        let all = MODULES.map(|(section, _)| section).join(",");
        let keepers = ports.iter().enumerate().map(|(number, port)| {
            let (data, modules) = match number {
                0 => ("front".to_owned(), "front"),
                _ => (format!("replica-{number}"), all.as_str()),
            };
            let arguments = ["--port", &port.to_string(), "--modules", modules];
            Arc::new(Keeper::new(folder.path(), &data, &arguments, &places))
        });
        let keepers = keepers.collect();
        Self::with(folder, ports[0], keepers, Some(Beneath { database, broker })).await
    }

    async fn with(folder: TempDir, port: u16, keepers: Vec<Arc<Keeper>>, beneath: Option<Beneath>) -> Self {
        let found = |tenant| printed_key(folder.path(), &["tenant", "create", tenant, "--test", "--data", "data"]);
        let [key, others_key] = [TENANT, OTHER_TENANT].map(found);
        let operators_key = printed_key(folder.path(), &["tenant", "operator-key", "--data", "data"]);
        let site = Site::new(TENANT, port);
        let keepers: Keepers = keepers.into();
        let watches = keepers.iter().cloned().map(|keeper| std::thread::spawn(move || keeper.watch())).collect();
        let staff = Patient::new(site.with_token(&key), keepers.clone());
        let others_staff = Patient::new(site.of(OTHER_TENANT).with_token(&others_key), keepers.clone());
        let operator = Patient::new(site.of("platform").with_token(&operators_key), keepers.clone());
        let offer = json!({
            "name": {"en": "Basic"}, "terms": {"kind": "subscription", "plan": "basic"},
            "price": {"amount_minor": 799, "currency": "EUR"}, "max_streams": 2,
        });
        let offer = staff.post("/billing/v1/management/offers", "the-plan", offer).await.ok();
        Self {
            clip: clip::make(folder.path(), 25),
            long_clip: clip::make(folder.path(), LONG),
            offer_id: offer["offer_id"].as_str().expect("an offer has an id").to_owned(),
            site,
            staff,
            others_staff,
            operator,
            purchases: Mutex::default(),
            assets: Mutex::default(),
            regular: OnceCell::new(),
            film: OnceCell::new(),
            keys: Mutex::default(),
            serial: AtomicU64::new(1),
            keepers,
            watches,
            beneath: beneath.map(tokio::sync::Mutex::new),
            folder,
        }
    }

    /// A name that nobody else has.
    pub(crate) fn fresh(&self, what: &str) -> String {
        format!("{what}-{}", self.serial.fetch_add(1, Ordering::Relaxed))
    }

    /// Somebody who is there all the time.
    pub(crate) async fn regular(&self) -> &Viewer {
        self.regular.get_or_init(|| Viewer::newcomer(self)).await
    }

    /// A title that is there all the time, for everybody.
    pub(crate) async fn a_title(&self) -> String {
        self.film().await.0.clone()
    }

    /// Its asset.
    pub(crate) async fn an_asset(&self) -> String {
        self.film().await.1.clone()
    }

    async fn film(&self) -> &(String, String) {
        self.film.get_or_init(|| self.ingest("cbcs")).await
    }

    /// A client of the tenant's site.
    pub(crate) fn visitor(&self) -> Patient {
        Patient::new(self.site.visitor(), self.keepers.clone())
    }

    /// A client of the tenant's site with a browser's cookies.
    pub(crate) fn browser(&self) -> Patient {
        Patient::new(self.site.browser(), self.keepers.clone())
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where films are.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.folder.path().join(if self.is_replicated() { "shared" } else { "data" }).join("blobs")
    }

    /// Where work is done that is thrown away, process by process.
    pub(crate) fn scratches(&self) -> Vec<PathBuf> {
        self.keepers.iter().map(|keeper| self.folder.path().join(&keeper.data).join("scratch")).collect()
    }

    /// Whether there are several processes.
    pub fn is_replicated(&self) -> bool {
        self.beneath.is_some()
    }

    /// How many processes there are.
    pub fn processes(&self) -> usize {
        self.keepers.len()
    }

    /// From now on, a process dies at this point: `name`, or `name#3` for the third time.
    pub fn arm(&self, process: usize, point: &str) {
        let (beside, orders) = (self.folder.path().join("orders.new"), self.keepers[process].orders());
        fs::write(&beside, point).expect("orders can be written");
        fs::rename(beside, orders).expect("orders can be given");
    }

    /// It does not die there any more.
    pub fn disarm(&self, process: usize) {
        let _ = fs::remove_file(self.keepers[process].orders()); // they are gone when they were obeyed
    }

    /// SIGKILL, now.
    pub fn kill(&self, process: usize) {
        if let Some(process) = &self.keepers[process].lock().process {
            process.signal("KILL");
        }
    }

    /// The database ends at once, under load, and is started again.
    pub async fn restart_database(&self) {
        if let Some(beneath) = &self.beneath {
            beneath.lock().await.database.restart();
        }
    }

    /// So does the broker, where there is one.
    pub async fn restart_broker(&self) {
        let Some(beneath) = &self.beneath else { return };
        if let Some(broker) = &mut beneath.lock().await.broker {
            broker.kill();
            broker.start().await;
        }
    }

    /// The rows that a query gives in a module's part of the database, each column as text.
    pub(crate) async fn rows_of(&self, module: &str, sql: &str) -> Vec<Vec<String>> {
        let Some(beneath) = &self.beneath else { return sqlite_rows(&self.data().join(format!("{module}.db")), sql) };
        let printed = beneath.lock().await.database.psql(&format!("set search_path to {module}; {sql}"));
        let row = |line: &str| line.split('|').map(str::to_owned).collect();
        printed.lines().map(row).collect()
    }

    /// How often processes have died.
    pub fn deaths(&self) -> u64 {
        self.keepers.iter().map(|keeper| keeper.lock().deaths).sum()
    }

    /// Waits until one has died more often than `before`; whether it did in time.
    pub async fn dies(&self, before: u64, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while self.deaths() <= before {
            self.keepers.iter().for_each(|keeper| keeper.check());
            if Instant::now() >= until {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        true
    }

    /// Every point that was passed so far.
    pub fn traced(&self) -> BTreeSet<String> {
        let lines = self.keepers.iter().map(|keeper| fs::read_to_string(keeper.trace()).unwrap_or_default());
        lines.flat_map(|lines| lines.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    /// Runs a command of `tessera` on the data folder, to die at `point` if there is one. Whether it ended well.
    pub(crate) fn command(&self, arguments: &[&str], point: Option<&str>) -> bool {
        let trace = self.keepers[0].trace();
        let mut variables = vec![("FAULTS_TRACE", trace.to_str().expect("a path of ours is text"))];
        variables.extend(point.map(|point| ("FAULTS_KILL_AT", point)));
        let output = run_with(self.folder.path(), arguments, &variables);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let died = output.status.signal() == Some(9);
        assert!(
            output.status.success() || (died && point.is_some()),
            "{arguments:?} ended with {}: {said}",
            output.status
        );
        output.status.success()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.keepers.iter().for_each(|keeper| keeper.lock().stopping = true);
        for watch in self.watches.drain(..) {
            let _ = watch.join(); // its panic was told
        }
    }
}

/// Runs a command that prints a key at its end.
fn printed_key(folder: &Path, arguments: &[&str]) -> String {
    let output = run_with(folder, arguments, &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    printed.lines().last().expect("a key is printed").trim().to_owned()
}

/// Reads a module's file beside the server.
pub(crate) fn sqlite_rows(file: &Path, sql: &str) -> Vec<Vec<String>> {
    let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<Vec<String>> {
        let columns = 0..row.as_ref().column_count();
        columns
            .map(|column| {
                Ok(match row.get_ref(column)? {
                    ValueRef::Integer(number) => number.to_string(),
                    other => other.as_str().unwrap_or_default().to_owned(),
                })
            })
            .collect()
    };
    let rows = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .and_then(|file| file.prepare(sql)?.query_map([], read)?.collect());
    rows.unwrap_or_else(|error| panic!("reading {}: {error}", file.display()))
}

/// Processes that work in `folder` or below it.
pub(crate) fn workers_in(folder: &Path) -> Vec<String> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let inside =
        processes.filter(|process| fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder)));
    let name = |process: fs::DirEntry| {
        let line = fs::read_to_string(process.path().join("cmdline")).unwrap_or_default();
        format!("{} {}", process.file_name().to_string_lossy(), line.replace('\0', " "))
    };
    inside.map(name).collect()
}
