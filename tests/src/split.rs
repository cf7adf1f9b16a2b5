//! A deployment of several processes: the demo's data, a module's rows with whichever process holds it.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Command,
};

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
    /// Where each process is called, where they have certificates of their own.
    certified: BTreeMap<&'static str, u16>,
    /// What other binaries than this tree's hold, by the names of their processes.
    binaries: BTreeMap<&'static str, PathBuf>,
    variables: Vec<(String, String)>,
    folder: TempDir,
}

/// How the processes stand to each other, and which binary is each.
#[derive(Default)]
struct Layout<'l> {
    /// A host for each but the front.
    network: Option<Network>,
    /// Modules that are called by gRPC.
    by_grpc: &'static [&'static str],
    with_certificates: bool,
    /// Which binary makes the data; this tree's where there is none.
    template: Option<&'l Path>,
    binaries: BTreeMap<&'static str, PathBuf>,
    variables: Vec<(String, String)>,
}

fn long_leases() -> Vec<(String, String)> {
    vec![("TESSERA_ENTITLEMENT__LEASE_SECONDS".into(), "3600".into())]
}

/// What travels by gRPC.
const BY_GRPC: &[&str] = &["entitlement", "playback"];

impl Split {
    /// Every module on a host of its own, and a front here; a slot is held for longer than a fault lasts. `None`, and that is said, where there are no such hosts.
    pub fn over_a_network() -> Option<Self> {
        let network = Network::open()?;
        let layout = Layout { network: Some(network), variables: long_leases(), ..Layout::default() };
        Some(Self::begin_all(&Self::each(), "", layout))
    }

    fn each() -> Vec<Vec<&'static str>> {
        MODULES.iter().map(|(name, ..)| vec![*name]).chain([vec!["front"]]).collect()
    }

    /// Cuts the process of one module off from all others.
    pub fn cut(&self, name: &str) {
        self.network.iter().for_each(|network| network.cut(self.hosts[name].0));
    }

    /// Where this process is for the others.
    pub fn here(&self) -> Ipv4Addr {
        self.network.as_ref().map_or(Ipv4Addr::LOCALHOST, Network::here)
    }

    /// Brings it back.
    pub fn join(&self, name: &str) {
        self.network.iter().for_each(|network| network.join(self.hosts[name].0));
    }

    /// Every module in a process of its own, and a front. What travels by gRPC does.
    pub fn whole() -> Self {
        Self::begin_all(&Self::each(), "", Layout { by_grpc: BY_GRPC, ..Layout::default() })
    }

    /// The same, where a slot is held for longer than a fault lasts.
    pub fn whole_with_long_leases() -> Self {
        let layout = Layout { by_grpc: BY_GRPC, variables: long_leases(), ..Layout::default() };
        Self::begin_all(&Self::each(), "", layout)
    }

    /// The same, each process with a certificate of its own, of the authority in the folder `certs`.
    pub fn certified() -> Self {
        Self::begin_all(&Self::each(), "", Layout { by_grpc: BY_GRPC, with_certificates: true, ..Layout::default() })
    }

    /// A process for each group of modules, which is called after the first of them; `front` is in one.
    pub fn start(groups: &[Vec<&'static str>], settings: &str) -> Self {
        Self::begin_all(groups, settings, Layout::default())
    }

    /// The same of several binaries, one after the other, on data that `template` has made; `variables` are for each process.
    pub fn of_binaries(
        groups: &[(Vec<&'static str>, &Path)],
        template: &Path,
        settings: &str,
        variables: &[(&str, &str)],
    ) -> Self {
        let binaries = groups.iter().map(|(group, binary)| (group[0], binary.to_path_buf())).collect();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let groups: Vec<_> = groups.iter().map(|(group, _)| group.clone()).collect();
        let layout = Layout { template: Some(template), binaries, variables, ..Layout::default() };
        Self::begin_all(&groups, settings, layout)
    }

    fn begin_all(groups: &[Vec<&'static str>], settings: &str, layout: Layout<'_>) -> Self {
        let Layout { mut network, by_grpc, with_certificates, template, binaries, variables } = layout;
        let folder = temp_dir();
        let certified = if with_certificates { certificates(folder.path(), groups) } else { BTreeMap::new() };
        let data = folder.path().join("data");
        copy_template(template.unwrap_or(&crate::tessera()), &data);
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
            let (scheme, port) = certified.get(name).map_or(("http", port_of(name)), |port| ("https", *port));
            let _ = writeln!(config, "[{name}]\nurl = \"{scheme}://{host}:{port}/{mount}\"");
            if *name == "webhooks" {
                let _ = writeln!(config, "allow_http = true\nnetworks = [\"127.0.0.0/8\", \"198.18.0.0/15\"]");
            }
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
            certified,
            binaries,
            variables,
            folder,
        };
        for (group, port) in groups.iter().zip(ports) {
            let own = split.folder.path().join(group[0]);
            take_databases(&data, group, &own);
            let mut process = split.begin(group[0], &group.join(","), port);
            if split.binaries.contains_key(group[0]) {
                process.wait_for("\"ready\""); // an older binary is there before a newer one brings the data forward
            }
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
        let shown = self.certified.get(data).map(|port| shown(data, *port)).unwrap_or_default();
        let shown = shown.iter().map(|(name, value)| (*name, value.as_str()));
        let variables = self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let variables: Vec<(&str, &str)> = shown.chain(variables).collect();
        match self.binaries.get(data) {
            Some(binary) => Process::start_binary(binary, self.folder.path(), &arguments, &variables),
            None => Process::start_by(&before, self.folder.path(), &arguments, &variables),
        }
    }

    /// The port at which other processes call this one, with certificates.
    pub fn certified_port(&self, name: &str) -> u16 {
        self.certified[name]
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

/// A certificate for each module, and a port for the calls of others.
fn certificates(folder: &Path, groups: &[Vec<&'static str>]) -> BTreeMap<&'static str, u16> {
    let made = crate::run(folder, &["certs", "init", "--dir", "certs"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    groups.iter().map(|group| (group[0], free_port())).collect()
}

/// How the process of one module is told of its certificate.
fn shown(name: &str, port: u16) -> Vec<(&'static str, String)> {
    let mount = MODULES.iter().find(|(module, ..)| *module == name).map_or("edge", |(_, mount, _)| mount);
    vec![
        ("TESSERA_MTLS__LISTEN", format!("127.0.0.1:{port}")),
        ("TESSERA_MTLS__CERTIFICATE", format!("certs/{mount}.pem")),
        ("TESSERA_MTLS__KEY", format!("certs/{mount}-key.pem")),
        ("TESSERA_MTLS__AUTHORITY", "certs/authority.pem".to_owned()),
    ]
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
