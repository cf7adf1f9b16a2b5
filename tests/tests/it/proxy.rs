//! docs/deploy.md followed: the configuration as written, in Debian's nginx, on the way from sign-up to a segment.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use reqwest::{Method, StatusCode, header};
use serde_json::Value;
use tessera_testing::{eventually, free_port, temp_dir};
use tessera_tests::{Answer, Browser, Demo, Site, project};

use crate::journey::{GOOD_CARD, buy, start_bought};

const HOST: &str = "demo.tv.example";

/// nginx at work; stopped with this value.
struct Nginx {
    child: Child,
    folder: PathBuf,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers end with it when it is asked; killed, they would stay.
        let _ = Command::new("kill").args(["-s", "QUIT", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

impl Nginx {
    fn said(&self) -> String {
        fs::read_to_string(self.folder.join("error.log")).unwrap_or_default()
    }
}

/// The proxied deployment.
struct Deployed {
    demo: Demo,
    nginx: Nginx,
    site: Site,
    tls: u16,
    plain: u16,
}

fn installed(program: &str, flag: &str) -> bool {
    let found = Command::new(program).arg(flag).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("SKIPPED: {program} is not installed");
    }
    found
}

/// The first block of this language in the guide.
fn block(guide: &str, language: &str) -> String {
    let from = guide.split_once(&format!("```{language}\n")).expect("the guide has such a block").1;
    from.split_once("```").expect("the block ends").0.to_owned()
}

/// `text` with each of these replaced, which has to be there.
fn replaced(text: &str, pairs: &[(&str, String)]) -> String {
    pairs.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the configuration has no {from:?}");
        text.replace(from, to)
    })
}

/// A certificate for the guide's domain; gives it in PEM.
fn certificate(folder: &Path) -> Vec<u8> {
    let (key, file) = (folder.join("privkey.pem"), folder.join("fullchain.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=tv.example", "-addext", "subjectAltName=DNS:*.tv.example"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&file)
        .stderr(Stdio::null())
        .status();
    assert!(made.is_ok_and(|status| status.success()), "openssl makes a certificate");
    fs::read(file).expect("as prepared here")
}

fn nginx(folder: &Path, ports: (u16, u16, u16)) -> Nginx {
    let (origin, tls, plain) = ports;
    let here = |name: &str| folder.join(name).to_str().expect("as prepared here").to_owned();
    let written = fs::read_to_string(project().join("deploy/nginx/tessera.conf")).expect("as prepared here");
    let site = replaced(
        &written,
        &[
            ("127.0.0.1:8080", format!("127.0.0.1:{origin}")),
            ("listen 443 ", format!("listen 127.0.0.1:{tls} ")),
            ("    listen [::]:443 ssl http2;\n", String::new()),
            ("listen 80;", format!("listen 127.0.0.1:{plain};")),
            ("    listen [::]:80;\n", String::new()),
            ("/etc/ssl/tessera", here("")),
            ("/var/cache/nginx/tessera", here("cache")),
            ("/var/log/nginx/", here("")),
        ],
    );
    fs::write(folder.join("site.conf"), site).expect("as prepared here");
    let user = if is_root() { "user root;\n" } else { "" };
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {};\n", here(kind)))
        .concat();
    let main = format!(
        "{user}daemon off;\nworker_processes 1;\npid {};\nevents {{}}\nhttp {{\n{temporary}access_log off;\ninclude {};\n}}\n",
        here("nginx.pid"),
        here("site.conf"),
    );
    fs::write(folder.join("nginx.conf"), main).expect("as prepared here");
    let child = Command::new(program())
        .args(["-e", &here("error.log"), "-p", &here(""), "-c", &here("nginx.conf")])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nginx can be started");
    Nginx { child, folder: folder.to_owned() }
}

/// Debian keeps it where only root's path leads.
fn program() -> &'static str {
    if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" }
}

/// Whether the tests run as root, as nginx's own user would not reach their folders.
fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("id can be run");
    output.stdout.starts_with(b"0\n")
}

