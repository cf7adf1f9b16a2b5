//! A service of the examples, in Python, at work.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

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
        let service = crate::project().join("examples/entitlement-python/service.py");
        let mut child = Command::new("python3")
            .args(["-B", "-u"])
            .arg(service)
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
