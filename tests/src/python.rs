//! A service of the examples, in Python, at work.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// A module for Python that scripts/setup installs into a folder of its own; says so when it is not there.
pub fn python_module(name: &str) -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cache = std::env::var_os("TESSERA_CACHE").map_or_else(|| home.join(".cache/tessera"), PathBuf::from);
    let folder = cache.join(name);
    if !folder.exists() {
        eprintln!("SKIPPED: {name} is not installed; scripts/setup test does it");
        return None;
    }
    Some(folder)
}

/// The entitlement of `examples/entitlement-python`; killed with this value.
pub struct PythonEntitlement {
    /// Its address.
    pub url: String,
    child: Child,
}

impl PythonEntitlement {
    /// Starts it on a port of its own, with its contracts in `folder` and this key file.
    pub fn start(folder: &Path, key: &Path) -> Self {
        Self::start_at(folder, key, 0)
    }

    /// The same on this port.
    pub fn start_at(folder: &Path, key: &Path, port: u16) -> Self {
        Self::spawn(Command::new("python3"), "service.py", folder, key, port)
    }

    /// The same on this port, which decides by gRPC; `modules` is where its `grpcio` is.
    pub fn start_by_grpc(folder: &Path, key: &Path, port: u16, modules: &Path) -> Self {
        let mut python = Command::new("python3");
        python.env("PYTHONPATH", modules);
        Self::spawn(python, "grpc_service.py", folder, key, port)
    }

    fn spawn(mut python: Command, program: &str, folder: &Path, key: &Path, port: u16) -> Self {
        let program = crate::project().join("examples/entitlement-python").join(program);
        let mut child = python
            .args(["-B", "-u"])
            .arg(program)
            .args(["--port", &port.to_string(), "--file"])
            .arg(folder.join("crm.db"))
            .arg("--key")
            .arg(key)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Python is there: scripts/setup installs it");
        let mut lines = BufReader::new(child.stderr.take().expect("standard error is piped")).lines();
        let first = lines.next().and_then(Result::ok).unwrap_or_default();
        let url = first.strip_prefix("entitlement at ").unwrap_or_else(|| panic!("it said: {first}")).to_owned();
        // What it says later is what went wrong in it: the test runner shows it.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| eprintln!("python: {line}")));
        Self { url, child }
    }
}

impl Drop for PythonEntitlement {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