/// Follows the guide; `None`, and said, when a program that it needs is missing.
async fn deployed() -> Option<Deployed> {
    if ![program(), "openssl", "curl"]
        .into_iter()
        .zip(["-v", "version", "--version"])
        .all(|(p, flag)| installed(p, flag))
    {
        return None;
    }
    let guide = fs::read_to_string(project().join("docs/deploy.md")).expect("as prepared here");
    let settings = block(&guide, "toml");
    assert!(guide.contains("deploy/nginx/tessera.conf"), "the guide names the file that is tested");
    // So that an upload counts piece by piece within a small test.
    let demo = Demo::configured(temp_dir(), &format!("{settings}\n[media]\nchunk_bytes = 65536\n"));
    let folder = demo.folder().join("nginx");
    fs::create_dir(&folder).expect("as prepared here");
    let certificate = certificate(&folder);
    let (tls, plain) = (free_port(), free_port());
    let nginx = nginx(&folder, (demo.site.port(), tls, plain));
    let site = Site::behind_tls(HOST, tls, &certificate);
    eventually("nginx to listen", async || std::net::TcpStream::connect(("127.0.0.1", tls)).ok()).await;
    Some(Deployed { demo, nginx, site, tls, plain })
}

impl Deployed {
    /// What curl says of a request: the whole answer's head.
    fn curl(&self, port: u16, arguments: &[&str], url: &str) -> String {
        let scheme = if url.starts_with("https") { 443 } else { 80 };
        let output = Command::new("curl")
            .args(["-s", "-k", "-o", "/dev/null", "-D", "-", "--connect-to"])
            .arg(format!("{HOST}:{scheme}:127.0.0.1:{port}"))
            .args(arguments)
            .arg(url)
            .output()
            .expect("curl can be run");
        String::from_utf8_lossy(&output.stdout).to_lowercase()
    }
}

/// Addresses of a playlist, below its own.
fn entries(playlist: &Answer, url: &str) -> Vec<String> {
    let base = reqwest::Url::parse(url).expect("as prepared here");
    let text = playlist.text();
    let quoted = |line: &str| Some(line.split_once("URI=\"")?.1.split('"').next()?.to_owned());
    let entry = |line: &str| if line.starts_with('#') { quoted(line) } else { Some(line.to_owned()) };
    text.lines()
        .filter(|line| !line.is_empty())
        .filter_map(entry)
        .map(|uri| base.join(&uri).expect("as prepared here").into())
        .collect()
}

