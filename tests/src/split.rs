//! A deployment of several processes: the demo's data, a module's rows with whichever process holds it.

use std::{collections::BTreeMap, fmt::Write as _, fs, net::Ipv4Addr, path::Path, process::Command};

use serde_json::Value;
use tessera_testing::{TempDir, free_port, temp_dir};

use crate::{Network, Process, Site, demo::copy_template};

/// Each module: its section, its mount, and the database that it keeps in its data folder.
pub const MODULES: &[(&str, &str, Option<&str>)] = &[
    ("audit", "audit", Some("audit")),
    ("billing", "billing", Some("billing")),
    ("catalog", "catalog", Some("catalog")),
    ("delivery", "delivery", None),
    ("drm", "drm", Some("drm")),
    ("entitlement", "entitlement", Some("entitlement")),
    ("identity", "identity", Some("identity")),
    ("media", "media", Some("media")),
    ("playback", "playback", Some("playback")),
    ("sandbox_gateway", "payment-gateway", Some("sandboxgateway")),
    ("tenancy", "tenancy", Some("tenancy")),
    ("viewers", "viewers", Some("viewers")),
    ("webhooks", "webhooks", Some("webhooks")),
];

/// The deployment at work.
pub struct Split {
    /// The tenant's site, at the front.
    pub site: Site,
    /// What `demo.json` says.
    pub facts: Value,
    processes: BTreeMap<&'static str, (Process, u16)>,
    /// Where each process is a host of its own: the number that it has there, and its address.
    hosts: BTreeMap<&'static str, (usize, Ipv4Addr)>,
    network: Option<Network>,
    folder: TempDir,
}

impl Split {
    /// Every module on a host of its own, and a front here. `None`, and that is said, where there are no such hosts.
    pub fn over_a_network() -> Option<Self> {
        let network = Network::open()?;
        Some(Self::begin_all(&Self::each(), "", Some(network), &[]))
    }

