//! Records what the last release answers, into `contracts/*/v1/recorded/VERSION.json`; CONTRIBUTING.md says when.

use std::process::ExitCode;

use tessera_tests::{
    Demo, Release,
    recorded::{People, Recording, record},
};

#[tokio::main]
async fn main() -> ExitCode {
    let release = Release::last();
    let binary = match release.binary() {
        Ok(binary) => binary,
        Err(error) => {
            eprintln!("record: {error}");
            return ExitCode::FAILURE;
        }
    };
    let demo = Demo::of(&binary, "[server.rate_limits]\nenabled = false\n");
    let exchanges = record(&People::of(&demo).await).await;
    for file in Recording::keep(&release.version, &exchanges) {
        eprintln!("{}", file.display());
    }
    eprintln!("{} exchanges with {}", exchanges.len(), release.version);
    ExitCode::SUCCESS
}