async fn ranged(browser: &Browser, url: &str) -> Answer {
    browser.send(browser.request(Method::GET, url).header(header::RANGE, "bytes=0-99")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guides_proxy_leads_from_sign_up_to_a_cached_segment() {
    let Some(deployed) = deployed().await else { return };
    let (demo, site) = (&deployed.demo, &deployed.site);
    let mut viewer = site.browser();
    viewer.sign_up("newcomer@viewer.example", "correct horse battery").await;
    let config = viewer.get("/app/config.json").await.ok();
    assert_eq!(config["issuer"], format!("https://{HOST}"), "addresses that are sent out are the public ones");
    buy(&viewer, "plan=basic", GOOD_CARD).await.ok();
    let playback: Value = start_bought(&viewer, &demo.title("Seahorse Valley"), "laptop").await;

    let player = site.visitor();
    let master = playback["sources"][0]["hls_url"].as_str().expect("a playlist");
    let master =
        reqwest::Url::parse(&site.url).expect("as prepared here").join(master).expect("as prepared here").to_string();
    let playlist = player.get(&master).await;
    let media = entries(&playlist, &master).into_iter().find(|uri| uri.ends_with(".m3u8")).expect("a media playlist");
    let listed = player.get(&media).await;
    let segment = entries(&listed, &media).into_iter().find(|uri| uri.ends_with(".m4s"));
    let segment = segment.unwrap_or_else(|| panic!("no segment in {}", listed.text()));
    let cache =
        |answer: &Answer| answer.headers.get("x-cache").map(|v| v.to_str().expect("as prepared here").to_owned());
    assert_eq!(cache(&listed), None, "playlists are not cached");
    let part = ranged(&player, &segment).await;
    assert_eq!(
        (part.status, part.bytes.len(), cache(&part).as_deref()),
        (StatusCode::PARTIAL_CONTENT, 100, Some("MISS"))
    );
    let whole = player.get(&segment).await;
    assert_eq!((whole.status, cache(&whole).as_deref()), (StatusCode::OK, Some("HIT")));
    assert_eq!(whole.bytes[..100], part.bytes);
    let again = ranged(&player, &segment).await;
    assert_eq!(
        (again.status, again.bytes == part.bytes, cache(&again).as_deref()),
        (StatusCode::PARTIAL_CONTENT, true, Some("HIT"))
    );
    let token = segment.split('/').find(|part| part.len() > 60).expect("a signed prefix");
    let (kept, last) = token.split_at(token.len() - 1);
    let other = format!("{kept}{}", if last == "A" { "E" } else { "A" });
    player.get(&segment.replace(token, &other)).await.refused(403, "url_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guides_proxy_keeps_to_tls_and_believes_no_client() {
    let Some(deployed) = deployed().await else { return };
    let (demo, site) = (&deployed.demo, &deployed.site);
    let plain = deployed.curl(deployed.plain, &[], &format!("http://{HOST}/titles/x?y=1"));
    assert!(
        plain.starts_with("http/1.1 301") && plain.contains(&format!("location: https://{HOST}/titles/x?y=1")),
        "{plain}"
    );
    let https = |path: &str| format!("https://{HOST}{path}");
    let page = deployed.curl(deployed.tls, &["--http2"], &https("/"));
    assert!(page.starts_with("http/2 200"), "{page}");
    assert!(page.contains("strict-transport-security: max-age="), "{page}");
    assert!(page.contains("content-security-policy: default-src 'self'"), "{page}");
    let form = deployed.curl(deployed.tls, &[], &https("/identity/sign-in"));
    assert!(form.contains("set-cookie: __host-tessera_form=") && form.contains("; secure"), "{form}");
    assert!(deployed.curl(deployed.tls, &[], &https("/metrics")).starts_with("http/2 404"));
    let many = ["-X", "POST", "-H", "content-type: application/json", "-d", "{}"];
    let mut last = String::new();
    for nth in 0..40 {
        let lies = [
            format!("x-forwarded-for: 203.0.113.{nth}"),
            format!("forwarded: for=203.0.113.{nth};proto=http"),
            format!("x-forwarded-host: other{nth}.tv.example"),
            "x-forwarded-proto: http".to_owned(),
        ];
        let lies: Vec<&str> = lies.iter().flat_map(|lie| ["-H", lie]).collect();
        let arguments = [many.as_slice(), &lies].concat();
        last = deployed.curl(deployed.tls, &arguments, &https("/payment-gateway/v1/tokens"));
    }
    assert!(last.starts_with("http/2 429"), "cards can be tried without end behind another's address: {last}");

    let staff = site.with_token(demo.fact("staff_key"));
    let tus = |request: reqwest::RequestBuilder| request.header("tus-resumable", "1.0.0");
    let begun = tus(staff.request(Method::POST, "/media/v1/uploads")).header("upload-length", 5_000_000);
    let begun = staff.send(begun).await;
    let upload = begun.headers[header::LOCATION].to_str().expect("as prepared here").to_owned();
    let (sender, body) = futures::channel::mpsc::unbounded::<Result<Vec<u8>, std::io::Error>>();
    let patch = tus(staff.request(Method::PATCH, &upload)).header("upload-offset", 0);
    let patch = patch.header("content-type", "application/offset+octet-stream").header("content-length", 5_000_000);
    let sending = tokio::spawn(patch.body(reqwest::Body::wrap_stream(body)).send());
    sender.unbounded_send(Ok(vec![7; 1_000_000])).expect("as prepared here");
    eventually("the beginning of an upload to count while the rest is still to come", async || {
        let stands = staff.send(tus(staff.request(Method::HEAD, &upload))).await;
        let offset: u64 =
            stands.headers["upload-offset"].to_str().expect("as prepared here").parse().expect("as prepared here");
        (offset > 0).then_some(())
    })
    .await;
    sender.unbounded_send(Ok(vec![7; 4_000_000])).expect("as prepared here");
    sender.close_channel();
    let sent =
        sending.await.expect("as prepared here").unwrap_or_else(|error| panic!("{error}: {}", deployed.nginx.said()));
    assert_eq!(
        (sent.status(), &sent.headers()["upload-offset"]),
        (StatusCode::NO_CONTENT, &"5000000".parse().expect("as prepared here"))
    );
    let large = demo.folder().join("large");
    fs::write(&large, "x".repeat(1_500_000)).expect("as prepared here");
    let body = format!("@{}", large.display());
    let refused = deployed.curl(deployed.tls, &["--data-binary", &body], &https("/catalog/v1/management/titles"));
    assert!(refused.contains("http/2 413"), "{refused}");
}
