//! The processes of a mix, and what they have written.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tessera_testing::{Postgres, TempDir, free_port, temp_dir};

use super::mix::{Kind, Mix};
use crate::{Browser, MODULES, Process, Site, Split, crash::sqlite_rows};

/// Nobody is limited, and passwords are cheap to hash.
const SETTINGS: &str = r#"
[identity.password]
memory_kib = 8
iterations = 1
[identity.attempts]
sign_up = { requests = 1000000, window_seconds = 60 }
address = { requests = 1000000, window_seconds = 60 }
"#;
/// Where a process may bring events to: here.
const HOOKS: [(&str, &str); 2] =
    [("TESSERA_WEBHOOKS__NETWORKS", "[\"127.0.0.0/8\"]"), ("TESSERA_WEBHOOKS__ALLOW_HTTP", "true")];
const LAST_EVENT: &str = "select coalesce(max(seq), 0) from tessera_outbox";

/// An event as its module's outbox has it.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) module: &'static str,
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) data: Value,
}

/// A deployment at work.
pub(super) struct Deployment {
    pub(super) site: Site,
    facts: Value,
    place: Place,
}

enum Place {
    /// Two processes, each with files of its own.
    Files(Box<Split>, BTreeMap<&'static str, PathBuf>),
    /// Two replicas and a front, on one database.
    Database { processes: Vec<Process>, database: Postgres, _folder: TempDir },
}

impl Deployment {
    /// Starts the processes of a mix on data that the release has made.
    pub(super) fn start(mix: &Mix) -> Self {
        let binaries = mix.binaries();
        let [released, ours] = [&*binaries[0], &*binaries[1]];
        match mix.kind() {
            Kind::Older(module) => Self::split(module, [(released, true), (ours, false)], released),
            Kind::Newer(module) => Self::split(module, [(released, false), (ours, true)], released),
            Kind::Replicas => Self::replicas(released, ours),
        }
    }

