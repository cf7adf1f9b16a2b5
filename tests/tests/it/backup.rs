//! The drill: a backup under load, a kill, a restore elsewhere; keys replaced; what was cut off.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use serde_json::{Value, json};
use tessera_testing::{Postgres, eventually, free_port, temp_dir};
use tessera_tests::{Browser, Demo, Process, Site, run, run_with};

const PASSWORD: &str = "correct horse battery";
const FILM: &str = "Seahorse Valley";

/// A purchase that was acknowledged, and when.
#[derive(Clone)]
struct Bought {
    email: String,
    key: String,
    checkout: Value,
    request: Value,
    at: SystemTime,
}

async fn checkout(viewer: &Browser) -> Value {
    let offers = viewer.get("/billing/v1/offers?plan=basic").await.ok();
    let card =
        json!({"card_number": "4242424242424242", "expiry_month": 1, "expiry_year": 2040, "security_code": "123"});
    let token = viewer.post("/payment-gateway/v1/tokens", card).await.ok();
    json!({"offer_id": offers["data"][0]["offer_id"], "payment_token": token["payment_token"]})
}

/// People who sign up, pay, and watch, one after the other, until `stop`.
/// A crowd behind one address signs up faster than one may.
const CROWD: &str = "[server.rate_limits]\nenabled = false\n[identity.attempts]\n\
    sign_up = { requests = 100000, window_seconds = 60 }\n";

async fn people(site: Site, title: String, who: usize, stop: Arc<AtomicBool>, bought: Arc<Mutex<Vec<Bought>>>) {
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let (mut viewer, email) = (site.browser(), format!("viewer-{who}-{number}@viewer.example"));
        viewer.sign_up(&email, PASSWORD).await;
        let (request, key) = (checkout(&viewer).await, format!("intent-{who}-{number}"));
        let checkout = viewer.post_once("/billing/v1/checkouts", &key, request.clone()).await.ok();
        let one = Bought { email, key, checkout, request, at: SystemTime::now() };
        bought.lock().expect("nobody panics while holding it").push(one);
        let playback = play(&viewer, &title).await;
        let beat = format!("/playback/v1/sessions/{}/heartbeat", playback["session_id"].as_str().expect("a session"));
        viewer.post(&beat, json!({"position_seconds": 3})).await.ok();
    }
}

async fn play(viewer: &Browser, title: &str) -> Value {
    eventually("what was bought to be watchable", || async {
        let started = viewer.post("/playback/v1/sessions", json!({"title_id": title, "device_id": "laptop"})).await;
        started.status.is_success().then(|| started.json())
    })
    .await
}

/// A segment of the film as players get it: encrypted under its content key, from track files under their own.
async fn segment(site: &Site, playback: &Value) -> Vec<u8> {
    let player = site.visitor();
    let hls = playback["sources"][0]["hls_url"].as_str().expect("an HLS playlist").to_owned();
    let main = player.get(&hls).await.text();
    let media = main.lines().find(|line| !line.is_empty() && !line.starts_with('#')).expect("a media playlist");
    let media = below(&hls, media);
    let list = player.get(&media).await.text();
    let first = list.lines().find(|line| !line.is_empty() && !line.starts_with('#')).expect("a segment");
    let answer = player.get(&below(&media, first)).await;
    assert!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
    assert!(answer.bytes.len() > 1000, "a segment of {} bytes", answer.bytes.len());
    answer.bytes
}

fn below(base: &str, path: &str) -> String {
    match path.starts_with('/') || path.starts_with("http") {
        true => path.to_owned(),
        false => format!("{}/{path}", base.rsplit_once('/').expect("an address has a slash").0),
    }
}

/// Ingests a film in the background; returns when the server works on it.
async fn ingest(demo: &Demo, folder: &Path) -> Process {
    let made = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=2"])
        .args(["-c:v", "libx264", "-pix_fmt", "yuv420p", "film.mp4"])
        .current_dir(folder)
        .status();
    assert!(made.expect("ffmpeg can be run").success());
    let before = assets(&demo.site, demo.fact("staff_key")).await.len();
    let ingest = Process::start(folder, &["ingest", "film.mp4", "--title", "Under load", "--free", "--data", "data"]);
    eventually("the film to be submitted", || async {
        (assets(&demo.site, demo.fact("staff_key")).await.len() > before).then_some(())
    })
    .await;
    ingest
}

