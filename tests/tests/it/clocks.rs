//! The machine's clock jumps, back and forth: nothing is held up by the size of the jump, and no order is lost.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tessera_testing::{TempDir, eventually, free_port};
use tessera_tests::{Browser, Demo, Process, Site};

/// Where Debian puts the library that gives a process another clock.
const LIBRARIES: [&str; 2] =
    ["/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1"];

/// A server whose wall clock is the machine's and what the file `offset` says. Time since the machine started goes on
/// as ever, as it does when a machine's clock is set.
fn start(folder: &Path, port: u16) -> Process {
    let library = LIBRARIES.into_iter().find(|path| Path::new(path).exists()).unwrap_or_default();
    let offset = folder.join("offset");
    let variables = [
        ("LD_PRELOAD", library),
        ("FAKETIME_TIMESTAMP_FILE", offset.to_str().expect("a test's path is text")),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let arguments = ["up", "--data", "data", "--port", &port.to_string()];
    let mut process = Process::start_with(folder, &arguments, &variables);
    process.wait_for("Tessera is up");
    process
}

fn set_clock(folder: &Path, offset: &str) {
    fs::write(folder.join("offset.new"), offset).expect("the clock can be set");
    fs::rename(folder.join("offset.new"), folder.join("offset")).expect("the clock can be set");
}

async fn buys(viewer: &Browser, offer: &str) {
    let card =
        json!({"card_number": "4242424242424242", "expiry_month": 1, "expiry_year": 2040, "security_code": "123"});
    let token = viewer.post("/payment-gateway/v1/tokens", card).await.ok();
    let checkout = json!({"offer_id": offer, "payment_token": token["payment_token"]});
    assert_eq!(viewer.post("/billing/v1/checkouts", checkout).await.ok()["state"], "succeeded");
}

/// When each purchase was booked, in the order of the books.
async fn bookings(site: &Site, staff_key: &str) -> Vec<String> {
    let ledger = site.with_token(staff_key).get("/billing/v1/management/ledger").await.ok();
    let mut booked: Vec<(String, String)> = ledger["data"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| (one["transaction_id"].to_string(), one["booked_at"].to_string()))
        .collect();
    booked.sort();
    booked.into_iter().map(|(_, at)| at).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_back_and_forth_holds_nothing_up_and_upsets_no_order() {
    if !LIBRARIES.iter().any(|path| Path::new(path).exists()) {
        return eprintln!("SKIPPED: libfaketime is not there: apt-get install faketime");
    }
    let (folder, _): (TempDir, _) = Demo::start().stop();
    let settings = "[entitlement]\nlease_seconds = 2\nfree_streams = 1\n";
    fs::write(folder.path().join("tessera.toml"), settings).expect("the settings can be written");
    set_clock(folder.path(), "+0");
    let port = free_port();
    let (mut process, site) = (start(folder.path(), port), Site::new("demo", port));
    let facts = fs::read(folder.path().join("data/demo.json")).expect("the demo's facts are there");
    let facts: Value = serde_json::from_slice(&facts).expect("they are JSON");
    let (staff_key, film) = (facts["staff_key"].as_str().unwrap_or_default(), &facts["titles"][2][1]);
    let mut viewer = site.browser();
    viewer.sign_up("alice@viewer.example", "correct horse battery").await;
    let offers = viewer
        .get(&format!("/billing/v1/offers?title_id={}", facts["titles"][1][1].as_str().unwrap_or_default()))
        .await
        .ok();
    let rental = offers["data"][0]["offer_id"].as_str().expect("the second film is for rent").to_owned();
    let basic = viewer.get("/billing/v1/offers?plan=basic").await.ok();
    buys(&viewer, basic["data"][0]["offer_id"].as_str().expect("there is a plan")).await;
    let plays = async |viewer: &Browser, device: &str| {
        viewer.post("/playback/v1/sessions", json!({"title_id": film, "device_id": device})).await
    };
    let mut free = site.browser();
    free.sign_up("bob@viewer.example", "correct horse battery").await;
    plays(&free, "tv").await.ok();

    set_clock(folder.path(), "-6h");
    eventually("the television's slot to run out in seconds, and not in hours", async || {
        plays(&free, "laptop").await.status.is_success().then_some(())
    })
    .await;
    assert_eq!(viewer.get("/auth/session").await.ok()["signed_in"], true, "after a jump back");
    buys(&viewer, &rental).await;

    set_clock(folder.path(), "+20h");
    assert_eq!(viewer.get("/auth/session").await.ok()["signed_in"], true, "after a jump ahead");
    buys(&free, &rental).await;

    set_clock(folder.path(), "-100h");
    process.signal("KILL");
    process.wait();
    let mut process = start(folder.path(), port);
    let mut late = site.browser();
    late.sign_up("carol@viewer.example", "correct horse battery").await;
    assert_eq!(viewer.get("/auth/session").await.ok()["signed_in"], true, "after a restart in the past");
    buys(&late, &rental).await;
    plays(&late, "phone").await.ok();

    let booked = bookings(&site, staff_key).await;
    let mut in_order = booked.clone();
    in_order.sort();
    assert_eq!((booked.len(), &booked), (4, &in_order), "the books are in the order of time");
    process.signal("INT");
    assert!(process.wait().success(), "{}", process.said());
    assert!(!process.said().contains("panicked"), "{}", process.said());
}
