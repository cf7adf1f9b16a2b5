//! What must be true once everything has come to rest, however often the server died.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{
    World,
    patient::Patient,
    viewer::{Purchase, text},
    world::workers_in,
};

/// Modules that have work of their own to finish.
const MODULES: [&str; 12] = [
    "audit",
    "billing",
    "catalog",
    "drm",
    "entitlement",
    "identity",
    "media",
    "playback",
    "sandboxgateway",
    "tenancy",
    "viewers",
    "webhooks",
];
const OPEN_JOBS: &str = "select kind || ' ' || key || ' ' || state || ' ' || coalesce(error, '') from tessera_jobs \
    where state not in ('done', 'dead')";
const DEAD_JOBS: &str =
    "select kind || ' ' || key || ' ' || coalesce(error, '') from tessera_jobs where state = 'dead'";
const PARKED: &str = "select consumer || ' ' || subject || ' ' || coalesce(error, '') from tessera_parked";
const CHARGES: &str = "select token, reference, amount_minor from charges where decline_code is null";
/// Every blob that something names: chunks of uploads that are not over, and what a finished attempt has made.
const CHUNKS: &str = "select u.tenant || '/' || c.blob from upload_chunks c join uploads u \
    on u.tenant = c.tenant and u.upload_id = c.upload_id where u.ended_at is null";
const MADE: &str = "select tenant, made from assets where made is not null";

/// A charge that took money.
struct Charge {
    token: String,
    reference: String,
    amount_minor: i64,
}

/// Waits until everything has come to rest, and holds the world to all that was acknowledged. Panics with what is not so;
/// otherwise says in a line what was looked at.
pub async fn audit(world: &World) -> String {
    for module in MODULES {
        let open = async || world.rows(module, OPEN_JOBS).await.is_empty().then_some(());
        world.staff.until(format!("the jobs of {module} to end"), open).await;
        assert_eq!(world.rows(module, DEAD_JOBS).await, [""; 0], "dead jobs of {module}");
        assert_eq!(world.rows(module, PARKED).await, [""; 0], "parked events in {module}");
    }
    let money = money(world).await;
    let rights = rights(world).await;
    let media = media(world).await;
    credentials(world).await;
    others(&world.others_staff).await;
    // Every record of what staff did is there, and chained to the one before.
    assert!(world.command(&["audit", "verify", "--data", "data"], None), "the audit trail holds");
    format!("{money}, {rights}, {media}")
}

/// The ledger balances, and agrees with the gateway: nothing is charged twice, nothing unbooked.
async fn money(world: &World) -> String {
    let mut booked = BTreeMap::new();
    for transaction in world.staff.list("/billing/v1/management/ledger").await {
        let entries = transaction["entries"].as_array().expect("a transaction has legs");
        let amounts = || entries.iter().map(|entry| entry["amount"]["amount_minor"].as_i64().expect("an amount"));
        assert_eq!(amounts().sum::<i64>(), 0, "{transaction}");
        let taken: i64 = amounts().filter(|amount| *amount > 0).sum();
        let before = booked.insert(text(&transaction, "reference"), taken);
        assert!(before.is_none(), "booked twice: {transaction}");
    }
    let charges = world.charges().await;
    let charged: BTreeMap<String, i64> =
        charges.iter().map(|charge| (charge.reference.clone(), charge.amount_minor)).collect();
    assert_eq!(booked, charged, "left is what the ledger says, right what the gateway took");
    for purchase in world.promised() {
        let sales: Vec<&str> = charges
            .iter()
            .filter(|charge| charge.token == purchase.payment_token && charge.reference.starts_with("chk_"))
            .map(|charge| charge.reference.as_str())
            .collect();
        let wanted: Vec<&str> = purchase.checkout_id.as_deref().into_iter().collect();
        assert_eq!(sales, wanted, "one intent is charged once when it was paid, and never when not: {purchase:?}");
    }
    format!("{} charges", charges.len())
}

/// A grant for everything that was paid, and for nothing else.
async fn rights(world: &World) -> String {
    let mut granted = BTreeSet::new();
    let mut cursor = String::new();
    loop {
        let page = world.staff.get(&format!("/entitlement/v1/grants?limit=100{cursor}")).await.ok();
        let grants = page["data"].as_array().cloned().unwrap_or_default();
        granted.extend(grants.iter().filter(|grant| grant["source"] == "billing").map(|g| text(g, "reference")));
        if grants.is_empty() {
            break;
        }
        cursor = format!("&cursor={}", text(&page, "next_cursor"));
    }
    let sold = |purchase: Purchase| purchase.paid.then_some(purchase.subscription_id).flatten();
    let sold: BTreeSet<String> = world.promised().into_iter().filter_map(sold).collect();
    assert_eq!(granted, sold, "left is what is granted, right what was paid");
    format!("{} grants", granted.len())
}

