//! A disk that fills up under a service at work, and one that takes no writes.

use std::process::Command;

use reqwest::{Method, header};
use serde_json::{Value, json};
use tessera_testing::{SmallDisk, TempDir, eventually, free_port};
use tessera_tests::{Answer, Browser, Demo, run};

/// A clip of two seconds.
fn clip(folder: &std::path::Path) -> Vec<u8> {
    let file = folder.join("clip.mp4");
    let made = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=2"])
        .args(["-c:v", "libx264", "-preset", "ultrafast"])
        .arg(&file)
        .status();
    assert!(made.is_ok_and(|status| status.success()), "ffmpeg makes the file");
    std::fs::read(file).expect("what it made can be read")
}

/// Uploads by tus, as any client of it.
struct Upload<'a> {
    staff: &'a Browser,
    url: String,
    bytes: &'a [u8],
}

impl<'a> Upload<'a> {
    async fn begin(staff: &'a Browser, bytes: &'a [u8]) -> Result<Self, Answer> {
        let request = staff.request(Method::POST, "/media/v1/uploads").header("tus-resumable", "1.0.0");
        let answer = staff.send(request.header("upload-length", bytes.len())).await;
        match answer.headers.get(header::LOCATION).and_then(|at| at.to_str().ok()) {
            Some(url) => Ok(Self { staff, url: url.to_owned(), bytes }),
            None => Err(answer),
        }
    }

    /// Where it stands.
    async fn offset(&self) -> usize {
        let request = self.staff.request(Method::HEAD, &self.url).header("tus-resumable", "1.0.0");
        let answer = self.staff.send(request).await;
        let offset = answer.headers.get("upload-offset").and_then(|offset| offset.to_str().ok());
        offset.and_then(|offset| offset.parse().ok()).unwrap_or_else(|| panic!("an offset: {answer:?}"))
    }

    /// Sends the rest of it.
    async fn go_on(&self) -> Answer {
        let offset = self.offset().await;
        let request = self.staff.request(Method::PATCH, &self.url).header("tus-resumable", "1.0.0");
        let request = request.header("upload-offset", offset).header("content-type", "application/offset+octet-stream");
        self.staff.send(request.body(self.bytes[offset..].to_vec())).await
    }

    async fn asset(&self) -> String {
        let upload = self.url.rsplit('/').next().unwrap_or_default();
        let asset = self.staff.post("/media/v1/assets", json!({"upload_id": upload, "protection": "cbcs"})).await.ok();
        asset["asset_id"].as_str().expect("an asset has an id").to_owned()
    }
}

async fn asset(staff: &Browser, id: &str) -> Value {
    staff.get(&format!("/media/v1/assets/{id}")).await.ok()
}

fn doctor(demo: &Demo) -> (bool, String) {
    let port = demo.site.port().to_string();
    let output = run(demo.folder(), &["doctor", "--data", "data", "--port", &port]);
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_what_it_cannot_keep_and_all_goes_on_once_there_is_room() {
    let Some(disk) = SmallDisk::mount(256) else { return };
    let folder = TempDir::new_in(disk.path()).expect("a folder on the small disk");
    // In the window between the two, jobs wait and databases commit.
    let demo = Demo::configured(folder, "[media]\nspare_disk_bytes = 41943040\n");
    let staff = demo.site.with_token(demo.fact("staff_key"));
    let mut viewer = demo.site.browser();
    viewer.sign_up("alice@viewer.example", "correct horse battery").await;
    let bytes = clip(demo.folder());
    let whole = Upload::begin(&staff, &bytes).await.expect("there is room");
    assert_eq!(whole.go_on().await.status.as_u16(), 204);
    let resumed = Upload::begin(&staff, &bytes).await.expect("there is room");

    disk.fill_but(30 << 20);
    let waiting = whole.asset().await;
    eventually("the job to find no room", || async {
        (asset(&staff, &waiting).await["stage"] == "waiting for disk space").then_some(())
    })
    .await;
    let Err(refused) = Upload::begin(&staff, &bytes).await else { panic!("uploads leave room for databases") };
    assert!(refused.refused(507, "no_room").contains("free some space"));
    assert!(resumed.go_on().await.refused(507, "no_room").contains("then go on with the upload"));
    let offers = viewer.get("/billing/v1/offers?plan=basic").await.ok();
    let card =
        json!({"card_number": "4242424242424242", "expiry_month": 1, "expiry_year": 2040, "security_code": "123"});
    let token = viewer.post("/payment-gateway/v1/tokens", card).await.ok();

    disk.fill();
    let checkout = json!({"offer_id": offers["data"][0]["offer_id"], "payment_token": token["payment_token"]});
    let refused = viewer.post_once("/billing/v1/checkouts", "the-intent", checkout.clone()).await;
    assert!(refused.refused(503, "unavailable").contains("the disk is full: free some space"), "{refused:?}");
    viewer.get("/catalog/v1/titles").await.ok();
    let ready = demo.site.visitor().get("/readyz").await;
    assert_eq!((ready.status.as_u16(), &ready.json()["checks"]["disk"]), (503, &json!("failed")), "{}", ready.text());
    let (sound, said) = doctor(&demo);
    assert!(!sound && said.contains("✗ disk") && said.contains("free some space"), "{said}");

    disk.free();
    let bought = viewer.post_once("/billing/v1/checkouts", "the-intent", checkout.clone()).await.ok();
    let again = viewer.post_once("/billing/v1/checkouts", "the-intent", checkout).await.ok();
    assert_eq!(again["checkout_id"], bought["checkout_id"]);
    assert_eq!(resumed.go_on().await.status.as_u16(), 204, "it goes on where it stood");
    demo.site.visitor().get("/readyz").await.ok();
    eventually("the job to go on by itself", || async {
        (asset(&staff, &waiting).await["stage"] != "waiting for disk space").then_some(())
    })
    .await;
    eventually("the film to be ready", || async {
        let asset = asset(&staff, &waiting).await;
        assert_ne!(asset["state"], "failed", "{asset}");
        (asset["state"] == "ready").then_some(())
    })
    .await;
    let ledger = staff.get("/billing/v1/management/ledger").await.ok();
    assert_eq!(ledger["data"].as_array().map(Vec::len), Some(1), "charged once: {ledger}");

    let (folder, _) = demo.stop();
    disk.make_read_only();
    let output = run(folder.path(), &["serve", "--data", "data", "--port", &free_port().to_string()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("data") && said.contains("mounted read-only"), "{said}");
}
