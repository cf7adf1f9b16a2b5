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

use serde_json::json;
use tessera_testing::{TempDir, free_port, temp_dir};
use tokio::sync::OnceCell;

use super::{
    clip,
    keeper::Keeper,
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
    keeper: Arc<Keeper>,
    watch: Option<JoinHandle<()>>,
    folder: TempDir,
}

impl World {
    /// Makes one: two tenants, a plan for sale, and a server that runs.
    pub async fn make() -> Self {
        let folder = temp_dir();
        fs::write(folder.path().join("tessera.toml"), SETTINGS).expect("the settings can be written");
        let found = |tenant| printed_key(folder.path(), &["tenant", "create", tenant, "--test", "--data", "data"]);
        let [key, others_key] = [TENANT, OTHER_TENANT].map(found);
        let operators_key = printed_key(folder.path(), &["tenant", "operator-key", "--data", "data"]);
        let port = free_port();
        let site = Site::new(TENANT, port);
        let keeper = Arc::new(Keeper::new(folder.path(), port));
        let watch = std::thread::spawn({
            let keeper = keeper.clone();
            move || keeper.watch()
        });
        let staff = Patient::new(site.with_token(&key), keeper.clone());
        let others_staff = Patient::new(site.of(OTHER_TENANT).with_token(&others_key), keeper.clone());
        let operator = Patient::new(site.of("platform").with_token(&operators_key), keeper.clone());
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
            keeper,
            watch: Some(watch),
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
        Patient::new(self.site.visitor(), self.keeper.clone())
    }

    /// A client of the tenant's site with a browser's cookies.
    pub(crate) fn browser(&self) -> Patient {
        Patient::new(self.site.browser(), self.keeper.clone())
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// From now on, the server dies at this point: `name`, or `name#3` for the third time.
    pub fn arm(&self, point: &str) {
        let (beside, orders) = (self.keeper.folder.join("orders.new"), self.keeper.orders());
        fs::write(&beside, point).expect("orders can be written");
        fs::rename(beside, orders).expect("orders can be given");
    }

    /// It does not die there any more.
    pub fn disarm(&self) {
        let _ = fs::remove_file(self.keeper.orders()); // they are gone when they were obeyed
    }

    /// SIGKILL, now.
    pub fn kill(&self) {
        if let Some(process) = &self.keeper.lock().process {
            process.signal("KILL");
        }
    }

    /// How often it has died.
    pub fn deaths(&self) -> u64 {
        self.keeper.lock().deaths
    }

    /// Waits until it has died more often than `before`; whether it did in time.
    pub async fn dies(&self, before: u64, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while self.deaths() <= before {
            self.keeper.check();
            if Instant::now() >= until {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        true
    }

    /// Every point that was passed so far.
    pub fn traced(&self) -> BTreeSet<String> {
        let lines = fs::read_to_string(self.keeper.trace()).unwrap_or_default();
        lines.lines().map(str::to_owned).collect()
    }

    /// Runs a command of `tessera` on the data folder, to die at `point` if there is one. Whether it ended well.
    pub(crate) fn command(&self, arguments: &[&str], point: Option<&str>) -> bool {
        let trace = self.keeper.trace();
        let mut variables = vec![("FAULTS_TRACE", trace.to_str().expect("a path of ours is text"))];
        variables.extend(point.map(|point| ("FAULTS_KILL_AT", point)));
        let output = run_with(&self.keeper.folder, arguments, &variables);
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
        self.keeper.lock().stopping = true;
        if let Some(watch) = self.watch.take() {
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
