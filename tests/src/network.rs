//! A network of a test's own, whose hosts can be cut off from it: a network namespace each, on one bridge.

use std::{
    net::Ipv4Addr,
    process::{Command, Stdio},
};

/// The hosts and the bridge between them; gone with this value. The test's own process is on it too.
pub struct Network {
    /// What all names of it begin with.
    name: String,
    /// Its part of 198.18.0.0/15, which is for tests of networks (RFC 2544).
    subnet: u8,
    hosts: Vec<String>,
}

impl Network {
    /// An empty one; `None`, and that is said, where namespaces cannot be made.
    pub fn open() -> Option<Self> {
        let number = std::process::id();
        let network = Self { name: format!("tt{number}"), subnet: (number % 250) as u8, hosts: Vec::new() };
        let bridge = network.bridge();
        let address = format!("{}/24", network.here());
        let made = ip(&["link", "add", &bridge, "type", "bridge"])
            && ip(&["addr", "add", &address, "dev", &bridge])
            && ip(&["link", "set", &bridge, "up"])
            && ip(&["netns", "add", &format!("{}-0", network.name)])
            && ip(&["netns", "del", &format!("{}-0", network.name)]);
        if !made {
            eprintln!("SKIPPED: network namespaces cannot be made here; root may, with iproute2");
            return None;
        }
        Some(network)
    }

    fn bridge(&self) -> String {
        format!("{}-b", self.name)
    }

    fn address(&self, host: usize) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.subnet, u8::try_from(host).expect("a network has at most 250 hosts"))
    }

    /// Where this process is on it.
    pub fn here(&self) -> Ipv4Addr {
        self.address(254)
    }

    /// One more host: its number, and its address.
    pub fn add(&mut self) -> (usize, Ipv4Addr) {
        let number = self.hosts.len() + 1;
        let (host, link) = (format!("{}-{number}", self.name), format!("{}v{number}", self.name));
        let address = self.address(number);
        let within = format!("{address}/24");
        let made = ip(&["netns", "add", &host])
            && ip(&["link", "add", &link, "type", "veth", "peer", "name", "eth0", "netns", &host])
            && ip(&["link", "set", &link, "master", &self.bridge(), "up"])
            && ip(&["-n", &host, "addr", "add", &within, "dev", "eth0"])
            && ip(&["-n", &host, "link", "set", "eth0", "up"])
            && ip(&["-n", &host, "link", "set", "lo", "up"]);
        self.hosts.push(host);
        assert!(made, "the host {number} cannot be made");
        (number, address)
    }

    /// What a command line begins with to be run on a host.
    pub fn on(&self, host: usize) -> Vec<String> {
        ["ip", "netns", "exec", &self.hosts[host - 1]].map(str::to_owned).to_vec()
    }

    /// Nothing comes to the host or from it; nobody is told.
    pub fn cut(&self, host: usize) {
        assert!(ip(&["link", "set", &format!("{}v{host}", self.name), "down"]), "cutting off host {host}");
    }

    /// The host is back.
    pub fn join(&self, host: usize) {
        assert!(ip(&["link", "set", &format!("{}v{host}", self.name), "up"]), "bringing back host {host}");
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for host in &self.hosts {
            ip(&["netns", "del", host]); // and its link with it
        }
        ip(&["link", "del", &self.bridge()]);
    }
}

/// Whether it was done.
fn ip(arguments: &[&str]) -> bool {
    let mut run = Command::new("ip");
    run.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    run.status().is_ok_and(|status| status.success())
}
