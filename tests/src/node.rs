//! Programs of the examples, in TypeScript on Node.js, at work.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    process::{Child, Command, Output, Stdio},
};

/// A program that serves; killed with this value.
pub struct NodeProgram {
    /// Its address.
    pub url: String,
    child: Child,
}

impl NodeProgram {
    /// Starts `script` of an example. What it says first ends with ` at` and its address.
    pub fn start<A: AsRef<OsStr>>(example: &str, script: &str, arguments: &[A]) -> Self {
        let mut child = node(example)
            .arg(script)
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Node.js is there: scripts/setup asks for it");
        let mut lines = BufReader::new(child.stderr.take().expect("standard error is piped")).lines();
        let mut said = String::new();
        let url = loop {
            let line =
                lines.next().and_then(Result::ok).unwrap_or_else(|| panic!("{script} ended, having said: {said}"));
            match line.split_once(" at http") {
                Some((_, rest)) if !line.starts_with(' ') => break format!("http{rest}"),
                _ => said.push_str(&format!("{line}\n")),
            }
        };
        let name = script.to_owned();
        // What it says later is what went wrong in it: the test runner shows it.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| eprintln!("{name}: {line}")));
        Self { url, child }
    }
}

impl Drop for NodeProgram {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a script of an example's package until it ends.
pub fn npm_run(example: &str, script: &str) -> Output {
    installed(example);
    let npm = Command::new("npm")
        .args(["run", "--silent", script])
        .current_dir(crate::project().join("examples").join(example))
        .output();
    npm.expect("npm is there: scripts/setup asks for it")
}

/// Node.js in an example's folder, taking types out of what it reads.
fn node(example: &str) -> Command {
    installed(example);
    let mut node = Command::new("node");
    node.args(["--import", "ts-blank-space/register"]).current_dir(crate::project().join("examples").join(example));
    node
}

fn installed(example: &str) {
    let there = crate::project().join("examples").join(example).join("node_modules").exists();
    assert!(there, "what {example} needs is not installed: npm --prefix examples/{example} install");
}
