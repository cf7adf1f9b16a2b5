//! What the scenarios stand on: the `tessera` binary at work in a folder and on a port of its own.
//!
//! Nothing here reaches into a module: a scenario does what an operator and a viewer can do.

mod billing;
mod binary;
pub mod crash;
mod demo;
mod network;
mod node;
mod process;
mod provider;
mod python;
mod receiver;
pub mod recorded;
mod release;
mod site;
pub mod skew;
mod split;

pub use billing::{BillingBridge, TesseraAt};
pub use binary::tessera;
pub use demo::Demo;
pub use network::Network;
pub use node::{NodeProgram, npm_run};
pub use process::{Process, run, run_with};
pub use provider::SignInProvider;
pub use python::{PythonEntitlement, python_module};
pub use receiver::Receiver;
pub use release::{Release, module_version};
pub use site::{Answer, Browser, Refusal, Site};
pub use split::{MODULES, Split, take_databases, take_shared};

use std::path::PathBuf;

/// The folder of the project.
pub fn project() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("the scenarios are a folder of the project").to_owned()
}

/// A file of the shared material beside the project; says so when it is not there.
pub fn shared(path: &str) -> Option<PathBuf> {
    let file = project().parent()?.join("shared").join(path);
    if !file.exists() {
        eprintln!("SKIPPED: ../shared/{path} is not there");
        return None;
    }
    Some(file)
}