/// The states of all assets.
async fn assets(site: &Site, staff: &str) -> Vec<String> {
    let page = site.with_token(staff).get("/media/v1/assets?limit=100").await.ok();
    let states = page["data"].as_array().expect("a list of assets").iter();
    states.map(|asset| asset["state"].as_str().expect("a state").to_owned()).collect()
}

/// The command in `folder`, as an operator runs it.
async fn operate(folder: &Path, arguments: &[&str]) -> Output {
    let (folder, arguments): (PathBuf, Vec<String>) =
        (folder.to_owned(), arguments.iter().map(|word| (*word).to_owned()).collect());
    let done =
        tokio::task::spawn_blocking(move || run(&folder, &arguments.iter().map(String::as_str).collect::<Vec<_>>()));
    done.await.expect("the command's thread does not panic")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn done(output: Output) -> String {
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn refused(output: Output) -> String {
    assert!(!output.status.success(), "it was done: {}", String::from_utf8_lossy(&output.stdout));
    said(&output)
}

/// Killed at a point by SIGKILL.
fn killed_at(folder: &Path, point: &str, arguments: &[&str]) {
    let output = run_with(folder, arguments, &[("FAULTS_KILL_AT", point)]);
    assert_eq!(output.status.code(), None, "{point} was not reached: {}", said(&output));
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text.trim()).unwrap_or_else(|error| panic!("{error} in {text:?}"))
}

/// Serves what was restored.
async fn serve(folder: &Path, data: &str) -> (Process, Site) {
    let port = free_port();
    let process = Process::start(folder, &["serve", "--data", data, "--port", &port.to_string()]);
    let site = Site::new("demo", port);
    eventually("the restored server to be ready", || async {
        let asked = site.visitor().request(reqwest::Method::GET, "/readyz").send().await;
        asked.is_ok_and(|answer| answer.status().is_success()).then_some(())
    })
    .await;
    (process, site)
}

/// Ledger transactions, each of which sums to zero, by what they are of.
async fn ledger(site: &Site, staff: &str) -> Vec<Value> {
    let (staff, mut all, mut cursor) = (site.with_token(staff), Vec::new(), String::new());
    loop {
        let page = staff.get(&format!("/billing/v1/management/ledger?limit=100{cursor}")).await.ok();
        all.extend(page["data"].as_array().cloned().unwrap_or_default());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    for transaction in &all {
        let entries = transaction["entries"].as_array().expect("a transaction has entries");
        let amounts: Vec<i64> = entries.iter().filter_map(|entry| entry["amount"]["amount_minor"].as_i64()).collect();
        assert!(amounts.len() >= 2 && amounts.iter().sum::<i64>() == 0, "{transaction}");
    }
    all
}

/// Restores what was made into the folder `elsewhere`: not without keys, not half, not twice.
async fn restore_elsewhere(folder: &Path, made: &Value) {
    let from = made["backup"].as_str().expect("the backup's folder").to_owned();
    let restore = ["restore", "--from", &from, "--data", "elsewhere"];
    let without_keys = refused(operate(folder, &restore).await);
    assert!(without_keys.contains("drm-master key 1 (fingerprint") && without_keys.contains("keys import"));
    let import = ["keys", "import", "--from", "keys.json", "--passphrase-file", "passphrase", "--data", "elsewhere"];
    done(operate(folder, &import).await);
    killed_at(folder, "restore.before:end", &restore);
    let half = refused(operate(folder, &["serve", "--data", "elsewhere", "--port", &free_port().to_string()]).await);
    assert!(half.contains("was cut off"), "{half}");
    done(operate(folder, &restore).await);
    assert!(refused(operate(folder, &restore).await).contains("is not empty"));
}

/// Each purchase is in the ledger once, and its key still has its one effect.
async fn what_was_sold_is_there(site: &Site, staff: &str, sold: &[&Bought]) {
    let transactions = ledger(site, staff).await;
    for one in sold {
        let id = &one.checkout["checkout_id"];
        let of_it = transactions.iter().filter(|transaction| transaction["reference"] == *id).count();
        assert_eq!(of_it, 1, "{id} is in the ledger once: {transactions:?}");
    }
    let one = sold.first().expect("something was sold");
    let mut viewer = site.browser();
    viewer.sign_in(&one.email, PASSWORD).await;
    let again = viewer.post_once("/billing/v1/checkouts", &one.key, one.request.clone()).await.ok();
    assert_eq!(again["checkout_id"], one.checkout["checkout_id"]);
}

/// The film that was being made becomes ready, and what is bought now is charged once and can be watched.
async fn everything_goes_on(site: &Site, staff: &str, title: &str) {
    let transactions = ledger(site, staff).await.len();
    assert_eq!(assets(site, staff).await.len(), 4, "the demo's films, and the one that was being made");
    eventually("the film that was being made to be ready", || async {
        assets(site, staff).await.iter().all(|state| state == "ready").then_some(())
    })
    .await;
    let mut newcomer = site.browser();
    newcomer.sign_up("after-the-restore@viewer.example", PASSWORD).await;
    let request = checkout(&newcomer).await;
    newcomer.post("/billing/v1/checkouts", request).await.ok();
    play(&newcomer, title).await; // its grant came by an event
    assert_eq!(ledger(site, staff).await.len(), transactions + 1, "and nothing came twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_a_backup_under_load_is_there_after_a_kill_and_a_restore_elsewhere() {
    let mut demo = Demo::configured(temp_dir(), CROWD);
    let (folder, title) = (demo.folder().to_owned(), demo.title(FILM));
    let (stop, bought) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let crowd: Vec<_> = (0..3)
        .map(|who| tokio::spawn(people(demo.site.clone(), title.clone(), who, stop.clone(), bought.clone())))
        .collect();
    let first = eventually("somebody to have bought", || async {
        bought.lock().expect("nobody panics while holding it").first().cloned()
    })
    .await;
    let mut viewer: Browser = demo.site.browser();
    viewer.sign_in(&first.email, PASSWORD).await;
    let as_it_was = segment(&demo.site, &play(&viewer, &title).await).await;

    fs::write(folder.join("passphrase"), "a passphrase to drill with\n").expect("a file can be written");
    done(operate(&folder, &["keys", "export", "--to", "keys.json", "--passphrase-file", "passphrase"]).await);
    let _ingest = ingest(&demo, &folder).await;
    let made = json_of(&done(operate(&folder, &["backup", "--to", "backups", "--json"]).await));
    let count = bought.lock().expect("nobody panics while holding it").len();
    eventually("somebody to buy after the backup", || async {
        (bought.lock().expect("nobody panics while holding it").len() > count).then_some(())
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    for one in crowd {
        one.await.expect("nobody was refused while the backup was made");
    }
    let again = json_of(&done(operate(&folder, &["backup", "--to", "backups", "--json"]).await));
    let (copied, new) = (made["blobs_copied"].as_u64(), again["blobs_copied"].as_u64());
    assert!(copied > Some(20) && new < Some(20), "only what is new is copied: {made} {again}");
    demo.process.signal("KILL");
    demo.process.wait();

    restore_elsewhere(&folder, &made).await;
    let (_process, site) = serve(&folder, "elsewhere").await;
    let instant: tessera_types::Timestamp =
        made["instant"].as_str().and_then(|text| text.parse().ok()).expect("an instant");
    let micros = |at: SystemTime| {
        let since = at.duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
        i64::try_from(since.as_micros()).expect("it is before the year 290000")
    };
    let all = bought.lock().expect("nobody panics while holding it").clone();
    let (before, after): (Vec<_>, Vec<_>) = all.iter().partition(|one| micros(one.at) < instant.as_micros());
    assert!(!before.is_empty() && !after.is_empty());
    let staff = demo.fact("staff_key");
    what_was_sold_is_there(&site, staff, &before).await;
    for one in before.iter().take(2) {
        let mut viewer = site.browser();
        viewer.sign_in(&one.email, PASSWORD).await;
        assert_eq!(segment(&site, &play(&viewer, &title).await).await, as_it_was, "the film plays as it did");
    }
    everything_goes_on(&site, staff, &title).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_cut_off_is_none_and_a_damaged_one_is_refused_with_every_file_that_is() {
    let (folder, _) = Demo::start().stop();
    let here = folder.path();
    let backup = ["backup", "--to", "backups", "--json"];
    killed_at(here, "backup.before:manifest", &backup);
    let none = refused(operate(here, &["restore", "--from", "backups", "--dry-run"]).await);
    assert!(none.contains("there is no whole backup"), "{none}");
    let within = refused(operate(here, &["backup", "--to", "data/backups"]).await);
    assert!(within.contains("within the data folder"), "{within}");

    let made = json_of(&done(operate(here, &backup).await));
    let path = PathBuf::from(made["backup"].as_str().expect("the backup's folder"));
    let left = fs::read_dir(here.join("backups")).expect("a folder").filter_map(Result::ok);
    let names: Vec<String> = left.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    assert!(!names.iter().any(|name| name.starts_with(".partial")), "{names:?}");
    let databases = |folder: &Path| -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder").filter_map(Result::ok);
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.retain(|name| name.ends_with(".db"));
        names.sort();
        names
    };
    assert_eq!(databases(&path), databases(&here.join("data")), "every module's data is in it");
    let secret = fs::read_to_string(here.join("data/secrets/drm-master")).expect("a secret");
    let found = Command::new("grep").args(["-rqF", secret.trim()]).arg(here.join("backups")).status();
    assert_eq!(found.expect("grep can be run").code(), Some(1), "no key is in it");
    let noted = json_of(&fs::read_to_string(here.join("data/last-backup.json")).expect("the note"));
    assert_eq!((&noted["backup"], &noted["bytes"]), (&made["backup"], &made["bytes"]));
    let listed = done(operate(here, &["restore", "--from", "backups", "--dry-run"]).await);
    assert!(listed.contains("demo") && listed.contains("media-master key 1"), "{listed}");

    let blob = fs::read_to_string(path.join("manifest.json")).expect("the manifest");
    let blob = json_of(&blob)["blobs"][0]["path"].as_str().expect("a blob").to_owned();
    for damaged in [&here.join("backups/blobs").join(&blob), &path.join("billing.db")] {
        let mut bytes = fs::read(damaged).expect("a file of the backup");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(damaged, bytes).expect("it can be damaged");
    }
    let why = refused(operate(here, &["restore", "--from", "backups", "--data", "elsewhere"]).await);
    assert!(why.contains(&blob) && why.contains("billing.db") && why.contains("2 in all"), "{why}");
    assert!(!here.join("elsewhere").exists(), "nothing was written");
    let manifest = path.join("manifest.json");
    let changed = fs::read_to_string(&manifest).expect("the manifest").replace("demo", "omed");
    fs::write(&manifest, changed).expect("it can be changed");
    assert!(
        refused(operate(here, &["restore", "--from", "backups", "--dry-run"]).await)
            .contains("manifest.json is damaged")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_plays_through_every_change_of_keys_also_one_that_was_cut_off() {
    let demo = Demo::start();
    let title = demo.title(FILM);
    let mut viewer = demo.site.browser();
    viewer.sign_up("keys@viewer.example", PASSWORD).await;
    let request = checkout(&viewer).await;
    viewer.post("/billing/v1/checkouts", request).await.ok();
    let as_it_was = segment(&demo.site, &play(&viewer, &title).await).await;
    let here = demo.folder().to_owned();
    let running = refused(operate(&here, &["keys", "rotate", "drm-master"]).await);
    assert!(running.contains("while no server runs"), "{running}");
    let (folder, _) = demo.stop();

    for (ring, point) in [
        ("drm-master", "commit.before:drm"),
        ("media-master", "commit.after:media"),
        ("identity-master", "commit.before:identity"),
    ] {
        killed_at(&here, point, &["keys", "rotate", ring]);
        assert_eq!(
            done(operate(&here, &["keys", "rotate", ring]).await).trim(),
            if ring == "media-master" { "3" } else { "2" }
        );
        let again =
            refused(operate(&here, &["keys", "retire", ring, if ring == "media-master" { "3" } else { "2" }]).await);
        assert!(again.contains("is in use"), "{again}");
    }
    for ring in ["drm-master", "media-master"] {
        done(operate(&here, &["keys", "retire", ring, "1"]).await);
    }
    let early = refused(operate(&here, &["keys", "retire", "identity-master", "1"]).await);
    assert!(early.contains("is good until"), "{early}");
    assert_eq!(done(operate(&here, &["keys", "rotate", "url-signing"]).await).trim(), "2");
    let keys = json_of(&done(operate(&here, &["keys", "list", "--json"]).await));
    for key in keys["keys"].as_array().expect("a list") {
        let idle = key["in_use"] == false && key["sealed"].as_i64().is_some_and(|sealed| sealed > 0);
        assert!(!idle, "something is left under an old key: {key}");
    }

    let demo = Demo::start_in(folder);
    let mut viewer = demo.site.browser();
    viewer.sign_in("keys@viewer.example", PASSWORD).await;
    assert_eq!(segment(&demo.site, &play(&viewer, &title).await).await, as_it_was, "the film plays as it did");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_postgresql_is_one_dump_and_goes_into_an_empty_database_alone() {
    let (server, folder) = (Postgres::start(), temp_dir());
    let here = folder.path();
    let use_database = |name: &str| {
        let setting = format!("store = {:?}\n", server.url_of(name));
        fs::write(here.join("tessera.toml"), setting).expect("a file can be written");
    };
    let tenants = async |data: &str| -> Vec<String> {
        let listed = done(operate(here, &["tenant", "list", "--data", data]).await);
        listed.lines().filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
    };
    use_database("postgres");
    for tenant in ["acme", "globex"] {
        done(operate(here, &["tenant", "create", tenant, "--data", "data"]).await);
    }
    let made = json_of(&done(operate(here, &["backup", "--to", "backups", "--data", "data", "--json"]).await));
    assert_eq!((made["files"].as_u64(), &made["tenants"]), (Some(1), &json!(["acme", "globex"])));
    done(operate(here, &["tenant", "create", "later", "--data", "data"]).await);
    let restore = ["restore", "--from", "backups", "--data", "elsewhere"];
    let taken = refused(operate(here, &restore).await);
    assert!(taken.contains("has a schema") && taken.contains("nothing is overwritten"), "{taken}");

    server.psql("create database restored");
    use_database("restored");
    done(operate(here, &restore).await);
    assert_eq!(tenants("elsewhere").await, ["acme", "globex"]);
    // Opens every right that the dump had to bring back: a tenant's rows are written under the tenant's own role.
    done(operate(here, &["tenant", "create", "after", "--data", "elsewhere"]).await);
    assert_eq!(tenants("elsewhere").await, ["acme", "after", "globex"]);
    use_database("postgres");
    assert_eq!(tenants("data").await, ["acme", "globex", "later"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_data_is_refused_of_all_modules_at_once_and_a_dry_run_of_migrations_changes_nothing() {
    let folder = temp_dir();
    let here = folder.path();
    done(operate(here, &["tenant", "create", "acme", "--data", "data"]).await);
    let tried = done(operate(here, &["migrate", "--dry-run", "--data", "data"]).await);
    let line = |module: &str| tried.lines().find(|line| line.starts_with(module)).unwrap_or_default().to_owned();
    assert!(line("identity").contains("up to date"), "{tried}");
    assert!(line("catalog").contains("has no data yet; would run tessera_store/0001_platform"), "{tried}");
    assert!(!here.join("data/catalog.db").exists(), "nothing was made");
    done(operate(here, &["migrate", "--data", "data"]).await);
    assert!(here.join("data/catalog.db").exists());
    assert!(!done(operate(here, &["migrate", "--dry-run", "--data", "data"]).await).contains("would run"));

    for module in ["catalog", "identity"] {
        let newer = "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute(\"update tessera_migrations set \
            version = 9999, written_by = '9.9.9' where owner = '\" + sys.argv[2] + \"' and version = 1\"); c.commit()";
        let database = here.join(format!("data/{module}.db"));
        let changed = Command::new("python3").args(["-c", newer]).arg(&database).arg(module).status();
        assert!(changed.is_ok_and(|status| status.success()));
    }
    for command in [&["migrate", "--data", "data"][..], &["backup", "--to", "backups", "--data", "data"][..]] {
        let why = refused(operate(here, command).await);
        for said in ["the catalog data", "the identity data", "9999", "start tessera 9.9.9 or later", "was left alone"]
        {
            assert!(why.contains(said), "{said:?} is not in: {why}");
        }
    }
}