/// Every asset is ready, every blob is somebody's, nothing is left at work.
async fn media(world: &World) -> String {
    let assets = world.staff.list("/media/v1/assets").await;
    for asset in &assets {
        assert_eq!(asset["state"], "ready", "{asset}");
    }
    let known: BTreeSet<String> = assets.iter().map(|asset| text(asset, "asset_id")).collect();
    let promised = world.assets.lock().expect("nobody panics while holding it").clone();
    assert!(known.is_superset(&promised), "assets that were ready are gone: {:?}", promised.difference(&known));
    let folder = world.blobs();
    let swept = async || {
        let owned = world.owned_blobs().await;
        let media = |file: &String| matches!(file.split('/').nth(1), Some("assets" | "uploads"));
        let stored: BTreeSet<String> = files_below(&folder).into_iter().filter(media).collect();
        assert!(stored.is_superset(&owned), "blobs are missing: {:?}", owned.difference(&stored));
        (stored == owned).then_some(owned.len())
    };
    let blobs = world.staff.until("blobs that nothing names to be swept", swept).await;
    for scratch in world.scratches().into_iter().filter(|scratch| scratch.exists()) {
        let empty = async || fs::read_dir(&scratch).is_ok_and(|mut entries| entries.next().is_none()).then_some(());
        world.staff.until("scratch folders to be removed", empty).await;
        world.staff.until("FFmpeg to end", async || workers_in(&scratch).is_empty().then_some(())).await;
    }
    format!("{} assets with {blobs} blobs", assets.len())
}

/// A key works until its revocation was acknowledged, and never after.
async fn credentials(world: &World) {
    let keys = world.keys.lock().expect("nobody panics while holding it").clone();
    for (secret, revoked) in keys {
        let request = |http: &crate::Browser| {
            http.request(reqwest::Method::GET, "/catalog/v1/management/titles?limit=1").bearer_auth(&secret)
        };
        let answer = world.visitor().ask(request).await;
        let wanted = if revoked { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
        assert_eq!(answer.status, wanted, "a key, revoked: {revoked}: {}", answer.text());
    }
}

/// The other tenant has nothing of all that.
async fn others(staff: &Patient) {
    for path in
        ["/billing/v1/management/ledger", "/media/v1/assets", "/catalog/v1/management/titles", "/entitlement/v1/grants"]
    {
        assert_eq!(staff.get(path).await.ok()["data"], json!([]), "{path} of the tenant that nobody touched");
    }
}

impl World {
    fn promised(&self) -> Vec<Purchase> {
        self.purchases.lock().expect("nobody panics while holding it").clone()
    }

    /// Rows of one column.
    async fn rows(&self, module: &str, sql: &str) -> Vec<String> {
        self.rows_of(module, sql).await.into_iter().map(|row| row.join("|")).collect()
    }

    async fn charges(&self) -> Vec<Charge> {
        let rows = self.rows_of("sandboxgateway", CHARGES).await;
        let charge = |row: Vec<String>| {
            let [token, reference, amount_minor] = row.try_into().expect("three columns");
            Charge { token, reference, amount_minor: amount_minor.parse().expect("an amount") }
        };
        rows.into_iter().map(charge).collect()
    }

    async fn owned_blobs(&self) -> BTreeSet<String> {
        let chunks = self.rows("media", CHUNKS).await;
        let made = self.rows("media", MADE).await;
        let mut owned: BTreeSet<String> = chunks.into_iter().collect();
        for row in made {
            let (tenant, made) = row.split_once('|').expect("a tenant, and what was made");
            let made: Value = serde_json::from_str(made).expect("what was made is JSON");
            let tracks = made["tracks"].as_array().expect("tracks").iter();
            let entries = |list: &'_ Value| list.as_array().cloned().unwrap_or_default();
            let texts = entries(&made["subtitles"]).into_iter().map(|subtitles| subtitles["file"].clone());
            let beside: Vec<Value> = texts.chain(entries(&made["thumbnails"]["pictures"])).collect();
            let blobs = tracks.flat_map(|track| [&track["blob"], &track["index_blob"]]).chain([&made["poster_blob"]]);
            let blobs = blobs.chain(beside.iter().map(|file| &file["blob"]));
            owned.extend(blobs.filter_map(Value::as_str).map(|blob| format!("{tenant}/{blob}")));
        }
        owned
    }
}

/// The files below `folder`, as paths from there.
fn files_below(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                true => folders.push(entry.path()),
                false => {
                    let path = entry.path();
                    let below = path.strip_prefix(folder).expect("it is below");
                    found.insert(below.to_string_lossy().into_owned());
                }
            }
        }
    }
    found
}
