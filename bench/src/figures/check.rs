//! How long `tessera contract check` takes.

use std::{
    process::{Command, Stdio},
    time::Instant,
};

use tessera_contracts::ALL;

use crate::{
    figure::{Better, Figure},
    server::{Server, binary},
    world::World,
};

/// Each contract of the running server is checked, as a module of the deployment; a rule that wants a state which a demo
/// has not is not checked, and takes no time.
pub(crate) fn check(world: &World, server: &Server) -> Figure {
    let made = Command::new(binary())
        .args(["tenant", "create", "rival", "--test", "--data"])
        .arg(&world.data)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(made.is_ok(), "the command can be run; a second run finds the tenant there");
    let mut slowest = (String::new(), 0.0_f64);
    let mut whole = 0.0;
    let contracts: Vec<_> = ALL.iter().filter(|entry| !entry.rules.is_empty()).collect();
    for entry in &contracts {
        let (name, url) = (entry.info.name, format!("http://{}/{}", server.address, entry.info.mount));
        let begun = Instant::now();
        let status = Command::new(binary())
            .args(["contract", "check", name, "--url", &url, "--tenants", "demo,rival", "--data"])
            .arg(&world.data)
            .stdout(Stdio::null())
            .status();
        let took = begun.elapsed().as_secs_f64();
        let code = status.expect("the check can be run").code();
        assert!(matches!(code, Some(0 | 2 | 5)), "{name} could not be checked: {code:?}");
        whole += took;
        if took > slowest.1 {
            slowest = (name.to_owned(), took);
        }
    }
    Figure::against("tessera contract check: the slowest contract", slowest.1, "s", Better::Lower, 10.0).by(format!(
        "{}, of {} contracts over HTTP; all together {whole:.1} s",
        slowest.0,
        contracts.len()
    ))
}
