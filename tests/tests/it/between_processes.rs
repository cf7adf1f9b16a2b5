//! Two processes that prove to each other which module they are, as docs/mtls.md has an operator set them up.

use std::{fs, os::unix::fs::DirBuilderExt, path::Path, sync::Arc};

use reqwest::Method;
use tessera_contract::{CX_HEADER, Cx, CxSigner};
use tessera_testing::{eventually, free_port, temp_dir};
use tessera_tests::{Process, Site, run};
use tessera_types::SystemClock;

fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A folder with settings and the deployment's shared secret, and a server on it.
fn serve(folder: &Path, settings: &str, port: u16) -> Process {
    fs::write(folder.join("tessera.toml"), settings).expect("the settings can be written");
    let mut process = Process::start(folder, &["serve", "--data", "data", "--port", &port.to_string()]);
    process.wait_for("ready");
    process
}

fn mtls(certs: &Path, name: &str, listen: &str) -> String {
    let certs = certs.display();
    format!(
        "[mtls]\n{listen}certificate = \"{certs}/{name}.pem\"\nkey = \"{certs}/{name}-key.pem\"\nauthority = \"{certs}/authority.pem\"\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_in_another_process_is_asked_over_tls_alone_and_certificates_change_underway() {
    let (there, here) = (temp_dir(), temp_dir());
    let certs = here.path().join("certs");
    let (plain, certified, port) = (free_port(), free_port(), free_port());
    done(here.path(), &["certs", "init", "--dir", "certs", "--process", "main=edge,billing,drm,playback"]);
    let made = done(here.path(), &["tenant", "create", "acme", "--test", "--data", "data"]);
    let key = made.lines().find(|line| line.starts_with("sk_test_")).expect("the first key").trim();
    let secrets = there.path().join("data/secrets");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&secrets).expect("a folder can be made");

    // Entitlement has the deployment's secret, and a certificate of its own.
    let main = mtls(&certs, "main", "")
        + &format!("[entitlement]\nurl = \"https://127.0.0.1:{certified}/entitlement\"\nprotocol = \"grpc\"\n");
    let main = serve(here.path(), &main, port);
    let secret = here.path().join("data/secrets/cx-signing");
    fs::copy(&secret, secrets.join("cx-signing")).expect("the secret can be carried over");
    let listen = format!("listen = \"127.0.0.1:{certified}\"\n");
    let entitlement = serve(there.path(), &mtls(&certs, "entitlement", &listen), plain);

    let staff = Site::new("acme", port).with_token(key);
    let grant = serde_json::json!({
        "account_id": "acc_1", "scope": {"kind": "plan", "plan": "basic"}, "starts_at": "2020-01-01T00:00:00Z", "max_streams": 2, "version": 1,
    });
    eventually("entitlement to be asked", || async {
        staff.get("/entitlement/v1/grants").await.status.is_success().then_some(())
    })
    .await;
    let put = staff.request(Method::PUT, "/entitlement/v1/grants/crm/ref-1").json(&grant);
    staff.send(put).await.ok();
    assert_eq!(staff.get("/entitlement/v1/grants").await.ok()["data"][0]["reference"], "ref-1");

    let facts = serde_json::json!({"title_id": "ttl_1", "free": false, "plans": ["basic"], "minimum_age": 0});
    let question = serde_json::json!({"viewing": {"account_id": "acc_1"}, "facts": facts});
    assert_eq!(staff.post("/entitlement/v1/decisions", question).await.ok()["allowed"], true);
    eventually("the decision to be asked for by gRPC", || async {
        entitlement.said().contains("EntitlementService/Decide").then_some(())
    })
    .await;

    // Whoever has the secret and no certificate is told what is missing.
    let digits = fs::read_to_string(&secret).expect("the deployment's secret");
    let byte = |at: usize| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("hexadecimal digits");
    let signer = CxSigner::new(&(0..32).map(byte).collect::<Vec<u8>>(), Arc::new(SystemClock));
    let cx = Cx::service("acme".parse().expect("a name"), "playback", &SystemClock);
    let token = signer.sign(&cx, "entitlement").expect("a context can be signed");
    let visitor = Site::new("acme", plain).visitor();
    let said = visitor.send(visitor.request(Method::GET, "/entitlement/v1/grants").header(CX_HEADER, token)).await;
    let said = said.refused(401, "unauthenticated");
    assert!(said.contains("[mtls] listen"), "{said}");

    let before = fs::read(certs.join("entitlement.pem")).expect("a certificate");
    done(here.path(), &["certs", "renew", "--dir", "certs"]);
    assert_ne!(fs::read(certs.join("entitlement.pem")).expect("a certificate"), before);
    for process in [&entitlement, &main] {
        eventually("certificates to be read again", || async {
            process.said().contains("certificates are read again").then_some(())
        })
        .await;
        assert!(staff.get("/entitlement/v1/grants").await.status.is_success());
    }
    entitlement.stop();
    let said = main.stop().1;
    assert!(!said.contains("left alone"), "{said}");
}
