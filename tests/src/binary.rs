//! The binary under test, built from the tree as it stands.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;

/// The `tessera` binary. Cargo builds it unless it is up to date.
pub fn tessera() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(build).clone()
}

fn build() -> PathBuf {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What cargo tells a test of its package, build scripts look at: they would run anew at every change.
    let of_package = |name: &str| ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|begin| name.starts_with(begin));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(of_package)) {
        cargo.env_remove(name);
    }
    let output = cargo
        .args(["build", "--quiet", "--workspace", "--bin", "tessera", "--message-format", "json"]) // features as the tests have them
        .current_dir(crate::project())
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "building the server failed");
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut executables = messages
        .filter(|m| m["target"]["name"] == "tessera")
        .filter_map(|m| m["executable"].as_str().map(PathBuf::from));
    executables.next_back().expect("cargo names the executable it built")
}
