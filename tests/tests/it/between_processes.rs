//! Two processes that prove to each other which module they are, as docs/mtls.md has an operator set them up.

use std::{
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use reqwest::Method;
use tessera_contract::{CX_HEADER, Cx, CxSigner};
use tessera_testing::{TempDir, eventually, free_port, temp_dir};
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

/// Entitlement in a process of its own, with a certificate of its own, and everything else in another.
struct Two {
    here: TempDir,
    _there: TempDir,
    main: Process,
    entitlement: Process,
    certs: PathBuf,
    /// A key of staff of acme.
    key: String,
    /// Of everything else, and of entitlement without certificates and with them.
    port: u16,
    plain: u16,
    certified: u16,
}

impl Two {
    fn start() -> Self {
        let (there, here) = (temp_dir(), temp_dir());
        let certs = here.path().join("certs");
        let (plain, certified, port) = (free_port(), free_port(), free_port());
        done(here.path(), &["certs", "init", "--dir", "certs", "--process", "main=edge,billing,drm,playback"]);
        let made = done(here.path(), &["tenant", "create", "acme", "--test", "--data", "data"]);
        let key = made.lines().find(|line| line.starts_with("sk_test_")).expect("the first key").trim().to_owned();
        let secrets = there.path().join("data/secrets");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&secrets).expect("a folder can be made");

        // Entitlement has the deployment's secret.
        let main = mtls(&certs, "main", "")
            + &format!("[entitlement]\nurl = \"https://127.0.0.1:{certified}/entitlement\"\nprotocol = \"grpc\"\n");
        let main = serve(here.path(), &main, port);
        fs::copy(here.path().join(KEY), secrets.join("cx-signing")).expect("the secret can be carried over");
        let listen = format!("listen = \"127.0.0.1:{certified}\"\n");
        let settings = mtls(&certs, "entitlement", &listen) + "[authorize]\ncopy = [\"entitlement.list_grants\"]\n";
        let entitlement = serve(there.path(), &settings, plain);
        Self { here, _there: there, main, entitlement, certs, key, port, plain, certified }
    }

    /// The exit status of a command here, and what it said.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = run(self.here.path(), arguments);
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Checks entitlement at this address.
    fn check(&self, url: &str, more: &[&str]) -> (Option<i32>, String) {
        let check = ["contract", "check", "entitlement", "--url", url, "--data", "data", "--tenants", "acme,rival"];
        self.run(&[&check[..], more].concat())
    }
}

/// The secret that modules sign with.
const KEY: &str = "data/secrets/cx-signing";

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_takes_nobody_without_a_certificate_is_checked_and_copied_to_with_one() {
    let two = Two::start();
    done(two.here.path(), &["tenant", "create", "rival", "--test", "--data", "data"]);
    let url = format!("https://127.0.0.1:{}/entitlement", two.certified);
    for protocol in ["http", "grpc"] {
        let (status, said) = two.check(&url, &["--certs", "certs", "--protocol", protocol]);
        assert!(status == Some(0) && said.contains("entitlement is conforming"), "{protocol}: {said}");
    }

    // What is wrong is told apart, and where one looks for it is said.
    fs::create_dir(two.here.path().join("empty")).expect("a folder can be made");
    done(two.here.path(), &["certs", "init", "--dir", "others"]);
    done(two.here.path(), &["certs", "init", "--dir", "narrow", "--process", "tools=playback"]);
    let http = format!("http://127.0.0.1:{}/entitlement", two.certified);
    let plain = format!("https://127.0.0.1:{}/entitlement", two.plain);
    let nobody = format!("https://127.0.0.1:{}/entitlement", free_port());
    for (url, more, status, words) in [
        (&url, &["--certs", "others"][..], 3, "UnknownIssuer"),
        (&url, &["--certs", "empty"], 1, "tools.pem is not there: `tessera certs renew"),
        (&url, &["--certs", "narrow"], 1, "names playback and not conformance"),
        (&http, &["--certs", "certs"], 1, "over https alone"),
        (&http, &[], 3, "a port that speaks TLS"),
        (&plain, &["--certs", "certs"], 3, "does not speak TLS"),
        (&nobody, &["--certs", "certs"], 3, "nothing listens at this address"),
    ] {
        let (exit, said) = two.check(url, more);
        assert!(exit == Some(status) && said.contains(words), "{url} {more:?}: {exit:?} {said}");
    }

    // What the check left is carried over here; and what the module does not let `copy` do is named.
    let copy = |from: &str, to: &str, certs: &str| {
        let copy = ["contract", "copy", "entitlement", "--from", from, "--to", to, "--certs", certs, "--data", "data"];
        two.run(&[&copy[..], &["--tenants", "acme"]].concat())
    };
    let (status, said) = copy(&url, "built-in", "certs");
    assert!(status == Some(0) && said.contains(" 0 differ"), "{said}");
    let (status, said) = copy("built-in", &url, "others");
    assert!(status == Some(1) && said.contains("UnknownIssuer"), "{said}");
    let here = rusqlite::Connection::open(two.here.path().join("data/entitlement.db")).expect("the built-in's grants");
    here.execute("update grants set version = version + 1", []).expect("they can be newer here");
    let (status, said) = copy("built-in", &url, "certs");
    assert!(status == Some(1) && said.contains("copy may not call entitlement.put_grant: [authorize]"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_in_another_process_is_asked_over_tls_alone_and_certificates_change_underway() {
    let Two { here, main, entitlement, certs, key, port, plain, .. } = Two::start();
    let secret = here.path().join(KEY);
    let staff = Site::new("acme", port).with_token(&key);
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