    /// Two processes; `true` is with the one that holds the module alone. The older one is there first.
    fn split(module: &'static str, processes: [(&Path, bool); 2], template: &Path) -> Self {
        let rest = MODULES.iter().map(|(name, ..)| *name).filter(|name| *name != module);
        let rest: Vec<&str> = ["front"].into_iter().chain(rest).collect();
        let groups: Vec<(Vec<&'static str>, &Path)> = processes
            .iter()
            .map(|(binary, alone)| (if *alone { vec![module] } else { rest.clone() }, *binary))
            .collect();
        let split = Split::of_binaries(&groups, template, SETTINGS, &HOOKS);
        let file = |group: &str, database: &str| split.folder().join(group).join(format!("{database}.db"));
        let databases = MODULES.iter().filter_map(|(name, _, database)| Some((*name, (*database)?)));
        let files = databases.map(|(name, database)| {
            let (group, _) = groups.iter().find(|(group, _)| group.contains(&name)).expect("every module is in one");
            (name, file(group[0], database))
        });
        let files = files.collect();
        Self { site: split.site.clone(), facts: split.facts.clone(), place: Place::Files(Box::new(split), files) }
    }

    /// The release makes the data; then it and this tree serve it side by side, and a front asks both.
    fn replicas(released: &Path, ours: &Path) -> Self {
        let (folder, database) = (temp_dir(), Postgres::lasting());
        let ports: Vec<u16> = (0..3).map(|_| free_port()).collect();
        let mut settings = format!("store = {{ url = {:?}, max_connections = 4 }}\n{SETTINGS}", database.url());
        let shared = folder.path().join("shared");
        let _ = writeln!(settings, "[shared]\nsecrets = {:?}\ndirectory = {shared:?}", shared.join("secrets"));
        let _ =
            writeln!(settings, "[blobs]\nfolder = {:?}\n[server]\npublic_port = {}", shared.join("blobs"), ports[0]);
        let _ = writeln!(settings, "[server.rate_limits]\nenabled = false");
        fs::write(folder.path().join("tessera.toml"), settings).expect("the settings can be written");
        let port = ports[0].to_string();
        let first = ["up", "--data", "first", "--port", &port, "--film-seconds", "12"];
        let mut making = Process::start_binary(released, folder.path(), &first, &HOOKS);
        making.wait_for("Ctrl-C");
        let facts = fs::read(folder.path().join("first/demo.json")).expect("the demo's facts are there");
        let (status, said) = making.stop();
        assert!(status.success(), "{said}");

        let urls = |mount: &str| {
            format!("[\"http://127.0.0.1:{}/{mount}\", \"http://127.0.0.1:{}/{mount}\"]", ports[1], ports[2])
        };
        let places =
            MODULES.iter().map(|(name, mount, _)| (format!("TESSERA_{}__URLS", name.to_uppercase()), urls(mount)));
        let places: Vec<(String, String)> = places.collect();
        let variables = places.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(HOOKS);
        let variables: Vec<(&str, &str)> = variables.collect();
        let all: Vec<&str> = MODULES.iter().map(|(name, ..)| *name).collect();
        let all = all.join(",");
        let holders = [(released, "older", all.as_str()), (ours, "newer", all.as_str()), (ours, "front", "front")];
        let mut processes = Vec::new();
        for ((binary, data, modules), port) in holders.into_iter().zip([ports[1], ports[2], ports[0]]) {
            let port = port.to_string();
            let arguments = ["serve", "--modules", modules, "--data", data, "--port", &port];
            let mut process = Process::start_binary(binary, folder.path(), &arguments, &variables);
            process.wait_for("\"ready\"");
            processes.push(process);
        }
        let site = Site::new("demo", ports[0]);
        let facts = serde_json::from_slice(&facts).expect("they are JSON");
        Self { site, facts, place: Place::Database { processes, database, _folder: folder } }
    }

    /// Somebody of the tenant's staff.
    pub(super) fn staff(&self) -> Browser {
        self.site.with_token(self.facts["staff_key"].as_str().expect("the staff's key"))
    }

    /// A film of the plan that is for sale.
    pub(super) fn title(&self) -> String {
        let titles = self.facts["titles"].as_array().expect("titles is a list");
        let found = titles.iter().find(|pair| pair[0] == "Seahorse Valley").and_then(|pair| pair[1].as_str());
        found.expect("the demo has the film").to_owned()
    }

    /// What the processes have said.
    pub(super) fn said(&self) -> String {
        match &self.place {
            Place::Files(split, _) => split.said(),
            Place::Database { processes, .. } => {
                processes.iter().map(Process::said).collect::<Vec<_>>().join("\n── \n")
            }
        }
    }

    /// The rows of a query in a module's database, each column as text.
    pub(super) fn rows(&self, module: &str, sql: &str) -> Vec<Vec<String>> {
        match &self.place {
            Place::Files(_, files) => sqlite_rows(&files[module], sql),
            Place::Database { database, .. } => {
                let (_, _, schema) = MODULES.iter().find(|(name, ..)| *name == module).expect("a module");
                let schema = schema.expect("a module with a database");
                let printed = database.psql(&format!("set search_path to {schema}; {sql}"));
                printed.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect()
            }
        }
    }

    /// Modules that have a database.
    pub(super) fn databases() -> impl Iterator<Item = &'static str> {
        MODULES.iter().filter(|(_, _, database)| database.is_some()).map(|(name, ..)| *name)
    }

    /// How far each module's outbox is.
    pub(super) fn outbox(&self) -> BTreeMap<&'static str, String> {
        Self::databases().map(|module| (module, self.rows(module, LAST_EVENT)[0][0].clone())).collect()
    }

    /// What was written into the outboxes after that.
    pub(super) fn events_since(&self, before: &BTreeMap<&'static str, String>) -> Vec<Written> {
        let of = |module: &'static str| {
            let sql = format!("select id, type, data from tessera_outbox where seq > {} order by seq", before[module]);
            let written = move |row: Vec<String>| Written {
                module,
                id: row[0].clone(),
                kind: row[1].clone(),
                // A separator of columns may stand in the data.
                data: serde_json::from_str(&row[2..].join("|")).expect("an event's data is JSON"),
            };
            self.rows(module, &sql).into_iter().map(written)
        };
        Self::databases().flat_map(of).collect()
    }
}
