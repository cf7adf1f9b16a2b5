//! Ports for servers that are told theirs before they listen.

use std::{
    env,
    fs::{self, File},
    net::TcpListener,
    ops::Range,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

/// What this process holds until it ends.
static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// The first port that is handed out: below are those with names.
const FIRST: u16 = 10_240;
/// Where ports for clients begin on Linux, unless the machine says otherwise.
const CLIENTS: u16 = 32_768;

/// A TCP port of the loopback interface that is this process's until it ends, for servers that come and go there: no other test is
/// given it, nor does the system hand it to a client in between.
pub fn free_port() -> u16 {
    let ports = ours();
    let folder = locks();
    for _ in 0..10_000 {
        let port = rand::random_range(ports.clone());
        let Ok(lock) = File::create(folder.join(port.to_string())) else { continue };
        if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            HELD.lock().unwrap_or_else(PoisonError::into_inner).push(lock);
            return port;
        }
    }
    panic!("no port of {ports:?} is free: is {} writable?", folder.display());
}

fn ours() -> Range<u16> {
    let said = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let clients = said.split_whitespace().next().and_then(|low| low.parse().ok()).unwrap_or(CLIENTS);
    FIRST..clients.max(FIRST + 1_000)
}

/// One file a port, locked by whoever has it.
fn locks() -> PathBuf {
    let user = fs::metadata("/proc/self").map_or(0, |itself| itself.uid());
    let folder = env::temp_dir().join(format!("tessera-ports-{user}"));
    fs::create_dir_all(&folder).expect("a folder can be made beside temporary ones");
    folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_once_and_stays_free() {
        let ports: std::collections::BTreeSet<u16> = (0..50).map(|_| free_port()).collect();
        assert_eq!(ports.len(), 50);
        for port in ports {
            assert!(ours().contains(&port));
            assert!(
                File::create(locks().join(port.to_string())).unwrap().try_lock().is_err(),
                "another is not given it"
            );
            TcpListener::bind(("127.0.0.1", port)).unwrap();
        }
    }
}