    fn each() -> Vec<Vec<&'static str>> {
        MODULES.iter().map(|(name, ..)| vec![*name]).chain([vec!["front"]]).collect()
    }

    /// Cuts the process of one module off from all others.
    pub fn cut(&self, name: &str) {
        self.network.iter().for_each(|network| network.cut(self.hosts[name].0));
    }

    /// Brings it back.
    pub fn join(&self, name: &str) {
        self.network.iter().for_each(|network| network.join(self.hosts[name].0));
    }

    /// Every module in a process of its own, and a front. What travels by gRPC does.
    pub fn whole() -> Self {
        Self::begin_all(&Self::each(), "", None, &["entitlement", "playback"])
    }

    /// A process for each group of modules, which is called after the first of them; `front` is in one.
    pub fn start(groups: &[Vec<&'static str>], settings: &str) -> Self {
        Self::begin_all(groups, settings, None, &[])
    }

    fn begin_all(groups: &[Vec<&'static str>], settings: &str, mut network: Option<Network>, by_grpc: &[&str]) -> Self {
        let folder = temp_dir();
        let data = folder.path().join("data");
        copy_template(&data);
        let facts = fs::read(data.join("demo.json")).expect("the demo's facts are there");
        let ports: Vec<u16> = groups.iter().map(|_| free_port()).collect();
        let port_of = |module: &str| {
            let group = groups.iter().position(|group| group.contains(&module)).expect("every module is in a group");
            ports[group]
        };
        let front = port_of("front");
        let mut config = String::from("# One file for all: who holds a module does not heed its address.\n");
        let shared = ["secrets", "directory", "blobs"].map(|name| folder.path().join("shared").join(name));
        let _ = writeln!(config, "{settings}[server]\npublic_port = {front}");
        let _ = writeln!(config, "[server.rate_limits]\nexempt = [\"127.0.0.0/8\"]\n[shared]");
        let [secrets, directory, blobs] = &shared;
        let _ = writeln!(config, "secrets = {secrets:?}\ndirectory = {directory:?}\n[blobs]\nfolder = {blobs:?}");
        let mut hosts = BTreeMap::new();
        for group in groups.iter().filter(|group| group[0] != "front") {
            hosts.extend(network.as_mut().map(|network| (group[0], network.add())));
        }
        for (name, mount, _) in MODULES {
            let host = hosts.get(name).map_or(Ipv4Addr::LOCALHOST, |(_, address)| *address);
            let _ = writeln!(config, "[{name}]\nurl = \"http://{host}:{}/{mount}\"", port_of(name));
            if by_grpc.contains(name) {
                let _ = writeln!(config, "protocol = \"grpc\"");
            }
        }
        fs::write(folder.path().join("tessera.toml"), config).expect("the settings can be written");
        take_shared(&data, &folder.path().join("shared"));
        let mut split = Self {
            site: Site::new("demo", front),
            facts: serde_json::from_slice(&facts).expect("they are JSON"),
            processes: BTreeMap::new(),
            hosts,
            network,
            folder,
        };
        for (group, port) in groups.iter().zip(ports) {
            let own = split.folder.path().join(group[0]);
            take_databases(&data, group, &own);
            let process = split.begin(group[0], &group.join(","), port);
            split.processes.insert(group[0], (process, port));
        }
        for (process, _) in split.processes.values_mut() {
            process.wait_for("\"ready\"");
        }
        split
    }

    fn begin(&self, data: &str, modules: &str, port: u16) -> Process {
        let (mut before, mut listen) = (Vec::new(), format!("127.0.0.1:{port}"));
        if let (Some(network), Some((host, address))) = (&self.network, self.hosts.get(data)) {
            (before, listen) = (network.on(*host), format!("{address}:{port}"));
        }
        let arguments = ["serve", "--modules", modules, "--data", data, "--listen", &listen];
        Process::start_by(&before, self.folder.path(), &arguments)
    }

    /// The process that is called so.
    pub fn process(&mut self, name: &str) -> &mut Process {
        &mut self.processes.get_mut(name).unwrap_or_else(|| panic!("there is no process {name}")).0
    }

    /// Its port.
    pub fn port(&self, name: &str) -> u16 {
        self.processes.get(name).unwrap_or_else(|| panic!("there is no process {name}")).1
    }

    /// Kills the process of one module, at once.
    pub fn kill(&mut self, name: &str) {
        let process = self.process(name);
        process.signal("KILL");
        process.wait();
    }

    /// Starts the process of one module again, at its port.
    pub fn revive(&mut self, name: &'static str) {
        let port = self.port(name);
        let mut process = self.begin(name, name, port);
        process.wait_for("\"ready\"");
        self.processes.insert(name, (process, port));
    }

    /// The folder of it all.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A text of the facts.
    pub fn fact(&self, name: &str) -> &str {
        self.facts[name].as_str().unwrap_or_else(|| panic!("demo.json has no text {name}"))
    }

    /// The title of a film of the demo, by its name.
    pub fn title(&self, film: &str) -> String {
        let titles = self.facts["titles"].as_array().expect("titles is a list");
        let found = titles.iter().find(|pair| pair[0] == film).and_then(|pair| pair[1].as_str());
        found.unwrap_or_else(|| panic!("the demo has no film {film}")).to_owned()
    }

    /// All that its processes have said, for a test that fails.
    pub fn said(&self) -> String {
        let said = self.processes.iter().map(|(name, (process, _))| format!("── {name}\n{}", process.said()));
        said.collect()
    }
}

/// Moves the databases of these modules from the data of one process into a folder of their own.
///
/// # Panics
/// One is not there.
pub fn take_databases(data: &Path, group: &[&str], own: &Path) {
    fs::create_dir_all(own).expect("a folder can be made");
    for (_, _, database) in MODULES.iter().filter(|(name, ..)| group.contains(name)) {
        database.iter().for_each(|database| take(data, &format!("{database}.db"), own));
    }
}

/// Moves what all processes have in common into the folder `shared`: the directory of tenants, secrets, blobs.
///
/// # Panics
/// One is not there.
pub fn take_shared(data: &Path, shared: &Path) {
    let directory = shared.join("directory");
    fs::create_dir_all(&directory).expect("a folder can be made");
    for (name, to) in [("platform.db", &*directory), ("secrets", shared), ("blobs", shared)] {
        take(data, name, to);
    }
}

fn take(from: &Path, name: &str, to: &Path) {
    let done = Command::new("mv").arg(from.join(name)).arg(to).status();
    assert!(done.is_ok_and(|status| status.success()), "moving {name}");
}
