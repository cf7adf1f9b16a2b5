//! A Prometheus at work on one server, with the project's rules in shorter time.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tessera_testing::{TempDir, free_port, temp_dir};
use tessera_tests::project;

/// What makes the rules fire in seconds. Expressions, labels and texts stay; windows, waits and the thresholds that count
/// minutes or hundreds become small. Each of these has to be found.
const SHORTER: &[(&str, &str)] = &[
    ("[5m]", "[10s]"),
    ("[15m]", "[30s]"),
    ("[1h]", "[60s]"),
    ("for: 1m", "for: 0s"),
    ("for: 2m", "for: 0s"),
    ("for: 5m", "for: 0s"),
    ("oldest_timestamp_seconds > 0) > 60", "oldest_timestamp_seconds > 0) > 1"),
    ("{kind!=\"encode\"} > 900", "{kind!=\"encode\"} > 1"),
    ("tessera_store_writes_waiting > 256", "tessera_store_writes_waiting > 3"),
    ("\"wrong|limited\"}[10s])) > 100", "\"wrong|limited\"}[10s])) > 10"),
];

/// A rule that fires.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Firing {
    pub(crate) alert: String,
    pub(crate) module: String,
    pub(crate) summary: String,
}

/// The process; ended with this value.
pub(crate) struct Prometheus {
    child: Child,
    http: reqwest::Client,
    url: String,
    _folder: TempDir,
}

impl Prometheus {
    /// Starts one that scrapes the server on `port` every second; `None`, said aloud, where the program is not installed.
    pub(crate) fn start(port: u16) -> Option<Self> {
        let (folder, own) = (temp_dir(), free_port());
        let rules = shorter(&read("deploy/prometheus/alerts.yml"), SHORTER);
        fs::write(folder.path().join("alerts.yml"), rules).expect("rules can be written");
        let target = format!("127.0.0.1:{port}");
        let swift = [("15s", "1s"), ("10s", "1s"), ("127.0.0.1:8080", target.as_str())];
        let config = folder.path().join("prometheus.yml");
        fs::write(&config, shorter(&read("deploy/prometheus/prometheus.yml"), &swift)).expect("it can be written");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("tsdb").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{own}"))
            .arg("--log.level=error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        match child {
            Ok(child) => {
                let url = format!("http://127.0.0.1:{own}/api/v1");
                Some(Self { child, http: tessera_contract::http_client(), url, _folder: folder })
            }
            Err(error) => {
                eprintln!("SKIPPED: prometheus cannot be run ({error}); scripts/setup test installs it");
                None
            }
        }
    }

    /// The result of an expression now; `None` while it is not ready.
    pub(crate) async fn query(&self, expression: &str) -> Option<Vec<Value>> {
        let answer = self.http.get(format!("{}/query", self.url)).query(&[("query", expression)]).send().await.ok()?;
        let answer: Value = serde_json::from_slice(&answer.bytes().await.ok()?).ok()?;
        assert_ne!(answer["status"], "error", "{expression}: {answer}");
        answer["data"]["result"].as_array().cloned()
    }

    /// What fires now.
    pub(crate) async fn firing(&self) -> Vec<Firing> {
        let Ok(answer) = self.http.get(format!("{}/alerts", self.url)).send().await else { return Vec::new() };
        let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap_or_default()).unwrap_or_default();
        let alerts = answer["data"]["alerts"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let firing = alerts.iter().filter(|alert| alert["state"] == "firing").map(|alert| Firing {
            alert: text(&alert["labels"]["alertname"]),
            module: text(&alert["labels"]["module"]),
            summary: text(&alert["annotations"]["summary"]),
        });
        firing.collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn shorter(text: &str, replacements: &[(&str, &str)]) -> String {
    replacements.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from:?} is not found any more");
        text.replace(from, to)
    })
}

/// A file of the project.
pub(crate) fn read(path: impl AsRef<Path>) -> String {
    let file = project().join(path);
    fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}
